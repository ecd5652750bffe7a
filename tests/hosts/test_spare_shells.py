"""The shell opened ahead: it saves waiting, and is never in anybody's way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.demo.processes.process import temporary_folder
from bot.domain.shell import syntax
from bot.engine.ports import Done, NotStarted
from bot.hosts import spare_shells
from bot.hosts.connections import Connections
from bot.hosts.runner import RetryLimits, Runner, ShellPerformer
from bot.hosts.spare_shells import FRESH_SECONDS
from tests.hosts.support.jobs import QUICK, Kept, a_job, a_run, host_of, until


async def waits(connections: Connections) -> None:
    """Wait until a shell has been opened ahead."""
    await until(lambda: bool(connections._pools["web1"].spare.ready))


async def test_a_shell_opened_ahead_is_the_next_one_used(connections: Connections) -> None:
    assert (await connections.read("web1", syntax("true"), 20)).exit_status == 0
    await waits(connections)
    (waiting,) = connections._pools["web1"].spare.ready
    async with connections.shell("web1") as process:
        assert process is waiting.process


async def test_one_whose_connection_is_dead_begins_nothing(wired: Connections, wire: TcpProxy, tmp_path: Path) -> None:
    await wired.read("web1", syntax("true"), 20)
    await waits(wired)
    wire.freeze()
    await wire.refuse()
    (silent,) = wired._pools["web1"].spare.ready
    await until(lambda: silent.contact.silence > FRESH_SECONDS)
    runner = Runner(wired, RetryLimits(before=0.5))
    outcome = await ShellPerformer(runner).perform(a_job(f"touch {tmp_path}/ran", run=a_run()), Kept())
    # Known not to have begun: the host was asked whether it is there before it was told anything.
    assert isinstance(outcome, NotStarted)
    await wire.heal()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("cut", ["reset", "finish"])
async def test_one_whose_connection_was_cut_is_replaced(wired: Connections, wire: TcpProxy, cut: str) -> None:
    await wired.read("web1", syntax("true"), 20)
    await waits(wired)
    getattr(wire, cut)()
    assert await ShellPerformer(Runner(wired)).perform(a_job("true", run=a_run()), Kept()) == Done()


async def test_it_does_not_take_the_only_place() -> None:
    one = replace(QUICK, connections=1)
    async with (
        temporary_folder() as folder,
        DemoHost(folder, recorded=(), settings=("MaxSessions 1",)) as server,
        Connections({"web1": host_of(server)}, one) as connections,
    ):
        for number in range(5):
            answer = await connections.read("web1", syntax(f"echo {number}"), 60)
            assert answer.stdout == f"{number}\n".encode()


async def test_nothing_of_it_is_left_after_a_while_nor_at_the_end(
    server: DemoHost, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare_shells, "KEPT_SECONDS", 0.2)
    await connections.read("web1", syntax("true"), 20)
    await waits(connections)
    await until(lambda: connections._pools["web1"].spare.ready == ())
    await until(lambda: not server.left_processes())
    monkeypatch.setattr(spare_shells, "KEPT_SECONDS", 60)
    await connections.read("web1", syntax("true"), 20)
    await waits(connections)
    await connections.__aexit__(None, None, None)
    await until(lambda: not server.left_processes())
