"""What approvers are told of migrations, as tables of statements, schemas and sizes; without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.databases.migrations.evidence import MAX_STATEMENTS, PreviewedTrial, not_rehearsed, rehearsed
from bot.databases.migrations.online_ddl import UNPREDICTED, Prediction
from bot.databases.migrations.rehearsal_script import RehearsalOutcome, RehearsalResults, Trial
from bot.databases.migrations.sql.catalog import Catalog, KnownColumn
from bot.databases.migrations.sql.ddl import read_statement, read_statements
from bot.databases.server.schema import Schema
from bot.databases.server.schema_rows import schema_of
from bot.databases.server.tables import TableSize
from bot.domain.runs.acts import Direction, Rehearse
from bot.domain.runs.findings import Finding, NotRehearsedReason, RehearsedRows, RehearsedWhere, facts_of
from bot.domain.runs.migration_risk import Online
from bot.domain.shell import syntax

SMALL, LARGE = TableSize(10, 16384), TableSize(2_000_000, 1024)
SIZES = {"users": SMALL, "logs": LARGE}
NOTHING = schema_of(())
CATALOG = Catalog(
    tables={"users": "utf8mb4", "logs": "utf8mb4"},
    columns={("users", "name"): KnownColumn("varchar(100)", nullable=True, charset="utf8mb4", extra="")},
)

INSTANT = Prediction(Online.INSTANT, writes_wait=False)
ONLINE = Prediction(Online.INPLACE, writes_wait=False)
WRITES_WAIT = Prediction(Online.INPLACE, writes_wait=True)
COPY = Prediction(Online.COPY, writes_wait=True)


def column(table: str, name: str, kind: str, *, null: bool = True) -> tuple[str, ...]:
    return ("column", table, name, kind, "YES" if null else "NO", "", "", "", "")


ID = column("users", "id", "int(11)", null=False)
NAME = column("users", "name", "varchar(100)")


def trial(before: Schema = NOTHING, after: Schema = NOTHING, *, name: str = "m", ran: bool = True) -> Trial:
    return Trial(name, None, ran=ran, well=ran, milliseconds=1234 if ran else 0, before=before, after=after, output="")


def previewed(
    *statements: str, prediction: Prediction | None = None, of: Trial | None = None, name: str = "m"
) -> PreviewedTrial:
    read = read_statements(statements, CATALOG)
    return PreviewedTrial(of or trial(name=name), tuple((statement, prediction) for statement in read))


def results(before: Schema = NOTHING, after: Schema = NOTHING) -> RehearsalResults:
    return RehearsalResults(
        RehearsalOutcome.OK,
        None,
        "",
        RehearsedRows.COPIED,
        routines_left_out=False,
        trials=(),
        before=before,
        after=after,
    )


def findings(*migrations: PreviewedTrial, suffix: str = ".php", source: str = "") -> tuple[Finding, ...]:
    sources = {migration.trial.name: source for migration in migrations}
    return rehearsed(suffix, sources, results(), migrations, SIZES)


def facts(found: tuple[Finding, ...], kind: str) -> list[dict[str, str]]:
    return [facts_of(finding) for finding in found if finding.kind == kind]


def verdict(*migrations: PreviewedTrial) -> tuple[str, str, str]:
    """Risk, reason and thing of the last migration."""
    last = facts(findings(*migrations), "migration")[-1]
    return last["risk"], last["reason"], last["what"]


@pytest.mark.parametrize(
    ("sql", "prediction", "expected"),
    [
        ("alter table users drop fax", INSTANT, ("destructive", "column_dropped", "users.fax")),
        ("drop table users", None, ("destructive", "table_dropped", "users")),
        ("truncate users", None, ("destructive", "rows_deleted", "users")),
        ("delete from users where id = 1", None, ("destructive", "rows_deleted", "users")),
        ("update users set name = 'x'", None, ("destructive", "rows_changed", "users.name")),
        ("replace into users values (1)", None, ("destructive", "rows_changed", "users")),
        ("drop table gone", None, ("safe", "nothing", "gone")),
        ("insert into users values (1)", None, ("safe", "nothing", "users")),
        ("create table fresh (id int)", None, ("safe", "new_table", "fresh")),
        ("create view v as select 1", None, ("unknown", "unread", "")),
        ("alter table users add a int", INSTANT, ("safe", "instant", "users")),
        ("alter table users add a int", ONLINE, ("safe", "online", "users")),
        ("alter table users add a int", Prediction(Online.NOCOPY, writes_wait=False), ("safe", "online", "users")),
        ("alter table users add a int", WRITES_WAIT, ("slow", "writes_wait", "users")),
        ("alter table users add a int", COPY, ("slow", "copy", "users")),
        ("alter table users add a int", UNPREDICTED, ("slow", "unpredicted", "users")),
        ("alter table logs add a int", INSTANT, ("safe", "instant", "logs")),
        ("alter table logs add a int", ONLINE, ("slow", "builds", "logs")),
        ("alter table logs add a int", WRITES_WAIT, ("blocking", "writes_wait", "logs")),
        ("alter table logs add a int", COPY, ("blocking", "copy", "logs")),
        ("alter table logs add a int", UNPREDICTED, ("blocking", "unpredicted", "logs")),
    ],
)
def test_the_risk_of_one_statement(sql: str, prediction: Prediction | None, expected: tuple[str, str, str]) -> None:
    found = findings(previewed(sql, prediction=prediction))
    [migration] = facts(found, "migration")
    assert (migration["risk"], migration["reason"], migration["what"]) == expected
    [statement] = facts(found, "statement")
    assert statement["destroys"] == ("yes" if expected[0] == "destructive" else "no")


def test_the_worst_statement_decides() -> None:
    slow, destructive = "alter table users add a int", "alter table users drop fax"
    for statements in ((slow, destructive, slow), (destructive, slow), (slow, slow, destructive)):
        assert verdict(previewed(*statements, prediction=COPY))[0] == "destructive"
    blocking = previewed("alter table users add a int", "alter table logs add a int", prediction=COPY)
    assert verdict(blocking) == ("blocking", "copy", "logs")


@pytest.mark.parametrize(
    ("new", "narrower"),
    [("varchar(10)", True), ("varchar(100)", False), ("varchar(200)", False), ("text", False), ("int(11)", True)],
)
def test_a_modify_that_narrows_a_column_counts_as_destroying(new: str, *, narrower: bool) -> None:
    changed = trial(schema_of([ID, NAME]), schema_of([ID, column("users", "name", new)]))
    found = verdict(previewed(f"alter table users modify name {new}", prediction=INSTANT, of=changed))
    assert found == (("destructive", "column_cut", "users.name") if narrower else ("safe", "instant", "users"))


def test_what_only_the_schema_shows_counts_too() -> None:
    hidden = trial(schema_of([ID, NAME]), schema_of([ID]))
    for statements in (None, ((read_statement("select 1"), None),)):
        found = findings(PreviewedTrial(hidden, statements))
        [migration] = facts(found, "migration")
        assert (migration["risk"], migration["reason"], migration["what"]) == (
            "destructive", "column_dropped", "users.name",
        )  # fmt: skip
        assert facts(found, "old_code") == [{"migration": "m", "effect": "column_dropped", "what": "users.name"}]


def test_a_rename_is_no_loss_but_breaks_old_code() -> None:
    renamed = trial(schema_of([ID, NAME]), schema_of([ID, column("users", "title", "varchar(100)")]))
    found = findings(previewed("alter table users rename column name to title", prediction=INSTANT, of=renamed))
    assert facts(found, "migration")[0]["risk"] == "safe"
    assert facts(found, "old_code") == [{"migration": "m", "effect": "column_renamed", "what": "users.name"}]
    people = [("column", "people", *row[2:]) for row in (ID, NAME)]
    moved = trial(schema_of([ID, NAME]), schema_of(people))
    found = findings(previewed("rename table users to people", prediction=INSTANT, of=moved))
    assert facts(found, "migration")[0]["risk"] == "safe"
    assert [each["effect"] for each in facts(found, "old_code")] == ["table_renamed"]


@pytest.mark.parametrize(
    ("statements", "risk", "reason"),
    [
        (("alter table users add a int", "update users set a = 1"), "safe", "nothing"),
        (("alter table logs add a int", "update logs set a = 1"), "slow", "fills"),
        (("alter table users add a int", "update users set a = 1, name = ''"), "destructive", "rows_changed"),
        (("alter table users add a int", "alter table users drop a"), "safe", "nothing"),
        (("create table fresh (a int)", "update fresh set a = 1", "drop table fresh"), "safe", "new_table"),
        (("create table fresh (a int)", "drop table fresh", "rename table users to fresh", "delete from fresh"),
         "destructive", "rows_deleted"),
        (("rename table users to people", "delete from people"), "destructive", "rows_deleted"),
        (("rename table users to people", "create table users (a int)", "drop table people"), "destructive",
         "table_dropped"),
    ],
)  # fmt: skip
def test_only_what_was_there_before_the_run_can_be_lost(statements: tuple[str, ...], risk: str, reason: str) -> None:
    assert verdict(previewed(*statements))[:2] == (risk, reason)
    apart = tuple(previewed(sql, name=f"m{number}") for number, sql in enumerate(statements))
    worst = [one for one in facts(findings(*apart), "migration") if one["risk"] == risk]
    assert worst, "it does not matter whether one migration does it or several"


@pytest.mark.parametrize(
    ("before", "after", "sql", "breaks"),
    [
        ([ID], [ID, column("users", "a", "int(11)", null=False)], "alter table users add a int not null", True),
        ([ID], [ID, column("users", "a", "int(11)")], "alter table users add a int", False),
        ([NAME], [column("users", "name", "varchar(100)", null=False)],
         "alter table users modify name varchar(100) not null", True),
        ([ID], [ID], "alter table users modify id int not null", False),
    ],
)  # fmt: skip
def test_a_column_that_becomes_required_breaks_old_code(
    before: list[tuple[str, ...]], after: list[tuple[str, ...]], sql: str, *, breaks: bool
) -> None:
    found = findings(previewed(sql, prediction=INSTANT, of=trial(schema_of(before), schema_of(after))))
    assert [each["effect"] for each in facts(found, "old_code")] == (["column_required"] if breaks else [])


@pytest.mark.parametrize("ran", [True, False])
def test_without_a_preview_nothing_is_called_safe(ran: bool) -> None:
    found = findings(PreviewedTrial(trial(ran=ran), None))
    [migration] = facts(found, "migration")
    assert (migration["risk"], migration["reason"], migration["preview"]) == ("unknown", "not_previewed", "no")
    assert migration["seconds"] == ("1.23" if ran else "")
    assert len(facts(found, "effect")) == int(ran)


def test_the_effect_of_each_migration_on_the_schema_is_noted() -> None:
    changed = trial(schema_of([ID, NAME]), schema_of([ID, column("users", "name", "text")]))
    [effect] = facts(findings(previewed(of=changed)), "effect")
    assert effect == {
        "migration": "m",
        "brings": "users.name text NULL",
        "takes": "users.name varchar(100) NULL",
    }


def test_statements_beyond_the_limit_are_counted_and_left_out() -> None:
    many = [f"alter table users add c{number} int" for number in range(MAX_STATEMENTS + 5)]
    found = findings(previewed(*many, "update users set name = 'x'", prediction=INSTANT))
    assert len(facts(found, "statement")) == MAX_STATEMENTS
    [summary] = facts(found, "rehearsal")
    assert summary["statements"] == str(MAX_STATEMENTS + 6)
    [migration] = facts(found, "migration")
    assert migration["risk"] == "destructive", "what is left out is judged all the same"
    long = "update users set name = '" + "x" * 5000 + "'"
    [statement] = facts(findings(previewed(long)), "statement")
    assert len(statement["sql"]) == 2000


def test_the_summary_says_on_what_it_was_tried() -> None:
    on_backup = replace(
        results(), rows=RehearsedRows.BACKUP, backup="B-1", made_at=datetime(2026, 1, 1, tzinfo=UTC), age=60
    )
    [summary] = facts(rehearsed(".php", {}, on_backup, (previewed("select 1"),), SIZES), "rehearsal")
    assert (summary["outcome"], summary["rows"], summary["backup"], summary["age"]) == ("ok", "backup", "B-1", "60")
    assert (summary["migrations"], summary["seconds"]) == ("1", "1.23")
    assert (summary["made_at"], "where" in summary) == ("2026-01-01T00:00:00+00:00", False)
    beside = rehearsed(".php", {}, on_backup, (), SIZES, RehearsedWhere.BESIDE_LIVE)
    assert facts(beside, "rehearsal")[0]["where"] == "beside_live"


def test_a_preview_alone_is_no_rehearsal() -> None:
    alone = replace(results(), ended=RehearsalOutcome.NOT_POSSIBLE, why=NotRehearsedReason.RECIPE, rows=None)
    [summary] = facts(rehearsed("", {}, alone, (previewed("select 1"),), SIZES), "rehearsal")
    assert summary == {"outcome": "not_possible", "why": "recipe", "statements": "1"}


def test_changed_tables_are_shown_as_they_become() -> None:
    before, after = schema_of([ID, NAME]), schema_of([ID])
    found = rehearsed(".php", {}, results(before, after), (), SIZES)
    assert facts(found, "schema") == [
        {"table": "users", "lines": "- users.name varchar(100) NULL", "after": "users.id int(11) NOT NULL"}
    ]


REHEARSE = Rehearse(
    sha="0" * 40,
    migrations=("m",),
    directory="database/migrations",
    suffix=".php",
    table="migrations",
    scratch=None,
    setup=syntax("true"),
    probe=syntax("true"),
    pretend=syntax("true"),
    apply=syntax("true"),
    environment=(),
    other_connection="",
)
DROPS = "public function up() { Schema::drop('users'); } public function down() { }"


@pytest.mark.parametrize(
    ("source", "direction", "expected"),
    [
        (DROPS, Direction.UP, ("destructive", "source_says", "drop", "empty")),
        (DROPS, Direction.DOWN, ("unknown", "not_previewed", "", "empty")),
        ("public function up() { }", Direction.UP, ("unknown", "not_previewed", "", "missing")),
        ("", Direction.UP, ("unknown", "not_previewed", "", "unknown")),
    ],
)
def test_what_could_not_be_tried_is_at_best_unknown(
    source: str, direction: Direction, expected: tuple[str, str, str, str]
) -> None:
    found = not_rehearsed(replace(REHEARSE, direction=direction), {"m": source}, "scratch_off", "words")
    [summary], [migration] = facts(found, "rehearsal"), facts(found, "migration")
    assert (summary["outcome"], summary["why"], summary["detail"]) == ("not_possible", "scratch_off", "words")
    what = migration["what"].rpartition(":")[2]
    assert (migration["risk"], migration["reason"], what, migration["down"]) == expected
