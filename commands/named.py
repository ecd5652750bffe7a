"""Whether what a request names is there, looked up before there is a run."""

from __future__ import annotations

from bot.domain.backups.leftovers import choose_leftovers
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import nearest
from bot.domain.targets.look import Look
from bot.domain.targets.target import Target

_MOST_NAMED = 8
_SIMILAR = 0.7


async def require_backup(backup: str, look: Look) -> None:
    """Make sure that a target has a backup.

    Args:
        backup: its ID, as typed.
        look: reads; where it cannot, nothing is refused.

    Raises:
        RefusedError: `unknown_backup`, with the nearest ID and the latest.
    """
    try:
        backup_list = await look.backups()
    except RefusedError:
        return
    if not backup_list.unreadable:  # it may be one of those
        backup_list.find(backup)


async def require_tables(tables: tuple[str, ...], target: Target, look: Look) -> None:
    """Make sure that a target's database has tables.

    Args:
        tables: their names, as typed.
        target: with the database.
        look: reads; where it cannot, nothing is refused.

    Raises:
        RefusedError: `unknown_table`, the first that is missing, with the nearest.
    """
    try:
        known = await look.tables()
    except RefusedError:
        return
    missing = next((table for table in tables if table not in known), None)
    if missing is None:
        return
    raise RefusedError(
        problem(
            Reason.UNKNOWN_TABLE,
            table=missing,
            database=target.database.name if target.database is not None else "",
            nearest=nearest(missing, known.names, similar=_SIMILAR) or "",
            known=_few(sorted(known.names)),
        )
    )


def _few(names: list[str]) -> str:
    return ", ".join((*names[:_MOST_NAMED], *("…",) * (len(names) > _MOST_NAMED)))


async def require_leftover(name: str | None, look: Look) -> None:
    """Make sure that what is to be dropped is one of the leftovers of restores.

    Args:
        name: as typed; None where none was named.
        look: reads; where it cannot, nothing is refused.

    Raises:
        RefusedError: `unknown_remains`, with the nearest.
    """
    try:
        there = await look.leftovers()
    except RefusedError:
        return
    choose_leftovers(there, name)
