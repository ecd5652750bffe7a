"""Rehearsals in a sandbox on a host without a server's program, at a scratch server (`scratch: {host, …}`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.console.doctor_checks.check_result import CheckStatus
from bot.console.doctor_checks.rehearsals import check_rehearsal
from bot.databases.migrations.cleanup import ScratchCleanup
from bot.databases.server.connector import Connector
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.domain.runs.findings import (
    AttemptKind,
    MigrationFinding,
    NotRehearsed,
    NotRehearsedReason,
    Rehearsed,
    RowsChanged,
    SandboxAttempt,
    SchemaChange,
    StatementFinding,
    WayBack,
    WayBackState,
)
from bot.domain.runs.migration_risk import MigrationRisk, RiskReason
from bot.domain.runs.run import RunState
from bot.domain.secrets import Secret
from bot.domain.targets.scratch import ScratchServer
from bot.engine.ports import Done
from bot.hosts.connections import Connections
from bot.hosts.tunnels import Tunnels
from bot.recipes.load import load_recipe
from bot.sandbox.server import series_of
from tests.databases.server.test_documented_grants import blocks
from tests.databases.support.remembered import Remembered
from tests.databases.support.sandboxed import SandboxStage, those
from tests.support import CommitKind, eventually
from tests.support.vendors import PROGRAMS

PASSWORD = "a long random password"
ACCOUNT = "rehearsal@`%`"
SWITCHES_LOG = {"MariaDB": "SUPER", "MySQL": "SYSTEM_VARIABLES_ADMIN"}[PROGRAMS.vendor]
"""The privilege to switch the server's log on."""

SERVER = {"MariaDB": "/usr/sbin/mariadbd", "MySQL": "/usr/sbin/mysqld"}[PROGRAMS.vendor]
EVERYBODY_SEES = {"MariaDB": ("information_schema",), "MySQL": ("information_schema", "performance_schema")}[
    PROGRAMS.vendor
]
"""Databases that every account sees."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scratch_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DatabaseServer]:
    async with DatabaseServer(tmp_path_factory.mktemp("scratch")) as server:
        await server.query("SET GLOBAL log_output = 'FILE'")
        yield server


@pytest.fixture(autouse=True)
def without_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host on which no server is installed."""
    monkeypatch.setattr("bot.sandbox.server.PROGRAMS", ("/nowhere/mariadbd",))


@pytest.fixture
async def stage(
    laravel_at_first,  # type: ignore[no-untyped-def]
    hosts: Connections,
    scratch_server: DatabaseServer,
) -> AsyncIterator[SandboxStage]:
    made = SandboxStage(laravel_at_first, hosts)
    pattern = made.app.database.name.replace("_", r"\_")
    for statement in blocks("rehearsal"):
        here = statement.replace("CREATE USER 'r", "CREATE USER IF NOT EXISTS 'r").replace(
            r"`compte\_", rf"`{pattern}\_"
        )
        await scratch_server.query(here)
    made.server = ScratchServer(scratch_server.host, scratch_server.port, "rehearsal", Secret(PASSWORD))
    before = await left(scratch_server)
    yield made
    assert await left(scratch_server) == before


async def left(server: DatabaseServer) -> list[str]:
    """What a rehearsal could leave: databases, accounts, sessions, entries and settings of the log."""
    found = []
    for sql in (
        "SELECT schema_name AS it FROM information_schema.schemata",
        "SELECT CONCAT(user, '@', host) AS it FROM mysql.user",
        "SELECT CONCAT(@@GLOBAL.general_log, @@GLOBAL.log_output) AS it",
        "SELECT COUNT(*) AS it FROM mysql.general_log",
        "SELECT user AS it FROM information_schema.processlist WHERE user LIKE 'countersign%%' OR user = 'rehearsal'",
    ):
        found += [str(row["it"]) for row in await server.query(sql)]
    return found


async def test_the_usual_migration(stage: SandboxStage, mariadb: DatabaseServer) -> None:
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    outcome = await stage.in_sandbox()
    (rehearsed,) = those(outcome, Rehearsed) or those(outcome, NotRehearsed)
    assert isinstance(rehearsed, Rehearsed), (rehearsed, stage.output)
    (migration,) = those(outcome, MigrationFinding)
    assert (migration.risk, migration.reason) == (MigrationRisk.SAFE, RiskReason.INSTANT)
    column, _ = those(outcome, StatementFinding)
    assert column.sql == "alter table `user_sessions` add `token_id` varchar(100) null after `user_id`"
    (schema,) = those(outcome, SchemaChange)
    assert schema.lines == ("+ user_sessions.token_id varchar(100) NULL, index",)
    assert [way.state for way in those(outcome, WayBack)] == [WayBackState.EXACT]
    assert those(outcome, SandboxAttempt) == []


