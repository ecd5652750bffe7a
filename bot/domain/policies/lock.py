"""A lock: somebody keeps a target as it is, for a reason that everybody is told, until somebody takes the lock off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.errors import Problem, Reason, problem
from bot.domain.names import TargetName
from bot.domain.runs.request import Action, Request

_HELD_UP = frozenset({Action.DEPLOY, Action.ROLLBACK, Action.RESTORE})
"""What changes a target. A backup takes what there is, and is wanted all the more while something is odd."""


_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lock:
    """Stands until it is taken off.

    Args:
        target: what is kept as it is.
        owner: Slack's ID of who locked it.
        reason: in their words.
        since: when.
    """

    target: TargetName
    owner: str
    reason: str
    since: datetime

    def blocks(self, request: Request) -> bool:
        """Say whether a request must wait until the lock is taken off.

        A dry run changes nothing. A run that goes on after one that stopped halfway is let through: keeping a site
        in maintenance helps nobody.

        Args:
            request: on the same target.
        """
        is_free = request.dry_run or request.resumes is not None
        return request.action in _HELD_UP and not is_free

    def reminder_due(self, now: datetime) -> datetime | None:
        """Give the latest moment at which its owner is to be asked whether it is still needed: once a day.

        Args:
            now: with a time zone.

        Returns:
            None within the first day.
        """
        days = (now - self.since) // _DAY
        return self.since + days * _DAY if days > 0 else None

    def problem(self) -> Problem:
        """Give the reason with which a request is refused: who, since when (RFC 3339) and why."""
        return problem(
            Reason.LOCKED,
            app=self.target.app,
            environment=self.target.environment,
            by=self.owner,
            since=self.since.isoformat(),
            why=self.reason,
        )


class LockNews(StrEnum):
    """What the owner of a lock is told."""

    STANDS = "stands"
    """It has stood for another day: is it still needed?"""
    TAKEN_OFF = "taken_off"
    """Somebody else took it off."""


@dataclass(frozen=True)
class LockNotice:
    """What the owner of a lock is still to be told, in a channel. It is remembered until they were.

    Args:
        number: tells it from every other.
        news: what they are told.
        lock: of which.
        by: Slack's ID of who took it off; empty where nobody did.
        channel: Slack's ID of where.
        at: when it came about.
        intended: whether it was about to be posted before, so that it may be there already.
    """

    number: int
    news: LockNews
    lock: Lock
    by: str
    channel: str
    at: datetime
    intended: bool = False
