"""Policies: approvals, backups, and freezes on the wall clock."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.policies.freeze import Freeze, WeekTime
from bot.domain.policies.people import ANYONE, People
from bot.domain.policies.policy import (
    MINIMUM_REQUIREMENT,
    NO_REQUIREMENT,
    BackupBefore,
    Policy,
    Requirement,
)
from bot.domain.runs.plan_json import CODEC
from bot.domain.runs.request import Action

ONE = Requirement(1, People(("releasers",)), timedelta(minutes=30), allow_requester=False)
TWO = Requirement(2, People(("dbas",), frozenset({"UDBA"}), frozenset({"SDBA"})), timedelta(hours=1), True)


@pytest.mark.parametrize(
    ("approve", "action", "destructive", "wanted"),
    [
        ({}, Action.DEPLOY, False, NO_REQUIREMENT),
        ({}, Action.ROLLBACK, False, MINIMUM_REQUIREMENT),
        ({}, Action.RESTORE, False, MINIMUM_REQUIREMENT),
        ({"deploy": ONE}, Action.DEPLOY, False, ONE),
        ({"deploy": ONE, "destructive-migration": TWO}, Action.DEPLOY, False, ONE),
        ({"deploy": ONE, "destructive-migration": TWO}, Action.DEPLOY, True, TWO),
        ({"deploy": ONE}, Action.DEPLOY, True, ONE),
        ({"rollback": NO_REQUIREMENT}, Action.ROLLBACK, False, MINIMUM_REQUIREMENT),
    ],
)
def test_what_must_be_countersigned(
    approve: dict[str, Requirement], action: Action, destructive: bool, wanted: Requirement
) -> None:
    assert Policy("p", approve=approve).requirement(action, destructive) == wanted


@pytest.mark.parametrize("requirement", [ONE, TWO, MINIMUM_REQUIREMENT])
def test_a_stored_requirement_is_the_same(requirement: Requirement) -> None:
    assert CODEC.from_json(Requirement, CODEC.to_json(requirement)) == requirement


@pytest.mark.parametrize(
    ("setting", "migrations", "wanted"),
    [
        (BackupBefore.NEVER, 3, False),
        (BackupBefore.IF_MIGRATIONS, 0, False),
        (BackupBefore.IF_MIGRATIONS, 1, True),
        (BackupBefore.ALWAYS, 0, True),
    ],
)
def test_when_a_backup_is_made(setting: BackupBefore, migrations: int, wanted: bool) -> None:
    policy = Policy("p", backup_before={Action.DEPLOY: setting})
    assert policy.wants_backup(Action.DEPLOY, migrations) is wanted
    assert policy.wants_backup(Action.ROLLBACK, migrations) is False


WEEKEND = Freeze(WeekTime((4 * 24 + 16) * 60), WeekTime(8 * 60), "Europe/Paris", "no weekend releases")


@pytest.mark.parametrize(
    ("instant", "frozen"),
    [
        (datetime(2026, 11, 20, 14, 59, tzinfo=UTC), False),  # Friday 15:59 in Paris, winter
        (datetime(2026, 11, 20, 15, 0, tzinfo=UTC), True),  # Friday 16:00
        (datetime(2026, 11, 22, 12, 0, tzinfo=UTC), True),  # Sunday
        (datetime(2026, 11, 23, 6, 59, tzinfo=UTC), True),  # Monday 07:59
        (datetime(2026, 11, 23, 7, 0, tzinfo=UTC), False),  # Monday 08:00
        (datetime(2026, 7, 17, 13, 59, tzinfo=UTC), False),  # Friday 15:59 in Paris, summer
        (datetime(2026, 7, 17, 14, 0, tzinfo=UTC), True),  # Friday 16:00
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), True),  # the Sunday on which the clocks go forward
    ],
)
def test_a_freeze_is_on_the_wall_clock(instant: datetime, frozen: bool) -> None:
    assert WEEKEND.covers(instant) is frozen
    policy = Policy("p", freezes=(WEEKEND,))
    found = policy.frozen_at(Action.DEPLOY, instant)
    assert (found is not None) is frozen
    assert found is None or (found.reason, found.until) == (WEEKEND.reason, WEEKEND.ends(instant))
    assert policy.frozen_at(Action.BACKUP, instant) is None


def test_a_command_that_is_not_listed_is_nobodys() -> None:
    policy = Policy("p", run={Action.DEPLOY: ANYONE})
    assert policy.who_may(Action.DEPLOY).anyone
    assert policy.who_may(Action.BACKUP) == People()
