"""A migration that waits for a lock, on a real MariaDB: by artisan over sshd, and by statements of this process."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiomysql
import pytest

from bot.databases.migrations.lock_watchdog import WatchedPerformer
from bot.databases.server.connector import Connector
from bot.databases.server.idle_sessions import IdleSessions
from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.tcp_proxy import TcpProxy
from bot.domain.errors import Reason, problem
from bot.domain.policies.policy import Policy
from bot.domain.runs.acts import Shell
from bot.domain.runs.plan import OnFailure, Phase, Risk, Step
from bot.domain.shell import syntax
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output
from bot.hosts.connections import Connections
from bot.hosts.runner import Runner, ShellPerformer
from bot.hosts.tunnels import Tunnels
from tests.databases.support.contents import session_of
from tests.databases.support.local import KeptOutput, StraightTunnels
from tests.support import eventually

TOKEN_ID = "2025_11_16_074003_add_token_id_to_user_sessions_table"
MIGRATE = Step(
    key="migrate",
    title="Migrate the database",
    phase=Phase.CHANGE,
    hosts=("web1",),
    risk=Risk.DESTROYS,
    timeout=60,
    act=Shell(syntax("php artisan migrate --force --no-ansi"), "/", None),
    on_failure=OnFailure.HOLD,
    schema=True,
)


class Statements:
    """Does a step by running a statement as the target's user (`Performer`)."""

    def __init__(self, made: DemoDatabase, sql: str) -> None:
        self._made, self._sql = made, sql
        self.outcome: Outcome | None = None

    async def perform(self, job: Job, output: Output) -> Outcome:
        try:
            async with session_of(self._made) as cursor:
                await cursor.execute(self._sql)
        except aiomysql.Error as error:
            self.outcome = Failed(problem(Reason.EXIT_STATUS, detail=str(error.args[0])), 1)
        else:
            self.outcome = Done()
        return self.outcome

    async def resume(self, job: Job, output: Output) -> Outcome:
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        return Effect.TOOK

    async def end(self, job: Job) -> Ending:
        return Ending.NEVER_RAN


@pytest.fixture
async def table(mariadb: DatabaseServer, database: DemoDatabase) -> str:
    await mariadb.query("CREATE TABLE t (a INT)", database=database.name)
    await mariadb.query("INSERT INTO t VALUES (1)", database=database.name)
    return "t"


def patient(target: Target, seconds: float) -> Target:
    return replace(target, policy=Policy("production", lock_patience=timedelta(seconds=seconds)))


def job_of(target: Target, step: Step = MIGRATE) -> Job:
    return Job("R-AAAAA1", 1, step, "web1", 1, target)


async def processes(mariadb: DatabaseServer, database: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        await mariadb.query(
            "SELECT p.id, p.user, COALESCE(p.info, '') AS sql_text, t.trx_id IS NOT NULL AS open,"
            " p.state LIKE 'Waiting for %% metadata lock' AS waits FROM information_schema.processlist p"
            " LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id WHERE p.db = %s",
            database,
        )
    )


async def waiting(mariadb: DatabaseServer, database: str, beginning: str) -> bool:
    found = await processes(mariadb, database)
    return any(one["waits"] and one["sql_text"].lower().startswith(beginning) for one in found)


async def holder(mariadb: DatabaseServer, database: str) -> int:
    found = [one for one in await processes(mariadb, database) if one["user"] == "root" and one["open"]]
    return int(found[0]["id"]) if found else 0


def killed(mariadb: DatabaseServer, since: int) -> list[str]:
    """Which statements were ended, each once; a look that is cut short ends its own, by the number of its session."""
    said = mariadb.statements(since)
    looks = {f"KILL QUERY {one.connection}" for one in said if one.text.startswith("SELECT VERSION()")}
    ended = [one.text for one in said if one.text.upper().startswith("KILL QUERY") and one.text not in looks]
    return list(dict.fromkeys(ended))


@pytest.fixture
async def migrating(
    laravel: Application, hosts: Connections, target_of: Callable[..., Target], mariadb: DatabaseServer
) -> tuple[WatchedPerformer, Target, Step]:
    """An application with a migration to run over SSH, and a database that is reached through its host."""
    await git(laravel.path, "pull", "--quiet", "--ff-only", "origin", "main")
    watched = WatchedPerformer(ShellPerformer(Runner(hosts)), Connector(Tunnels(hosts).open), pause=0.1)
    command = Shell(syntax("php artisan migrate --force --no-ansi"), str(laravel.path), None)
    return watched, target_of(laravel.database, via="web1"), replace(MIGRATE, act=command)


