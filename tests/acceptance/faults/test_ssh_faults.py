"""The line to the host is cut, frozen or refused in mid-step; the host or its database goes away."""

import asyncio
import contextlib
import os

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import Host
from bot.demo.host.tcp_proxy import TcpProxy
from tests.acceptance.conftest import NewStage
from tests.acceptance.support.outside import changes, migration_ddl
from tests.acceptance.support.stage import Stage
from tests.support.polling import eventually


async def held(host: Host, words: str, laravel: Application) -> int:
    """Wait until a held command was started in the checkout, and give its process id."""
    [entry] = await eventually(lambda: host.commands.ran(words, laravel.path), 60, what=words)
    return int(entry.pid)


async def gone(pid: int) -> None:
    def is_gone() -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return False
        return True

    await eventually(is_gone, 30, what=f"the end of process {pid}")


async def test_a_line_that_breaks_in_every_way_costs_no_step(
    new_stage: NewStage, laravel: Application, wire: TcpProxy, ssh_host: Host, mariadb: DatabaseServer
) -> None:
    stage = await new_stage(ssh_port=wire.port)
    await stage.bot.start()
    position = mariadb.log_position()
    run = await stage.ask()
    hold = ssh_host.commands.hold
    with hold("php artisan optimize", laravel.path):
        with hold("php artisan view:cache", laravel.path):
            with hold("php artisan route:cache", laravel.path):
                with hold("php artisan migrate", laravel.path):
                    stage.react(await stage.gate(run))
                    migrating = await held(ssh_host, "php artisan migrate", laravel)
                    await wire.refuse()
                    wire.reset()
                # it ends while nobody can see it
                await gone(migrating)
                await asyncio.sleep(0.5)
                await eventually(lambda: stage.steps(run)["migrate"] == "running", 30, what="the migration to be told")
                await wire.heal()
                await held(ssh_host, "php artisan route:cache", laravel)
                wire.finish()
            await held(ssh_host, "php artisan view:cache", laravel)
            wire.reset()
        await held(ssh_host, "php artisan optimize", laravel)
        wire.freeze()
    await asyncio.sleep(2)
    await wire.heal()
    assert await stage.end(run) == "succeeded"
    assert set(changes(ssh_host).values()) == {1}, changes(ssh_host)
    ddl = migration_ddl(mariadb.statements(position))
    assert len(ddl) == len(set(ddl)) > 0
    assert not laravel.is_down


async def test_a_host_that_reboots_in_mid_migration_is_left_to_a_person(
    stage: Stage, laravel: Application, ssh_host: Host, mariadb: DatabaseServer
) -> None:
    run = await stage.ask()
    with ssh_host.commands.hold("php artisan migrate", laravel.path):
        stage.react(await stage.gate(run))
        await held(ssh_host, "php artisan migrate", laravel)
        await ssh_host.reboot()
    assert await stage.end(run) == "needs_human"
    assert stage.steps(run)["migrate"] == "unknown"
    assert laravel.is_down
    assert changes(ssh_host)["php artisan migrate"] == 1
    assert changes(ssh_host)["php artisan up"] == 0
    assert "token_id" not in await mariadb.columns(laravel.database.name, "user_sessions")


async def test_a_reboot_in_a_step_that_can_be_asked_is_no_riddle(
    stage: Stage, laravel: Application, ssh_host: Host
) -> None:
    run = await stage.ask()
    with ssh_host.commands.hold("git merge", laravel.path):
        stage.react(await stage.gate(run))
        await held(ssh_host, "git merge", laravel)
        await ssh_host.reboot()
    # the step's check says that it did not take effect, so everything is undone and nobody need decide
    assert await stage.end(run) == "failed"
    assert not laravel.is_down
    assert changes(ssh_host)["git merge"] == 1
    assert changes(ssh_host)["php artisan migrate"] == 0


async def test_a_database_that_dies_in_mid_migration_leaves_the_site_down(
    stage: Stage, laravel: Application, ssh_host: Host, mariadb: DatabaseServer
) -> None:
    run = await stage.ask()
    request = await stage.gate(run)
    position = mariadb.log_position()
    with contextlib.suppress(Exception):  # the lock goes down with the server
        async with mariadb.lock_table(laravel.database.name, "user_sessions"):
            stage.react(request)
            await eventually(lambda: migration_ddl(mariadb.statements(position)), 60, what="a migration that waits")
            await mariadb.kill()
    assert await stage.end(run) == "needs_human"
    assert laravel.is_down
    assert changes(ssh_host)["php artisan up"] == 0
    assert "half-migrated" in stage.result(run)
    await mariadb.start()
    await laravel.artisan("up")
    await stage.press(run, "run_cancel")
    await stage.closed(run)
    assert len(migration_ddl(mariadb.statements(position))) == 1
