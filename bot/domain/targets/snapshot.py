"""What was last seen of a target: by reading it, not by remembering what runs did there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.errors import Problem
from bot.domain.names import TargetName
from bot.domain.targets.overview import TargetOverview


@dataclass(frozen=True)
class TargetState:
    """What one look at a target told.

    Args:
        heads: the commits that are live, the first host's first; one where all hosts agree.
        maintenance: the hosts that are in maintenance.
        pending: the migrations of the live commit that did not run; None where the target has none.
        waiting: those that only the branch has.
        unclear: the hosts of which it is not known whether they are in maintenance.
    """

    heads: tuple[str, ...]
    maintenance: tuple[str, ...] = ()
    pending: tuple[str, ...] | None = None
    waiting: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetSnapshot:
    """A look at a target, and when it was.

    Args:
        target: which.
        at: when it began.
        seen: what it told; None where the target could not be read.
        problem: why it could not be read.
    """

    target: TargetName
    at: datetime
    seen: TargetState | None = None
    problem: Problem | None = None

    def holds(self, overview: TargetOverview) -> bool:
        """Say whether no run has changed the target since, as far as the bot knows.

        Args:
            overview: of the same target.
        """
        ended = [run.ended_at for run in (overview.release, overview.last) if run is not None and run.ended_at]
        changing = any(run.change_started_at is not None for run in overview.unfinished)
        return not changing and all(self.at >= instant for instant in ended)
