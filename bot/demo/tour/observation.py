"""What the tour saw of its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.demo.tour.workspace_client import ChannelView, payload


@dataclass(frozen=True)
class TourObservation:
    """What the tour saw of the run.

    Attributes:
        asked: whether an approval was asked for.
        untouched: whether the host and its database were as before then.
        channel: the channel at the end.
    """

    asked: bool
    untouched: bool
    channel: ChannelView

    @property
    def run(self) -> str:
        """The run's ID; empty if there is none."""
        return (*self.channel.runs(), "")[0]

    @property
    def state(self) -> str:
        """How the run ended; empty if it did not."""
        return self._value("result", "state")

    @property
    def planned(self) -> str:
        """The commit that the plan names, in full; empty if there is no plan."""
        return self._value("plan", "sha")

    @property
    def backup(self) -> str:
        """The backup that the outcome names; empty if none."""
        return self._value("result", "backup")

    @property
    def steps(self) -> Sequence[Mapping[str, str]]:
        """Key, title and state of each step, from the thread at the end."""
        progress = self.channel.newest("progress", self.run)
        steps: Sequence[Mapping[str, str]] = payload(progress)["steps"] if progress is not None else ()
        return steps

    def _value(self, kind: str, key: str) -> str:
        message = self.channel.newest(kind, self.run)
        return str(payload(message).get(key, "")) if message is not None else ""
