"""What became of each migration of a run that stopped: by the table, the schema, and what the rehearsal saw."""

import pytest

from bot.domain.runs.aftermath import (
    EFFECT,
    Fate,
    Progress,
    aftermath_of,
    aftermath_to_text,
    fates,
    live_commit,
)
from bot.domain.runs.basis import Basis
from bot.domain.runs.plan import Finding, Plan
from tests.support.examples import HEAD, NEXT, REQUEST

COLUMN, INDEX, OLD = "users.city varchar(190) NULL", "users unique index one (name)", "users.fax varchar(40) NULL"


def effect(name: str, brings: tuple[str, ...] = (), takes: tuple[str, ...] = ()) -> Finding:
    return Finding(EFFECT, {"migration": name, "brings": "\n".join(brings), "takes": "\n".join(takes)})


def rows(name: str, effects: str) -> Finding:
    return Finding("statement", {"migration": name, "effects": effects})


def plan(*findings: Finding, names: tuple[str, ...] = ("a", "b", "c")) -> Plan:
    return Plan(REQUEST, (), pending=names, findings=findings)


def first_left(*findings: Finding, schema: set[str]) -> Fate:
    return fates(plan(*findings, names=("a",)), ("a",), frozenset(schema))[0]


@pytest.mark.parametrize(
    ("findings", "schema", "fate"),
    [
        ([effect("a", (COLUMN, INDEX))], {COLUMN}, Fate("a", Progress.PARTLY, (f"+ {COLUMN}",), (f"+ {INDEX}",))),
        ([effect("a", (COLUMN,), (OLD,))], {OLD}, Fate("a", Progress.NOT, (), (f"+ {COLUMN}", f"- {OLD}"))),
        ([effect("a", (COLUMN,), (OLD,))], set(), Fate("a", Progress.PARTLY, (f"- {OLD}",), (f"+ {COLUMN}",))),
        # everything is there, and it was killed before it could be recorded
        ([effect("a", (COLUMN,))], {COLUMN}, Fate("a", Progress.PARTLY, (f"+ {COLUMN}",), ())),
        # it changes rows too, which no schema shows
        (
            [effect("a", (COLUMN,)), rows("a", "rows_changed users")],
            set(),
            Fate("a", Progress.UNKNOWN, (), (f"+ {COLUMN}",)),
        ),
        ([effect("a"), rows("a", "rows_deleted users")], set(), Fate("a", Progress.UNKNOWN)),
        (
            [effect("a", (COLUMN,)), rows("b", "rows_changed users")],
            set(),
            Fate("a", Progress.NOT, (), (f"+ {COLUMN}",)),
        ),
        # it was never rehearsed
        ([], {COLUMN}, Fate("a", Progress.UNKNOWN)),
    ],
)
def test_the_first_that_is_not_recorded(findings: list[Finding], schema: set[str], fate: Fate) -> None:
    assert first_left(*findings, schema=schema) == fate


def test_those_before_it_are_done_and_those_behind_it_never_began() -> None:
    found = fates(plan(effect("b", (COLUMN, INDEX)), effect("c", (OLD,))), ("b", "c"), frozenset({COLUMN, OLD}))
    assert [fate.progress for fate in found] == [Progress.DONE, Progress.PARTLY, Progress.NOT]


def test_what_is_written_down_is_read_again() -> None:
    found = (Fate("ä b", Progress.PARTLY, ("+ x",), ("- y",)), Fate("c", Progress.NOT))
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
