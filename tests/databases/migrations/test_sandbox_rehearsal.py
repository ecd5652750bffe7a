"""What a rehearsal in a sandbox finds, on real parts: bubblewrap, MariaDB, artisan and git over a real sshd."""

import json

import pytest

from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from bot.domain.errors import Reason
from bot.domain.runs.findings import (
    AttemptKind,
    MigrationEffect,
    MigrationFile,
    MigrationFinding,
    NotRehearsed,
    NotRehearsedReason,
    OldCode,
    Rehearsed,
    RehearsedRows,
    RehearsedWhere,
    RowsChanged,
    RowsCounted,
    SandboxAttempt,
    SchemaChange,
    SchemaDigest,
    StatementFinding,
    WayBack,
    WayBackState,
)
from bot.domain.runs.migration_risk import MigrationRisk, Online, RiskReason
from bot.engine.ports import Failed
from bot.hosts.connections import Connections
from tests.databases.support.sandboxed import SandboxStage, those
from tests.support import CommitKind
from tests.support.vendors import BY_INDEX

TOKEN_ID = "2025_11_16_074003_add_token_id_to_user_sessions_table"


@pytest.fixture
def stage(laravel_at_first, hosts: Connections) -> SandboxStage:  # type: ignore[no-untyped-def]
    return SandboxStage(laravel_at_first, hosts)


async def test_the_usual_migration(stage: SandboxStage, mariadb: DatabaseServer) -> None:
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    before = mariadb.log_position()
    outcome = await stage.in_sandbox()
    (rehearsed,) = those(outcome, Rehearsed)
    assert (rehearsed.migrations, rehearsed.rows, rehearsed.where) == (1, RehearsedRows.COPIED, RehearsedWhere.SANDBOX)
    (migration,) = those(outcome, MigrationFinding)
    assert (migration.name, migration.risk, migration.reason) == (TOKEN_ID, MigrationRisk.SAFE, RiskReason.INSTANT)
    column, index = those(outcome, StatementFinding)
    assert column.sql == "alter table `user_sessions` add `token_id` varchar(100) null after `user_id`"
    assert (column.online, index.online) == (Online.INSTANT, Online(BY_INDEX))
    (schema,) = those(outcome, SchemaChange)
    assert schema.lines == ("+ user_sessions.token_id varchar(100) NULL, index",)
    (effect,) = those(outcome, MigrationEffect)
    assert len(effect.brings) == 2
    assert effect.takes == ()
    assert [way.state for way in those(outcome, WayBack)] == [WayBackState.EXACT]
    (file,) = those(outcome, MigrationFile)
    assert (file.name, file.path) == (TOKEN_ID, f"database/migrations/{TOKEN_ID}.php")
    (digest,) = those(outcome, SchemaDigest)
    assert set(digest.by_table) == {"migrations", "oauth_access_tokens", "user_sessions", "users"}
    assert those(outcome, RowsChanged) == []
    assert those(outcome, OldCode) == []
    assert those(outcome, SandboxAttempt) == []
    writes = ("insert", "update", "delete", "alter", "create", "drop", "truncate", "replace", "rename")
    live = mariadb.statements(before)
    assert live
    assert [one.text for one in live if one.ran and one.text.lower().startswith(writes)] == []


async def test_several_migrations_each_with_its_effect(stage: SandboxStage) -> None:
    await stage.app.next_commit(CommitKind.SEVERAL)
    outcome = await stage.in_sandbox()
    assert [one.risk for one in those(outcome, MigrationFinding)] == [MigrationRisk.SAFE] * 3
    assert [len(one.brings) > 0 for one in those(outcome, MigrationEffect)] == [True] * 3
    assert len(those(outcome, MigrationFile)) == 3


async def test_a_dropped_column(stage: SandboxStage) -> None:
    await stage.app.next_commit(CommitKind.DESTRUCTIVE)
    outcome = await stage.in_sandbox()
    (migration,) = those(outcome, MigrationFinding)
    assert (migration.risk, migration.what) == (MigrationRisk.DESTRUCTIVE, "users.fax")
    assert [one.what for one in those(outcome, OldCode)] == ["users.fax"]


async def test_a_rebuild_is_predicted(stage: SandboxStage) -> None:
    await stage.app.next_commit(CommitKind.SLOW)
    outcome = await stage.in_sandbox()
    (statement,) = those(outcome, StatementFinding)
    assert (statement.online, statement.writes_wait) == (Online.COPY, True)


DELETES = (
    "foreach (DB::table('user_sessions')->get() as $row) DB::table('user_sessions')->where('id', $row->id)->delete();"
)


