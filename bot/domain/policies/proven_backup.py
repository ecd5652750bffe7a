"""The problem that no proven backup is recent enough."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.backups.backup import BackupInfo
from bot.domain.errors import Problem, Reason, problem
from bot.domain.names import TargetName


def no_proven_backup(target: TargetName, newest: BackupInfo | None, within: timedelta, action: str = "") -> Problem:
    """Build the problem that no proven backup is recent enough.

    Args:
        target: of the backups.
        newest: the newest proven backup; None if there is none.
        within: maximum age.
        action: that needs one; empty if none does.
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
