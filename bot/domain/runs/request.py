"""Requests: what a person or a schedule asked for, with the options of each kind as a type of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from bot.domain.names import TargetName
from bot.domain.runs.start_time import AskedTime, StartTime


class Action(StrEnum):
    """What a policy regulates: who may request it and who approves it."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    BACKUP = "backup"
    RESTORE = "restore"
    MIGRATE_STATUS = "migrate-status"


class Decision(StrEnum):
    """A decision about a run in `needs_human`. Each but closing becomes a run of its own, with its own gate."""

    RETRY = "retry"
    """Start the failed step again and continue behind it; where none failed, continue with the remaining steps."""
    MARK_DONE = "done"
    """A person has taken care of the failed step: continue behind it."""
    GO_ON = "go_on"
    """Leave the hosts at which a rollout stopped as they are, and continue with those that are left."""
    LIFT = "lift"
    """Lift the maintenance that the run began, and do nothing else."""
    ROLL_BACK = "rollback"
    """Go back to the code that was live before the run, and undo the migrations that it ran."""
    RESTORE = "restore"
    """Go back to the code that was live before the run, and restore the backup that it made."""
    CLOSE = "close"
    """A person has taken care of everything; the target is free again."""


SCHEDULE = "schedule"
"""Who requests, where it is no person."""


@dataclass(frozen=True)
class Origin:
    """Where a request came from.

    Args:
        user: Slack's ID of the person (`U…`), or `schedule`.
        channel: Slack's ID of the channel (`C…`).
        event: the identity of the event that brought it; the same event never makes two runs.
    """

    user: str
    channel: str
    event: str


@dataclass(frozen=True)
class PolicyExceptions:
    """The exceptions from the policy that a request asks for, each with its reason in the requester's words.

    Args:
        during_freeze: why to make a change during a freeze; None where that is not asked for.
        emergency: why to make a change before anybody approved it; None where that is not asked for.
    """

    during_freeze: str | None = None
    emergency: str | None = None

    @property
    def typed(self) -> str:
        """The exceptions as they are typed at the end of a command; empty where there are none."""
        words = (("--during-freeze", self.during_freeze), ("--emergency", self.emergency))
        return "".join(f" {option} {reason}" for option, reason in words if reason is not None)


NO_EXCEPTIONS = PolicyExceptions()


@dataclass(frozen=True)
class DeployOptions:
    """`/deploy APP ENV [REF]`.

    Args:
        ref: branch, tag or commit, a name that `bot.domain.names.Ref` accepts.
        dry_run: whether to stop at the plan.
        migrate: whether to run the pending migrations.
        exceptions: from the policy.
        at: when to begin: what was typed, then the instant that this comes to; None for as soon as it is approved.
    """

    action: ClassVar = Action.DEPLOY
    ref: str
    dry_run: bool = False
    migrate: bool = True
    exceptions: PolicyExceptions = NO_EXCEPTIONS
    at: AskedTime | StartTime | None = None


@dataclass(frozen=True)
class ChangeLayout:
    """`/deploy APP ENV --layout`: lay the live code out on the hosts as `layout:` says; no other code goes live.

    Args:
        exceptions: from the policy.
    """

    action: ClassVar = Action.DEPLOY
    exceptions: PolicyExceptions = NO_EXCEPTIONS


@dataclass(frozen=True)
class ToRelease:
    """Go back to a release.

    Args:
        release: a run's ID, a tag or a commit; None for the last good release before the live one.
        code_only: whether to leave the schema as it is.
    """

    release: str | None = None
    code_only: bool = False


@dataclass(frozen=True)
class UndoMigrations:
    """Undo the latest migrations and leave the code as it is.

    Args:
        count: how many, at least 1.
    """

    count: int


@dataclass(frozen=True)
class RollbackOptions:
    """`/rollback APP ENV`.

    Args:
        scope: what to go back with, and how far.
        exceptions: from the policy.
    """

    action: ClassVar = Action.ROLLBACK
    scope: ToRelease | UndoMigrations = field(default_factory=ToRelease)
    exceptions: PolicyExceptions = NO_EXCEPTIONS


@dataclass(frozen=True)
class BackupOptions:
    """`/backup APP ENV [TABLE…]`.

    Args:
        tables: which to dump; empty for the whole database.
    """

    action: ClassVar = Action.BACKUP
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScheduledBackup:
    """A backup that a schedule asked for.

    Args:
        due: when the schedule wanted it, with a time zone.
        missed: whether that time was missed, and the backup makes up for it.
    """

    action: ClassVar = Action.BACKUP
    due: datetime
    missed: bool = False


@dataclass(frozen=True)
class ListBackups:
    """`/backup list APP ENV`; reads, and makes no run."""

    action: ClassVar = Action.BACKUP


