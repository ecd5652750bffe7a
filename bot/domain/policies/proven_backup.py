"""What is said where no backup is proven that is young enough."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.backups.backup import BackupInfo
from bot.domain.errors import Problem, Reason, problem
from bot.domain.names import TargetName


def no_proven_backup(target: TargetName, newest: BackupInfo | None, within: timedelta, action: str = "") -> Problem:
    """Say that no proven backup is young enough.

    Args:
        target: whose.
        newest: the newest proven one; None where there is none.
        within: how old it might be.
        action: what needs it; empty where nothing is asked for.
    """
    facts = {
        "target": str(target),
        "app": target.app,
        "environment": target.environment,
        "within": str(round(within.total_seconds())),
        "backup": newest.backup if newest is not None else "",
        "made": newest.started.isoformat() if newest is not None else "",
        "action": action,
    }
    return problem(Reason.NO_PROVEN_BACKUP, **facts)
