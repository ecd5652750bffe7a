"""Counts what migrations would drop, so that whoever approves knows how much it is. Values stay where they are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

from bot.domain.errors import RefusedError
from bot.domain.runs.findings import Finding, StatementFinding, ValuesLost, those_of
from bot.domain.runs.migration_risk import EffectKind
from bot.domain.targets.look import Look

_MOST_COUNTED = 8
_SECONDS = 10.0
"""Limit for counting everything that a plan drops; the database's own limit on a statement holds too."""


async def lost_values(findings: Iterable[Finding], look: Look) -> tuple[ValuesLost, ...]:
    """Count the rows of the tables, and the values of the columns, that a plan's migrations drop.

    Args:
        findings: of the prepare phase.
        look: reads.

    Returns:
        One for each that is there, without figures where they were not counted in time.
    """
    counted = []
    deadline = asyncio.get_running_loop().time() + _SECONDS
    for table, column in _dropped(findings)[:_MOST_COUNTED]:
        found = ValuesLost(table, column)
        with contextlib.suppress(RefusedError, TimeoutError):
            async with asyncio.timeout_at(deadline):
                held = await look.held(table, column)
            if held is None:
                continue  # made by an earlier migration of the same plan, or called otherwise
            found = ValuesLost(table, column, held.values, held.rows)
        counted.append(found)
    return tuple(counted)


def _dropped(findings: Iterable[Finding]) -> tuple[tuple[str, str], ...]:
    """Name the tables and columns that are dropped, once each; columns of dropped tables go with them."""
    things: dict[tuple[str, str], None] = {}
    for statement in those_of(StatementFinding, findings):
        for effect in statement.effects:
            if effect.kind is EffectKind.TABLE_DROPPED and effect.what:
                things[effect.what, ""] = None
            elif effect.kind is EffectKind.COLUMN_DROPPED and effect.what.startswith(f"{statement.table}."):
                things[statement.table, effect.what.removeprefix(f"{statement.table}.")] = None
    return tuple(thing for thing in things if not thing[1] or (thing[0], "") not in things)
