"""Which comes first with releases, the migrations or the switch, and whether the site must be down. Pure.

The evidence is what the migrations did in the rehearsal. Everything that is not plainly allowed is maintenance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.domain.runs.acts import Shell
from bot.domain.runs.batches import BEFORE_HOST
from bot.domain.runs.findings import (
    Finding,
    MigrationEffect,
    OldCode,
    OrderReason,
    ReleaseOrder,
    RowsChanged,
    StatementFinding,
    SwitchOrder,
    is_unknown,
    those_of,
)
from bot.domain.runs.maintenance import planned_downtime
from bot.domain.runs.migration_risk import EffectKind
from bot.domain.runs.plan import Phase, Plan, Skipped, Step

SWITCH = "switch"
"""Key of the step of a recipe that makes a release live."""

CLOSING = "prune"
"""Key of the step that may come after everything else."""

_ADDS = frozenset(
    {
        EffectKind.TABLE_CREATED,
        EffectKind.COLUMN_ADDED,
        EffectKind.COLUMN_REQUIRED,
        EffectKind.INDEX_ADDED,
        EffectKind.INDEX_DROPPED,
        EffectKind.ROWS_ADDED,
        EffectKind.ROWS_FILLED,
    }
)
"""Effects that the live code can live with. A required column counts only in a new table: else there is `OldCode`."""

_DROPS = frozenset({EffectKind.TABLE_DROPPED, EffectKind.COLUMN_DROPPED, EffectKind.INDEX_DROPPED})
"""Effects without which the new code can live: it does not name what its own migrations drop."""

_COLUMN = re.compile(r"([^ .]+)\.([^ ]+) (.*)")
_FILLS_ITSELF = ("AUTO_INCREMENT", "GENERATED", " AS (")


@dataclass(frozen=True)
class _Evidence:
    """What is known of the migrations that would run."""

    effects: frozenset[tuple[EffectKind, str]]
    breaks: tuple[OldCode, ...]
    brings: tuple[str, ...]
    takes: tuple[str, ...]
    rewrites: tuple[str, ...]

    @property
    def kinds(self) -> frozenset[EffectKind]:
        return frozenset(kind for kind, _ in self.effects)


def release_of(plan: Plan) -> str:
    """Name the release that a plan makes live; empty where it changes a checkout."""
    acts = (step.act for step in plan.of(Phase.CHANGE) if step.key == SWITCH)
    return next((act.directory.rpartition("/")[2] for act in acts if isinstance(act, Shell)), "")


def switch_order(pending: tuple[str, ...], findings: Iterable[Finding]) -> SwitchOrder:
    """Decide what comes first.

    Args:
        pending: the migrations that would run.
        findings: of the rehearsal.

    Returns:
        The order with its reason, and the things that it is about.
    """
    known = tuple(findings)
    effects = those_of(MigrationEffect, known)
    if any(map(is_unknown, known)) or set(pending) - {found.migration for found in effects}:
        return SwitchOrder(ReleaseOrder.MAINTENANCE, OrderReason.UNKNOWN)
    evidence = _Evidence(
        frozenset((one.kind, one.what) for found in those_of(StatementFinding, known) for one in found.effects),
        tuple(those_of(OldCode, known)),
        tuple(line for found in effects for line in found.brings),
        tuple(line for found in effects for line in found.takes),
        tuple(found.table for found in those_of(RowsChanged, known) if found.destroys),
    )
    if not evidence.breaks and _only_adds(evidence):
        return SwitchOrder(ReleaseOrder.MIGRATE_FIRST, OrderReason.ADDS)
    if _only_drops(evidence):
        needed = _required(evidence)
        if not needed:
            return SwitchOrder(ReleaseOrder.SWITCH_FIRST, OrderReason.DROPS, _named(evidence.breaks))
        return SwitchOrder(ReleaseOrder.MAINTENANCE, OrderReason.REQUIRED, needed)
    if evidence.breaks:
        return SwitchOrder(ReleaseOrder.MAINTENANCE, OrderReason.BREAKS, _named(evidence.breaks))
    return SwitchOrder(ReleaseOrder.MAINTENANCE, OrderReason.CHANGES, _others(evidence))


def in_order(plan: Plan) -> Plan:
    """Give a sealed plan with its steps in the order that the evidence allows, and with the reason.

    A site that is taken down for its migrations stays up where that is not needed. A plan that switches no release, has
    no migrations, or leaves the site up anyway in the usual order is given back as it is.

    Args:
        plan: sealed, with the steps for maintenance.
    """
    changes = plan.of(Phase.CHANGE)
    keys = {step.key for step in changes}
    down = planned_downtime(plan)
    if not plan.pending or SWITCH not in keys or not any(step.schema for step in changes):
        return plan
    order = switch_order(plan.pending, plan.findings)
    if order.order is ReleaseOrder.MAINTENANCE:
        return replace(plan, findings=(*plan.findings, order)) if down is not None else plan
    steps = _switched_first(plan.steps) if order.order is ReleaseOrder.SWITCH_FIRST else _migrated_first(plan.steps)
    left_out = [step for step in steps if down is not None and step.key in down]
    return replace(
        plan,
        steps=tuple(step for step in steps if step not in left_out),
        skipped=(*plan.skipped, *(Skipped(step.key, step.title, STAYS_UP) for step in left_out)),
        findings=(*plan.findings, order),
    )


STAYS_UP = "the site is not taken down by this run"
"""Why steps for maintenance are left out."""


def _migrated_first(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Put what changes the schema right before the switch, and before the first host is taken out of service."""
    early = tuple(step for step in steps if step.phase is Phase.CHANGE and step.schema)
    others = tuple(step for step in steps if step not in early)
    keys = [step.key for step in others]
    # A host is taken out of service for the switch alone.
    place = min(keys.index(key) for key in (BEFORE_HOST, SWITCH) if key in keys)
    return (*others[:place], *early, *others[place:])


