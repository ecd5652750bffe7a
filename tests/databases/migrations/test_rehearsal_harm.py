"""The rehearsal does no harm: it writes nothing live, does not run what would, and leaves nothing when it is ended."""

import asyncio
import contextlib
import os
import signal

import pytest

from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason
from bot.engine.ports import Done, Ending, Failed
from tests.databases.support.local import KeptOutput
from tests.databases.support.rehearsals import Stage, found, nothing_left, of
from tests.support import CommitKind, eventually

LIVE_WRITES = ("insert", "update", "delete", "alter", "create", "drop", "truncate", "replace", "rename")


async def test_the_traps_of_pretend_do_no_harm(stage: Stage, mariadb: DatabaseServer) -> None:
    """A cached configuration that names the live database, and no migrations table to find there."""
    await stage.app.artisan("config:cache")
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    before = mariadb.log_position()
    await stage.rehearse()
    name = stage.app.database.name
    said = mariadb.statements(before)
    live = {s.connection for s in said if s.command == "Connect" and f" on {name} " in f"{s.text} "}
    # Laravel from 11 on connects first and chooses the database then.
    live |= {s.connection for s in said if s.ran and s.text.rstrip(";").lower() == f"use `{name}`"}
    assert live, "somebody read the live database"
    writes = [
        s.text
        for s in said
        if s.ran and s.connection in live and s.text.lower().startswith(LIVE_WRITES) and "_countersign_" not in s.text
    ]
    assert writes == []
    elsewhere = [s.text for s in said if s.ran and s.connection not in live and f"`{name}`" in s.text]
    assert [text for text in elsewhere if " LIKE " not in text] == []
    assert "token_id" not in await mariadb.columns(name, "user_sessions")
    await nothing_left(stage.app, mariadb)


async def test_an_empty_database_stays_empty(stage: Stage, mariadb: DatabaseServer) -> None:
    """`migrate --pretend` would make the table of migrations there."""
    name = stage.app.database.name
    for table in ("migrations", "oauth_access_tokens", "user_sessions", "users"):
        await mariadb.query(f"DROP TABLE `{table}`", database=name)
    await stage.push("begins", "Schema::create('first_of_all', function ($t) { $t->id(); });")
    findings = found(await stage.rehearse())
    assert of(findings, "rehearsal")[0]["outcome"] in {"ok", "not_possible"}
    tables = await mariadb.query("SELECT 1 AS one FROM information_schema.tables WHERE table_schema = %s", name)
    assert tables == []
    await nothing_left(stage.app, mariadb)


async def test_a_migration_with_a_connection_of_its_own_is_never_run(stage: Stage, mariadb: DatabaseServer) -> None:
    await stage.push("elsewhere", "Schema::connection('mysql')->create('x', function ($t) { $t->id(); });")
    before = mariadb.log_position()
    findings = found(await stage.rehearse())
    (rehearsal,) = of(findings, "rehearsal")
    assert (rehearsal["outcome"], rehearsal["why"]) == ("not_possible", "other_connection")
    (migration,) = of(findings, "migration")
    assert (migration["risk"], migration["preview"]) == ("unknown", "no")
    assert [s for s in mariadb.statements(before) if s.ran and stage.app.database.name in s.text] == []
    await nothing_left(stage.app, mariadb)


@pytest.mark.parametrize(
    ("kind", "risk", "what"),
    [(CommitKind.TOKEN_ID, "unknown", ""), (CommitKind.DESTRUCTIVE, "destructive", "dropColumn")],
)
async def test_without_a_scratch_database_only_the_source_is_read(
    stage: Stage, mariadb: DatabaseServer, kind: CommitKind, risk: str, what: str
) -> None:
    stage.scratch = False
    await stage.app.next_commit(kind)
    before = mariadb.log_position()
    findings = found(await stage.rehearse())
    assert of(findings, "rehearsal")[0]["why"] == "scratch_off"
    (migration,) = of(findings, "migration")
    assert (migration["risk"], migration["what"], migration["down"]) == (risk, what, "yes")
    assert not [s for s in mariadb.statements(before) if s.command == "Connect" and stage.app.database.user in s.text]


async def test_an_app_that_would_connect_elsewhere_is_not_run(stage: Stage, mariadb: DatabaseServer) -> None:
    config = stage.app.author / "config" / "database.php"
    config.write_text(config.read_text().replace("env('DB_DATABASE', 'compte')", f"'{stage.app.database.name}'"))
    await stage.push("usual", "Schema::table('users', function (Blueprint $t) { $t->string('x')->nullable(); });")
    (rehearsal,) = of(found(await stage.rehearse()), "rehearsal")
    assert (rehearsal["outcome"], rehearsal["why"]) == ("not_possible", "elsewhere")
    assert "x" not in await mariadb.columns(stage.app.database.name, "users")
    await nothing_left(stage.app, mariadb)


async def test_what_a_killed_rehearsal_left_is_gone_after_the_next(
    stage: Stage, mariadb: DatabaseServer, ssh_host: DemoHost
) -> None:
    await stage.push("sleeps", "DB::statement('do sleep(60)');", "Schema::dropIfExists('x');")
    job = await stage.job("R-AAAAA2")
    since = mariadb.log_position()
    rehearsing = asyncio.create_task(stage.performer.perform(job, KeptOutput()))
    await eventually(lambda: any("do sleep" in s.text for s in mariadb.statements(since) if s.ran), seconds=20)
    for pid in ssh_host.left_processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    outcome = await rehearsing
    assert not isinstance(outcome, Done)
    assert list(stage.app.path.glob(".git/countersign-*")) != []
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    (stage.app.author / "database/migrations/2026_01_01_000000_sleeps.php").unlink()
    await stage.push("wakes", "DB::statement('do 1');")
    found(await stage.rehearse("R-AAAAA3"))
    await nothing_left(stage.app, mariadb)


async def test_an_ended_rehearsal_removes_what_it_made(stage: Stage, mariadb: DatabaseServer) -> None:
    await stage.push("sleeps_too", "DB::statement('do sleep(61)');")
    job = await stage.job("R-AAAAA4")
    since = mariadb.log_position()
    rehearsing = asyncio.create_task(stage.performer.perform(job, KeptOutput()))
    await eventually(lambda: any("do sleep(61)" in s.text for s in mariadb.statements(since) if s.ran), seconds=20)
    assert await stage.performer.end(job) is Ending.GONE
    outcome = await rehearsing
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.CANCELLED
    await nothing_left(stage.app, mariadb)
