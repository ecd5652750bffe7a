"""What a plan says of the rehearsal: the backup to rehearse on, and why nothing is rehearsed."""

from __future__ import annotations

from bot.domain.errors import RefusedError
from bot.domain.runs.findings import MigrationFinding, NotRehearsed, NotRehearsedReason
from bot.domain.runs.migration_risk import MigrationRisk, RiskReason
from bot.domain.targets.look import Look
from bot.domain.targets.target import RehearseOn, Target
from bot.recipes.rehearsal_way import NoRehearsal, RehearsalWay


def not_rehearsed(
    way: RehearsalWay | NoRehearsal, migrations: tuple[str, ...]
) -> tuple[NotRehearsed | MigrationFinding, ...]:
    """Report that migrations are not rehearsed, or not before the approval; nothing where they are.

    Args:
        way: how they are rehearsed.
        migrations: to run or to undo.
    """
    if not migrations:
        return ()
    match way:
        case NoRehearsal(why, detail):
            unseen = (
                MigrationFinding(name, MigrationRisk.UNKNOWN, RiskReason.NOT_PREVIEWED, preview=False)
                for name in migrations
            )
            return (NotRehearsed(why, detail), *unseen)
        case RehearsalWay.AFTER_APPROVAL:
            return (NotRehearsed(NotRehearsedReason.AFTER_APPROVAL),)
        case RehearsalWay():
            return ()


async def backup_to_rehearse_on(target: Target, look: Look, made: str | None, migrations: int) -> str | None:
    """Choose the newest backup of the whole database that is not refuted or damaged.

    Args:
        target: with the database.
        look: reads the backups.
        made: ID of the backup that the run itself makes before the rehearsal, or None.
        migrations: number of migrations to rehearse.

    Returns:
        Its ID; None if none is wanted, there is none, or they cannot be read. The rehearsal then reports that it had no
        backup.
    """
    database = target.database
    asked = database is not None and database.may_copy and database.rehearse is RehearseOn.DATA
    if database is None or not asked or not migrations:
        return None
    if made is not None:
        return made
    try:
        backup_list = await look.backups()
    except RefusedError:
        return None
    usable = (backup for backup in backup_list.past if not backup.chosen and not backup.proof.is_bad)
    return next((backup.backup for backup in usable if backup.database == database.name), None)