def _switched_first(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Put what changes the schema behind everything that makes the new code live, its services included."""
    late = tuple(step for step in steps if step.phase is Phase.CHANGE and step.schema)
    others = tuple(step for step in steps if step not in late)
    keys = [step.key for step in others]
    last = next(
        (at for at, step in enumerate(others) if step.phase is Phase.VERIFY or step.key == CLOSING), len(others)
    )
    place = max(last, keys.index(SWITCH) + 1)
    return (*others[:place], *late, *others[place:])


def _only_adds(evidence: _Evidence) -> bool:
    changed = any(_COLUMN.fullmatch(line) for line in evidence.takes)
    return evidence.kinds <= _ADDS and not changed and not evidence.rewrites and not _new_uniqueness(evidence)


def _new_uniqueness(evidence: _Evidence) -> tuple[str, ...]:
    """Name the tables of before that allow a value once only from now on: the live code may write it twice."""
    created = {what for kind, what in evidence.effects if kind is EffectKind.TABLE_CREATED}
    words = (line.split(" ") for line in evidence.brings if _COLUMN.fullmatch(line) is None)
    return tuple(dict.fromkeys(word[0] for word in words if "unique" in word[1:2] and word[0] not in created))


def _only_drops(evidence: _Evidence) -> bool:
    return bool(evidence.effects) and evidence.kinds <= _DROPS and not evidence.brings


def _required(evidence: _Evidence) -> tuple[str, ...]:
    """Name dropped columns that an insert must name as long as they are there, which the new code no longer does."""
    gone = {what for kind, what in evidence.effects if kind is EffectKind.TABLE_DROPPED}
    found = (_COLUMN.fullmatch(line) for line in evidence.takes)
    return tuple(
        f"{column[1]}.{column[2]}" for column in found if column and column[1] not in gone and _is_required(column[3])
    )


def _is_required(definition: str) -> bool:
    fills = any(word in definition.upper() for word in _FILLS_ITSELF)
    return " NOT NULL" in definition and " DEFAULT " not in definition and not fills


def _named(breaks: tuple[OldCode, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found.what for found in breaks))


def _others(evidence: _Evidence) -> tuple[str, ...]:
    changed = (what for kind, what in sorted(evidence.effects) if kind not in _ADDS and what)
    return tuple(dict.fromkeys((*changed, *evidence.rewrites, *_new_uniqueness(evidence))))
