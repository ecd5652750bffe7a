"""What migrations drop is counted before anybody is asked; what cannot be counted says so."""

import asyncio

import pytest

from bot.domain.errors import Reason
from bot.domain.runs.findings import RecordedEffect, StatementFinding, ValuesLost
from bot.domain.runs.migration_risk import EffectKind
from bot.domain.targets.look import RowCount
from bot.engine.phases import lost_values as counting
from bot.engine.phases.lost_values import lost_values
from tests.support.examples import Sight

COLUMN, TABLE, CUT = EffectKind.COLUMN_DROPPED, EffectKind.TABLE_DROPPED, EffectKind.COLUMN_CUT


def statement(table: str, *effects: tuple[EffectKind, str]) -> StatementFinding:
    return StatementFinding("m", 1, table=table, effects=tuple(RecordedEffect(*effect) for effect in effects))


@pytest.mark.parametrize(
    ("statements", "held", "found"),
    [
        ([], {}, ()),
        ([statement("users", (CUT, "users.fax"))], {("users", "fax"): RowCount(9, 3)}, ()),
        (
            [statement("users", (COLUMN, "users.fax"))],
            {("users", "fax"): RowCount(9, 3)},
            (ValuesLost("users", "fax", 3, 9),),
        ),
        ([statement("users", (COLUMN, "users.fax"))], {("users", "fax"): None}, ()),
        (
            [statement("users", (COLUMN, "users.fax"))],
            {("users", "fax"): Reason.DATABASE_UNREACHABLE},
            (ValuesLost("users", "fax"),),
        ),
        # A column that goes with its table is not counted by itself, and nothing twice.
        (
            [statement("old", (COLUMN, "old.a")), statement("old", (TABLE, "old")), statement("old", (TABLE, "old"))],
            {("old", ""): RowCount(5, 5)},
            (ValuesLost("old", "", 5, 5),),
        ),
        ([statement("a.b", (COLUMN, "a.b.c.d"))], {("a.b", "c.d"): RowCount(1, 1)}, (ValuesLost("a.b", "c.d", 1, 1),)),
    ],
)
async def test_what_is_dropped_is_counted(
    statements: list[StatementFinding],
    held: dict[tuple[str, str], RowCount | Reason | None],
    found: tuple[ValuesLost, ...],
) -> None:
    sight = Sight()
    sight.held_rows = held
    assert await lost_values(statements, sight) == found


async def test_counting_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Sight):
        async def held(self, table: str, column: str) -> RowCount | None:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(counting, "_SECONDS", 0.05)
    found = await lost_values([statement("users", (COLUMN, "users.fax"), (COLUMN, "users.tel"))], Slow())
    assert found == (ValuesLost("users", "fax"), ValuesLost("users", "tel"))
