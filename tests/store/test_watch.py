"""A store that stops answering: it is logged once, and once when it answers again; nobody else logs it."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
import structlog

from bot.config.settings import LogFormat
from bot.demo.host.tcp_proxy import TcpProxy
from bot.domain.secrets import Masker
from bot.logs import configure_logs
from bot.store import SqlStore, StoreError, open_store, watch
from bot.store.leader_lease import LeaderLease
from bot.store.sql import database
from tests.console.test_logs import logging_as_before
from tests.support.polling import eventually

pytestmark = pytest.mark.xdist_group("mariadb")

__all__ = ["logging_as_before"]


@pytest.fixture
def log(logging_as_before: None) -> io.StringIO:
    stream = io.StringIO()
    configure_logs(LogFormat.CONSOLE, Masker(()), stream)
    return stream


@pytest.fixture
async def wired(
    mariadb_url: str, new_wire: Callable[[int], Awaitable[TcpProxy]], monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> AsyncIterator[tuple[SqlStore, TcpProxy]]:
    address = mariadb_url.split("@")[1].split("/")[0]
    wire = await new_wire(int(address.split(":")[1]))
    for name, seconds in (("_INTERVAL_SECONDS", 0.1), ("_ANSWER_SECONDS", 0.3), ("_SILENCE_SECONDS", 0.6)):
        monkeypatch.setattr(watch, name, seconds)
    monkeypatch.setattr(database, "_PAUSES", (0.01, 0.02))
    async with open_store(mariadb_url.replace(address, f"{wire.address}:{wire.port}")) as store:
        yield store, wire
        await wire.heal()


async def cut(wire: TcpProxy) -> None:
    await wire.refuse()
    wire.reset()


async def freeze(wire: TcpProxy) -> None:
    wire.freeze()


def lines(log: io.StringIO) -> list[str]:
    return [line for line in log.getvalue().splitlines() if "duty_" not in line]


@pytest.mark.parametrize("lose", [cut, freeze])
async def test_a_store_that_stops_answering_is_logged_once_and_once_when_it_is_back(
    wired: tuple[SqlStore, TcpProxy], lose: Callable[[TcpProxy], Awaitable[None]], log: io.StringIO
) -> None:
    store, wire = wired
    changes: list[bool] = []
    store.watch.call_on_change(lambda: changes.append(store.watch.answers))
    for _ in range(2):
        await lose(wire)
        await eventually(lambda: not store.watch.answers)
        await wire.heal()
        await eventually(lambda: store.watch.answers)
        assert await store.runs.recent(1) == ()
    assert changes == [False, True, False, True]
    assert ["store_does_not_answer" in line for line in lines(log)] == [True, False, True, False], log.getvalue()
    assert ["store_answers_again" in line for line in lines(log)] == [False, True, False, True]


async def test_what_fails_because_of_it_is_not_logged_again(wired: tuple[SqlStore, TcpProxy], log: io.StringIO) -> None:
    store, wire = wired
    async with LeaderLease(store, "tell Slack") as lease:
        await cut(wire)
        await eventually(lambda: not store.watch.answers)
        for write in (structlog.get_logger("bot").exception, logging.getLogger("bot.slack").exception):
            try:
                await store.runs.recent(1)
            except StoreError:
                write("a sweep failed")
        with suppress(StoreError):
            await lease._try()
        lease._renewal.wake()
        await asyncio.sleep(0)
        await wire.heal()
        await eventually(lambda: store.watch.answers)
    assert len(lines(log)) == 2, log.getvalue()
    assert "Traceback" not in log.getvalue()
