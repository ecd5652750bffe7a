"""How far each host of a run is whose plan goes from batch to batch. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.runs.batches import AFTER_HOST, BEFORE_HOST, Batches
from bot.domain.runs.findings import LeftOut, Resumed, first_of
from bot.domain.runs.plan import Plan
from bot.domain.runs.release_order import SWITCH
from bot.domain.runs.request import Decision
from bot.domain.runs.run import Run, StepRow, StepState

MAKES_LIVE = frozenset({SWITCH, "checkout", "checkout-back"})
"""Keys of the steps after which a host has the plan's commit."""


class HostProgress(StrEnum):
    """How far a host is."""

    WAITING = "waiting"
    """Nothing was done on it: it has what it had."""
    UNDER_WAY = "under_way"
    DONE = "done"
    STOPPED = "stopped"
    """A step failed on it, or nobody knows how it ended."""


@dataclass(frozen=True)
class HostInRollout:
    """How far a host of a plan in batches is.

    Args:
        host: its name.
        progress: how far.
        row: the step that stopped there, or runs; None for neither.
        is_new: whether it has the plan's commit; None where that is not known.
        is_out: whether it was taken out of service and not put back.
    """

    host: str
    progress: HostProgress
    row: StepRow | None
    is_new: bool | None
    is_out: bool


def hosts_in_rollout(run: Run) -> tuple[HostInRollout, ...]:
    """Say how far each host of a run is whose plan is in batches, in the order of the batches; empty for others."""
    plan = run.plan
    if plan is None or plan.batches is None:
        return ()
    rows = _by_host(run, plan.batches)
    return tuple(_host(rows.get(host, ()), plan, host) for host in plan.batches.all_hosts)


_OVER = frozenset({StepState.DONE, StepState.SKIPPED})
_BAD = frozenset({StepState.FAILED, StepState.UNKNOWN})


def _host(rows: Sequence[StepRow], plan: Plan, host: str) -> HostInRollout:
    bad = next((row for row in rows if row.state in _BAD), None)
    now = next((row for row in rows if row.state is StepState.RUNNING), None)
    if bad is not None:
        progress = HostProgress.STOPPED
    elif all(row.state in _OVER for row in rows):
        progress = HostProgress.DONE if rows else HostProgress.WAITING
    else:
        untouched = all(row.state is StepState.PENDING for row in rows)
        progress = HostProgress.WAITING if untouched else HostProgress.UNDER_WAY
    states = {row.key: row.state for row in rows}
    back = states.get(AFTER_HOST)
    is_out = states.get(BEFORE_HOST) is StepState.DONE and back not in {None, StepState.DONE}
    if BEFORE_HOST not in states and back is not None and first_of(Resumed, plan.findings) is not None:
        # The run before took it out; this one has what is left to be done there.
        is_out = back is not StepState.DONE
    return HostInRollout(host, progress, bad or now, _is_new(rows, plan, host, progress), is_out)


def _is_new(rows: Sequence[StepRow], plan: Plan, host: str, progress: HostProgress) -> bool | None:
    sha = plan.sha.text if plan.sha is not None else ""
    before = plan.basis.checked_out.get(host)
    was = before == sha if before else None
    made = next((row for row in rows if row.key in MAKES_LIVE), None)
    if made is None:
        # A recipe without such a step: what the whole lane says.
        return was if was or progress is HostProgress.WAITING else True if progress is HostProgress.DONE else None
    if made.state in {StepState.RUNNING, StepState.UNKNOWN}:
        return None
    return True if made.state is StepState.DONE else was


def _by_host(run: Run, divided: Batches) -> Mapping[str, Sequence[StepRow]]:
    """Give the rows of the steps that go from batch to batch, by their host."""
    keys, found = frozenset(divided.steps), dict[str, list[StepRow]]()
    for row in run.steps:
        if row.key in keys:
            found.setdefault(row.place, []).append(row)
    return found


def _rows(run: Run, divided: Batches, hosts: Sequence[str]) -> tuple[StepRow, ...]:
    keys, places = frozenset(divided.steps), frozenset(hosts)
    return tuple(row for row in run.steps if row.key in keys and row.place in places)


def is_partly_rolled_out(run: Run) -> bool:
    """Say whether something was done on some hosts of a plan in batches, and not everything on all of them."""
    progress = {one.progress for one in hosts_in_rollout(run)}
    return bool(progress - {HostProgress.WAITING}) and progress != {HostProgress.DONE}


def stopped_hosts(run: Run) -> frozenset[str]:
    """Name the hosts on which a step of a batch failed, or nobody knows how it ended."""
    return frozenset(one.host for one in hosts_in_rollout(run) if one.progress is HostProgress.STOPPED)


def left_out_by(before: Run, decision: Decision) -> tuple[str, ...]:
    """Name the hosts that a decision about a run that stopped leaves as they are, with those that were left before."""
    earlier = first_of(LeftOut, before.plan.findings) if before.plan is not None else None
    stopped = stopped_hosts(before) if decision is Decision.GO_ON else frozenset()
    returning = decision in {Decision.ROLL_BACK, Decision.RESTORE}
    return (*(earlier.hosts if earlier is not None and not returning else ()), *sorted(stopped))


def perhaps_away(before: Run) -> frozenset[str]:
    """Name the hosts of a run that stopped between its hosts that may not answer: those that failed or were left."""
    earlier = first_of(LeftOut, before.plan.findings) if before.plan is not None else None
    return stopped_hosts(before) | frozenset(earlier.hosts if earlier is not None else ())


def touched_hosts(run: Run) -> frozenset[str]:
    """Name the hosts on which something of a batch was begun."""
    return frozenset(one.host for one in hosts_in_rollout(run) if one.progress is not HostProgress.WAITING)


def batch_under_way(run: Run) -> int:
    """Give the number of the batch that is under way, or comes next, from 1; 0 where none does."""
    divided = run.plan.batches if run.plan is not None else None
    if divided is None:
        return 0
    rows = _by_host(run, divided)
    open_batches = (
        number
        for number, hosts in enumerate(divided.hosts, start=1)
        if any(row.state not in _OVER for host in hosts for row in rows.get(host, ()))
    )
    return next(open_batches, 0)


def batch_begins_at(run: Run, batch: int) -> datetime | None:
    """Give the time before which a batch must not begin: the end of the one before, and the pause.

    Args:
        run: with a plan in batches.
        batch: its number, from 1.

    Returns:
        None where it has begun, or waits for nothing.
    """
    divided = run.plan.batches if run.plan is not None else None
    if divided is None or batch < 2 or not divided.pause or not is_untouched_batch(run, batch):
        return None
    ended = [row.ended_at for row in _rows(run, divided, divided.hosts[batch - 2]) if row.ended_at is not None]
    return max(ended) + timedelta(seconds=divided.pause) if ended else None


def is_untouched_batch(run: Run, batch: int) -> bool:
    """Say whether nothing of a batch was begun.

    Args:
        run: with a plan in batches.
        batch: its number, from 1.
    """
    divided = run.plan.batches if run.plan is not None else None
    if divided is None:
        return False
    return all(row.state is StepState.PENDING for row in _rows(run, divided, divided.hosts[batch - 1]))