@pytest.mark.parametrize(
    ("up", "table", "deleted", "changed", "reason"),
    [
        (DELETES, "user_sessions", 500, 0, None),
        # In one statement that no classifier could read: a routine that the migration itself makes.
        (
            "DB::unprepared('create procedure tidy() delete from user_sessions where id <= 7');"
            " DB::statement('call tidy()');",
            "user_sessions",
            7,
            0,
            RiskReason.ROWS_LOST,
        ),
        (
            "DB::unprepared('create procedure tidy() update users set name = 1 where id <= 3');"
            " DB::statement('call tidy()');",
            "users",
            0,
            3,
            RiskReason.ROWS_REWRITTEN,
        ),
        # Through another connection of the same application.
        (
            "config(['database.connections.other' => config('database.connections.mysql')]);"
            " DB::connection('other')->table('user_sessions')->where('id', '<=', 9)->delete();",
            "user_sessions",
            9,
            0,
            None,
        ),
    ],
    ids=["loop", "procedure", "rewritten", "connection"],
)
async def test_rows_that_went_are_destructive_whatever_the_sql(
    stage: SandboxStage, up: str, table: str, deleted: int, changed: int, reason: RiskReason | None
) -> None:
    await stage.push("each", up, "")
    outcome = await stage.in_sandbox()
    (rows,) = those(outcome, RowsChanged)
    assert (rows.table, rows.deleted, rows.changed, rows.of) == (table, deleted, changed, RowsCounted.ALL)
    (migration,) = those(outcome, MigrationFinding)
    assert migration.risk is MigrationRisk.DESTRUCTIVE
    assert reason is None or migration.reason is reason
    if reason is None and deleted == 500:
        assert [one.times for one in those(outcome, StatementFinding)] == [500]


async def test_a_backfill_of_a_new_column_loses_nothing(stage: SandboxStage) -> None:
    await stage.push(
        "fills",
        "Schema::table('users', function ($t) { $t->string('nick')->nullable(); });"
        " foreach (DB::table('users')->get() as $row)"
        " DB::table('users')->where('id', $row->id)->update(['nick' => $row->name]);",
        "Schema::table('users', function ($t) { $t->dropColumn('nick'); });",
    )
    outcome = await stage.in_sandbox()
    assert those(outcome, RowsChanged) == []
    (migration,) = those(outcome, MigrationFinding)
    assert migration.risk is MigrationRisk.SAFE
    assert [way.state for way in those(outcome, WayBack)] == [WayBackState.EXACT]


@pytest.mark.parametrize(
    ("rows", "risk"), [(100, MigrationRisk.UNKNOWN), (100_000, MigrationRisk.SAFE)], ids=["sample", "whole"]
)
async def test_code_that_reads_a_sample_and_writes_nothing_cannot_be_known(
    stage: SandboxStage, rows: int, risk: MigrationRisk
) -> None:
    stage.changes = {"copy_up_to": 0, "sample_rows": rows}
    await stage.push(
        "perhaps",
        "foreach (DB::table('user_sessions')->get() as $row)"
        " if ($row->id > 400) DB::table('user_sessions')->where('id', -$row->id)->delete();"
        if rows < 400
        else "foreach (DB::table('user_sessions')->get() as $row) if ($row->id > 4000) throw new Exception();",
        "",
    )
    outcome = await stage.in_sandbox()
    (rehearsed,) = those(outcome, Rehearsed)
    assert rehearsed.rows is RehearsedRows.SAMPLE
    (migration,) = those(outcome, MigrationFinding)
    assert migration.risk is risk


async def test_what_would_fail_in_production_fails(stage: SandboxStage) -> None:
    await stage.push("twice", "Schema::table('users', function ($t) { $t->string('email'); });")
    outcome = await stage.in_sandbox()
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.REHEARSAL_FAILED
    assert outcome.problem.facts["error"] == "SQLSTATE[42S21] 1060 Duplicate column name 'email'"
    assert outcome.problem.facts["statement"] == "alter table `users` add `email` varchar(255) not null"
    assert outcome.problem.facts["migration"] == "2026_01_01_000000_twice"


@pytest.mark.parametrize(
    "up",
    [
        "if (!@file_get_contents('http://10.1.2.3/')) throw new Exception('no answer');",
        "new PDO('mysql:host=10.1.2.3;dbname=audit', 'a', 'b');",
        "config(['database.connections.audit' => ['driver' => 'mysql', 'host' => '127.0.0.1', 'database' => 'audit',"
        " 'username' => 'audit', 'password' => 'x']]); DB::connection('audit')->table('entries')->delete();",
        "if (config('services.stripe.secret') === null) throw new RuntimeException('not configured');",
    ],
    ids=["http", "pdo", "connection", "configuration"],
)
async def test_what_only_a_sandbox_makes_fail_cannot_be_known(stage: SandboxStage, up: str) -> None:
    await stage.push("needs", up)
    outcome = await stage.in_sandbox()
    (migration,) = those(outcome, MigrationFinding)
    assert migration.risk is MigrationRisk.UNKNOWN
    assert (migration.name, migration.reason) in {
        ("2026_01_01_000000_needs", RiskReason.SANDBOX_ONLY),
        ("2026_01_01_000000_needs", RiskReason.NOT_PREVIEWED),
    }