async def test_a_migration_that_waits_too_long_is_ended_and_says_for_whom(
    migrating: tuple[WatchedPerformer, Target, Step], laravel: Application, mariadb: DatabaseServer
) -> None:
    watched, target, step = migrating
    made, output = laravel.database, KeptOutput()
    await mariadb.query(f"GRANT PROCESS ON *.* TO `{made.user}`@`%`")
    async with mariadb.lock_table(made.name, "user_sessions"), session_of(made) as visitor:
        blocker = await holder(mariadb, made.name)
        migrate = asyncio.create_task(watched.perform(job_of(patient(target, 2), step), output))
        await eventually(lambda: waiting(mariadb, made.name, "alter"), seconds=20)
        page = asyncio.create_task(visitor.execute("SELECT COUNT(*) FROM user_sessions"))
        await eventually(lambda: waiting(mariadb, made.name, "select"))
        outcome = await migrate
        # the visitor queued behind the migration, was not ended, and is served while the blocker goes on
        await asyncio.wait_for(page, 10)
        assert (await visitor.fetchone())[0] > 100
        assert await holder(mariadb, made.name) == blocker
    assert isinstance(outcome, Failed), (outcome, output.text)
    facts = outcome.problem.facts
    assert outcome.problem.reason is Reason.BLOCKED_BY_SESSIONS
    assert outcome.exit_status == 1
    assert (facts["session"], facts["user"], facts["waited"]) == (str(blocker), "root", "2")
    assert int(facts["seconds"]) >= 2
    assert facts["statement"].startswith("alter table `user_sessions` add `token_id`")
    assert "token_id" not in await mariadb.columns(made.name, "user_sessions")
    assert not await mariadb.query("SELECT 1 FROM migrations WHERE migration = %s", TOKEN_ID, database=made.name)


async def test_a_wait_shorter_than_the_patience_is_waited_for(
    migrating: tuple[WatchedPerformer, Target, Step], laravel: Application, mariadb: DatabaseServer
) -> None:
    watched, target, step = migrating
    name, began, output = laravel.database.name, mariadb.log_position(), KeptOutput()
    async with mariadb.lock_table(name, "user_sessions"):
        migrate = asyncio.create_task(watched.perform(job_of(patient(target, 60), step), output))
        await eventually(lambda: waiting(mariadb, name, "alter"), seconds=20)
    outcome = await migrate
    assert isinstance(outcome, Done), (outcome, output.text)
    assert (await mariadb.columns(name, "user_sessions"))["token_id"] == "varchar(100)"
    assert killed(mariadb, began) == []


@pytest.mark.parametrize("ask", ["perform", "resume"])
async def test_without_the_privilege_it_is_ended_all_the_same(
    ask: str,
    connections: Connector,
    target: Target,
    database: DemoDatabase,
    mariadb: DatabaseServer,
    table: str,
) -> None:
    watched = WatchedPerformer(Statements(database, "ALTER TABLE t ADD b INT"), connections, pause=0.05)
    began = mariadb.log_position()
    async with mariadb.lock_table(database.name, table):
        outcome = await getattr(watched, ask)(job_of(patient(target, 0.5)), KeptOutput())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.BLOCKED_BY_SESSIONS
    assert "session" not in outcome.problem.facts
    assert "PROCESS" in outcome.problem.facts["detail"]
    assert len(killed(mariadb, began)) == 1
    assert "b" not in await mariadb.columns(database.name, table)


async def test_the_same_change_by_somebody_else_is_left_waiting(
    connections: Connector, target: Target, database: DemoDatabase, mariadb: DatabaseServer, table: str
) -> None:
    await mariadb.query(f"GRANT PROCESS ON *.* TO `{database.user}`@`%`")
    watched = WatchedPerformer(Statements(database, "ALTER TABLE t ADD b INT"), connections, pause=0.05)
    async with mariadb.lock_table(database.name, table):
        theirs = asyncio.create_task(mariadb.query("ALTER TABLE t ADD c INT", database=database.name))
        await eventually(lambda: waiting(mariadb, database.name, "alter"))
        outcome = await watched.perform(job_of(patient(target, 0.5)), KeptOutput())
        assert await waiting(mariadb, database.name, "alter")
    await asyncio.wait_for(theirs, 10)
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.BLOCKED_BY_SESSIONS
    assert set(await mariadb.columns(database.name, table)) == {"a", "c"}


