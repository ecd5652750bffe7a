"""The data that undoing migrations would lose: columns and tables that they added, from their deploys' rehearsals."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.runs.findings import LossUnknown, NothingLost, Rehearsed, RowsLost, SchemaChange, first_of, those_of
from bot.domain.runs.plan import Plan
from bot.domain.targets.look import Look, Release
from commands.rollback_choice import deploys_of

_COLUMN = re.compile(r"(\w+) ")

Loss = RowsLost | NothingLost | LossUnknown
"""What undoing migrations would lose."""


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
    """Read what a rehearsal added, from its changes of the schema."""
    added: set[SchemaAddition] = set()
    for change in those_of(SchemaChange, plan.findings):
        table = change.table
        for line in change.lines:
            if line.startswith(f"+ table {table} ("):
                added.add(SchemaAddition(table, ""))
            elif line.startswith(f"+ {table}."):
                name = _COLUMN.match(line.removeprefix(f"+ {table}."))
                added |= {SchemaAddition(table, name[1])} if name else set()
    return frozenset(added)


async def count_losses(undo: tuple[str, ...], releases: tuple[Release, ...], look: Look) -> tuple[Loss, ...]:
    """Count the rows that would be lost.

    Args:
        undo: the migrations that would be undone.
        releases: what the bot remembers, newest first.
        look: reads.

    Returns:
        One for each column and table that would vanish, with its rows (those with a value, for a column); and one with
        the migrations of which nothing was told when they ran.

    Raises:
        RefusedError: what the database answers.
    """
    if not undo:
        return ()
    deploys = await deploys_of(undo, releases, look)
    rehearsed = [plan for plan in deploys if first_of(Rehearsed, plan.findings) is not None]
    told = {name for plan in rehearsed for name in plan.pending}
    added = sorted({thing for plan in rehearsed for thing in additions_of(plan)})
    whole = {thing.table for thing in added if not thing.column}
    counted = [thing for thing in added if not thing.column or thing.table not in whole]
    findings = [_loss(t, await look.rows(t.table, t.column or None)) for t in counted]
    untold = tuple(name for name in undo if name not in told)
    return (*findings, *([LossUnknown(untold)] if untold else []))


def _loss(thing: SchemaAddition, rows: int) -> Loss:
    return RowsLost(thing.table, thing.column, rows) if rows else NothingLost(thing.table, thing.column)
