"""What monitoring reads, over HTTP, with a store that answers and one that does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from bot.domain.runs.run import RunState
from bot.domain.store_counts import StoreCounts
from bot.monitoring import Measures, Monitoring, serve_monitoring


@dataclass
class Line:
    connected: bool = True
    socket_age: float = 12.5
    unsynced_runs: int = 3
    unreachable_channels: dict[str, str] = field(default_factory=dict)


@dataclass
class Store:
    broken: bool = False
    answers: bool = True
    asked: int = 0
    holds: StoreCounts = field(
        default_factory=lambda: StoreCounts(
            runs={RunState.RUNNING: 2, RunState.SUCCEEDED: 40},
            gates=(datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC)),
            events=4,
            records=99,
        )
    )

    async def counts(self) -> StoreCounts:
        self.asked += 1
        if self.broken:
            raise OSError("gone")
        return self.holds


@dataclass
class Duty:
    held: bool = True


class Forwarder:
    async def behind(self) -> int:
        return 7


@asynccontextmanager
async def served(line: Line, store: Store, port: int) -> AsyncIterator[tuple[aiohttp.ClientSession, Measures]]:
    measures = Measures()
    monitoring = Monitoring(line, store, Duty(), Forwarder(), measures, {"notify[0] hooks.example.com": Forwarder()})
    async with serve_monitoring("127.0.0.1", port, monitoring), aiohttp.ClientSession() as session:
        yield session, measures


async def asked(session: aiohttp.ClientSession, port: int, path: str) -> tuple[int, str]:
    async with session.get(f"http://127.0.0.1:{port}/{path}") as answer:
        return answer.status, await answer.text()


def values(text: str) -> dict[str, float]:
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines() if line[:1] != "#")
    }


async def test_the_state(free_port: int) -> None:
    async with served(Line(), Store(), free_port) as (session, measures):
        measures.called("chat_postMessage", "busy")
        measures.ssh_failed("web1", "connection_lost")
        measures.recorded(0.004)
        assert await asked(session, free_port, "healthz") == (200, "ok\n")
        assert await asked(session, free_port, "readyz") == (200, "ready\n")
        status, text = await asked(session, free_port, "metrics")
    found = values(text)
    assert status == 200
    assert found.pop("countersign_oldest_approval_age_seconds") == pytest.approx(300, abs=60)
    expected = {
        'countersign_runs{state="running"}': 2,
        'countersign_runs{state="succeeded"}': 40,
        'countersign_runs{state="needs_human"}': 0,
        "countersign_approvals_waiting": 2,
        "countersign_inbox_waiting": 4,
        "countersign_history_records": 99,
        "countersign_history_unforwarded_records": 7,
        'countersign_notify_behind_records{receiver="notify[0] hooks.example.com"}': 7,
        "countersign_slack_connected": 1,
        "countersign_slack_socket_age_seconds": 12.5,
        "countersign_slack_runs_behind": 3,
        "countersign_tells_slack": 1,
        "countersign_store_answers": 1,
        'countersign_slack_calls_total{method="chat_postMessage",outcome="busy"}': 1,
        'countersign_ssh_failures_total{host="web1",reason="connection_lost"}': 1,
        'countersign_inbox_recording_seconds_bucket{le="0.005"}': 1,
    }
    assert {name: found[name] for name in expected} == expected


async def test_a_store_that_is_gone_and_a_line_that_is_cut(free_port: int) -> None:
    line, store = Line(), Store()
    async with served(line, store, free_port) as (session, _):
        await asked(session, free_port, "metrics")
        store.broken, store.answers = True, False
        assert await asked(session, free_port, "readyz") == (503, "the store does not answer\n")
        found = values((await asked(session, free_port, "metrics"))[1])
        assert found["countersign_store_answers"] == 0
        assert found['countersign_runs{state="running"}'] == 2
        assert store.asked == 1, "a store that is silent is not asked, which may take long"
        store.answers = True
        found = values((await asked(session, free_port, "metrics"))[1])
        assert found["countersign_store_answers"] == 0
        store.broken, line.connected = False, False
        assert await asked(session, free_port, "readyz") == (503, "not connected to Slack\n")
        assert values((await asked(session, free_port, "metrics"))[1])["countersign_slack_connected"] == 0
        assert await asked(session, free_port, "healthz") == (200, "ok\n")


async def test_a_channel_that_takes_no_message_is_said_and_the_bot_stays_ready(free_port: int) -> None:
    line = Line(unreachable_channels={"C0OPS": "not_in_channel"})
    async with served(line, Store(), free_port) as (session, _):
        assert await asked(session, free_port, "readyz") == (200, "ready\ncannot post in C0OPS: not_in_channel\n")
        found = values((await asked(session, free_port, "metrics"))[1])
        assert found["countersign_slack_channels_unreachable"] == 1
