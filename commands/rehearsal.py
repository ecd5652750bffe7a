"""Which backup migrations are rehearsed on, where the operations file asks for its data."""

from __future__ import annotations

from bot.domain.errors import RefusedError
from bot.domain.targets.look import Look
from bot.domain.targets.target import RehearseOn, Target


async def backup_to_rehearse_on(target: Target, look: Look, made: str | None, migrations: int) -> str | None:
    """Choose the newest backup of the whole database that is not known to be bad.

    Args:
        target: which.
        look: reads the backups.
        made: ID of the backup that the run itself makes before it rehearses, or None.
        migrations: how many there are to rehearse.

    Returns:
        Its ID; None where none is asked for, where there is none, or where they cannot be read. The rehearsal then
        says that it had no backup, and is made without.
    """
    database = target.database
    asked = database is not None and database.scratch and database.rehearse is RehearseOn.DATA
    if database is None or not asked or not migrations:
        return None
    if made is not None:
        return made
    try:
        backup_list = await look.backups()
    except RefusedError:
        return None
    usable = (backup for backup in backup_list.backups if not backup.chosen and not backup.proof.is_bad)
    return next((backup.backup for backup in usable if backup.database == database.name), None)
