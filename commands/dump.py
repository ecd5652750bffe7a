"""The step that dumps a target's database, and what it needs."""

from __future__ import annotations

from bot.domain.backups.backup import Purpose
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Dump
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.targets.target import Target

_TIMEOUT = 6 * 3600
"""Seconds."""


def require_backups(target: Target) -> None:
    """Make sure that backups of a target can be made.

    Args:
        target: which.

    Raises:
        RefusedError: `backup_impossible`, it has no database or no place for backups.
    """
    if target.database is None or target.backups is None:
        missing = "database" if target.database is None else "backups"
        raise RefusedError(
            problem(Reason.BACKUP_IMPOSSIBLE, stage="configuration", detail=f"{target.name} has no `{missing}:`")
        )


def dump_step(target: Target, backup: str, tables: tuple[str, ...], purpose: Purpose) -> Step:
    """Give the step that makes a backup on the first host; it only reads production data.

    Args:
        target: whose database.
        backup: the ID it will have.
        tables: which; empty for the whole database.
        purpose: what it is for.
    """
    act = Dump(backup, tables, purpose)
    return Step("backup", "Back up the database", Phase.CHANGE, target.hosts[:1], Risk.READS, _TIMEOUT, act)
