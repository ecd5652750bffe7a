"""What a plan's evidence says of the approvals that it needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.runs.findings import (
    Finding,
    MigrationFinding,
    NotRehearsed,
    NotRehearsedReason,
    Rehearsed,
    RowsChanged,
    RowsCounted,
    UnknownFinding,
)
from bot.domain.runs.migration_risk import MigrationRisk
from tests.store.support.samples import PLAN

SAFE = MigrationFinding("m", MigrationRisk.SAFE)


@pytest.mark.parametrize(
    ("findings", "pending", "may_destroy"),
    [
        ((Rehearsed(), SAFE), ("m",), False),
        ((Rehearsed(), MigrationFinding("m", MigrationRisk.SLOW)), ("m",), False),
        ((Rehearsed(), MigrationFinding("m", MigrationRisk.UNKNOWN)), ("m",), True),
        ((NotRehearsed(NotRehearsedReason.SCRATCH_OFF),), ("m",), True),
        ((NotRehearsed(NotRehearsedReason.RECIPE),), (), False),
        ((Rehearsed(), SAFE, RowsChanged("users", 5, 5, None, 0, 0, RowsCounted.ALL)), ("m",), True),
        ((Rehearsed(), SAFE, RowsChanged("users", 5, 6, 0, 0, 1, RowsCounted.ALL)), ("m",), False),
        ((UnknownFinding("rehearsal", {"outcome": "of_tomorrow"}), SAFE), ("m",), True),
    ],
)
def test_what_cannot_be_known_needs_what_a_destructive_migration_needs(
    findings: tuple[Finding, ...], pending: tuple[str, ...], may_destroy: bool
) -> None:
    assert replace(PLAN, findings=findings, pending=pending, undo=(), destructive=False).may_destroy is may_destroy
    assert replace(PLAN, findings=findings, pending=pending, undo=(), destructive=True).may_destroy


@pytest.mark.parametrize(
    ("found", "destructive"),
    [
        (SAFE, False),
        (MigrationFinding("m", MigrationRisk.DESTRUCTIVE), True),
        (RowsChanged("users", 500, 214, 286, 0, 0, RowsCounted.ALL), True),
        (RowsChanged("users", 500, 500, 0, 7, 0, RowsCounted.SAMPLE), True),
        (RowsChanged("users", 500, 501, 0, 0, 1, RowsCounted.ALL), False),
    ],
)
def test_what_was_seen_to_destroy_makes_a_plan_destructive(found: Finding, destructive: bool) -> None:
    assert replace(PLAN, findings=(), destructive=False).sealed((found,)).destructive is destructive