@dataclass(frozen=True)
class VerifyBackup:
    """`/backup verify APP ENV ID`.

    Args:
        backup: its ID.
    """

    action: ClassVar = Action.BACKUP
    backup: str


@dataclass(frozen=True)
class OverdueBackup:
    """The call that no proven backup is recent enough. Its run does nothing and fails with that as its problem.

    Args:
        within: maximum age of the newest proven backup, in seconds, as text.
        backup: the newest proven backup; empty where there is none.
        made: when that was made, in RFC 3339; empty where there is none.
    """

    action: ClassVar = Action.BACKUP
    within: str
    backup: str
    made: str


@dataclass(frozen=True)
class RestoreBackup:
    """`/backup restore APP ENV ID`.

    Args:
        backup: its ID.
        exceptions: from the policy.
    """

    action: ClassVar = Action.RESTORE
    backup: str
    exceptions: PolicyExceptions = NO_EXCEPTIONS


@dataclass(frozen=True)
class DropLeftover:
    """`/backup drop-old APP ENV [NAME]`: drop what a restore left behind.

    Args:
        name: of the database, or the ID of the run that restored; None where there is only one.
    """

    action: ClassVar = Action.RESTORE
    name: str | None = None


@dataclass(frozen=True)
class MigrateStatusOptions:
    """`/migrate-status APP ENV`; reads, and makes no run."""

    action: ClassVar = Action.MIGRATE_STATUS


@dataclass(frozen=True)
class ResumeOptions:
    """A decision about a run that stopped half-way; it becomes a run that continues after it.

    Args:
        action: what the policy regulates it as.
        run: ID of the run that stopped.
        decision: what was decided.
        alternatives: every decision that was legal then; they are open again if this one changes nothing.
        exceptions: from the policy, for which the person who decided gave a reason; none is taken from the run that
            stopped.
    """

    action: Action
    run: str
    decision: Decision
    alternatives: tuple[Decision, ...] = ()
    exceptions: PolicyExceptions = NO_EXCEPTIONS


RequestOptions = (
    DeployOptions
    | ChangeLayout
    | RollbackOptions
    | BackupOptions
    | ScheduledBackup
    | ListBackups
    | VerifyBackup
    | OverdueBackup
    | RestoreBackup
    | DropLeftover
    | MigrateStatusOptions
    | ResumeOptions
)
"""Every kind of request. A new kind is a class here, and its JSON in `bot.domain.runs.request_json`."""


@dataclass(frozen=True)
class Request:
    """A request that has been parsed: nothing raw goes further.

    Args:
        options: what is asked for.
        target: the app and the environment.
        origin: who asked, and where.
        typed: the command as it was typed, for the history.
    """

    options: RequestOptions
    target: TargetName
    origin: Origin
    typed: str = ""

    @property
    def action(self) -> Action:
        """What the policy regulates it as."""
        return self.options.action

    @property
    def exceptions(self) -> PolicyExceptions:
        """The exceptions from the policy that it asks for."""
        match self.options:
            case DeployOptions() | ChangeLayout() | RollbackOptions() | RestoreBackup() | ResumeOptions():
                return self.options.exceptions
            case _:
                return NO_EXCEPTIONS

    @property
    def emergency(self) -> str | None:
        """Why it is not to wait for approval; None where it waits."""
        return self.exceptions.emergency

    @property
    def during_freeze(self) -> str | None:
        """Why it is to be done during a freeze; None where that is not asked for."""
        return self.exceptions.during_freeze

    @property
    def dry_run(self) -> bool:
        """Whether only the plan is asked for."""
        return isinstance(self.options, DeployOptions) and self.options.dry_run

    @property
    def start(self) -> StartTime | None:
        """When it is to begin; None for as soon as it is approved."""
        at = self.options.at if isinstance(self.options, DeployOptions) else None
        return at if isinstance(at, StartTime) else None

    @property
    def resumes(self) -> ResumeOptions | None:
        """The decision that it carries out about a run that stopped; None where somebody typed it."""
        return self.options if isinstance(self.options, ResumeOptions) else None

    @property
    def backup(self) -> str | None:
        """ID of the backup that it names; None where it names none."""
        match self.options:
            case VerifyBackup(backup) | RestoreBackup(backup):
                return backup
            case _:
                return None

    def with_exceptions(self, exceptions: PolicyExceptions) -> Request:
        """Give the same request with other exceptions, in place of those that it has.

        Args:
            exceptions: from the policy.
        """
        match self.options:
            case DeployOptions() | ChangeLayout() | RollbackOptions() | RestoreBackup() | ResumeOptions():
                return replace(self, options=replace(self.options, exceptions=exceptions))
            case _:
                return self
