"""Policies: who may request what, who must approve it, and when nothing may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.json_codec import stored
from bot.domain.policies.freeze import ActiveFreeze, Freeze, end_of_freezes
from bot.domain.policies.people import ANYONE, NOBODY, People, union_of
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.request import Action, Decision, Request


@dataclass(frozen=True)
class Requirement:
    """The approvals that a gate requires.

    Args:
        count: number of different people who must approve; 0 requires no approval.
        eligible: who may approve.
        expires: how long the gate waits.
        allow_requester: whether the requester's own approval counts (`self: true`).
        also: a further requirement; one person may count for both.
        signed: whether an approval counts only with a signature of the plan.
    """

    also: Requirement | None = field(default=None, kw_only=True, metadata=stored(omit_none=True))
    signed: bool = field(default=False, kw_only=True, metadata=stored(omit_default=True))
    count: int
    eligible: People = field(metadata=stored(inline=True))
    expires: timedelta
    allow_requester: bool = field(metadata=stored(name="self"))

    @property
    def people(self) -> People:
        """Everybody who may approve, for this or a further requirement."""
        return self.eligible if self.also is None else union_of(self.eligible, self.also.people)

    @property
    def needed(self) -> int:
        """Minimum number of different people who must approve."""
        return self.count if self.also is None else max(self.count, self.also.needed)

    @property
    def parts(self) -> tuple[Requirement, ...]:
        """Each thing that it asks for, by itself."""
        own = replace(self, also=None)
        return (own,) if self.also is None else (own, *self.also.parts)

    @property
    def asks_for_signatures(self) -> bool:
        """Whether a part of it asks for signatures."""
        return any(part.signed for part in self.parts if part.count > 0)

    def implies(self, other: Requirement) -> bool:
        """Whether approvals that satisfy this requirement always satisfy another one."""
        return all(any(_stricter(mine, asked) for mine in self.parts) for asked in other.parts if asked.count > 0)

    def and_also(self, other: Requirement) -> Requirement:
        """Give what asks for this requirement and for another one."""
        if self.implies(other):
            return self
        if other.implies(self):
            return other
        return replace(self, also=other if self.also is None else self.also.and_also(other))

    @property
    def needs_no_approval(self) -> bool:
        """Whether the gate passes without approval."""
        return self.count == 0 and (self.also is None or self.also.needs_no_approval)


def _stricter(mine: Requirement, asked: Requirement) -> bool:
    """Whether whoever satisfies one part satisfies another: as many people, from within the same lists."""
    narrower = asked.eligible.anyone or (
        not mine.eligible.anyone
        and mine.eligible.users <= asked.eligible.users
        and mine.eligible.groups <= asked.eligible.groups
    )
    by_others = asked.allow_requester or not mine.allow_requester
    return mine.count >= asked.count and narrower and by_others and (mine.signed or not asked.signed)


def _instead_of(usual: Requirement | None, other: Requirement | None) -> Requirement | None:
    """Give a requirement that replaces another one: what had to be signed is still to be signed."""
    if usual is None or other is None:
        return other
    return replace(other, signed=other.signed or usual.signed)


NO_REQUIREMENT = Requirement(0, NOBODY, timedelta(0), allow_requester=False)
"""The policy requires no approval."""

MINIMUM_REQUIREMENT = Requirement(1, ANYONE, timedelta(minutes=30), allow_requester=True)
"""Minimum for restores and rollbacks, which always have a gate, whatever the policy."""

_OTHER_COMMANDS = {Decision.ROLL_BACK: (Action.ROLLBACK,), Decision.RESTORE: (Action.ROLLBACK, Action.RESTORE)}
"""The commands that decisions about a stopped run amount to, beside going on with its own."""

_ALWAYS_GATED = frozenset({Action.ROLLBACK, Action.RESTORE})

DESTRUCTIVE_MIGRATION = "destructive-migration"

OVERRIDE = "override"
"""The key under `approve` for a change during a freeze."""

COUNTERSIGN_WITHIN = timedelta(days=1)
"""Time within which a change made in an emergency must be approved afterwards."""

LOCK_PATIENCE = timedelta(seconds=15)
"""Default `lock_patience`. Production queries queue behind a migration that waits for a lock."""


class BackupBefore(StrEnum):
    """When a verified backup is made before the gate."""

    NEVER = "never"
    IF_MIGRATIONS = "if-migrations"
    ALWAYS = "always"


class Downtime(StrEnum):
    """Whether a run may take the site down, with releases; a checkout's `vars.maintenance` decides by itself."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    """A deploy whose migrations need it ends before anybody is asked."""