async def test_a_long_change_that_waits_for_nothing_is_left_alone(
    connections: Connector, target: Target, database: DemoDatabase, mariadb: DatabaseServer, table: str
) -> None:
    began = mariadb.log_position()
    inner = Statements(database, "CREATE TABLE copied AS SELECT SLEEP(1.5) AS s FROM t")
    watched = WatchedPerformer(inner, connections, pause=0.05)
    assert await watched.perform(job_of(patient(target, 0.2)), KeptOutput()) == Done()
    assert killed(mariadb, began) == []


async def test_a_failure_of_its_own_stays_what_it_is(
    connections: Connector, target: Target, database: DemoDatabase
) -> None:
    inner = Statements(database, "ALTER TABLE missing ADD b INT")
    outcome = await WatchedPerformer(inner, connections).perform(job_of(target), KeptOutput())
    assert isinstance(outcome, Failed)
    assert outcome is inner.outcome


async def test_a_watch_that_is_cut_off_comes_back_and_the_step_goes_on_meanwhile(
    target: Target,
    connections: Connector,
    database: DemoDatabase,
    mariadb: DatabaseServer,
    new_wire: Callable[[int], Awaitable[TcpProxy]],
    table: str,
) -> None:
    wire = await new_wire(mariadb.port)
    assert target.database is not None
    through = replace(target, database=replace(target.database, port=wire.port))
    inner = Statements(database, "ALTER TABLE t ADD b INT")
    watched = WatchedPerformer(inner, connections, pause=0.05)
    async with mariadb.lock_table(database.name, table):
        migrate = asyncio.create_task(watched.perform(job_of(patient(through, 1)), KeptOutput()))
        await eventually(lambda: waiting(mariadb, database.name, "alter"))
        assert wire.reset()
        outcome = await asyncio.wait_for(migrate, 20)
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.BLOCKED_BY_SESSIONS


async def test_a_database_that_cannot_be_watched_fails_no_step(
    target: Target, connections: Connector, database: DemoDatabase, free_port: int, table: str
) -> None:
    assert target.database is not None
    unreachable = replace(target, database=replace(target.database, port=free_port))
    inner = Statements(database, "ALTER TABLE t ADD b INT")
    watched = WatchedPerformer(inner, connections, pause=0.01)
    assert await watched.perform(job_of(unreachable), KeptOutput()) == Done()


@pytest.mark.parametrize("schema", [True, False])
async def test_only_steps_that_change_the_schema_are_watched(
    schema: bool,
    target: Target,
    connections: Connector,
    tunnels: StraightTunnels,
    database: DemoDatabase,
) -> None:
    assert target.database is not None
    through = replace(target, database=replace(target.database, via="web1"))
    watched = WatchedPerformer(Statements(database, "DO SLEEP(0.3)"), connections)
    assert await watched.perform(job_of(through, replace(MIGRATE, schema=schema)), KeptOutput()) == Done()
    assert bool(tunnels.opened) is schema
    assert tunnels.open_now == 0


async def test_the_session_of_a_watch_serves_the_next_look(
    target: Target, tunnels: StraightTunnels, database: DemoDatabase
) -> None:
    assert target.database is not None
    through = replace(target, database=replace(target.database, via="web1"))
    async with IdleSessions() as idle:
        connections = Connector(tunnels.open, idle=idle)
        watched = WatchedPerformer(Statements(database, "DO SLEEP(0.5)"), connections, pause=60)
        assert await watched.perform(job_of(through, MIGRATE), KeptOutput()) == Done()
        async with connections.reading(through):
            assert len(tunnels.opened) == 1
    assert tunnels.open_now == 0


async def test_being_cancelled_leaves_nothing_open(
    target: Target,
    connections: Connector,
    tunnels: StraightTunnels,
    database: DemoDatabase,
    mariadb: DatabaseServer,
    table: str,
) -> None:
    assert target.database is not None
    through = replace(target, database=replace(target.database, via="web1"))
    watched = WatchedPerformer(Statements(database, "ALTER TABLE t ADD b INT"), connections, pause=0.05)
    began = mariadb.log_position()
    async with mariadb.lock_table(database.name, table):
        migrate = asyncio.create_task(watched.perform(job_of(patient(through, 60)), KeptOutput()))
        await eventually(lambda: waiting(mariadb, database.name, "alter") if tunnels.open_now else None)
        migrate.cancel()
        with pytest.raises(asyncio.CancelledError):
            await migrate
        assert tunnels.open_now == 0
    assert killed(mariadb, began) == []