async def test_attempts_to_reach_out_are_reported(stage: SandboxStage) -> None:
    database = stage.app.database
    await stage.push(
        "calls",
        "@file_get_contents('http://10.1.2.3/'); @stream_socket_client('tcp://127.0.0.1:6379');"
        f" try {{ new PDO('mysql:host={database.host};port={database.port}', '{database.user}', 'live'); }}"
        " catch (PDOException $no) {}"
        " @file_get_contents('/etc/shadow'); @file_put_contents('/var/www/owned.php', 'x');",
    )
    outcome = await stage.in_sandbox()
    assert [(one.attempt, one.what) for one in those(outcome, SandboxAttempt)] == [
        (AttemptKind.NETWORK, "an address outside"),
        (AttemptKind.NETWORK, "a port of 127.0.0.1 at which nobody listens"),
        (AttemptKind.DATABASE, "with another login"),
        (AttemptKind.FILE, "read /etc/shadow"),
        (AttemptKind.FILE, "wrote to /var/www"),
    ]
    (migration,) = those(outcome, MigrationFinding)
    assert (migration.risk, migration.reason) == (MigrationRisk.UNKNOWN, RiskReason.REACHED_OUT)


async def test_values_of_rows_stay_on_the_host(stage: SandboxStage, mariadb: DatabaseServer) -> None:
    await mariadb.query("UPDATE users SET email = 'canary@example.com' WHERE id = 1", database=stage.app.database.name)
    await stage.push(
        "tells",
        "foreach (DB::table('users')->limit(3)->get() as $row) { echo $row->email; error_log($row->email);"
        " DB::table('users')->where('email', $row->email)->update(['name' => $row->email . '!']); }"
        " throw new Exception(DB::table('users')->first()->email);",
    )
    outcome = await stage.in_sandbox()
    assert "canary" not in repr(outcome)
    assert b"canary" not in stage.output.text


async def test_a_squashed_schema_that_would_be_loaded_is_seen(stage: SandboxStage, mariadb: DatabaseServer) -> None:
    await mariadb.query("DELETE FROM migrations", database=stage.app.database.name)
    folder = stage.app.author / "database" / "schema"
    folder.mkdir(exist_ok=True)
    (folder / "mysql-schema.dump").write_text(
        "DROP TABLE IF EXISTS `user_sessions`;\nCREATE TABLE `user_sessions` (`id` int primary key);\n"
        "INSERT INTO `migrations` VALUES (1, '2025_09_01_081500_create_users_table', 1),"
        " (2, '2025_09_01_081600_create_oauth_access_tokens_table', 1),"
        " (3, '2025_09_02_093000_create_user_sessions_table', 1);\n"
    )
    await stage.push("later", "Schema::create('later', function ($t) { $t->id(); });", "Schema::drop('later');")
    outcome = await stage.in_sandbox()
    assert any(one.table == "user_sessions" and one.deleted == 500 for one in those(outcome, RowsChanged))


async def test_packages_of_a_host_that_nobody_named_are_not_brought(stage: SandboxStage) -> None:
    package = {
        "name": "acme/audit",
        "version": "1.0.0",
        "dist": {"type": "zip", "url": "https://evil.example.com/a.zip", "reference": "a", "shasum": ""},
    }
    lock = {"content-hash": "other", "packages": [package]}
    (stage.app.author / "composer.lock").write_text(json.dumps(lock))
    await stage.push("plain", "Schema::create('plain', function ($t) { $t->id(); });")
    outcome = await stage.in_sandbox()
    (why,) = those(outcome, NotRehearsed)
    assert (why.reason, why.package, why.host) == (NotRehearsedReason.PACKAGES, "acme/audit", "evil.example.com")
    (migration,) = those(outcome, MigrationFinding)
    assert migration.risk is MigrationRisk.UNKNOWN
    assert [one.name for one in those(outcome, MigrationFile)] == ["2026_01_01_000000_plain"]


async def test_undoing_is_rehearsed_with_the_live_code(stage: SandboxStage) -> None:
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    await git(stage.app.path, "fetch", "--quiet", "origin")
    await git(stage.app.path, "merge", "--quiet", "--ff-only", "origin/main")
    await stage.app.artisan("migrate", "--force")
    outcome = await stage.undo_in_sandbox(1)
    (migration,) = those(outcome, MigrationFinding)
    assert (migration.name, migration.risk) == (TOKEN_ID, MigrationRisk.DESTRUCTIVE)
    assert migration.what == "user_sessions.token_id"
    assert those(outcome, WayBack) == []
