"""The data that undoing migrations would lose: columns and tables that they added, from their deploys' rehearsals."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.runs.plan import Finding, Plan
from bot.domain.targets.look import Look, Release
from commands.rollback_choice import deploys_of

_COLUMN = re.compile(r"(\w+) ")


@dataclass(frozen=True, order=True)
class SchemaAddition:
    """A column or table that a deploy added.

    Args:
        table: its name.
        column: of the table; empty if the whole table was added.
    """

    table: str
    column: str


def additions_of(plan: Plan) -> frozenset[SchemaAddition]:
    """Read what a rehearsal added, from findings of kind `schema` (`bot.databases.migrations.evidence`)."""
    added: set[SchemaAddition] = set()
    for finding in plan.findings:
        if finding.kind != "schema":
            continue
        table = finding.facts.get("table", "")
        for line in finding.facts.get("lines", "").splitlines():
            if line.startswith(f"+ table {table} ("):
                added.add(SchemaAddition(table, ""))
            elif line.startswith(f"+ {table}."):
                name = _COLUMN.match(line.removeprefix(f"+ {table}."))
                added |= {SchemaAddition(table, name[1])} if name else set()
    return frozenset(added)


async def count_losses(undo: tuple[str, ...], releases: tuple[Release, ...], look: Look) -> tuple[Finding, ...]:
    """Count the rows that would be lost.

    Args:
        undo: the migrations that would be undone.
        releases: what the bot remembers, newest first.
        look: reads.

    Returns:
        A finding `loss` for each column and table that would vanish, with its rows (those with a value, for a column),
        or `loss_nothing` where there are none; and one `loss_unknown` with the migrations of which nothing was told
        when they ran.

    Raises:
        RefusedError: what the database answers.
    """
    if not undo:
        return ()
    rehearsed = [plan for plan in await deploys_of(undo, releases, look) if _is_rehearsed(plan)]
    told = {name for plan in rehearsed for name in plan.pending}
    added = sorted({thing for plan in rehearsed for thing in additions_of(plan)})
    whole = {thing.table for thing in added if not thing.column}
    counted = [thing for thing in added if not thing.column or thing.table not in whole]
    findings = [_loss(t, await look.rows(t.table, t.column or None)) for t in counted]
    untold = [name for name in undo if name not in told]
    return (*findings, *([Finding("loss_unknown", {"migrations": ", ".join(untold)})] if untold else []))


def _loss(thing: SchemaAddition, rows: int) -> Finding:
    where = {"table": thing.table, "column": thing.column}
    return Finding("loss", where | {"rows": str(rows)}) if rows else Finding("loss_nothing", where)


def _is_rehearsed(plan: Plan) -> bool:
    return any(found.kind == "rehearsal" and found.facts.get("outcome") == "ok" for found in plan.findings)
