"""Hosts in batches: which steps of a plan go from batch to batch, and what is left of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain.runs.batches import BEFORE_HOST, HOOKS, Batches
from bot.domain.runs.findings import AlreadyDown, ReleaseOrder, SwitchOrder, first_of
from bot.domain.runs.maintenance import planned_downtime
from bot.domain.runs.plan import Phase, Plan, Risk, Skipped, Step
from bot.domain.runs.release_order import CLOSING, SWITCH
from bot.domain.runs.request import Action
from bot.domain.runs.rollout_findings import AllAtOnce, AtOnceReason, LeftOut
from bot.domain.runs.run import Run, StepState
from bot.domain.targets.rollout import batches
from bot.domain.targets.target import Target

ALL_AT_ONCE = "all hosts get this change together"
"""Why the steps around each host are left out."""


class InOrder(Protocol):
    """What of a step decides where the live code of a host is changed."""

    @property
    def key(self) -> str:
        """Its key."""
        ...

    @property
    def risk(self) -> Risk:
        """What it can do to production."""
        ...

    @property
    def undoes(self) -> str | None:
        """Key of the step that it undoes."""
        ...

    @property
    def schema(self) -> bool:
        """Whether it changes the schema."""
        ...


def live_part(steps: Sequence[InOrder]) -> slice:
    """Find the steps that change what a host serves: from the switch on, or from the first change of a checkout.

    Args:
        steps: of the change, in order.

    Returns:
        Their place; nothing before it touches what is live, and what comes behind it only closes the run.
    """
    undone = {step.undoes for step in steps if step.undoes is not None}
    changing = [
        at
        for at, step in enumerate(steps)
        if step.risk is not Risk.READS and not step.schema and step.undoes is None
        if step.key not in undone and step.key != CLOSING
    ]
    keys = [step.key for step in steps]
    starts = [keys.index(key) for key in (BEFORE_HOST, SWITCH) if key in keys] or changing[:1]
    ends = [*changing, *(keys.index(key) for key in HOOKS if key in keys)]
    return slice(min(starts), max(ends) + 1) if starts else slice(0, 0)


def live_steps(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Give the changing steps among those of a plan that change what a host serves."""
    changes = [step for step in steps if step.phase is Phase.CHANGE]
    return tuple(step for step in changes[live_part(changes)] if step.risk is not Risk.READS and not step.schema)


# ── planning ────────────────────────────────────────────────────────────────────────────────────────


def in_batches(plan: Plan, target: Target) -> Plan:
    """Give a plan whose live part goes from batch to batch, where the evidence allows that.

    Args:
        plan: with its steps in the order in which the evidence puts them, and with those around each host.
        target: with its hosts.

    Returns:
        The plan with its batches; or without the steps around each host, and with the reason why all hosts get the
        change together. One that has batches already, or whose target has no rollout, is given back as it is.
    """
    rollout = target.rollout
    if rollout is None or plan.batches is not None or first_of(AllAtOnce, plan.findings) is not None:
        return plan
    changes = plan.of(Phase.CHANGE)
    place = live_part(changes)
    lanes = [step for step in changes[place] if step.hosts == target.hosts and not step.schema]
    if all(step.key in HOOKS for step in lanes):
        return _at_once(plan, None)
    reason = _why_at_once(plan, changes[place])
    if reason is not None:
        return _at_once(plan, reason)
    once = [step for step in changes[place] if step not in lanes]
    deploys = plan.request.action is Action.DEPLOY
    # A way back is in a hurry: it waits for no canary and between no batches.
    divided = batches(target.hosts, rollout.size(len(target.hosts)), rollout.canary if deploys else None)
    pause = int(rollout.pause.total_seconds()) if deploys else 0
    ordered = (*changes[: place.start], *lanes, *once, *changes[place.stop :])
    return replace(
        plan,
        steps=(*(step for step in plan.steps if step.phase not in _LATE), *ordered, *plan.of(Phase.VERIFY)),
        batches=Batches(divided, tuple(step.key for step in lanes), pause),
    )


_LATE = frozenset({Phase.CHANGE, Phase.VERIFY})
_SIDE_BY_SIDE = frozenset({ReleaseOrder.MIGRATE_FIRST, ReleaseOrder.SWITCH_FIRST})


def _why_at_once(plan: Plan, live: Sequence[Step]) -> AtOnceReason | None:
    """Give the reason why the code of before and the new one must not be live side by side, or None."""
    if plan.restores:
        return AtOnceReason.RESTORE
    if planned_downtime(plan) is not None or first_of(AlreadyDown, plan.findings) is not None:
        return AtOnceReason.DOWN
    order = first_of(SwitchOrder, plan.findings)
    shown = order is not None and order.order in _SIDE_BY_SIDE and not any(step.schema for step in live)
    changes_schema = any(step.schema for step in plan.of(Phase.CHANGE))
    return AtOnceReason.MIGRATIONS if changes_schema and not shown else None


