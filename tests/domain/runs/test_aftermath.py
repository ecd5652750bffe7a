"""What became of each migration of a run that stopped: by the table, the schema, and what the rehearsal saw."""

import pytest

from bot.domain.runs.aftermath import (
    MigrationOutcome,
    MigrationProgress,
    aftermath_of,
    aftermath_to_text,
    live_commit,
    migration_outcomes,
)
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import Finding, MigrationEffect, RecordedEffect, StatementFinding, UnknownFinding
from bot.domain.runs.migration_risk import EffectKind
from bot.domain.runs.plan import Plan
from tests.support.examples import HEAD, NEXT, REQUEST

COLUMN, INDEX, OLD = "users.city varchar(190) NULL", "users unique index one (name)", "users.fax varchar(40) NULL"


def effect(name: str, brings: tuple[str, ...] = (), takes: tuple[str, ...] = ()) -> MigrationEffect:
    return MigrationEffect(name, brings, takes)


def rows(name: str, effect: EffectKind) -> StatementFinding:
    return StatementFinding(name, effects=(RecordedEffect(effect, "users"),))


def plan(*findings: Finding, names: tuple[str, ...] = ("a", "b", "c")) -> Plan:
    return Plan(REQUEST, (), pending=names, findings=findings)


def first_left(*findings: Finding, schema: set[str]) -> MigrationOutcome:
    return migration_outcomes(plan(*findings, names=("a",)), ("a",), frozenset(schema))[0]


@pytest.mark.parametrize(
    ("findings", "schema", "fate"),
    [
        (
            [effect("a", (COLUMN, INDEX))],
            {COLUMN},
            MigrationOutcome("a", MigrationProgress.PARTLY, (f"+ {COLUMN}",), (f"+ {INDEX}",)),
        ),
        (
            [effect("a", (COLUMN,), (OLD,))],
            {OLD},
            MigrationOutcome("a", MigrationProgress.NOT, (), (f"+ {COLUMN}", f"- {OLD}")),
        ),
        (
            [effect("a", (COLUMN,), (OLD,))],
            set(),
            MigrationOutcome("a", MigrationProgress.PARTLY, (f"- {OLD}",), (f"+ {COLUMN}",)),
        ),
        # everything is there, and it was killed before it could be recorded
        ([effect("a", (COLUMN,))], {COLUMN}, MigrationOutcome("a", MigrationProgress.PARTLY, (f"+ {COLUMN}",), ())),
        # it changes rows too, which no schema shows
        (
            [effect("a", (COLUMN,)), rows("a", EffectKind.ROWS_CHANGED)],
            set(),
            MigrationOutcome("a", MigrationProgress.UNKNOWN, (), (f"+ {COLUMN}",)),
        ),
        ([effect("a"), rows("a", EffectKind.ROWS_DELETED)], set(), MigrationOutcome("a", MigrationProgress.UNKNOWN)),
        (
            [effect("a", (COLUMN,)), rows("b", EffectKind.ROWS_CHANGED)],
            set(),
            MigrationOutcome("a", MigrationProgress.NOT, (), (f"+ {COLUMN}",)),
        ),
        # a statement that another version wrote cannot be read
        (
            [effect("a", (COLUMN,)), UnknownFinding("statement", {"migration": "a"})],
            set(),
            MigrationOutcome("a", MigrationProgress.UNKNOWN, (), (f"+ {COLUMN}",)),
        ),
        # it was never rehearsed
        ([], {COLUMN}, MigrationOutcome("a", MigrationProgress.UNKNOWN)),
    ],
)
def test_the_first_that_is_not_recorded(findings: list[Finding], schema: set[str], fate: MigrationOutcome) -> None:
    assert first_left(*findings, schema=schema) == fate


def test_those_before_it_are_done_and_those_behind_it_never_began() -> None:
    found = migration_outcomes(
        plan(effect("b", (COLUMN, INDEX)), effect("c", (OLD,))), ("b", "c"), frozenset({COLUMN, OLD})
    )
    assert [fate.progress for fate in found] == [
        MigrationProgress.DONE,
        MigrationProgress.PARTLY,
        MigrationProgress.NOT,
    ]


def test_what_is_written_down_is_read_again() -> None:
    found = (
        MigrationOutcome("ä b", MigrationProgress.PARTLY, ("+ x",), ("- y",)),
        MigrationOutcome("c", MigrationProgress.NOT),
    )
    assert aftermath_of({"aftermath": aftermath_to_text(found)}) == found
    assert aftermath_of({}) is None


@pytest.mark.parametrize(
    ("basis", "told"),
    [
        ({"checked out on web1": HEAD, "checked out on web2": HEAD, "commit": NEXT}, HEAD),
        ({"checked out on web1": HEAD, "checked out on web2": NEXT}, f"web1: {HEAD[:7]}, web2: {NEXT[:7]}"),
    ],
)
def test_the_commit_that_is_live(basis: dict[str, str], told: str) -> None:
    assert live_commit(Basis(basis)) == told
