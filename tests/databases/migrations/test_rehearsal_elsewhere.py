"""A rehearsal whose copy lives on another server (`scratch: {host, …}`): nothing is written at the live one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.databases.migrations.cleanup import ScratchCleanup
from bot.databases.server.connector import Connector
from bot.demo.host.database import DatabaseServer
from bot.domain.runs.run import RunState
from bot.domain.secrets import Secret
from bot.domain.targets.scratch import ScratchServer
from bot.hosts.connections import Connections
from bot.hosts.tunnels import Tunnels
from tests.databases.migrations.test_cleanup import Remembered
from tests.databases.support.rehearsals import Stage, found, nothing_left, of
from tests.support import CommitKind
from tests.support.vendors import BY_INDEX

WRITES = ("insert", "update", "delete", "alter", "create", "drop", "truncate", "replace", "rename")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def other_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DatabaseServer]:
    async with DatabaseServer(tmp_path_factory.mktemp("other")) as server:
        yield server


@pytest.fixture
async def elsewhere(stage: Stage, other_server: DatabaseServer) -> AsyncIterator[Stage]:
    """A stage whose copies live on another server, with an account that has no other rights there."""
    name = stage.app.database.name
    await other_server.query("CREATE USER rehearsal@`%%` IDENTIFIED BY %s", "battery staple")
    pattern = name.replace("_", r"\_")
    await other_server.query(rf"GRANT ALL ON `{pattern}\_countersign\_%`.* TO rehearsal@`%`")
    stage.server = ScratchServer(other_server.host, other_server.port, "rehearsal", Secret("battery staple"))
    yield stage
    await other_server.query("DROP USER rehearsal@`%`")


async def test_the_copy_is_made_there_and_the_live_server_is_only_read(
    elsewhere: Stage, mariadb: DatabaseServer, other_server: DatabaseServer
) -> None:
    await elsewhere.app.next_commit(CommitKind.TOKEN_ID)
    before, there = mariadb.log_position(), other_server.log_position()
    findings = found(await elsewhere.rehearse())
    (rehearsal,) = of(findings, "rehearsal")
    assert (rehearsal["outcome"], rehearsal["migrations"], rehearsal["rows"]) == ("ok", "1", "copied")
    column, index = of(findings, "statement")
    assert (column["online"], index["online"]) == ("INSTANT", BY_INDEX)
    (schema,) = of(findings, "schema")
    assert schema["lines"] == "+ user_sessions.token_id varchar(100) NULL, index"
    written = [s.text for s in mariadb.statements(before) if s.ran and s.text.lower().startswith(WRITES)]
    assert written == []
    created = [s.text for s in other_server.statements(there) if s.ran and s.text.startswith("CREATE DATABASE")]
    assert created
    await nothing_left(elsewhere.app, mariadb)
    await nothing_left(elsewhere.app, other_server)


async def test_a_destructive_migration_is_found_there_too(elsewhere: Stage, other_server: DatabaseServer) -> None:
    await elsewhere.push("goes", "Schema::table('users', function ($t) { $t->dropColumn('email'); });")
    findings = found(await elsewhere.rehearse())
    (migration,) = of(findings, "migration")
    assert (migration["risk"], migration["what"]) == ("destructive", "users.email")
    await nothing_left(elsewhere.app, other_server)


async def test_an_account_that_may_not_is_no_rehearsal(
    elsewhere: Stage, mariadb: DatabaseServer, other_server: DatabaseServer
) -> None:
    await elsewhere.app.next_commit(CommitKind.TOKEN_ID)
    assert elsewhere.server is not None
    elsewhere.server = ScratchServer(elsewhere.server.host, elsewhere.server.port, "rehearsal", Secret("wrong"))
    findings = found(await elsewhere.rehearse())
    (rehearsal,) = of(findings, "rehearsal")
    assert rehearsal["outcome"] == "not_possible"
    assert "battery staple" not in str(findings)
    await nothing_left(elsewhere.app, mariadb)


async def test_what_was_left_there_is_swept(
    elsewhere: Stage, hosts: Connections, mariadb: DatabaseServer, other_server: DatabaseServer, tmp_path: Path
) -> None:
    name = f"{elsewhere.app.database.name}_countersign_rehearsal_over"
    await other_server.query(f"CREATE DATABASE `{name}`")
    runs = Remembered({"R-OVER": RunState.FAILED})
    await ScratchCleanup(Connector(Tunnels(hosts).open), hosts, runs.get).sweep([elsewhere.target])
    await nothing_left(elsewhere.app, other_server)