def _at_once(plan: Plan, reason: AtOnceReason | None) -> Plan:
    left_out = tuple(step for step in plan.of(Phase.CHANGE) if step.key in HOOKS)
    return replace(
        plan,
        steps=tuple(step for step in plan.steps if step not in left_out),
        skipped=(*plan.skipped, *(Skipped(step.key, step.title, ALL_AT_ONCE) for step in left_out)),
        findings=plan.findings if reason is None else (*plan.findings, AllAtOnce(reason)),
    )


def on_hosts(plan: Plan, hosts: frozenset[str]) -> Plan:
    """Give a plan in batches whose live part is for some of its hosts alone; the other steps stay as they are."""
    if plan.batches is None:
        return plan
    kept = plan.batches.of(hosts)
    steps = (_on(step, hosts) if step.key in kept.steps else step for step in plan.steps)
    return replace(plan, steps=tuple(step for step in steps if step is not None), batches=kept)


def _on(step: Step, hosts: frozenset[str]) -> Step | None:
    """Give a step for some of its hosts; None where none of them is left. A step of the bot itself stays."""
    left = tuple(host for host in step.hosts if host in hosts)
    return replace(step, hosts=left) if left or not step.hosts else None


def without_left_out(target: Target, plan: Plan) -> Target:
    """Give a target without the hosts that a plan leaves as they are."""
    left_out = first_of(LeftOut, plan.findings)
    return on_other_hosts(target, () if left_out is None else left_out.hosts)


def on_other_hosts(target: Target, without: Sequence[str]) -> Target:
    """Give a target without some of its hosts."""
    return replace(target, hosts=tuple(host for host in target.hosts if host not in without)) if without else target


def without_hosts(steps: Sequence[Step], without: frozenset[str]) -> tuple[Step, ...]:
    """Give steps without some hosts; those that are for these alone are left out."""
    narrowed = (_on(step, frozenset(step.hosts) - without) for step in steps)
    return tuple(step for step in narrowed if step is not None)


# ── carrying it out ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Stage:
    """Steps of the change behind which the bot waits for all hosts.

    Args:
        lanes: sequences of steps, each of which goes its way beside the others.
        batch: number of the batch, from 1; 0 for steps that all hosts get together.
    """

    lanes: tuple[tuple[Step, ...], ...]
    batch: int = 0


def stages(plan: Plan) -> tuple[Stage, ...]:
    """Divide the change of a plan: what comes before the first batch, each batch with a lane a host, and the rest."""
    changes, divided = plan.of(Phase.CHANGE), plan.batches
    if divided is None:
        return (Stage((changes,)),)
    rolled = [step for step in changes if step.key in divided.steps]
    first = changes.index(rolled[0]) if rolled else len(changes)
    behind = tuple(step for step in changes[first:] if step not in rolled)
    lanes = (tuple(_lane(rolled, host) for host in hosts) for hosts in divided.hosts)
    return (
        Stage((changes[:first],)),
        *(Stage(each, number) for number, each in enumerate(lanes, start=1)),
        Stage((behind,)),
    )


def _lane(rolled: Sequence[Step], host: str) -> tuple[Step, ...]:
    return tuple(replace(step, hosts=(host,)) for step in rolled if host in step.hosts)


# ── what is left ────────────────────────────────────────────────────────────────────────────────────


def left_on_hosts(run: Run, steps: Sequence[Step], without: frozenset[str]) -> tuple[Step, ...]:
    """Narrow steps that are left of a run in batches to the hosts where they are left.

    Args:
        run: that stopped.
        steps: of its change.
        without: hosts on which nothing more is done.
    """
    divided = run.plan.batches if run.plan is not None else None
    if divided is None:
        return tuple(steps)
    found: list[Step] = []
    for step in steps:
        hosts = frozenset(step.hosts) - without
        if step.key in divided.steps:
            hosts &= {row.place for row in run.rows(step.key) if row.state is not StepState.DONE}
        narrowed = _on(step, hosts)
        found += [] if narrowed is None else [narrowed]
    return tuple(found)


def batches_left(run: Run, steps: Sequence[Step]) -> Batches | None:
    """Give the batches of the steps that are left of a run; None where none of them goes from batch to batch."""
    divided = run.plan.batches if run.plan is not None else None
    rolled = [] if divided is None else [step for step in steps if step.key in divided.steps]
    if divided is None or not rolled:
        return None
    hosts = frozenset(host for step in rolled for host in step.hosts)
    return replace(divided.of(hosts), steps=tuple(step.key for step in rolled))
