"""What undoing migrations would lose, counted from what the deploy that ran them told."""

from dataclasses import replace

import pytest

from bot.domain.runs.findings import Finding, LossUnknown, NothingLost, Rehearsed, RowsLost, SchemaChange
from bot.domain.runs.plan import Plan
from bot.domain.targets.look import Release
from commands.rollback_losses import SchemaAddition, additions_of, count_losses
from tests.support.examples import HEAD, NEXT, REQUEST, RUN, Sight

RELEASE = Release("R-AAAAAA", NEXT, HEAD, good=True)
OK = Rehearsed()


def plan(*findings: Finding, pending: tuple[str, ...] = ("add_token",)) -> Plan:
    return Plan(REQUEST, (), pending=pending, findings=findings)


def schema(table: str, *lines: str) -> SchemaChange:
    return SchemaChange(table, lines)


def looking(*plans: Plan) -> tuple[Sight, tuple[Release, ...]]:
    look = Sight()
    names = [f"R-AAAAA{number}" for number in range(len(plans))]
    look.runs = {name: replace(RUN, id=name, plan=one) for name, one in zip(names, plans, strict=True)}
    return look, tuple(replace(RELEASE, run=name) for name in names)


@pytest.mark.parametrize(
    ("lines", "added"),
    [
        (("+ users.token varchar(100) NULL, index",), {SchemaAddition("users", "token")}),
        (("+ table users (5 columns)",), {SchemaAddition("users", "")}),
        (("- users.fax varchar(20) NULL", "~ users.mail text → varchar(100)"), set()),
        (("+ users index users_token (token)",), set()),
    ],
)
def test_what_a_rehearsal_added(lines: tuple[str, ...], added: set[SchemaAddition]) -> None:
    assert additions_of(plan(schema("users", *lines))) == added


async def test_values_and_rows_are_counted() -> None:
    look, releases = looking(
        plan(OK, schema("users", "+ users.token varchar(100) NULL"), schema("logs", "+ table logs (2 columns)"))
    )
    look.counts = {("users", "token"): 12, ("logs", None): 3}
    found = await count_losses(("add_token",), releases, look)
    assert found == (RowsLost("logs", "", 3), RowsLost("users", "token", 12))


async def test_what_nobody_recorded_is_said_to_be_unknown() -> None:
    look, releases = looking(plan(OK, pending=("another",)), plan(schema("users", "+ users.token int NULL")))
    found = await count_losses(("add_token",), releases, look)
    assert found == (LossUnknown(("add_token",)),)


async def test_going_back_without_migrations_loses_nothing() -> None:
    assert await count_losses((), (RELEASE,), Sight()) == ()


async def test_what_is_empty_is_no_loss() -> None:
    look, releases = looking(plan(OK, schema("users", "+ users.token varchar(100) NULL")))
    [found] = await count_losses(("add_token",), releases, look)
    assert found == NothingLost("users", "token")