DELETES = "foreach (DB::table('user_sessions')->get() as $row) DB::table('user_sessions')->delete($row->id);"


async def test_rows_that_went_are_counted(stage: SandboxStage) -> None:
    await stage.push("each", DELETES, "")
    outcome = await stage.in_sandbox()
    (rows,) = those(outcome, RowsChanged)
    assert (rows.table, rows.deleted) == ("user_sessions", 500)
    (migration,) = those(outcome, MigrationFinding)
    assert migration.risk is MigrationRisk.DESTRUCTIVE
    assert [one.times for one in those(outcome, StatementFinding)] == [500]


async def test_statements_name_the_live_database(stage: SandboxStage) -> None:
    await stage.push(
        "names", '$d = DB::connection()->getDatabaseName(); DB::statement("alter table `$d`.users add nick int");'
    )
    outcome = await stage.in_sandbox()
    (statement,) = those(outcome, StatementFinding)
    assert statement.sql == f"alter table `{stage.app.database.name}`.users add nick int"


@pytest.mark.parametrize(
    ("privilege", "up", "risk"),
    [
        (
            f"{SWITCHES_LOG} ON *.*",
            "Schema::table('users', function ($t) { $t->string('nick')->nullable(); });",
            MigrationRisk.UNKNOWN,
        ),
        ("SELECT ON mysql.general_log", DELETES, MigrationRisk.DESTRUCTIVE),
    ],
    ids=["harmless", "deletes"],
)
async def test_without_the_log_what_ran_cannot_be_known(
    stage: SandboxStage, scratch_server: DatabaseServer, privilege: str, up: str, risk: MigrationRisk
) -> None:
    await scratch_server.query("SET GLOBAL general_log = OFF")
    await scratch_server.query(f"REVOKE {privilege} FROM {ACCOUNT}")
    await stage.push("perhaps", up, "")
    outcome = await stage.in_sandbox()
    (migration,) = those(outcome, MigrationFinding)
    assert migration.risk is risk
    assert risk is MigrationRisk.DESTRUCTIVE or migration.reason is RiskReason.LOG_INCOMPLETE
    assert those(outcome, Rehearsed)
    await scratch_server.query("SET GLOBAL general_log = ON")


async def test_a_log_that_is_on_is_only_read(stage: SandboxStage, scratch_server: DatabaseServer) -> None:
    await scratch_server.query(f"REVOKE {SWITCHES_LOG} ON *.* FROM {ACCOUNT}")
    await scratch_server.query("SET GLOBAL log_output = 'TABLE'")
    try:
        await stage.app.next_commit(CommitKind.TOKEN_ID)
        outcome = await stage.in_sandbox()
        (migration,) = those(outcome, MigrationFinding)
        assert migration.reason is RiskReason.INSTANT
        there = await scratch_server.query("SELECT COUNT(*) AS it FROM mysql.general_log")
        assert there[0]["it"] > 100
    finally:
        await scratch_server.query("SET GLOBAL log_output = 'FILE'")
        await scratch_server.query("TRUNCATE mysql.general_log")


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (f"REVOKE CREATE USER ON *.* FROM {ACCOUNT}", NotRehearsedReason.SCRATCH, "CREATE USER"),
        ("SET GLOBAL innodb_strict_mode = OFF", NotRehearsedReason.SCRATCH, "strict (True, and False there)"),
        (f"ALTER USER {ACCOUNT} IDENTIFIED BY 'other'", NotRehearsedReason.CONNECT, "database_login_refused"),
    ],
    ids=["account", "settings", "password"],
)
async def test_what_stands_in_the_way_is_said(
    stage: SandboxStage, scratch_server: DatabaseServer, change: str, reason: NotRehearsedReason, words: str
) -> None:
    await scratch_server.query(change)
    try:
        await stage.app.next_commit(CommitKind.TOKEN_ID)
        outcome = await stage.in_sandbox()
    finally:
        await scratch_server.query("SET GLOBAL innodb_strict_mode = ON")
        await scratch_server.query(f"GRANT CREATE USER ON *.* TO {ACCOUNT}")
        await scratch_server.query(f"ALTER USER {ACCOUNT} IDENTIFIED BY '{PASSWORD}'")
    (why,) = those(outcome, NotRehearsed)
    assert why.reason is reason
    assert words in why.detail
    assert PASSWORD not in str(outcome)


