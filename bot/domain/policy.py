"""Who may ask for what, what must be countersigned, and when not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.domain.people import ANYONE, NOBODY, People
from bot.domain.request import Action


@dataclass(frozen=True)
class Requirement:
    """What a gate asks for.

    Args:
        count: how many different people must approve; 0 is a gate that the policy leaves open.
        eligible: who may.
        expires: how long the gate waits.
        allow_requester: whether the requester's own approval counts (`self: true`).
    """

    count: int
    eligible: People
    expires: timedelta
    allow_requester: bool

    def to_json(self) -> dict[str, object]:
        """Give what `requirement_from_json` reads."""
        return {
            "count": self.count,
            "names": list(self.eligible.names),
            "users": sorted(self.eligible.users),
            "groups": sorted(self.eligible.groups),
            "anyone": self.eligible.anyone,
            "expires": int(self.expires.total_seconds()),
            "self": self.allow_requester,
        }


def requirement_from_json(data: Mapping[str, object]) -> Requirement:
    """Read what `Requirement.to_json` wrote.

    Raises:
        KeyError: a value is missing.
    """

    def texts(key: str) -> list[str]:
        value = data[key]
        return [str(item) for item in value] if isinstance(value, list) else []

    return Requirement(
        count=int(str(data["count"])),
        eligible=People(
            tuple(texts("names")), frozenset(texts("users")), frozenset(texts("groups")), bool(data["anyone"])
        ),
        expires=timedelta(seconds=int(str(data["expires"]))),
        allow_requester=bool(data["self"]),
    )


OPEN_GATE = Requirement(0, NOBODY, timedelta(0), allow_requester=False)
"""The policy asks for no approval."""

LEAST_GATE = Requirement(1, ANYONE, timedelta(minutes=30), allow_requester=True)
"""Restore and rollback always have a gate, whatever a policy says."""

_ALWAYS_GATED = frozenset({Action.ROLLBACK, Action.RESTORE})

DESTRUCTIVE_MIGRATION = "destructive-migration"

LOCK_PATIENCE = timedelta(seconds=15)
"""Where a policy does not say: production queues behind a migration that waits for a lock."""


class BackupBefore(StrEnum):
    """When a verified backup is made before the gate."""

    NEVER = "never"
    IF_MIGRATIONS = "if-migrations"
    ALWAYS = "always"


class Weekday(StrEnum):
    """Days as the operations file writes them."""

    MON = "Mon"
    TUE = "Tue"
    WED = "Wed"
    THU = "Thu"
    FRI = "Fri"
    SAT = "Sat"
    SUN = "Sun"


_MINUTES_A_WEEK = 7 * 24 * 60


@dataclass(frozen=True)
class WeekTime:
    """A minute of the week on the wall clock.

    Args:
        minute: minutes since Monday 00:00, 0 to 10079.
    """

    minute: int


@dataclass(frozen=True)
class Freeze:
    """A span of every week in which nothing is changed.

    Args:
        start: its first minute.
        end: the minute at which it is over; before `start` means in the following week.
        timezone: the name of the time zone of both (IANA).
        reason: what people are told.
    """

    start: WeekTime
    end: WeekTime
    timezone: str
    reason: str

    def covers(self, instant: datetime) -> bool:
        """Say whether an instant lies in the span, on the wall clock of its time zone.

        Args:
            instant: with a time zone.
        """
        local = instant.astimezone(ZoneInfo(self.timezone))
        minute = (local.weekday() * 24 + local.hour) * 60 + local.minute
        length = (self.end.minute - self.start.minute) % _MINUTES_A_WEEK
        return (minute - self.start.minute) % _MINUTES_A_WEEK < length


@dataclass(frozen=True)
class Policy:
    """The rules of an environment.

    Args:
        name: as in the operations file.
        run: who may ask for each action; an action that is not listed is refused.
        approve: what each action needs; `destructive-migration` replaces `deploy` when SQL drops or rewrites data.
        backup_before: when a backup is made, by action.
        freezes: when nothing is changed.
        lock_patience: how long a migration may wait for a lock before its statement is ended.
    """

    name: str
    run: Mapping[Action, People] = field(default_factory=dict)
    approve: Mapping[str, Requirement] = field(default_factory=dict)
    backup_before: Mapping[Action, BackupBefore] = field(default_factory=dict)
    freezes: tuple[Freeze, ...] = ()
    lock_patience: timedelta = LOCK_PATIENCE

    def who_may(self, action: Action) -> People:
        """Give the people who may ask for an action."""
        return self.run.get(action, NOBODY)

    def requirement(self, action: Action, destructive: bool = False) -> Requirement:  # noqa: FBT001, FBT002 - a fact of the plan, not a switch
        """Give what must be countersigned before the first change.

        Args:
            action: what the run does.
            destructive: whether its SQL drops or rewrites data. A restore does so by its nature, and its own
                requirement is made for that.
        """
        asked = self.approve.get(action.value)
        if destructive and action is not Action.RESTORE:
            asked = self.approve.get(DESTRUCTIVE_MIGRATION, asked)
        if asked is None:
            return LEAST_GATE if action in _ALWAYS_GATED else OPEN_GATE
        if asked.count == 0 and action in _ALWAYS_GATED:
            return LEAST_GATE
        return asked

    def wants_backup(self, action: Action, migrations: int) -> bool:
        """Say whether a backup is made before an action.

        Args:
            action: what the run does.
            migrations: how many migrations it would run or undo.
        """
        match self.backup_before.get(action, BackupBefore.NEVER):
            case BackupBefore.NEVER:
                return False
            case BackupBefore.IF_MIGRATIONS:
                return migrations > 0
            case BackupBefore.ALWAYS:
                return True

    def freeze_at(self, action: Action, instant: datetime) -> Freeze | None:
        """Give the freeze that stands in the way of an action at an instant; never in that of a backup.

        Args:
            action: what is to be done.
            instant: with a time zone.
        """
        if action is Action.BACKUP:
            return None
        return next((freeze for freeze in self.freezes if freeze.covers(instant)), None)
