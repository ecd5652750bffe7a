"""Locks: a person asks that a target stay as it is, with a reason, until the lock is removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.errors import Problem, Reason, problem
from bot.domain.names import TargetName
from bot.domain.runs.request import Action, Request

_HELD_UP = frozenset({Action.DEPLOY, Action.ROLLBACK, Action.RESTORE})
"""What changes a target. Backups are not blocked: they change nothing and are wanted most when something is wrong."""


_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lock:
    """A lock on a target.

    Args:
        target: that is locked.
        owner: Slack's ID of who locked it.
        reason: in their words.
        since: when.
    """

    target: TargetName
    owner: str
    reason: str
    since: datetime

    def blocks(self, request: Request) -> bool:
        """Say whether the lock blocks a request.

        A dry run changes nothing, so it passes.

        Args:
            request: for the same target.
        """
        return request.action in _HELD_UP and not request.dry_run

    def reminder_due(self, now: datetime) -> datetime | None:
        """Give the latest time at which to ask the owner whether the lock is still needed: once a day.

        Args:
            now: with a time zone.

        Returns:
            None during the first day.
        """
        days = (now - self.since) // _DAY
        return self.since + days * _DAY if days > 0 else None

    def problem(self) -> Problem:
        """Give the problem with which a request is refused: who locked, since when (RFC 3339) and why."""
        return problem(
            Reason.LOCKED,
            app=self.target.app,
            environment=self.target.environment,
            by=self.owner,
            since=self.since.isoformat(),
            why=self.reason,
        )


class LockNews(StrEnum):
    """What a lock's owner is notified of."""

    STANDS = "stands"
    """The lock is another day old: is it still needed?"""
    TAKEN_OFF = "taken_off"
    """Somebody else removed the lock."""


@dataclass(frozen=True)
class LockNotice:
    """A pending notification of a lock's owner; stored until it is posted.

    Args:
        number: its identity.
        news: what to notify of.
        lock: that it is about.
        by: Slack's ID of who removed the lock; empty if nobody did.
        channel: Slack's ID of the channel to post in.
        at: when it was created.
        intended: whether posting was attempted before, so that Slack may already have it.
    """

    number: int
    news: LockNews
    lock: Lock
    by: str
    channel: str
    at: datetime
    intended: bool = False