async def test_the_doctor_says_what_the_account_lacks(
    stage: SandboxStage, hosts: Connections, scratch_server: DatabaseServer
) -> None:
    ((version,),) = [row.values() for row in await scratch_server.query("SELECT VERSION()")]
    laravel, series = load_recipe("laravel", Path()), series_of(version)
    (found,) = await check_rehearsal(hosts, stage.target, laravel, series)
    assert (found.status, f"at 127.0.0.1:{scratch_server.port}" in found.detail) == (CheckStatus.OK, True), found
    lacks = ("CREATE USER ON *.*", f"{SWITCHES_LOG} ON *.*", "SELECT ON mysql.general_log")
    for privilege in lacks:
        await scratch_server.query(f"REVOKE {privilege} FROM {ACCOUNT}")
    (found,) = await check_rehearsal(hosts, stage.target, laravel, series)
    assert found.status is CheckStatus.WARN
    assert all(privilege in found.detail for privilege in lacks)
    stage.server = ScratchServer("127.0.0.1", stage.app.database.port, "rehearsal", Secret(PASSWORD))
    (found,) = await check_rehearsal(hosts, stage.target, laravel, series)
    assert "database_login_refused" in found.detail


async def test_the_live_server_is_no_scratch_server(stage: SandboxStage) -> None:
    database = stage.app.database
    stage.server = ScratchServer("localhost", database.port, database.user, Secret(database.password))
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    (why,) = those(await stage.in_sandbox(), NotRehearsed)
    assert why.detail == "the scratch server is the live one"


