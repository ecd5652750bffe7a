"""Locks on targets, overviews of targets, and the permissions of a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.policies.people import Membership, membership
from bot.domain.policies.policy import OVERRIDE
from bot.domain.runs.request import Action
from bot.domain.targets.overview import TargetOverview
from bot.engine.context import EngineContext
from bot.engine.queries.rules import require
from bot.engine.record_refusals import on_record

_CHANGING = (Action.DEPLOY, Action.ROLLBACK, Action.RESTORE)
"""Actions with which an exception can be requested."""


@dataclass(frozen=True)
class Allowed:
    """What a user may request and approve.

    Args:
        targets: by action, the targets on which the user may request it, in order; an action without any is missing.
        uncertain: whether a look-up failed, so that more may be allowed.
        exceptions: the flags of the exceptions that the user may request on at least one target.
        approves: by key of a policy's `approve`, the targets on which the user may approve it, in order.
    """

    targets: Mapping[Action, tuple[TargetName, ...]]
    uncertain: bool
    exceptions: frozenset[str] = frozenset()
    approves: Mapping[str, tuple[TargetName, ...]] = field(default_factory=dict)


class LockService:
    """Reads and changes locks, and judges permissions; never asks a host.

    Args:
        context: the engine's ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context

    async def overviews(self, targets: tuple[TargetName, ...]) -> tuple[TargetOverview, ...]:
        """Read overviews of targets, in their order."""
        return await self._context.overviews.of_targets(targets)

    async def lock(self, target: TargetName, reason: str, user: str) -> Lock:
        """Lock a target.

        Args:
            target: which.
            reason: shown to those whose request the lock refuses.
            user: Slack's ID.

        Returns:
            The lock that is on it now, which may be an earlier one.

        Raises:
            RefusedError: `not_allowed` or `membership_unknown`: those who may deploy there may lock it.
        """
        async with on_record(self._context, user, "lock", target=str(target)):
            await self._may_lock(target, user, "lock")
        wanted = Lock(target, user, self._context.masker.mask(reason), self._context.clock.now())
        return await self._context.locks.lock(wanted)

    async def lock_to_take_off(self, target: TargetName, user: str) -> Lock | None:
        """Read the lock that a user wants to remove.

        Args:
            target: which.
            user: Slack's ID.

        Returns:
            The lock that is on it; None where there is none.

        Raises:
            RefusedError: `not_allowed` or `membership_unknown`: those who may deploy there may unlock it.
        """
        async with on_record(self._context, user, "unlock", target=str(target)):
            await self._may_lock(target, user, "unlock")
        return await self._context.locks.on_target(target)

    async def unlock(self, lock: Lock, user: str, channel: str) -> bool:
        """Remove a lock, also another user's, whose owner then gets a notice (`LockNoticeStore`).

        Args:
            lock: as it was read; one that was set meanwhile stays.
            user: Slack's ID.
            channel: Slack's ID of where the notice is posted.

        Returns:
            Whether it was still there.

        Raises:
            RefusedError: `not_allowed` or `membership_unknown`: those who may deploy there may unlock it.
        """
        async with on_record(self._context, user, "unlock", target=str(lock.target)):
            await self._may_lock(lock.target, user, "unlock")
        return await self._context.locks.unlock(lock, user, self._context.clock.now(), channel)

    async def allowed(self, targets: tuple[TargetName, ...], user: str) -> Allowed:
        """Judge what a user may request and approve now.

        Args:
            targets: on which.
            user: Slack's ID.
        """
        asked = [
            (action, name, self._context.operations.targets[name].policy.who_may(action))
            for action in Action
            for name in targets
        ]
        policies = [self._context.operations.targets[name].policy for name in targets]
        emergencies = [policy.emergency for policy in policies if policy.emergency is not None]
        gates = [
            (what, name, gate.eligible)
            for name, policy in zip(targets, policies, strict=True)
            for what, gate in policy.approve.items()
        ]
        lists = (*emergencies, *(people for _, _, people in (*asked, *gates)))
        groups = frozenset(group for people in lists for group in people.groups)
        roster = await self._context.directory.roster(frozenset({user}), groups)
        found: dict[Action, tuple[TargetName, ...]] = {}
        uncertain = False
        for action, name, people in asked:
            match membership(user, people, roster):
                case Membership.YES:
                    found[action] = (*found.get(action, ()), name)
                case Membership.UNKNOWN:
                    uncertain = True
                case Membership.NO:
                    pass
        changing = {name for action in _CHANGING for name in found.get(action, ())}
        may_override = any(OVERRIDE in self._context.operations.targets[name].policy.approve for name in changing)
        may_declare = changing and any(membership(user, people, roster) is Membership.YES for people in emergencies)
        flags = (("--during-freeze", may_override), ("--emergency", may_declare))
        approves: dict[str, tuple[TargetName, ...]] = {}
        for what, name, people in gates:
            match membership(user, people, roster):
                case Membership.YES:
                    approves[what] = (*approves.get(what, ()), name)
                case Membership.UNKNOWN:
                    uncertain = True
                case Membership.NO:
                    pass
        return Allowed(found, uncertain, frozenset(flag for flag, may in flags if may), approves)

    async def may_declare(self, target: TargetName, user: str) -> bool:
        """Say whether a user is trusted with emergencies on a target; a look-up that fails is no yes."""
        people = self._context.operations.targets[target].policy.emergency
        if people is None:
            return False
        roster = await self._context.directory.roster(frozenset({user}), people.groups)
        return membership(user, people, roster) is Membership.YES

    async def _may_lock(self, target: TargetName, user: str, action: str) -> None:
        people = self._context.operations.targets[target].policy.who_may(Action.DEPLOY)
        await require(self._context, user, people, action)
