"""What a plan's evidence says of the approvals that it needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.runs.plan import Finding
from tests.store.support.samples import PLAN

SAFE = Finding("migration", {"name": "m", "risk": "safe"})


@pytest.mark.parametrize(
    ("findings", "pending", "may_destroy"),
    [
        ((Finding("rehearsal", {"outcome": "ok"}), SAFE), ("m",), False),
        ((Finding("rehearsal", {"outcome": "ok"}), Finding("migration", {"risk": "slow"})), ("m",), False),
        ((Finding("rehearsal", {"outcome": "ok"}), Finding("migration", {"risk": "unknown"})), ("m",), True),
        ((Finding("rehearsal", {"outcome": "not_possible", "why": "scratch_off"}),), ("m",), True),
        ((Finding("rehearsal", {"outcome": "not_possible", "why": "recipe"}),), (), False),
    ],
)
def test_what_cannot_be_known_needs_what_a_destructive_migration_needs(
    findings: tuple[Finding, ...], pending: tuple[str, ...], may_destroy: bool
) -> None:
    assert replace(PLAN, findings=findings, pending=pending, undo=(), destructive=False).may_destroy is may_destroy
    assert replace(PLAN, findings=findings, pending=pending, undo=(), destructive=True).may_destroy