async def test_a_host_with_the_program_does_not_need_it(
    stage: SandboxStage, scratch_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.sandbox.server.PROGRAMS", (SERVER,))
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    since = scratch_server.log_position()
    assert those(await stage.in_sandbox(), Rehearsed)
    assert [one.text for one in scratch_server.statements(since) if "CREATE" in one.text] == []


HOSTILE = """
$seen = ['databases_' . implode('_', array_map(fn ($d) => strlen($d->Database), DB::select('show databases')))];
$try = function (string $as, callable $what) use (&$seen) {
    try { $what(); $seen[] = "could_$as"; } catch (Throwable $no) { $seen[] = "could_not_$as"; }
};
$own = config('database.connections.mysql');
foreach ([$own['username'], 'rehearsal', 'root', env('DB_USERNAME')] as $i => $user)
    foreach (['a long random password', '', env('DB_PASSWORD') . 'x'] as $j => $password)
        $try("login_{$i}_$j", fn () => new PDO("mysql:host={$own['host']};port={$own['port']}", $user, $password));
$try('log', fn () => DB::statement('set global general_log = off'));
$try('quiet', fn () => DB::statement('set session sql_log_off = 1'));
$try('read', fn () => DB::select('select * from canary_elsewhere.kept'));
$try('grant', fn () => DB::statement('grant select on canary_elsewhere.* to current_user'));
$try('evidence', fn () => DB::statement('delete from `' . $own['database'] . '_e`.ran'));
$try('file', fn () => DB::select("select load_file('/etc/passwd') into outfile '/tmp/x'"));
$try('account', fn () => DB::statement("create user x identified by 'x'"));
$try('direct', fn () => new PDO('mysql:host=SCRATCH_HOST;port=SCRATCH_PORT', 'rehearsal', 'a long random password'));
$everything = implode('', array_map(fn ($f) => (string) @file_get_contents($f),
    array_merge(glob('/proc/*/environ'), glob('/proc/*/cmdline'), glob('/sandbox/*'), glob('/sandbox/*/*'))));
$seen[] = str_contains($everything, 'long random') ? 'could_find' : 'could_not_find';
foreach ($seen as $one) Schema::create("saw_$one", function ($t) { $t->id(); });
"""


async def test_code_of_the_commit_reaches_its_own_database_alone(
    stage: SandboxStage, scratch_server: DatabaseServer
) -> None:
    await scratch_server.query("CREATE DATABASE canary_elsewhere")
    await scratch_server.query("CREATE TABLE canary_elsewhere.kept (id INT)")
    try:
        # The application's own port is another one: nobody listens at the scratch server's.
        hostile = HOSTILE.replace("SCRATCH_HOST", "127.0.0.1").replace("SCRATCH_PORT", str(scratch_server.port))
        await stage.push("looks", hostile.replace("\n", " "), "")
        outcome = await stage.in_sandbox()
    finally:
        await scratch_server.query("DROP DATABASE canary_elsewhere")
    lines = [line for change in those(outcome, SchemaChange) for line in change.lines]
    seen = {word.removeprefix("saw_") for line in lines for word in line.split() if word.startswith("saw_")}
    own = len(f"{stage.app.database.name}_countersign_sandbox_aaaaa1")
    assert "_".join(("databases", str(own), *(str(len(name)) for name in EVERYBODY_SEES))) in seen
    assert [one for one in seen if one.startswith("could_") and not one.startswith("could_not_")] == []
    assert len(seen) == 1 + 12 + 9
    assert AttemptKind.DATABASE in {one.attempt for one in those(outcome, SandboxAttempt)}


async def at_work(server: DatabaseServer) -> bool:
    return bool(await server.query("SELECT 1 AS it FROM information_schema.processlist WHERE info = 'do sleep(61)'"))


async def test_a_killed_supervisor_leaves_what_the_next_sweep_removes(
    stage: SandboxStage, hosts: Connections, scratch_server: DatabaseServer, ssh_host: DemoHost
) -> None:
    before = await left(scratch_server)
    await stage.push("sleeps", "DB::statement('do sleep(61)');")
    dying = asyncio.create_task(stage.in_sandbox("R-DEAD"))
    await eventually(lambda: at_work(scratch_server), 30)
    assert any("relay" in line for line in relays())
    states = {"R-DEAD": RunState.PLANNING}
    sweeper = ScratchCleanup(Connector(Tunnels(hosts).open), hosts, Remembered(states).get)
    assert await sweeper.databases(stage.target) == ()
    states["R-DEAD"] = RunState.FAILED
    assert await sweeper.databases(stage.target) == ()  # its step still holds the lock
    for pid in ssh_host.left_processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not isinstance(await dying, Done)
    await eventually(lambda: relays() == [])
    name = f"{stage.app.database.name}_countersign_sandbox_dead"
    assert name in await left(scratch_server)
    # The statement that runs at the server ends there by itself.
    theirs = "SELECT id FROM information_schema.processlist WHERE user = 'countersign_dead'"
    for session in await scratch_server.query(theirs):
        await scratch_server.query(f"KILL {session['id']}")

    async def swept() -> bool:
        return await sweeper.databases(stage.target) == (name,)

    await eventually(swept, 30)
    assert await left(scratch_server) == before
    await sweeper.sandboxes(stage.target)


def relays() -> list[str]:
    """What carries connections to a scratch server."""
    found = []
    for entry in (path.name for path in Path("/proc").iterdir()):
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{entry}/cmdline").read_text(errors="replace") if entry.isdigit() else ""
            if line.startswith("perl") and "# Carries connections" in line:
                found.append(f"relay {line[-60:]}")
    return found


async def test_a_server_that_is_gone_is_no_rehearsal(stage: SandboxStage, scratch_server: DatabaseServer) -> None:
    await stage.push("sleeps", "try { DB::statement('do sleep(61)'); } catch (Throwable $gone) {}")
    rehearsing = asyncio.create_task(stage.in_sandbox())
    await eventually(lambda: at_work(scratch_server), 30)
    await scratch_server.kill()
    try:
        outcome = await asyncio.wait_for(rehearsing, 60)
    finally:
        await scratch_server.start()
    (why,) = those(outcome, NotRehearsed)
    assert why.reason is NotRehearsedReason.LOST
    await leave(scratch_server, stage)


async def leave(server: DatabaseServer, stage: SandboxStage) -> None:
    """Remove what was left at a server that was not there to be cleared up."""
    name = f"{stage.app.database.name}_countersign_sandbox_aaaaa1"
    for host in ("%", "localhost"):
        await server.query(f"DROP USER IF EXISTS 'countersign_aaaaa1'@'{host}'")
    for ending in ("", "_e"):
        await server.query(f"DROP DATABASE IF EXISTS `{name}{ending}`")
    await server.query("SET GLOBAL log_output = 'FILE'")
    await server.query("SET GLOBAL general_log = ON")
    await server.query("TRUNCATE mysql.general_log")
