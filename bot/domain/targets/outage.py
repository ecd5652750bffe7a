"""A site that is down: since when, which run left it so, and what a look at the hosts says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.names import TargetName
from bot.domain.runs.maintenance import down_since, lifting_step, site_is_down, was_down_before
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.overview import TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot

_MOVING = frozenset({RunState.RUNNING, RunState.VERIFYING})


@dataclass(frozen=True)
class Outage:
    """A site that is in maintenance, as far as is known.

    Args:
        target: whose site it is.
        run: the latest run that took it down, or found it down and left it so; None where none did.
        since: when a run took it down; None where that is unknown.
        certain: whether it is known to be down; else a run could not tell whether it brought it up.
        seen_at: when a look at the hosts found it down; None where none has, since the run.
        hosts: those that this look found in maintenance.
    """

    target: TargetName
    run: Run | None = None
    since: datetime | None = None
    certain: bool = True
    seen_at: datetime | None = None
    hosts: tuple[str, ...] = ()

    @property
    def is_moving(self) -> bool:
        """Whether the run that has the site down is at work."""
        return self.run is not None and self.run.state in _MOVING


def outage_of(overview: TargetOverview, snapshot: TargetSnapshot | None) -> Outage | None:
    """Determine whether the site of a target is down; None where it is up, as far as is known.

    Args:
        overview: of the target.
        snapshot: the last look at its hosts; it decides where it is younger than what the runs did, as a person may
            have brought the site up.
    """
    changing = [run for run in overview.unfinished if run.change_started_at is not None]
    runs = (*reversed(changing), *overview.changed)
    found = _left_down(overview.target, runs)
    if found is not None:
        return _as_seen(found, snapshot)
    seen = snapshot.seen if snapshot is not None else None
    if snapshot is None or seen is None or not seen.maintenance or not snapshot.holds(overview):
        return None
    return Outage(overview.target, seen_at=snapshot.at, hosts=seen.maintenance)


def outage_by(run: Run, snapshot: TargetSnapshot | None) -> Outage | None:
    """Determine whether a run has left the site down; None where it is up, as far as is known.

    Args:
        run: that began to change its target.
        snapshot: the last look at the hosts.
    """
    found = _left_down(run.request.target, (run,))
    return _as_seen(found, snapshot) if found is not None else None


def _as_seen(found: Outage, snapshot: TargetSnapshot | None) -> Outage | None:
    """Correct what runs know by a look at the hosts that is younger."""
    seen = snapshot.seen if snapshot is not None else None
    if snapshot is None or seen is None or found.run is None or found.is_moving:
        return found
    if snapshot.at < _last_act(found.run):
        return found
    if seen.maintenance:
        return replace(found, certain=True, seen_at=snapshot.at, hosts=seen.maintenance)
    return found if seen.unclear else None


def _left_down(target: TargetName, runs: Sequence[Run]) -> Outage | None:
    """Determine what runs know of the site.

    Args:
        target: of the runs.
        runs: that began to change it, newest first.
    """
    if not runs or _is_down(runs[0]) is False:
        return None
    since: datetime | None = None
    for run in runs:
        if _is_down(run) is False:
            break
        since = down_since(run) or since
    return Outage(target, runs[0], since, certain=_is_down(runs[0]) is True)


def _is_down(run: Run) -> bool | None:
    """Return whether the site is down after a run; None where that is unknown."""
    if lifting_step(run.plan) is None and was_down_before(run):
        return True
    return site_is_down(run)


def _last_act(run: Run) -> datetime:
    """Return when a run last did something; closing it does nothing on the hosts."""
    times = [at for row in run.steps for at in (row.started_at, row.ended_at) if at is not None]
    return max(times, default=run.ended_at or run.created_at)
