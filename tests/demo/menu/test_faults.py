"""Faults as the menu makes them, on real servers."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh
import pytest

from bot.demo.application.application import Application
from bot.demo.errors import DemoError
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.demo.menu import faults as module
from bot.demo.menu.faults import HostFaults
from bot.demo.processes.served_bot import ServedBot
from tests.support import eventually

Make = Callable[[], Awaitable[HostFaults]]


@pytest.fixture
def host_faults(
    ssh_host: DemoHost,
    wire: TcpProxy,
    mariadb: DatabaseServer,
    laravel: Application,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> HostFaults:
    monkeypatch.setattr(module, "SECONDS", 0.3)
    return HostFaults(ssh_host, wire, mariadb, laravel.path, ServedBot(tmp_path, tmp_path / ".env", print), print)


async def test_only_the_next_migration_is_held(
    host_faults: HostFaults, laravel: Application, ssh_host: DemoHost
) -> None:
    async with host_faults, ssh_host.connect() as connection:
        await host_faults.hold_migration()
        with pytest.raises(DemoError, match="already waiting"):
            await host_faults.hold_migration()
        await connection.run(f"cd {laravel.author} && php artisan migrate --force")
        command = f"cd {laravel.path} && php artisan migrate --force"
        held = asyncio.create_task(connection.run(command, check=True))
        await eventually(lambda: ssh_host.commands.ran("php artisan migrate --force", laravel.path))
        assert not held.done()
        await held
        await eventually(lambda: not (ssh_host.folder / "behaviours.json").exists())


async def test_a_cut_line_is_refused_and_comes_back(
    host_faults: HostFaults, wire: TcpProxy, ssh_host: DemoHost
) -> None:
    async with host_faults:
        async with ssh_host.connect(wire.port) as connection:
            assert "1 SSH connection was cut" in await host_faults.cut_ssh()
            await asyncio.wait_for(connection.wait_closed(), 10)
        async with ssh_host.connect(wire.port):
            await host_faults.cut_ssh_for_long()
            with pytest.raises(DemoError, match="already in trouble"):
                await host_faults.freeze_ssh()
            with pytest.raises((OSError, asyncssh.Error)):
                async with ssh_host.connect(wire.port):
                    pass

        async def connects() -> bool:
            try:
                async with ssh_host.connect(wire.port):
                    return True
            except (OSError, asyncssh.Error):
                return False

        await eventually(connects)


async def test_the_database_stops_and_starts_again(host_faults: HostFaults, mariadb: DatabaseServer) -> None:
    async with host_faults:
        await host_faults.stop_database()
        await eventually(lambda: mariadb.pid == 0)
        await eventually(lambda: mariadb.pid != 0, 30)
    assert await mariadb.query("SELECT 1 AS one") == [{"one": 1}]


async def test_a_bot_that_is_not_there_cannot_be_killed(host_faults: HostFaults) -> None:
    with pytest.raises(DemoError, match="Nothing was killed"):
        await host_faults.kill_bot()
