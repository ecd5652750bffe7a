"""A host whose file system is really full: the answer says so, nothing is broken, and it goes on when there is room."""

import json
from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes, half_written
from tests.acceptance.support.system import System
from tests.support.disks import fill, small_disk


async def test_a_deploy_onto_a_full_disk_says_so_and_changes_nothing(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    head = await laravel.head()
    with small_disk(laravel.path, 64):
        await git(laravel.path, "update-index", "--refresh")
        filler = fill(laravel.path)
        run = await system.ask()
        assert await system.end(run) == "failed"
        told = system.result(run)
        assert "The disk of `web1` is too full: 0\u00a0B free" in told
        assert "Make room there, then run the command again." in told
        assert "Nothing in production was changed." in told
        assert system.messages("approval", run) == []
        assert changes(ssh_host) == {}
        assert await laravel.head() == head
        filler.unlink()
        (laravel.path / ".git" / "room").write_bytes(bytes(1 << 20))


async def test_a_disk_that_fills_while_people_decide_ends_the_run_and_leaves_the_site_up(
    system: System, laravel: Application
) -> None:
    head = await laravel.head()
    with small_disk(laravel.path, 512):
        await git(laravel.path, "update-index", "--refresh")
        run = await system.ask()
        gate = await system.gate(run)
        fill(laravel.path)
        system.react(gate)
        assert await system.end(run) == "failed"
        assert "No space left on device" in json.dumps(system.messages("progress", run)[-1]["blocks"])
        assert not laravel.is_down, "`artisan down` fails on a full disk, and takes the site down all the same"
        assert await laravel.head() == head


async def test_a_journal_that_cannot_be_written_is_told(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    state = ssh_host.home / ".local" / "state" / "countersign"
    state.mkdir(parents=True, exist_ok=True)
    with small_disk(state, 1):
        fill(state)
        run = await system.ask()
        assert await system.end(run) == "failed"
        assert "the disk is full" in system.result(run)
        assert changes(ssh_host) == {}


async def test_a_backup_onto_a_full_disk_is_none(new_system: NewSystem, laravel_at_first: Application) -> None:
    folder = Path(laravel_at_first.backups)
    with small_disk(folder, 70):
        system = await new_system()
        await system.bot.start()
        fill(folder)
        run = await system.ask("/backup compte production")
        assert await system.end(run) == "failed"
        assert "(space)" in system.result(run)
        assert "0 KiB free" in system.result(run)
        assert half_written(laravel_at_first.backups) == []
        (folder / ".filler").unlink()
        again = await system.ask("/backup compte production")
        assert await system.end(again) == "succeeded", system.result(again)
