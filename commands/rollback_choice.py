"""How to go back, and why: code only, code with its migrations undone, or a backup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.domain.backups.backup import BackupInfo, BackupList, Purpose
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.findings import (
    MigrationFinding,
    OldCode,
    ReleaseOrder,
    RollbackChoice,
    RollbackReason,
    RollbackWay,
    SwitchOrder,
    UnknownFinding,
    destroys,
    first_of,
    those_of,
)
from bot.domain.runs.migration_risk import DownMethod
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import ToRelease, UndoMigrations
from bot.domain.targets.look import Look, Release
from bot.domain.targets.target import Target
from commands.migration_history import last_time_without

_MAX_RUNS = 20


@dataclass(frozen=True)
class MigrationRecord:
    """What is known of a migration from the plan of the deploy that ran it.

    Args:
        name: of the migration.
        is_seen: whether its SQL was seen, so that what it breaks and destroys is known.
        down: whether its source says how to undo it.
        destroyed: what it dropped or rewrote; empty if nothing.
        breaks: its changes that are incompatible with the previous code.
    """

    name: str
    is_seen: bool
    down: DownMethod
    destroyed: str
    breaks: tuple[str, ...]

    @property
    def has_no_way_back(self) -> bool:
        """Whether undoing it changes nothing."""
        return self.down in {DownMethod.MISSING, DownMethod.EMPTY}


@dataclass(frozen=True)
class Choice:
    """A way back, and the reason for it.

    Args:
        way: what it restores.
        why: it is this one.
        what: the migrations or objects concerned.
        backup: to restore; None if none is.
    """

    way: RollbackWay
    why: RollbackReason
    what: tuple[str, ...] = ()
    backup: BackupInfo | None = None


def migration_records(undo: Iterable[str], deploys: Iterable[Plan]) -> tuple[MigrationRecord, ...]:
    """Collect what is known of migrations from the plans of their deploys.

    Args:
        undo: the migrations.
        deploys: the plans of the runs that may have run them, newest first.
    """
    plans = tuple(deploys)
    return tuple(_migration_record(name, next((plan for plan in plans if name in plan.pending), None)) for name in undo)


def _migration_record(name: str, plan: Plan | None) -> MigrationRecord:
    findings = plan.findings if plan is not None else ()
    breaks = tuple(found.what for found in those_of(OldCode, findings) if found.migration == name)
    known = next((found for found in those_of(MigrationFinding, findings) if found.name == name), None)
    if known is not None:
        destroyed = known.what or name if destroys(known) else ""
        return MigrationRecord(name, bool(known.preview), known.down or DownMethod.UNKNOWN, destroyed, breaks)
    unread = (found for found in those_of(UnknownFinding, findings) if found.facts.get("name") == name)
    return MigrationRecord(
        name,
        is_seen=False,
        down=DownMethod.UNKNOWN,
        destroyed=name if any(map(destroys, unread)) else "",
        breaks=breaks,
    )


def old_code_lives_with(undo: Iterable[str], deploys: Iterable[Plan]) -> bool:
    """Whether migrations only added, by the evidence of their deploys: the code of before has run with them.

    Args:
        undo: the migrations.
        deploys: the plans of the runs that may have run them.
    """
    added: set[str] = set()
    for plan in deploys:
        order = first_of(SwitchOrder, plan.findings)
        if order is not None and order.order is ReleaseOrder.MIGRATE_FIRST:
            added |= set(plan.pending)
    return set(undo) <= added


def choose(found: tuple[MigrationRecord, ...], backup: BackupInfo | None) -> Choice:
    """Choose how to go back past migrations that the previous release does not have.

    Args:
        found: what is known of each migration to undo.
        backup: from before the first of them ran, if there is one that can be restored.

    Raises:
        RefusedError: `no_way_back`, no way is known to be safe; a person must choose.
    """
    if not found:
        return Choice(RollbackWay.CODE, RollbackReason.SAME_SCHEMA)
    stuck = tuple(one.name for one in found if one.has_no_way_back)
    destroyed = tuple(one.destroyed for one in found if one.destroyed)
    if not stuck and not destroyed:
        return Choice(
            RollbackWay.CODE_AND_MIGRATIONS, RollbackReason.NEWER_MIGRATIONS, tuple(one.name for one in found)
        )
    compatible = all(one.is_seen and not one.breaks for one in found)
    if compatible and not destroyed:
        return Choice(RollbackWay.CODE, RollbackReason.COMPATIBLE, stuck)
    if backup is not None:
        if destroyed:
            return Choice(RollbackWay.RESTORE, RollbackReason.DESTROYED, destroyed, backup)
        return Choice(RollbackWay.RESTORE, RollbackReason.NO_WAY_BACK, stuck, backup)
    if not stuck:
        return Choice(RollbackWay.CODE_AND_MIGRATIONS, RollbackReason.LOST, destroyed)
    if compatible:
        return Choice(RollbackWay.CODE, RollbackReason.LOST, destroyed)
    raise RefusedError(problem(Reason.NO_WAY_BACK, migrations=", ".join(stuck), count=str(len(found))))


def requested_choice(scope: ToRelease | UndoMigrations, undo: tuple[str, ...]) -> Choice | None:
    """Give the way requested by `--code` or `--migrations`; None if neither was given."""
    match scope:
        case UndoMigrations():
            return Choice(RollbackWay.MIGRATIONS, RollbackReason.ASKED, undo)
        case ToRelease(code_only=True):
            return Choice(RollbackWay.CODE, RollbackReason.ASKED)
        case ToRelease():
            return None


def rollback_finding(choice: Choice) -> RollbackChoice:
    """Build the finding that explains the way back to approvers."""
    return RollbackChoice(choice.way, choice.why, choice.what)


async def deploys_of(undo: Iterable[str], releases: tuple[Release, ...], look: Look) -> tuple[Plan, ...]:
    """Read the plans of the deploys that ran migrations, newest first.

    Args:
        undo: the migrations.
        releases: what the bot remembers, newest first.
        look: reads.
    """
    wanted, plans = set(undo), []
    for release in releases[:_MAX_RUNS]:
        run = await look.past(release.run)
        if run is not None and run.plan is not None and wanted & set(run.plan.pending):
            plans.append(run.plan)
    return tuple(plans)


async def find_backup_before(undo: tuple[str, ...], target: Target, look: Look) -> BackupInfo | None:
    """Find the newest backup from the last time at which none of some migrations had run, and the others had.

    Args:
        undo: the migrations.
        target: where.
        look: reads.

    Returns:
        None if there is none that can be restored, or it is unknown when the migrations ran.

    Raises:
        RefusedError: what a host answers.
    """
    database = target.database
    if target.backups is None or database is None or not database.may_copy_beside:
        return None
    backup_list = await look.backups()
    by_id = {backup.backup: backup for backup in backup_list.backups}
    time = last_time_without(undo, await look.past_runs(), by_id)
    if time is None:
        return None
    whole = tuple(
        backup for backup in _whole(backup_list, database.name) if not set(undo) & set(backup.migrations or ())
    )
    own = next((backup for backup in whole if backup.run == time.run.id and backup.purpose is Purpose.BEFORE), None)
    return own or _newest(whole, time.since, time.until)


def _whole(backup_list: BackupList, database: str) -> tuple[BackupInfo, ...]:
    """Give the backups of the whole database that are neither refuted nor damaged."""
    return tuple(
        backup
        for backup in backup_list.backups
        if backup.database == database
        and not backup.chosen
        and not backup.proof.is_bad
        and backup.purpose is not Purpose.SAFETY
    )


def _newest(backups: tuple[BackupInfo, ...], since: datetime | None, until: datetime) -> BackupInfo | None:
    """Give the newest backup that was begun in a period."""
    fitting = (backup for backup in backups if (since is None or backup.started > since) and backup.started < until)
    return max(fitting, key=lambda backup: backup.started, default=None)
