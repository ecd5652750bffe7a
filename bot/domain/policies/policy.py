"""Who may ask for what, what must be countersigned, and when not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.json_codec import stored
from bot.domain.policies.freeze import ActiveFreeze, Freeze, end_of_freezes
from bot.domain.policies.people import ANYONE, NOBODY, People, union_of
from bot.domain.runs.request import Action, Request


@dataclass(frozen=True)
class Requirement:
    """What a gate asks for.

    Args:
        count: how many different people must approve; 0 is a gate that the policy leaves open.
        eligible: who may.
        expires: how long the gate waits.
        allow_requester: whether the requester's own approval counts (`self: true`).
        also: what it asks for besides; one person may count for both.
    """

    also: Requirement | None = field(default=None, kw_only=True, metadata=stored(omit_none=True))
    count: int
    eligible: People = field(metadata=stored(inline=True))
    expires: timedelta
    allow_requester: bool = field(metadata=stored(name="self"))

    @property
    def people(self) -> People:
        """Everybody who may approve, for whichever part of it."""
        return self.eligible if self.also is None else union_of(self.eligible, self.also.people)

    @property
    def needed(self) -> int:
        """How many different people it takes at least."""
        return self.count if self.also is None else max(self.count, self.also.needed)

    @property
    def needs_no_approval(self) -> bool:
        """Whether it is a gate that stands open."""
        return self.count == 0 and (self.also is None or self.also.needs_no_approval)


NO_REQUIREMENT = Requirement(0, NOBODY, timedelta(0), allow_requester=False)
"""The policy asks for no approval."""

MINIMUM_REQUIREMENT = Requirement(1, ANYONE, timedelta(minutes=30), allow_requester=True)
"""Restore and rollback always have a gate, whatever a policy says."""

_ALWAYS_GATED = frozenset({Action.ROLLBACK, Action.RESTORE})

DESTRUCTIVE_MIGRATION = "destructive-migration"

OVERRIDE = "override"
"""What `approve` calls the approval of a change during a freeze."""

COUNTERSIGN_WITHIN = timedelta(days=1)
"""How soon a change that was made without approval must be countersigned."""

LOCK_PATIENCE = timedelta(seconds=15)
"""Where a policy does not say: production queues behind a migration that waits for a lock."""


class BackupBefore(StrEnum):
    """When a verified backup is made before the gate."""

    NEVER = "never"
    IF_MIGRATIONS = "if-migrations"
    ALWAYS = "always"


@dataclass(frozen=True)
class Policy:
    """The rules of an environment.

    Args:
        name: as in the operations file.
        run: who may ask for each action; an action that is not listed is refused.
        approve: what each action needs; `destructive-migration` replaces that of a deploy whose migrations drop or
            rewrite data, `override` is what a change during a freeze needs.
        backup_before: when a backup is made, by action.
        freezes: when nothing is changed.
        lock_patience: how long a migration may wait for a lock before its statement is ended.
        emergency: who may break the glass, and change something without approval; None where nobody may.
        require_proven_backup: without a proven backup younger than this, no deploy or rollback changes anything; None
            asks for none.
    """

    name: str
    run: Mapping[Action, People] = field(default_factory=dict)
    approve: Mapping[str, Requirement] = field(default_factory=dict)
    backup_before: Mapping[Action, BackupBefore] = field(default_factory=dict)
    freezes: tuple[Freeze, ...] = ()
    lock_patience: timedelta = LOCK_PATIENCE
    emergency: People | None = None
    require_proven_backup: timedelta | None = None

    def who_may(self, action: Action) -> People:
        """Give the people who may ask for an action."""
        return self.run.get(action, NOBODY)

    def who_approves(self) -> tuple[People, ...]:
        """Give each list of people of whom an approval may be asked."""
        return tuple(dict.fromkeys(asked.eligible for asked in self.approve.values()))

    def requirement(self, action: Action, destructive: bool = False) -> Requirement:  # noqa: FBT001, FBT002 - a fact of the plan, not a switch
        """Give what must be countersigned before the first change.

        Args:
            action: what the run does.
            destructive: whether its SQL drops or rewrites data. Going back does so by its nature, and what is asked for
                a rollback or a restore is made for that.
        """
        asked = self.approve.get(action.value)
        if destructive and (action is Action.DEPLOY or (action is Action.ROLLBACK and asked is None)):
            asked = self.approve.get(DESTRUCTIVE_MIGRATION, asked)
        if asked is None:
            return MINIMUM_REQUIREMENT if action in _ALWAYS_GATED else NO_REQUIREMENT
        if asked.count == 0 and action in _ALWAYS_GATED:
            return MINIMUM_REQUIREMENT
        return asked

    def regular_requirement(self, request: Request, *, destructive: bool, restores: bool = False) -> Requirement:
        """Give what a request needs that is no exception.

        Args:
            request: what was asked.
            destructive: whether its SQL drops or rewrites data.
            restores: whether it puts a backup back; then what a restore needs is asked for too.
        """
        own = self.requirement(request.action, destructive)
        if not restores or request.action is Action.RESTORE:
            return own
        return replace(self.requirement(Action.RESTORE, destructive), also=None if own.needs_no_approval else own)

    def gate(self, request: Request, *, destructive: bool, restores: bool = False) -> Requirement:
        """Give what a request needs before its first change, whatever it is an exception from.

        Args:
            request: what was asked.
            destructive: whether its SQL drops or rewrites data.
            restores: whether it puts a backup back.

        Returns:
            During a freeze `override` takes the place of the action's own; what a destructive migration needs is
            asked for besides.

        Raises:
            RefusedError: `no_override`, the policy has none.
        """
        usual = self.regular_requirement(request, destructive=destructive, restores=restores)
        if request.during_freeze is None:
            return usual
        override = self.approve.get(OVERRIDE)
        if override is None:
            raise RefusedError(problem(Reason.NO_OVERRIDE))
        return replace(override, also=usual) if destructive and not usual.needs_no_approval else override

    def afterwards(self, request: Request, *, destructive: bool, restores: bool = False) -> Requirement:
        """Give what must be countersigned after an emergency: what was left out before it, by somebody else.

        Args:
            request: what was asked.
            destructive: whether its SQL drops or rewrites data.
            restores: whether it puts a backup back.
        """
        usual = self.regular_requirement(request, destructive=destructive, restores=restores)
        if usual.needs_no_approval:
            usual = Requirement(1, self.emergency or NOBODY, COUNTERSIGN_WITHIN, allow_requester=False)
        also = None if usual.also is None else replace(usual.also, expires=COUNTERSIGN_WITHIN, allow_requester=False)
        return replace(usual, expires=COUNTERSIGN_WITHIN, allow_requester=False, also=also)

    def may_cancel(self, action: Action, asked: Requirement | None) -> People:
        """Give those who may cancel somebody else's run: who may approve it, or change something in an emergency.

        Args:
            action: what the run does.
            asked: what its gate asks for; None while it has none.

        Returns:
            Where nobody needs to approve it, those who may ask for the same.
        """
        gates = (self.requirement(action), self.requirement(action, destructive=True), asked)
        approvers = NOBODY
        for gate in gates:
            approvers = union_of(approvers, gate.people) if gate is not None else approvers
        able = self.who_may(action) if approvers == NOBODY else approvers
        return union_of(able, self.emergency or NOBODY)

    def wants_backup(self, action: Action, migrations: int) -> bool:
        """Say whether a backup is made before an action.

        Args:
            action: what the run does.
            migrations: how many migrations it would run or undo.
        """
        match self.backup_before.get(action, BackupBefore.NEVER):
            case BackupBefore.NEVER:
                return False
            case BackupBefore.IF_MIGRATIONS:
                return migrations > 0
            case BackupBefore.ALWAYS:
                return True

    def proof_within(self, action: Action) -> timedelta | None:
        """Give how old the newest proven backup may be for an action; None where that does not matter."""
        return self.require_proven_backup if action in {Action.DEPLOY, Action.ROLLBACK} else None

    def frozen_at(self, action: Action, instant: datetime) -> ActiveFreeze | None:
        """Say what freeze stands in the way of an action at an instant; never in that of a backup.

        Args:
            action: what is to be done.
            instant: with a time zone.
        """
        if action is Action.BACKUP:
            return None
        freeze = next((freeze for freeze in self.freezes if freeze.covers(instant)), None)
        return None if freeze is None else ActiveFreeze(freeze.reason, end_of_freezes(self.freezes, instant))

    def frozen(self, action: Action, instant: datetime) -> Problem | None:
        """Give the reason why an action is refused because of a freeze; None where it is not.

        Args:
            action: what is to be done.
            instant: with a time zone.

        Returns:
            With `until`, RFC 3339; and with `override`, the flag that asks for an exception, where there are any.
        """
        found = self.frozen_at(action, instant)
        if found is None:
            return None
        ways = {"override": "--during-freeze"} if OVERRIDE in self.approve else {}
        return Problem(Reason.FROZEN, {"why": found.reason, "until": found.until.isoformat(), **ways})
