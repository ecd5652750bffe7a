"""The backup to rehearse migrations on, for `rehearse: data`."""

from __future__ import annotations

from bot.domain.errors import RefusedError
from bot.domain.targets.look import Look
from bot.domain.targets.target import RehearseOn, Target


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
