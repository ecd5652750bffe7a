"""What the rehearsal finds, on real parts: MariaDB, artisan and git over a real sshd."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.databases.server.connector import Connector
from bot.databases.server.schema import EARLIER_DIGITS, canonical, schema_digests
from bot.databases.server.tables import live_schema
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from bot.domain.errors import Reason
from bot.domain.runs.acts import AsRehearsed, Rehearse
from bot.domain.runs.plan import Phase, Risk, Step
from bot.engine.ports import Done, Failed, Job, Outcome
from tests.databases.support.local import KeptOutput
from tests.databases.support.rehearsals import Stage, found, nothing_left, of
from tests.support import CommitKind
from tests.support.vendors import BY_INDEX, INT

TOKEN_ID = "2025_11_16_074003_add_token_id_to_user_sessions_table"


async def test_the_usual_migration(stage: Stage, mariadb: DatabaseServer) -> None:
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    before = mariadb.log_position()
    findings = found(await stage.rehearse())
    (rehearsal,) = of(findings, "rehearsal")
    assert (rehearsal["outcome"], rehearsal["migrations"], rehearsal["rows"]) == ("ok", "1", "copied")
    (migration,) = of(findings, "migration")
    assert (migration["name"], migration["risk"], migration["down"]) == (TOKEN_ID, "safe", "yes")
    assert float(migration["seconds"]) > 0
    column, index = of(findings, "statement")
    assert column["sql"].startswith("alter table `user_sessions` add `token_id` varchar(100)")
    assert (column["online"], index["online"]) == ("INSTANT", BY_INDEX)
    assert 0 < int(column["rows"]) < 5000
    (schema,) = of(findings, "schema")
    assert schema["lines"] == "+ user_sessions.token_id varchar(100) NULL, index"
    assert of(findings, "old_code") == []
    assert "token_id" not in await mariadb.columns(stage.app.database.name, "user_sessions")
    await nothing_left(stage.app, mariadb)
    passwords = [s for s in mariadb.statements(before) if stage.app.database.password in s.text]
    assert passwords == []


async def test_three_migrations_in_order(stage: Stage, mariadb: DatabaseServer) -> None:
    await stage.app.next_commit(CommitKind.SEVERAL)
    findings = found(await stage.rehearse())
    names = [migration["name"] for migration in of(findings, "migration")]
    assert names == sorted(names)
    assert [migration["risk"] for migration in of(findings, "migration")] == ["safe"] * 3
    (schema,) = of(findings, "schema")
    assert len(schema["lines"].splitlines()) == 3
    await nothing_left(stage.app, mariadb)


async def test_a_rebuild_is_predicted_as_what_it_is(stage: Stage) -> None:
    await stage.app.next_commit(CommitKind.SLOW)
    findings = found(await stage.rehearse())
    (statement,) = of(findings, "statement")
    assert (statement["online"], statement["writes_wait"], statement["destroys"]) == ("COPY", "yes", "no")
    (migration,) = of(findings, "migration")
    assert (migration["risk"], migration["reason"], migration["what"]) == ("slow", "copy", "user_sessions")


async def test_dropping_a_column_is_destructive_and_more_than_old_code_can_bear(stage: Stage) -> None:
    await stage.app.next_commit(CommitKind.DESTRUCTIVE)
    findings = found(await stage.rehearse())
    (migration,) = of(findings, "migration")
    assert (migration["risk"], migration["reason"]) == ("destructive", "column_dropped")
    assert migration["what"] == "users.fax"
    (old_code,) = of(findings, "old_code")
    assert (old_code["effect"], old_code["what"]) == ("column_dropped", "users.fax")
    (schema,) = of(findings, "schema")
    assert schema["lines"].startswith("- users.fax ")


@pytest.mark.parametrize(
    ("up", "down", "migration", "statements"),
    [
        (  # a backfill of what the same migration adds overwrites nothing
            "Schema::table('users', function (Blueprint $t) { $t->string('greeting')->nullable(); });"
            " DB::statement(\"update users set greeting = 'hello'\");",
            "",
            ("safe", "empty"),
            [("INSTANT", "no"), ("", "no")],
        ),
        (
            "DB::table('users')->update(['locale_of_old' => 1]);",
            "Schema::dropIfExists('x');",
            None,  # there is no such column: it fails on the copy
            [],
        ),
        (
            "DB::table('user_sessions')->where('id', '<', 3)->delete();",
            "/* gone */",
            ("destructive", "empty"),
            [("", "yes")],
        ),
        (  # under pretend nothing is ever found, so it does not say what it will do; the schema does
            "if (Schema::hasColumn('users', 'fax')) {"
            " Schema::table('users', function (Blueprint $t) { $t->dropColumn('fax'); }); }",
            "Schema::dropIfExists('x');",
            ("destructive", "yes"),
            [],
        ),
        (
            "Schema::create('notes of `ours`', function (Blueprint $t) { $t->id(); $t->string('a b')->nullable(); });"
            " Schema::table('notes of `ours`', function (Blueprint $t) { $t->dropColumn('a b'); });",
            "Schema::drop('notes of `ours`');",
            ("safe", "yes"),
            [("", "no"), ("INSTANT", "no")],
        ),
    ],
    ids=["backfill", "fails", "deletes", "hides-from-pretend", "odd-names"],
)
async def test_migrations_of_all_kinds(
    stage: Stage,
    mariadb: DatabaseServer,
    up: str,
    down: str,
    migration: tuple[str, str] | None,
    statements: list[tuple[str, str]],
) -> None:
    await stage.push("of_a_kind", up, down)
    outcome = await stage.rehearse()
    if migration is None:
        assert isinstance(outcome, Failed), outcome
        assert outcome.problem.reason is Reason.REHEARSAL_FAILED
        assert "locale_of_old" in outcome.problem.facts["statement"]
    else:
        findings = found(outcome)
        (told,) = of(findings, "migration")
        assert (told["risk"], told["down"]) == migration
        assert [(each["online"], each["destroys"]) for each in of(findings, "statement")] == statements
    await nothing_left(stage.app, mariadb)


async def test_a_migration_that_fails_halfway_fails_the_step_and_changes_nothing(
    stage: Stage, mariadb: DatabaseServer
) -> None:
    await stage.app.next_commit(CommitKind.FAILING)
    before = await mariadb.columns(stage.app.database.name, "users")
    outcome = await stage.rehearse()
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.REHEARSAL_FAILED
    facts = outcome.problem.facts
    assert facts["migration"].endswith("_and_unique_user_to_sessions")
    assert "1062 Duplicate entry" in facts["error"]
    assert facts["statement"].startswith("ALTER TABLE user_sessions ADD UNIQUE")
    assert await mariadb.columns(stage.app.database.name, "users") == before
    await nothing_left(stage.app, mariadb)


async def test_odd_characters_in_the_name_of_a_migration_stay_characters(
    stage: Stage, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    odd = f'2026_02_01_000000_l\'été "$(touch {tmp_path.name})" ; `id` -- #1 %s <!here>'
    file = stage.app.author / "database" / "migrations" / f"{odd}.php"
    file.write_text(
        "<?php\nuse Illuminate\\Database\\Migrations\\Migration;\nuse Illuminate\\Support\\Facades\\Schema;\n"
        "return new class extends Migration {\n"
        "  public function up() { Schema::table('users', function ($t) { $t->integer('odd')->nullable(); }); }\n"
        "  public function down() { Schema::table('users', function ($t) { $t->dropColumn('odd'); }); }\n};\n"
    )
    await git(stage.app.author, "add", "--all")
    await git(stage.app.author, "commit", "--quiet", "-m", "odd")
    await git(stage.app.author, "push", "--quiet", str(stage.app.origin), "HEAD:main")
    job = await stage.job("R-AAAAA5")
    assert isinstance(job.step.act, Rehearse)
    job = replace(job, step=replace(job.step, act=replace(job.step.act, migrations=(odd,))))
    findings = found(await stage.performer.perform(job, KeptOutput()))
    (migration,) = of(findings, "migration")
    assert (migration["name"], migration["risk"], migration["down"]) == (odd, "safe", "yes")
    assert [facts["lines"] for facts in of(findings, "schema")] == [f"+ users.odd {INT} NULL"]
    await nothing_left(stage.app, mariadb)


async def test_undoing_is_rehearsed_with_its_sql_the_newest_first(stage: Stage, mariadb: DatabaseServer) -> None:
    await stage.app.next_commit(CommitKind.SEVERAL)
    await git(stage.app.path, "pull", "--quiet", "--ff-only")
    await stage.app.artisan("migrate", "--force")
    findings = found(await stage.undo(3))
    names = [migration["name"] for migration in of(findings, "migration")]
    assert names == sorted(names, reverse=True)
    assert {migration["risk"] for migration in of(findings, "migration")} == {"destructive"}
    assert ["drop `other_" in of(findings, "statement")[0]["sql"], len(of(findings, "statement"))] == [True, 3]
    (schema,) = of(findings, "schema")
    gone = {line.split("_")[0] for line in schema["lines"].splitlines()}
    assert gone == {"- users.home", "- users.work", "- users.other"}
    assert len([c for c in await mariadb.columns(stage.app.database.name, "users") if c.startswith("home_")]) == 1
    await nothing_left(stage.app, mariadb)


async def test_undoing_what_has_no_file_is_not_tried(stage: Stage) -> None:
    (rehearsal,) = of(found(await stage.undo(1, lost="2030_01_01_000000_lost")), "rehearsal")
    assert (rehearsal["why"], rehearsal["detail"]) == ("source_missing", "2030_01_01_000000_lost")


async def test_a_broken_way_back_fails_before_anybody_is_asked(stage: Stage, mariadb: DatabaseServer) -> None:
    await stage.push("broken_down", "Schema::table('users', function ($t) { $t->string('x')->nullable(); });")
    await git(stage.app.path, "pull", "--quiet", "--ff-only")
    await stage.app.artisan("migrate", "--force")
    outcome = await stage.undo(1)
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.REHEARSAL_FAILED
    assert outcome.problem.facts["undone"] == "2026_01_01_000000_broken_down"
    assert "no way back" in outcome.problem.facts["error"]
    assert "x" in await mariadb.columns(stage.app.database.name, "users")
    await nothing_left(stage.app, mariadb)


async def test_the_live_schema_is_held_against_the_rehearsal(stage: Stage, mariadb: DatabaseServer) -> None:
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    findings = found(await stage.rehearse())
    expected = {facts["table"]: facts["after"] for facts in of(findings, "schema")}
    step = Step("schema", "As rehearsed", Phase.VERIFY, (), Risk.READS, 60, AsRehearsed(expected))
    job = Job("R-AAAAA1", 1, step, "-", 1, stage.target)
    outcome = await stage.comparer.perform(job, KeptOutput())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.NOT_TAKEN_EFFECT
    assert "user_sessions.token_id varchar(100) NULL" in outcome.problem.facts["missing"]
    await git(stage.app.path, "merge", "--quiet", "--ff-only", "origin/main")
    await stage.app.artisan("migrate", "--force")
    assert await stage.comparer.perform(job, KeptOutput()) == Done({"tables": "user_sessions"})


async def test_the_whole_schema_is_compared_and_plans_of_before_as_they_were_made(
    stage: Stage, mariadb: DatabaseServer, connections: Connector
) -> None:
    async with connections.reading(stage.target) as session:
        rehearsed = await live_schema(session)
    table = canonical(rehearsed.as_once_read().of(["users"]))
    now = AsRehearsed({}, schema_digests(rehearsed))
    before = AsRehearsed({"users": table}, schema_digests(rehearsed.as_once_read(), EARLIER_DIGITS))
    await mariadb.query("ALTER TABLE users COMMENT 'people'", database=stage.app.database.name)
    await mariadb.query("CREATE VIEW theirs AS SELECT id FROM users", database=stage.app.database.name)

    async def compared(act: AsRehearsed) -> Outcome:
        step = Step("schema", "As rehearsed", Phase.VERIFY, (), Risk.READS, 60, act)
        return await stage.comparer.perform(Job("R-AAAAA1", 1, step, "-", 1, stage.target), KeptOutput())

    outcome = await compared(now)
    assert isinstance(outcome, Failed)
    assert outcome.problem.facts["unlike_rehearsed"] == "users"
    for act in (before, AsRehearsed({"users": table})):
        assert isinstance(await compared(act), Done)
    for changed, told in ((now, "users"), (before, "users")):
        await mariadb.query("ALTER TABLE users ADD x INT", database=stage.app.database.name)
        failed = await compared(changed)
        assert isinstance(failed, Failed)
        assert failed.problem.facts["table"] == told
        await mariadb.query("ALTER TABLE users DROP x", database=stage.app.database.name)
