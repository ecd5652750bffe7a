"""Locks: which requests they block, and when their owner is reminded."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.policies.lock import Lock
from bot.domain.runs.request import (
    Action,
    Decision,
    DeployOptions,
    DropLeftover,
    ListBackups,
    PolicyExceptions,
    RequestOptions,
    ResumeOptions,
    VerifyBackup,
)
from tests.support.examples import NAME, NOON, PLAIN, REQUEST

LOCK = Lock(NAME, "U0BOB", "inventory", NOON)


@pytest.mark.parametrize(
    ("options", "blocked"),
    [
        (PLAIN[Action.DEPLOY], True),
        (PLAIN[Action.ROLLBACK], True),
        (PLAIN[Action.RESTORE], True),
        (DropLeftover(), True),
        (DeployOptions("main", exceptions=PolicyExceptions(emergency="fire")), True),
        (DeployOptions("main", exceptions=PolicyExceptions(during_freeze="paid")), True),
        (DeployOptions("main", dry_run=True), False),
        (PLAIN[Action.BACKUP], False),
        (VerifyBackup("B-20261116-7K3F9Q"), False),
        (ListBackups(), False),
        (PLAIN[Action.MIGRATE_STATUS], False),
        (ResumeOptions(Action.DEPLOY, "R-7K3F9Q", Decision.RETRY), True),
        (ResumeOptions(Action.ROLLBACK, "R-7K3F9Q", Decision.ROLL_BACK), True),
        (ResumeOptions(Action.RESTORE, "R-7K3F9Q", Decision.RETRY), True),
        (ResumeOptions(Action.BACKUP, "R-7K3F9Q", Decision.RETRY), False),
    ],
)
def test_it_blocks_what_changes_the_target(options: RequestOptions, blocked: bool) -> None:
    assert LOCK.blocks(replace(REQUEST, options=options)) is blocked


@pytest.mark.parametrize(
    ("after", "days"),
    [
        (timedelta(0), None),
        (timedelta(hours=23, minutes=59), None),
        (timedelta(days=1), 1),
        (timedelta(days=1, hours=23), 1),
        (timedelta(days=40, seconds=1), 40),
    ],
)
def test_its_owner_is_reminded_once_a_day(after: timedelta, days: int | None) -> None:
    due: datetime | None = None if days is None else NOON + timedelta(days=days)
    assert LOCK.reminder_due(NOON + after) == due
