"""The outcome of each migration of a run that stopped half-way, from the migrations table and the live schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import MigrationEffect, StatementFinding, UnknownFinding, those_of
from bot.domain.runs.migration_risk import EffectKind
from bot.domain.runs.plan import Plan

AFTERMATH = "aftermath"
"""The fact of a run that holds the text of `aftermath_to_text`."""

LIVE = "live"
"""The fact of a run that holds the live commit, or `HOST: COMMIT` of each host if they differ."""

_ROWS = frozenset({EffectKind.ROWS_CHANGED, EffectKind.ROWS_DELETED, EffectKind.ROWS_FILLED, EffectKind.UNKNOWN})
"""Effects of a statement that cannot be seen in a schema."""


class MigrationProgress(StrEnum):
    """How far a run got with a migration that it was to apply, or to undo."""

    DONE = "done"
    """Applied and recorded, or undone and no longer recorded."""
    PARTLY = "partly"
    """Some of its changes are in the schema, but the migrations table does not record it as completed."""
    NOT = "not"
    """It had no effect."""
    UNKNOWN = "unknown"
    """It may have begun; neither the table nor the schema can show it."""


@dataclass(frozen=True)
class MigrationOutcome:
    """The outcome of one migration.

    Args:
        name: of the migration.
        progress: how far the run got with it.
        there: its changes to the schema that took effect, as lines that begin with `+` or `-`.
        missing: its changes that did not take effect.
    """

    name: str
    progress: MigrationProgress
    there: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def migration_outcomes(plan: Plan, left: tuple[str, ...], schema: frozenset[str]) -> tuple[MigrationOutcome, ...]:
    """Determine the outcome of each migration of a plan.

    Args:
        plan: of the run that stopped.
        left: its migrations that are still pending, by the migrations table.
        schema: the live schema as canonical lines.

    Returns:
        One for each migration, in the plan's order. Tools run migrations one by one and stop at the first failure, so
        only the first pending one can have begun.
    """
    effects = {found.migration: found for found in those_of(MigrationEffect, plan.findings)}
    waiting = [name for name in plan.migrations if name in left]
    return tuple(
        _outcome(plan, name, effects.get(name), schema, is_first=waiting[:1] == [name])
        if name in waiting
        else MigrationOutcome(name, MigrationProgress.DONE)
        for name in plan.migrations
    )


def _outcome(
    plan: Plan, name: str, effect: MigrationEffect | None, schema: frozenset[str], *, is_first: bool
) -> MigrationOutcome:
    if not is_first:
        return MigrationOutcome(name, MigrationProgress.NOT)
    if effect is None:
        return MigrationOutcome(name, MigrationProgress.UNKNOWN)
    there, missing = _seen(effect, schema)
    if there:
        return MigrationOutcome(name, MigrationProgress.PARTLY, there, missing)
    return MigrationOutcome(
        name,
        MigrationProgress.NOT if missing and not _touches_rows(plan, name) else MigrationProgress.UNKNOWN,
        (),
        missing,
    )


def _seen(effect: MigrationEffect, schema: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Separate the changes to the schema that took effect from those that did not."""
    took = {f"+ {line}": line in schema for line in effect.brings}
    took |= {f"- {line}": line not in schema for line in effect.takes}
    return tuple(line for line, is_there in took.items() if is_there), tuple(
        line for line, is_there in took.items() if not is_there
    )


def _touches_rows(plan: Plan, name: str) -> bool:
    """Whether a migration may have changed rows; one with a statement that cannot be read may."""
    statements = (found for found in those_of(StatementFinding, plan.findings) if found.migration == name)
    unread = (found for found in those_of(UnknownFinding, plan.findings) if found.kind == StatementFinding.kind)
    return any(_ROWS & {effect.kind for effect in statement.effects} for statement in statements) or any(
        found.facts.get("migration") == name for found in unread
    )


def aftermath_to_text(found: tuple[MigrationOutcome, ...]) -> str:
    """Write outcomes as the fact `AFTERMATH` of a run."""
    rows = [[fate.name, fate.progress.value, list(fate.there), list(fate.missing)] for fate in found]
    return json.dumps(rows, ensure_ascii=False)


def aftermath_of(facts: Mapping[str, str]) -> tuple[MigrationOutcome, ...] | None:
    """Read the outcomes from the facts of a run; None if they were not determined.

    Raises:
        ValueError: the fact is not what `aftermath_to_text` wrote.
    """
    text = facts.get(AFTERMATH, "")
    return tuple(_read(json.loads(text))) if text else None


def live_commit(basis: Basis) -> str:
    """Describe the live commit, as the fact `LIVE`.

    Args:
        basis: read just now.
    """
    heads = basis.checked_out
    if len(set(heads.values())) == 1:
        return next(iter(heads.values()))
    return ", ".join(f"{host}: {head[:7]}" for host, head in sorted(heads.items()))


def _read(rows: list[list[object]]) -> Iterator[MigrationOutcome]:
    for name, progress, there, missing in rows:
        yield MigrationOutcome(str(name), MigrationProgress(str(progress)), _texts(there), _texts(missing))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
