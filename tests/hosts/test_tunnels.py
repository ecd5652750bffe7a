"""Tunnels through a host, and whether detached steps outlive their connection."""

from __future__ import annotations

import asyncio

import pytest

from bot.demo.host.tcp_proxy import TcpProxy
from bot.domain.errors import Reason, RefusedError
from bot.hosts.connections import Connections
from bot.hosts.survival import Survival, parse_survival, read_survival
from bot.hosts.tunnels import Tunnels


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    writer.write_eof()


async def said_through(tunnels: Tunnels, port: int) -> bytes:
    async with tunnels.open("web1", "127.0.0.1", port) as (host, local):
        assert host == "127.0.0.1"
        assert local != port
        reader, writer = await asyncio.open_connection(host, local)
        writer.write(b"hello")
        answer = await reader.read()
        writer.close()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(host, local)
    return answer


async def test_a_tunnel_carries_and_is_opened_again_after_a_cut(wired: Connections, wire: TcpProxy) -> None:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as target:
        port = target.sockets[0].getsockname()[1]
        tunnels = Tunnels(wired)
        assert await said_through(tunnels, port) == b"hello"
        wire.reset()
        assert await said_through(tunnels, port) == b"hello"


async def test_a_tunnel_through_a_host_that_cannot_be_reached(wired: Connections, wire: TcpProxy) -> None:
    await wire.refuse()
    with pytest.raises(RefusedError) as caught:
        async with Tunnels(wired).open("web1", "127.0.0.1", 1):
            pass
    assert caught.value.problem.reason is Reason.HOST_UNREACHABLE


@pytest.mark.parametrize(
    ("answer", "survives"),
    [
        ("user=deploy\nno-systemd\n", Survival.LIVES),
        ("user=deploy\nKillUserProcesses=no\nKillExcludeUsers=root\n", Survival.LIVES),
        ("user=deploy\nKillUserProcesses=yes\nKillExcludeUsers=root\n", Survival.KILLED),
        ("user=root\nKillUserProcesses=yes\nKillExcludeUsers=root\n", Survival.LIVES),
        ("user=deploy\nKillUserProcesses=yes\nKillExcludeUsers=root deploy\n", Survival.LIVES),
        ("user=deploy\n[Login]\n#KillUserProcesses=no\n", Survival.CANNOT_TELL),
        ("user=deploy\n[Login]\nKillUserProcesses=yes\n", Survival.KILLED),
        ("", Survival.CANNOT_TELL),
    ],
)
def test_what_a_host_says_of_detached_processes(answer: str, survives: Survival) -> None:
    assert parse_survival(answer) is survives


async def test_a_real_host_answers(connections: Connections) -> None:
    assert await read_survival(connections, "web1") in set(Survival)
