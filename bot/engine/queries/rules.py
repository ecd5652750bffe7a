"""What a policy and a lock say of a request now: whether who asks may, and what stands in its way."""

from __future__ import annotations

from datetime import datetime

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.policies.people import Membership, People, membership
from bot.domain.policies.policy import OVERRIDE
from bot.domain.runs.request import NO_EXCEPTIONS, Request
from bot.domain.targets.target import Target
from bot.engine.context import EngineContext


async def require(context: EngineContext, user: str, people: People, action: str) -> None:
    """Make sure that somebody belongs to those who may.

    Args:
        context: the engine's ports.
        user: Slack's ID of who asks.
        people: who may; group members are looked up now.
        action: what they ask for, for the answer.

    Raises:
        RefusedError: `not_allowed`; `membership_unknown`, a look-up failed.
    """
    roster = await context.directory.roster(frozenset({user}), people.groups)
    match membership(user, people, roster):
        case Membership.YES:
            return
        case Membership.NO:
            raise RefusedError(problem(Reason.NOT_ALLOWED, action=action, people=", ".join(people.names)))
        case Membership.UNKNOWN:
            raise RefusedError(problem(Reason.MEMBERSHIP_UNKNOWN, action=action, people=", ".join(people.names)))


async def require_exception(context: EngineContext, target: Target, request: Request) -> None:
    """Make sure that the policy knows the exception that a request asks for, if it asks for one.

    Raises:
        RefusedError: `no_emergency`, `no_override`, the policy has none; `not_allowed` or `membership_unknown`, who
            asks may not break the glass.
    """
    policy = target.policy
    if request.emergency is not None:
        if policy.emergency is None:
            raise RefusedError(problem(Reason.NO_EMERGENCY))
        await require(context, request.origin.user, policy.emergency, f"{request.action.value} --emergency")
    elif request.during_freeze is not None and OVERRIDE not in policy.approve:
        frozen = policy.frozen(request.action, context.clock.now())
        raise RefusedError(Problem(Reason.NO_OVERRIDE, frozen.facts if frozen is not None else {}))


async def blocking_reason(context: EngineContext, target: Target, request: Request, now: datetime) -> Problem | None:
    """Give the freeze or the lock that stands in the way of a change, or None.

    A dry run changes nothing; a run that goes on after one that stopped halfway is let through: keeping a site in
    maintenance helps nobody.

    Args:
        context: the engine's ports.
        target: of the request.
        request: whose right to its exception, if it asks for one, was judged.
        now: with a time zone.
    """
    is_exempt = request.dry_run or request.resumes is not None or request.exceptions != NO_EXCEPTIONS
    if not is_exempt:
        frozen = target.policy.frozen(request.action, now)
        if frozen is not None:
            return frozen
    lock = await context.locks.on_target(request.target)
    return lock.problem() if lock is not None and lock.holds_up(request) else None
