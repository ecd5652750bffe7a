"""The current state of the bot as metrics: from the store, and from the connection to Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Protocol

from prometheus_client import Gauge, generate_latest

from bot.domain.runs.run import RunState
from bot.domain.store_counts import StoreCounts
from bot.engine.ports import Leadership
from bot.monitoring.measures import Measures

_STORE_SECONDS = 5.0
"""Maximum wait for the store; a scrape must not hang longer."""


class SlackConnection(Protocol):
    """The connection to Slack."""

    @property
    def connected(self) -> bool:
        """Whether a socket is connected."""
        ...

    @property
    def socket_age(self) -> float:
        """Seconds since `connected` last changed."""
        ...

    @property
    def unsynced_runs(self) -> int:
        """Number of runs whose latest changes Slack does not show yet."""
        ...

    @property
    def unreachable_channels(self) -> Mapping[str, str]:
        """The channels in which Slack takes no message now, with its own name of the reason."""
        ...


class CountedStore(Protocol):
    """The store, as far as its contents are counted."""

    @property
    def answers(self) -> bool:
        """Whether it answered lately."""
        ...

    async def counts(self) -> StoreCounts:
        """Count what the store holds."""
        ...


class ForwardingBacklog(Protocol):
    """The records that are still to be forwarded."""

    async def behind(self) -> int:
        """Count the records that are not forwarded yet."""
        ...


class Monitoring:
    """Reads the state of the bot.

    Args:
        slack: the connection to Slack.
        store: the bot's memory.
        leadership: of publishing to Slack.
        forwarder: of the history; None where it is not forwarded.
        measures: the counters of this process.
        receivers: those of `notify`, by a name for people.
    """

    def __init__(
        self,
        slack: SlackConnection,
        store: CountedStore,
        leadership: Leadership,
        forwarder: ForwardingBacklog | None,
        measures: Measures,
        receivers: Mapping[str, ForwardingBacklog] = MappingProxyType({}),
    ) -> None:
        self._slack = slack
        self._store = store
        self._leadership = leadership
        self._forwarder = forwarder
        self._receivers = receivers
        self._registry = measures.registry
        self._runs = Gauge("countersign_runs", "Runs by state", ["state"], registry=self._registry)
        self._store_answers = self._gauge("countersign_store_answers", "1 while the store answers")
        self._approvals = self._gauge("countersign_approvals_waiting", "Requests to approve that are open")
        self._oldest = self._gauge(
            "countersign_oldest_approval_age_seconds", "How long the oldest open request has waited; 0 without one"
        )
        self._inbox = self._gauge("countersign_inbox_waiting", "Events of Slack that are recorded and not handled yet")
        self._records = self._gauge("countersign_history_records", "Records of the history")
        self._connected = self._gauge("countersign_slack_connected", "1 while a socket stands")
        self._age = self._gauge("countersign_slack_socket_age_seconds", "Since the line to Slack last changed")
        self._behind = self._gauge("countersign_slack_runs_behind", "Runs that Slack does not agree with yet")
        self._unreachable = self._gauge(
            "countersign_slack_channels_unreachable", "Channels in which Slack refused the latest message"
        )
        self._tells = self._gauge("countersign_tells_slack", "1 in the one replica that tells Slack about runs")
        self._unforwarded = self._gauge(
            "countersign_history_unforwarded_records", "Records that AUDIT_FORWARD has not had yet; 0 where it is unset"
        )

        self._untold = Gauge(
            "countersign_notify_behind_records",
            "Records that a receiver of `notify` was not told of yet, also those that are not for it",
            ["receiver"],
            registry=self._registry,
        )

    def lacks(self) -> str:
        """Give the reason why the bot is not ready; empty where it is."""
        if not self._store.answers:
            return "the store does not answer"
        return "" if self._slack.connected else "not connected to Slack"

    def hints(self) -> tuple[str, ...]:
        """Give what a person should see to though the bot is ready."""
        refused = sorted(self._slack.unreachable_channels.items())
        return tuple(f"cannot post in {channel}: {error}" for channel, error in refused)

    async def metrics(self) -> bytes:
        """Give the metrics as Prometheus text; while the store does not answer, its metrics keep their last values."""
        self._connected.set(1 if self._slack.connected else 0)
        self._age.set(self._slack.socket_age)
        self._behind.set(self._slack.unsynced_runs)
        self._unreachable.set(len(self._slack.unreachable_channels))
        self._tells.set(1 if self._leadership.held else 0)
        # One that is known to be silent is not asked: it would hold the answer up, and keep others from asking.
        read = self._store.answers and await self._read_store()
        self._store_answers.set(1 if read else 0)
        return generate_latest(self._registry)

    async def _read_store(self) -> bool:
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                self._take(await self._store.counts(), datetime.now(UTC))
                if self._forwarder is not None:
                    self._unforwarded.set(await self._forwarder.behind())
                for name, receiver in self._receivers.items():
                    self._untold.labels(name).set(await receiver.behind())
        except Exception:
            return False
        return True

    def _take(self, counts: StoreCounts, now: datetime) -> None:
        for state in RunState:
            self._runs.labels(state.value).set(counts.runs.get(state, 0))
        self._approvals.set(len(counts.gates))
        oldest = min(counts.gates, default=now)
        self._oldest.set(max((now - oldest).total_seconds(), 0))
        self._inbox.set(counts.events)
        self._records.set(counts.records)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self._registry)
