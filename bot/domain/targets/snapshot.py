"""Snapshots of targets: their state as last read from hosts and databases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.errors import Problem
from bot.domain.names import TargetName
from bot.domain.runs.run import RunState
from bot.domain.targets.overview import TargetOverview


@dataclass(frozen=True)
class TargetState:
    """The state of a target as read at one moment.

    Args:
        heads: the live commits, the first host's first; a single one if all hosts agree.
        maintenance: the hosts that are in maintenance.
        pending: migrations of the live commit that were not applied; None if the target has no migrations.
        waiting: migrations that only the branch has.
        unclear: the hosts whose maintenance is unknown.
    """

    heads: tuple[str, ...]
    maintenance: tuple[str, ...] = ()
    pending: tuple[str, ...] | None = None
    waiting: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetSnapshot:
    """The state of a target with the time at which it was read.

    Args:
        target: that was read.
        at: when reading began.
        seen: its state; None if it could not be read.
        problem: why it could not be read.
    """

    target: TargetName
    at: datetime
    seen: TargetState | None = None
    problem: Problem | None = None

    def is_current(self, overview: TargetOverview) -> bool:
        """Say whether another look would find nothing new that a run did: none is at work, and none was since.

        A run that needs a decision does nothing more; whoever has to decide must see what is there now.

        Args:
            overview: of the same target.
        """
        held = [run for run in overview.unfinished if run.state is RunState.NEEDS_HUMAN]
        acts = [row.ended_at for run in held for row in run.steps if row.ended_at is not None]
        if held:
            return all(self.at >= instant for instant in acts)
        return bool(overview.unfinished) or self.holds(overview)

    def holds(self, overview: TargetOverview) -> bool:
        """Say whether the snapshot is current: no run has changed the target since.

        Args:
            overview: of the same target.
        """
        ended = [run.ended_at for run in (overview.release, overview.last) if run is not None and run.ended_at]
        changing = any(run.change_started_at is not None for run in overview.unfinished)
        return not changing and all(self.at >= instant for instant in ended)
