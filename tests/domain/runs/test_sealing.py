"""What the findings of the prepare phase put into the acts of a plan."""

from dataclasses import replace

import pytest

from bot.domain.runs.acts import ApprovedLoss, AsRehearsed, Direction, Migrate, NothingPending, Undone
from bot.domain.runs.findings import (
    Finding,
    MigrationFile,
    Rehearsed,
    RehearsedRows,
    RowsChanged,
    RowsCounted,
    SchemaChange,
    SchemaDigest,
    StatementFinding,
    TableDigest,
)
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.runs.sealing import sealed_act
from bot.domain.shell import syntax
from tests.support.examples import REQUEST

IN_GIT = MigrationSource("a", "database/migrations/a.php", "hash in git")
ACT = Migrate(syntax("run"), syntax("ask"), "/app", "f" * 40, (IN_GIT,), (), Direction.UP, "app_migrations")
FILES = (
    MigrationFile("a", "database/migrations/a.php", "hash"),
    MigrationFile("o", "vendor/acme/audit/o.php", "other"),
)
APPROVED = tuple(MigrationSource(found.name, found.path, found.sha256) for found in FILES)


def changed(table: str, deleted: int | None, of: RowsCounted = RowsCounted.ALL, after: int | None = 90) -> RowsChanged:
    return RowsChanged(table, 100, after, deleted, 0, 0, of)


@pytest.mark.parametrize(
    ("findings", "losses"),
    [
        ((changed("users", 10),), (ApprovedLoss("users", 100, 10),)),
        ((changed("users", None),), (ApprovedLoss("users", 100, 10),)),
        ((changed("users", None, after=None),), ()),
        ((changed("users", 10, RowsCounted.SAMPLE),), ()),
        ((changed("users", 10), SchemaChange("users", ("- table users",), "")), ()),
        ((changed("app_migrations", 0),), ()),
        ((Rehearsed(rows=RehearsedRows.COPIED), StatementFinding("a", table="users")), (ApprovedLoss("users", 0, 0),)),
        ((Rehearsed(rows=RehearsedRows.SAMPLE), StatementFinding("a", table="users")), ()),
        ((Rehearsed(rows=RehearsedRows.BACKUP), SchemaChange("users", (), "users.id")), (ApprovedLoss("users", 0, 0),)),
        ((Rehearsed(rows=RehearsedRows.BACKUP), StatementFinding("a")), ()),
        ((StatementFinding("a", table="users"),), ()),
    ],
)
def test_rows_are_counted_where_all_were_there(findings: tuple[Finding, ...], losses: tuple[ApprovedLoss, ...]) -> None:
    assert sealed_act(ACT, findings) == replace(ACT, losses=losses)


def test_the_rehearsed_files_are_the_approved_ones() -> None:
    assert sealed_act(ACT, FILES) == replace(ACT, files=APPROVED)
    assert sealed_act(ACT, ()) == ACT
    down = replace(ACT, direction=Direction.DOWN)
    assert sealed_act(down, FILES) == down
    assert sealed_act(NothingPending(("a",), "app_migrations"), FILES) == NothingPending(("a", "o"), "app_migrations")
    assert sealed_act(Undone(("a",)), FILES) == Undone(("a",))


def test_the_whole_schema_is_expected_where_it_is_known() -> None:
    change, digest = SchemaChange("users", (), "users.id"), SchemaDigest((TableDigest("users", "0" * 16),))
    assert sealed_act(AsRehearsed(), (change,)) == AsRehearsed({"users": "users.id"})
    assert sealed_act(AsRehearsed(), (change, digest)) == AsRehearsed({"users": "users.id"}, {"users": "0" * 16})
    already = AsRehearsed({"users": "users.name"})
    assert sealed_act(already, (change, digest)) == already


def test_a_sealed_plan_names_what_ran_in_the_rehearsal() -> None:
    step = Step("migrate", "Migrate", Phase.CHANGE, ("web1",), Risk.DESTROYS, 60, ACT)
    plan = Plan(REQUEST, (step,), pending=("a",)).sealed(FILES)
    assert plan.pending == ("a", "o")
    assert plan.steps[0].act == replace(ACT, files=APPROVED)
    assert plan_from_json(plan_to_json(plan)) == plan
    assert Plan(REQUEST, (step,), pending=("a",)).sealed(()).pending == ("a",)
