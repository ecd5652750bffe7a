"""Retention: which backups to delete."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.backups.backup import BackupInfo, Proof, Purpose
from bot.domain.targets.target import Keep

SAFETY_AGE = timedelta(days=30)
"""Minimum time to keep a safety backup."""

CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far the clock of a host may be ahead."""


def future_dated(backups: Iterable[BackupInfo], now: datetime) -> tuple[BackupInfo, ...]:
    """Give the backups whose date lies in the future, beyond what clocks may differ by, the oldest first.

    Args:
        backups: in any order.
        now: with a time zone.
    """
    ahead = (backup for backup in backups if backup.started - now > CLOCK_TOLERANCE)
    return tuple(sorted(ahead, key=lambda backup: (backup.started, backup.backup)))


def choose_deletions(
    backups: Iterable[BackupInfo], keep: Keep, now: datetime, timezone: str, referred: frozenset[str]
) -> tuple[str, ...]:
    """Choose the backups to delete.

    Backups that are dated in the future count for nothing and are never deleted: no later date displaces today's.

    One backup is kept for each of the latest days, weeks and months that have any: preferably a proven one, else the
    newest. Backups of chosen tables are counted separately for each choice.

    Args:
        backups: in any order.
        keep: number of days, weeks and months.
        now: with a time zone.
        timezone: where days begin (IANA).
        referred: IDs that runs use; never deleted.

    Returns:
        IDs, oldest first. Never the newest proven backup, one that is referred to, or a safety backup younger than 30
        days.
    """
    all_backups = tuple(backups)
    future = frozenset(backup.backup for backup in future_dated(all_backups, now))
    past = (backup for backup in all_backups if backup.backup not in future)
    known = sorted(past, key=lambda backup: (backup.started, backup.backup), reverse=True)
    staying = set(referred)
    for chosen in {backup.chosen for backup in known}:
        group = [backup for backup in known if backup.chosen == chosen and backup.purpose is not Purpose.SAFETY]
        staying |= _best(group, keep, ZoneInfo(timezone))
    proven = [backup for backup in known if backup.proof is Proof.PROVEN]
    staying |= {
        next((backup.backup for backup in proven if backup.chosen == chosen), "") for chosen in {(), *_kinds(proven)}
    }
    staying |= {
        backup.backup for backup in known if backup.purpose is Purpose.SAFETY and now - backup.started < SAFETY_AGE
    }
    return tuple(backup.backup for backup in reversed(known) if backup.backup not in staying)


def _kinds(backups: Iterable[BackupInfo]) -> set[tuple[str, ...]]:
    return {backup.chosen for backup in backups}


def _best(group: list[BackupInfo], keep: Keep, zone: ZoneInfo) -> set[str]:
    """Give the IDs of the best backup of each of the latest days, weeks and months."""

    def local(backup: BackupInfo) -> datetime:
        return backup.started.astimezone(zone)

    spans: tuple[tuple[int, Callable[[BackupInfo], Hashable]], ...] = (
        (keep.daily, lambda backup: local(backup).date()),
        (keep.weekly, lambda backup: local(backup).isocalendar()[:2]),
        (keep.monthly, lambda backup: (local(backup).year, local(backup).month)),
    )
    best: set[str] = set()
    for count, span in spans:
        found: dict[Hashable, BackupInfo] = {}
        for backup in group:  # the newest first
            there = found.setdefault(span(backup), backup)
            if _worth(backup) > _worth(there):
                found[span(backup)] = backup
        best |= {backup.backup for backup in list(found.values())[:count]}
    return best


def _worth(backup: BackupInfo) -> int:
    return {Proof.DAMAGED: 0, Proof.REFUTED: 0, Proof.CHECKED: 1, Proof.PROVEN: 2}[backup.proof]
