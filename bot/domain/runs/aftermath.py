"""What became of each migration of a run that stopped half-way, by the migrations table and the live schema. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.runs.basis import Basis
from bot.domain.runs.plan import Finding, Plan

AFTERMATH = "aftermath"
"""The fact of a run that holds what `aftermath_to_text` wrote."""

LIVE = "live"
"""The fact of a run that holds which commit is live: one, or `HOST: COMMIT` of each where they differ."""

EFFECT = "effect"
"""The kind of the findings that tell what a migration does to the schema (`bot.databases.migrations.evidence`)."""

_ROWS = ("rows_changed", "rows_deleted", "rows_filled", "unknown")
"""Effects of a statement that no schema shows."""


class MigrationProgress(StrEnum):
    """How far a run came with a migration that it was to apply, or to undo."""

    DONE = "done"
    """Applied and recorded; or undone and no longer recorded."""
    PARTLY = "partly"
    """Something of it is in the schema, and the migrations table does not say that it ended."""
    NOT = "not"
    """Nothing of it took effect."""
    UNKNOWN = "unknown"
    """It may have begun, and neither the table nor the schema can tell."""


@dataclass(frozen=True)
class MigrationOutcome:
    """What became of one migration.

    Args:
        name: of the migration.
        progress: how far the run came with it.
        there: of its changes to the schema, those that took effect: lines that begin with `+` or `-`.
        missing: those that did not.
    """

    name: str
    progress: MigrationProgress
    there: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def migration_outcomes(plan: Plan, left: tuple[str, ...], schema: frozenset[str]) -> tuple[MigrationOutcome, ...]:
    """Say of each migration of a plan what became of it.

    Args:
        plan: of the run that stopped.
        left: those of its migrations that the migrations table says are still to be done.
        schema: the live schema as canonical lines.

    Returns:
        One a migration, in the plan's order. Tools run migrations one after the other and stop at the first that
        fails, so that of those still to be done only the first can have begun.
    """
    effects = {found.facts["migration"]: found for found in plan.findings if found.kind == EFFECT}
    waiting = [name for name in plan.migrations if name in left]
    return tuple(
        _outcome(plan, name, effects.get(name), schema, is_first=waiting[:1] == [name])
        if name in waiting
        else MigrationOutcome(name, MigrationProgress.DONE)
        for name in plan.migrations
    )


def _outcome(
    plan: Plan, name: str, effect: Finding | None, schema: frozenset[str], *, is_first: bool
) -> MigrationOutcome:
    if not is_first:
        return MigrationOutcome(name, MigrationProgress.NOT)
    if effect is None:
        return MigrationOutcome(name, MigrationProgress.UNKNOWN)
    there, missing = _seen(effect.facts, schema)
    if there:
        return MigrationOutcome(name, MigrationProgress.PARTLY, there, missing)
    return MigrationOutcome(
        name,
        MigrationProgress.NOT if missing and not _touches_rows(plan, name) else MigrationProgress.UNKNOWN,
        (),
        missing,
    )


def _seen(facts: Mapping[str, str], schema: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell the changes to the schema that took effect from those that did not."""
    brings, takes = facts.get("brings", "").splitlines(), facts.get("takes", "").splitlines()
    took = {f"+ {line}": line in schema for line in brings} | {f"- {line}": line not in schema for line in takes}
    return tuple(line for line, is_there in took.items() if is_there), tuple(
        line for line, is_there in took.items() if not is_there
    )


def _touches_rows(plan: Plan, name: str) -> bool:
    return any(_effects_on_rows(found) for found in plan.findings if found.facts.get("migration") == name)


def _effects_on_rows(found: Finding) -> bool:
    effects = found.facts.get("effects", "").split("; ") if found.kind == "statement" else ()
    return any(effect.startswith(_ROWS) for effect in effects)


def aftermath_to_text(found: tuple[MigrationOutcome, ...]) -> str:
    """Write it as the fact `AFTERMATH` of a run."""
    rows = [[fate.name, fate.progress.value, list(fate.there), list(fate.missing)] for fate in found]
    return json.dumps(rows, ensure_ascii=False)


def aftermath_of(facts: Mapping[str, str]) -> tuple[MigrationOutcome, ...] | None:
    """Read it among the facts of a run; None where it was not, or could not be, looked at.

    Raises:
        ValueError: the fact is not what `aftermath_to_text` wrote.
    """
    text = facts.get(AFTERMATH, "")
    return tuple(_read(json.loads(text))) if text else None


def live_commit(basis: Basis) -> str:
    """Say which commit is live, as the fact `LIVE`.

    Args:
        basis: facts that a plan stands on, read just now.
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