@dataclass(frozen=True)
class Policy:
    """The rules of an environment.

    Args:
        name: as in the operations file.
        run: who may request each action; an action that is not listed is refused.
        approve: the requirement of each action; `destructive-migration` replaces that of a deploy whose migrations
            drop or rewrite data, `override` is that of a change during a freeze.
        backup_before: when to make a backup, by action.
        freezes: when nothing may change.
        lock_patience: how long a migration may wait for a lock before its statement is killed.
        emergency: who may make changes before approval (`--emergency`); None if nobody may.
        require_proven_backup: maximum age of the newest proven backup for deploys and rollbacks; None if none is
            required.
        rehearsal: when and where migrations are rehearsed.
        decide: who may decide about a run that needs a decision; None for those who may run or approve the command,
            and those of `emergency`.
        downtime: whether a deploy of a release may take the site down for its migrations.
    """

    name: str
    run: Mapping[Action, People] = field(default_factory=dict)
    approve: Mapping[str, Requirement] = field(default_factory=dict)
    backup_before: Mapping[Action, BackupBefore] = field(default_factory=dict)
    freezes: tuple[Freeze, ...] = ()
    lock_patience: timedelta = LOCK_PATIENCE
    emergency: People | None = None
    require_proven_backup: timedelta | None = None
    rehearsal: RehearsalMode = RehearsalMode.SANDBOX
    decide: People | None = None
    downtime: Downtime = Downtime.ALLOWED

    def who_may(self, action: Action) -> People:
        """Give the people who may request an action."""
        return self.run.get(action, NOBODY)

    def who_approves(self) -> tuple[People, ...]:
        """Give each list of people who may be asked to approve something."""
        return tuple(dict.fromkeys(asked.eligible for asked in self.approve.values()))

    def requirement(self, action: Action, destructive: bool = False) -> Requirement:  # noqa: FBT001, FBT002 - a fact of the plan, not a switch
        """Give the requirement of an action.

        Args:
            action: of the run.
            destructive: whether its SQL drops or rewrites data. Rollbacks and restores do so by nature, so their own
                requirements already take it into account.
        """
        asked = self.approve.get(action.value)
        if destructive and (action is Action.DEPLOY or (action is Action.ROLLBACK and asked is None)):
            asked = _instead_of(asked, self.approve.get(DESTRUCTIVE_MIGRATION, asked))
        if asked is None:
            return MINIMUM_REQUIREMENT if action in _ALWAYS_GATED else NO_REQUIREMENT
        if asked.count == 0 and action in _ALWAYS_GATED:
            return MINIMUM_REQUIREMENT
        return asked

    def regular_requirement(self, request: Request, *, destructive: bool, restores: bool = False) -> Requirement:
        """Give the requirement of a request, exceptions aside.

        Args:
            request: to be approved.
            destructive: whether its SQL drops or rewrites data.
            restores: whether it restores a backup, which adds the requirement of a restore.
        """
        own = self.requirement(request.action, destructive)
        if not restores or request.action is Action.RESTORE:
            return own
        return replace(self.requirement(Action.RESTORE, destructive), also=None if own.needs_no_approval else own)

    def gate(self, request: Request, *, destructive: bool, restores: bool = False) -> Requirement:
        """Give the requirement of a request before its first change.

        Args:
            request: to be approved.
            destructive: whether its SQL drops or rewrites data.
            restores: whether it restores a backup.

        Returns:
            During a freeze, `override` replaces the regular requirement, which remains as a further one if the change
            is destructive.

        Raises:
            RefusedError: `no_override`, the policy allows no changes during a freeze.
        """
        usual = self.regular_requirement(request, destructive=destructive, restores=restores)
        if request.during_freeze is None:
            return usual
        override = self.approve.get(OVERRIDE)
        if override is None:
            raise RefusedError(problem(Reason.NO_OVERRIDE))
        if destructive and not usual.needs_no_approval:
            return replace(override, also=usual)
        return replace(override, signed=override.signed or usual.asks_for_signatures)

    def afterwards(self, request: Request, *, destructive: bool, restores: bool = False) -> Requirement:
        """Give the requirement after an emergency: the regular one, by somebody other than the requester.

        Args:
            request: to be approved.
            destructive: whether its SQL drops or rewrites data.
            restores: whether it restores a backup.
        """
        usual = self.regular_requirement(request, destructive=destructive, restores=restores)
        if usual.needs_no_approval:
            usual = Requirement(1, self.emergency or NOBODY, COUNTERSIGN_WITHIN, allow_requester=False)
        also = None if usual.also is None else replace(usual.also, expires=COUNTERSIGN_WITHIN, allow_requester=False)
        return replace(usual, expires=COUNTERSIGN_WITHIN, allow_requester=False, also=also)

    def may_cancel(self, action: Action, asked: Requirement | None) -> People:
        """Give those who may cancel somebody else's run: its possible approvers, and those trusted with emergencies.

        Args:
            action: of the run.
            asked: the requirement of its gate; None while it has none.

        Returns:
            If no approval is needed, those who may request the same action instead of approvers.
        """
        gates = (self.requirement(action), self.requirement(action, destructive=True), asked)
        approvers = NOBODY
        for gate in gates:
            approvers = union_of(approvers, gate.people) if gate is not None else approvers
        able = self.who_may(action) if approvers == NOBODY else approvers
        return union_of(able, self.emergency or NOBODY)

    def who_decides(self, action: Action, asked: Requirement | None) -> People:
        """Give those who may decide about a run that needs a decision.

        Args:
            action: of the run.
            asked: the requirement of its gate; None while it has none.
        """
        return self.decide or union_of(self.who_may(action), self.may_cancel(action, asked))

    def who_may_choose(self, decision: Decision, action: Action, asked: Requirement | None) -> tuple[People, ...]:
        """Give the lists of people to each of which somebody must belong to make a decision.

        Without a `decide` of its own, a policy lets nobody go back or restore by a button who may not do it otherwise.

        Args:
            decision: to be made.
            action: of the run that needs it.
            asked: the requirement of that run's gate; None while it has none.
        """
        if self.decide is not None or decision not in _OTHER_COMMANDS:
            return (self.who_decides(action, asked),)
        return tuple(self.who_decides(other, None) for other in _OTHER_COMMANDS[decision])

    def wants_backup(self, action: Action, migrations: int) -> bool:
        """Say whether to make a backup before an action.

        Args:
            action: of the run.
            migrations: number of migrations to run or undo.
        """
        match self.backup_before.get(action, BackupBefore.NEVER):
            case BackupBefore.NEVER:
                return False
            case BackupBefore.IF_MIGRATIONS:
                return migrations > 0
            case BackupBefore.ALWAYS:
                return True

    def proof_within(self, action: Action) -> timedelta | None:
        """Give the maximum age of the newest proven backup for an action; None if none is required."""
        return self.require_proven_backup if action in {Action.DEPLOY, Action.ROLLBACK} else None

    def frozen_at(self, action: Action, instant: datetime) -> ActiveFreeze | None:
        """Give the freeze that blocks an action at an instant; backups are never blocked.

        Args:
            action: to be done.
            instant: with a time zone.
        """
        if action is Action.BACKUP:
            return None
        freeze = next((freeze for freeze in self.freezes if freeze.covers(instant)), None)
        return None if freeze is None else ActiveFreeze(freeze.reason, end_of_freezes(self.freezes, instant))

    def frozen(self, action: Action, instant: datetime) -> Problem | None:
        """Give the problem with which a freeze refuses an action; None if it does not.

        Args:
            action: to be done.
            instant: with a time zone.

        Returns:
            With `until`, in RFC 3339, and with `override`, the flag of an exception, if the policy allows any.
        """
        found = self.frozen_at(action, instant)
        if found is None:
            return None
        ways = {"override": "--during-freeze"} if OVERRIDE in self.approve else {}
        return Problem(Reason.FROZEN, {"why": found.reason, "until": found.until.isoformat(), **ways})
