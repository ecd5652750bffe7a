"""The line to the host is cut, frozen or refused in mid-step; the host or its database goes away."""

import asyncio
import contextlib
import os

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes, migration_ddl
from tests.acceptance.support.system import System
from tests.support.polling import eventually


async def held(host: DemoHost, words: str, laravel: Application) -> int:
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
    new_system: NewSystem, laravel: Application, wire: TcpProxy, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    system = await new_system(ssh_port=wire.port)
    await system.bot.start()
    position = mariadb.log_position()
    run = await system.ask()
    hold = ssh_host.commands.hold
    with hold("php artisan optimize", laravel.path):
        with hold("php artisan view:cache", laravel.path):
            with hold("php artisan route:cache", laravel.path):
                with hold("php artisan migrate", laravel.path):
                    system.react(await system.gate(run))
                    migrating = await held(ssh_host, "php artisan migrate", laravel)
                    await wire.refuse()
                    wire.reset()
                    await eventually(lambda: _says_unreachable(system, run), 30, what="the host to be told as lost")
                # it ends while nobody can see it
                await gone(migrating)
                await asyncio.sleep(0.5)
                await eventually(lambda: system.steps(run)["migrate"] == "running", 30, what="the migration to be told")
                await wire.heal()
                await held(ssh_host, "php artisan route:cache", laravel)
                await eventually(lambda: not _says_unreachable(system, run), 30, what="the host to be told as back")
                wire.finish()
            await held(ssh_host, "php artisan view:cache", laravel)
            wire.reset()
        await held(ssh_host, "php artisan optimize", laravel)
        wire.freeze()
    await asyncio.sleep(2)
    await wire.heal()
    assert await system.end(run) == "succeeded"
    assert set(changes(ssh_host).values()) == {1}, changes(ssh_host)
    ddl = migration_ddl(mariadb.statements(position))
    assert len(ddl) == len(set(ddl)) > 0
    assert not laravel.is_down


def _says_unreachable(system: System, run: str) -> bool:
    told = [str(system.messages(kind, run)[-1]) for kind in ("card", "progress")]
    return all("web1* unreachable for" in text and "the step goes on there" in text for text in told)


async def test_a_host_that_reboots_in_mid_migration_is_left_to_a_person(
    system: System, laravel: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    run = await system.ask()
    with ssh_host.commands.hold("php artisan migrate", laravel.path):
        system.react(await system.gate(run))
        await held(ssh_host, "php artisan migrate", laravel)
        await ssh_host.reboot()
    assert await system.end(run) == "needs_human"
    assert system.steps(run)["migrate"] == "unknown"
    assert laravel.is_down
    assert changes(ssh_host)["php artisan migrate"] == 1
    assert changes(ssh_host)["php artisan up"] == 0
    assert "token_id" not in await mariadb.columns(laravel.database.name, "user_sessions")


async def test_a_reboot_in_a_step_that_can_be_asked_is_no_riddle(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    run = await system.ask()
    with ssh_host.commands.hold("git merge", laravel.path):
        system.react(await system.gate(run))
        await held(ssh_host, "git merge", laravel)
        await ssh_host.reboot()
    # the step's check says that it did not take effect, so everything is undone and nobody need decide
    assert await system.end(run) == "failed"
    assert not laravel.is_down
    assert changes(ssh_host)["git merge"] == 1
    assert changes(ssh_host)["php artisan migrate"] == 0


async def test_a_database_that_dies_in_mid_migration_leaves_the_site_down(
    system: System, laravel: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    run = await system.ask()
    request = await system.gate(run)
    position = mariadb.log_position()
    with contextlib.suppress(Exception):  # the lock goes down with the server
        async with mariadb.lock_table(laravel.database.name, "user_sessions"):
            system.react(request)
            await eventually(lambda: migration_ddl(mariadb.statements(position)), 60, what="a migration that waits")
            await mariadb.kill()
    assert await system.end(run) == "needs_human"
    assert laravel.is_down
    assert changes(ssh_host)["php artisan up"] == 0
    assert "half-migrated" in system.result(run)
    await mariadb.start()
    await laravel.artisan("up")
    await system.press(run, "run_cancel")
    await system.closed(run)
    assert len(migration_ddl(mariadb.statements(position))) == 1
