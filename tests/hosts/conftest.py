"""Fixtures of this room: a private sshd, a wire in front of it, connections and a runner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.demo.processes.process import temporary_folder
from bot.hosts.connections import Connections
from bot.hosts.runner import Runner, ShellPerformer
from tests.hosts.support.jobs import QUICK, host_of


@pytest.fixture
async def server() -> AsyncIterator[DemoHost]:
    """An SSH server with nothing on it."""
    async with temporary_folder() as folder, DemoHost(folder, recorded=()) as server:
        yield server


@pytest.fixture
async def wire(server: DemoHost) -> AsyncIterator[TcpProxy]:
    """A wire to the server that can be cut."""
    async with TcpProxy(server.port) as wire:
        server.trust(wire.port)
        yield wire


@pytest.fixture
async def connections(server: DemoHost) -> AsyncIterator[Connections]:
    """Connections to the server as `web1`."""
    async with Connections({"web1": host_of(server)}, QUICK) as connections:
        yield connections


@pytest.fixture
async def wired(server: DemoHost, wire: TcpProxy) -> AsyncIterator[Connections]:
    """Connections to the server as `web1`, through the wire."""
    async with Connections({"web1": host_of(server, port=wire.port)}, QUICK) as connections:
        yield connections


@pytest.fixture
def performer(connections: Connections) -> ShellPerformer:
    return ShellPerformer(Runner(connections))


@pytest.fixture
def journal(server: DemoHost) -> Path:
    """Where the server keeps its journals."""
    return server.home / ".local" / "state" / "countersign"
