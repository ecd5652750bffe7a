"""The one place that judges requests and cancellations by the policies, freezes and locks of now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.policies.people import NOBODY, Membership, People, Roster, membership
from bot.domain.policies.policy import OVERRIDE, Policy, Requirement
from bot.domain.runs.request import NO_EXCEPTIONS, Request
from bot.domain.runs.run import Run, RunState
from bot.engine.context import EngineContext

LookUp = Callable[[frozenset[str], frozenset[str]], Awaitable[Roster]]
"""Looks up users and the members of user groups."""


async def judge(
    context: EngineContext, request: Request, look_up: LookUp | None = None, run: str | None = None
) -> None:
    """Judge whether a request may start now.

    Args:
        context: the engine's ports.
        request: parsed.
        look_up: who people are; None lets an answer of the last minute count.
        run: ID of the run that the request became; None while it is not accepted.

    Raises:
        RefusedError: `not_allowed`, `membership_unknown`, `no_override`, `no_emergency`, `frozen`, `locked`.
    """
    await require_requester(context, request, look_up)
    await _require_exception(context, request, look_up)
    blocked = await blocking_reason(context, request, run)
    if blocked is not None:
        raise RefusedError(blocked)


async def require_channel(context: EngineContext, request: Request) -> None:
    """Make sure that people would see the run of a request.

    Raises:
        RefusedError: `not_in_channel`, `channel_archived`.
    """
    closed = await context.channels.closed(request.origin.channel)
    if closed is not None:
        raise RefusedError(closed)


async def judge_cancellation(context: EngineContext, run: Run, user: str) -> None:
    """Judge whether somebody may cancel a run: its requester, and those whom the policy or its gate names.

    Closing a run that needs a decision is one of the decisions about it.

    Raises:
        RefusedError: `not_allowed`, `membership_unknown`.
    """
    if run.state is RunState.NEEDS_HUMAN and run.request.target in context.operations.targets:
        await require(context, user, who_decides(context, run), "decide")
        return
    if user == run.request.origin.user:
        return
    target = context.operations.targets.get(run.request.target)
    requirement = _asked(run)
    if target is not None:
        people = target.policy.may_cancel(run.request.action, requirement)
    else:
        people = requirement.people if requirement is not None else NOBODY
    await require(context, user, replace(people, names=("who asked for it", *people.names)), "cancel")


def who_decides(context: EngineContext, run: Run) -> People:
    """Give those who may decide about a run that needs a decision, by the policy of now; nobody without its target."""
    target = context.operations.targets.get(run.request.target)
    if target is None:
        return NOBODY
    return target.policy.who_decides(run.request.action, _asked(run))


def _asked(run: Run) -> Requirement | None:
    return run.gate.requirement if run.gate is not None else None


async def require_requester(context: EngineContext, request: Request, look_up: LookUp | None = None) -> None:
    """Make sure that the requester may request such a run, or may decide about the run that it resumes.

    Raises:
        RefusedError: `not_allowed`, `membership_unknown`.
    """
    policy, resumes = _policy(context, request), request.resumes
    stopped = await context.runs.get(resumes.run) if resumes is not None else None
    if stopped is None or resumes is None:
        await require(context, request.origin.user, policy.who_may(request.action), request.action.value, look_up)
        return
    for people in policy.who_may_choose(resumes.decision, stopped.request.action, _asked(stopped)):
        await require(context, request.origin.user, people, f"decide {resumes.decision.value}", look_up)


async def require(
    context: EngineContext, user: str, people: People, action: str, look_up: LookUp | None = None
) -> None:
    """Make sure that a user is one of the people who may do something.

    Args:
        context: the engine's ports.
        user: Slack's ID.
        people: those who may; members of groups are looked up now.
        action: for the refusal.
        look_up: looks up people; None accepts an answer of the last minute.

    Raises:
        RefusedError: `not_allowed`; `membership_unknown`, a look-up failed.
    """
    roster = await (look_up or context.directory.roster)(frozenset({user}), people.groups)
    match membership(user, people, roster):
        case Membership.YES:
            return
        case Membership.NO:
            raise RefusedError(problem(Reason.NOT_ALLOWED, action=action, people=", ".join(people.names)))
        case Membership.UNKNOWN:
            raise RefusedError(problem(Reason.MEMBERSHIP_UNKNOWN, action=action, people=", ".join(people.names)))


async def _require_exception(context: EngineContext, request: Request, look_up: LookUp | None = None) -> None:
    """Make sure that the policy grants the requester the requested exception, if there is one."""
    policy = _policy(context, request)
    if request.emergency is not None:
        if policy.emergency is None:
            raise RefusedError(problem(Reason.NO_EMERGENCY))
        await require(context, request.origin.user, policy.emergency, f"{request.action.value} --emergency", look_up)
    elif request.during_freeze is not None and OVERRIDE not in policy.approve:
        frozen = policy.frozen(request.action, context.clock.now())
        raise RefusedError(Problem(Reason.NO_OVERRIDE, frozen.facts if frozen is not None else {}))


async def blocking_reason(context: EngineContext, request: Request, run: str | None = None) -> Problem | None:
    """Give the freeze or the lock that blocks a request now, or None. A freeze counts when the run is to begin.

    A dry run changes nothing. A run that goes on after one that waits for a decision is not blocked: it may be what
    takes the site out of maintenance.

    Args:
        context: the engine's ports.
        request: whose right to its exception, if it asks for one, was judged.
        run: ID of the run that the request became; None while it is not accepted.
    """
    if request.dry_run or await _takes_over(context, request, run):
        return None
    if request.exceptions == NO_EXCEPTIONS:
        now = context.clock.now()
        begins = now if request.start is None else max(now, request.start.at)
        frozen = _policy(context, request).frozen(request.action, begins)
        if frozen is not None:
            later = {"at": begins.isoformat()} if begins > now else {}
            return Problem(frozen.reason, {**frozen.facts, **later})
    lock = await context.locks.on_target(request.target)
    return lock.problem() if lock is not None and lock.blocks(request) else None


async def _takes_over(context: EngineContext, request: Request, run: str | None) -> bool:
    """Say whether a request goes on after a run that waits for a decision, or was closed in favour of its very run.

    A decision about a run that was closed otherwise is open again, but keeps nothing waiting.
    """
    if request.resumes is None:
        return False
    before = await context.runs.get(request.resumes.run)
    if before is None:
        return False
    if before.state is RunState.NEEDS_HUMAN:
        return True
    return run is not None and before.problem is not None and before.problem.facts.get("successor") == run


def _policy(context: EngineContext, request: Request) -> Policy:
    return context.operations.targets[request.target].policy
