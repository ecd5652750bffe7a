"""Which hosts a way back is for, where a run stopped when some of them had its commit and others did not."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Shell
from bot.domain.runs.decisions import was_live
from bot.domain.runs.findings import LeftOut, first_of
from bot.domain.runs.plan import Plan, Step
from bot.domain.runs.rollout import in_batches, on_hosts
from bot.domain.runs.rollout_progress import is_partly_rolled_out, perhaps_away, touched_hosts
from bot.domain.runs.run import Run
from bot.domain.targets.look import HostFacts, Look
from bot.domain.targets.target import Target
from commands.rollback_steps import RollbackFacts


def one_head(hosts: tuple[HostFacts, ...]) -> str:
    """Give the commit that is live on all hosts.

    Raises:
        RefusedError: `checkouts_differ`.
    """
    heads = {facts.head: facts.host for facts in hosts}
    if len(heads) > 1:
        found = ", ".join(f"{host}: {head[:7]}" for head, host in heads.items())
        raise RefusedError(problem(Reason.CHECKOUTS_DIFFER, ref="HEAD", found=found))
    return next(iter(heads))


async def left_between(look: Look) -> Run | None:
    """Give the latest run that changed the target, if it was left when some hosts had its commit and others did not."""
    latest = next((run for run in await look.past_runs() if run.change_started_at is not None), None)
    return latest if latest is not None and latest.ended and is_partly_rolled_out(latest) else None


async def away(before: Run, target: Target, look: Look) -> tuple[str, ...]:
    """Name the hosts of a run that stopped between its hosts that do not answer now: they cannot be taken back.

    Args:
        before: the run that stopped.
        target: where.
        look: reads.

    Raises:
        RefusedError: a host answers otherwise than it should.
    """
    if not is_partly_rolled_out(before):
        return ()
    silent: list[str] = []
    for host in sorted(perhaps_away(before) & frozenset(target.hosts)):
        try:
            await look.identity(host)
        except RefusedError as refusal:
            if refusal.problem.reason is not Reason.HOST_UNREACHABLE:
                raise
            silent.append(host)
    return tuple(silent)


def live_after(before: Run, hosts: tuple[HostFacts, ...]) -> str:
    """Give the commit from which a run that stopped is taken back: its own where a host has it.

    Args:
        before: the run that stopped.
        hosts: as just read.

    Raises:
        RefusedError: `checkouts_differ`, hosts differ and it is not that run that made them so.
    """
    heads = {facts.head for facts in hosts}
    sha = before.plan.sha.text if before.plan is not None and before.plan.sha is not None else ""
    if is_partly_rolled_out(before) and sha in heads and heads <= {sha, was_live(before)}:
        return sha
    return one_head(hosts)


def on_changed_hosts(plan: Plan, before: Run, target: Target, found: RollbackFacts) -> Plan:
    """Give the plan of a way back for the hosts on which the run that stopped did anything, and no others.

    Args:
        plan: for all hosts.
        before: the run that stopped.
        target: where.
        found: the live state.

    Returns:
        The plan in batches; as it is where the run had not begun with its hosts, or had done all of them.
    """
    if not is_partly_rolled_out(before):
        return plan
    rolled = in_batches(plan, target)
    left = first_of(LeftOut, before.plan.findings) if before.plan is not None else None
    moved = frozenset(facts.host for facts in found.live if facts.head != found.sha)
    narrowed = on_hosts(rolled, moved | touched_hosts(before) | frozenset(left.hosts if left is not None else ()))
    steps = (_where_it_is(step, found) for step in narrowed.steps)
    return replace(narrowed, steps=tuple(step for step in steps if step is not None))


def _where_it_is(step: Step, found: RollbackFacts) -> Step | None:
    """Give a step that expects the commit to be taken back for the hosts that have it alone; None if none has."""
    if not isinstance(step.act, Shell) or step.act.expects != found.head or found.head == found.sha:
        return step
    heads = {facts.host: facts.head for facts in found.live}
    hosts = tuple(host for host in step.hosts if heads.get(host) == found.head)
    return replace(step, hosts=hosts) if hosts else None
