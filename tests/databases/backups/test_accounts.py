"""Backups and restores with the accounts and servers that teams really have."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bot.databases.backups.dump_script import DumpStage
from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.restore import SwapPerformer
from bot.databases.backups.restore_script import RestoreStage
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.backups.backup import Proof
from bot.domain.secrets import Secret
from bot.domain.targets.privileges import Capability
from bot.domain.targets.target import Target
from bot.sandbox.obstacles import Obstacle
from tests.databases.support.contents import CONTENTS, checksums, databases_beside, definitions, execute
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover, stand_in
from tests.databases.support.manifests import manifest_of
from tests.databases.support.steps import (
    BACKUP,
    done,
    failed,
    job_of,
    loaded,
    performer,
    prove_job,
    refused,
    swap_job_of,
)
from tests.support import on_mariadb, on_mysql
from tests.support.vendors import PROGRAMS

LOGGING = {"MariaDB": ("--log-bin",), "MySQL": ()}[PROGRAMS.vendor]


@pytest.fixture
def scratch() -> bool:
    return True


BEYOND_ASCII = "pâsswörd€🎉"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def logging_server(servers_folder: Path) -> AsyncIterator[DatabaseServer]:
    """A server with a binary log."""
    folder = servers_folder / "logging"
    folder.mkdir()
    async with DatabaseServer(folder, LOGGING) as server:
        yield server


@pytest.fixture
async def logged(logging_server: DatabaseServer) -> AsyncIterator[DemoDatabase]:
    """A database with something of each kind; triggers and functions take SUPER by now."""
    await logging_server.query("SET GLOBAL log_bin_trust_function_creators = 1")
    made = await logging_server.create("logged")
    await execute(made, *CONTENTS)
    await logging_server.query("SET GLOBAL log_bin_trust_function_creators = 0")
    yield made
    await logging_server.drop(made)


async def test_what_the_account_may_not_make_cannot_be_proven_here_and_is_not_bad(
    logged: DemoDatabase, target_of: Callable[..., Target], host: LocalHost, logging_server: DatabaseServer
) -> None:
    target = target_of(logged, scratch=True)
    done(await performer(host).perform(job_of(target), KeptOutput()))
    facts = done(await prover(access_to(host)).perform(prove_job(target), KeptOutput()))
    assert facts["unprovable"] == Obstacle.FORBIDDEN.value
    assert "ERROR 1419" in facts["unprovable_detail"]
    assert manifest_of(target).proof is Proof.CHECKED
    assert await databases_beside(logging_server, target) == []


async def test_what_a_restore_would_lack_is_known_before_anybody_is_asked(
    logged: DemoDatabase,
    target_of: Callable[..., Target],
    connections: Connector,
    logging_server: DatabaseServer,
) -> None:
    async def lacks() -> set[str]:
        missing = await DatabaseLook(connections).missing_privileges(target_of(logged))
        return {one.privilege for one in missing if one.capability is Capability.RESTORE}

    assert await lacks() == {"SUPER"}
    await logging_server.query("SET GLOBAL log_bin_trust_function_creators = 1")
    assert await lacks() == set()
    await logging_server.query("CREATE VIEW theirs AS SELECT 1 AS one", database=logged.name)
    assert (
        await lacks()
        == {
            "MariaDB": {"SET USER"},
            "MySQL": {"SET_ANY_DEFINER", "SYSTEM_USER"},
        }[PROGRAMS.vendor]
    )


async def test_a_swap_that_may_not_make_again_what_others_own_touches_nothing(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    await loaded(host, target, made["sha256"])
    await mariadb.query("CREATE EVENT of_root ON SCHEDULE EVERY 1 DAY DO SELECT 1", database=filled.name)
    was = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    since = mariadb.log_position()
    output = KeptOutput()
    outcome = await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), output)
    assert "1227" in refused(outcome, RestoreStage.OBJECTS), output.text
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == was
    assert not any(entry.text.startswith("DROP EVENT") for entry in mariadb.statements(since))


async def test_a_root_owned_event_comes_back_where_the_account_may_name_owners(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    async def events() -> list[dict[str, object]]:
        return await mariadb.query(
            "SELECT event_name AS e, definer AS d, status AS s FROM information_schema.events WHERE event_schema = %s"
            " ORDER BY event_name",
            filled.name,
        )

    may = {"MariaDB": "SET USER", "MySQL": "SET_ANY_DEFINER, SYSTEM_USER"}[PROGRAMS.vendor]
    await mariadb.query(f"GRANT {may} ON *.* TO `{filled.user}`@`%`")
    await mariadb.query("CREATE EVENT of_root ON SCHEDULE EVERY 1 DAY DO SELECT 1", database=filled.name)
    was = await events()
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    await mariadb.query("DROP EVENT of_root", database=filled.name)
    await loaded(host, target, made["sha256"])
    done(await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), KeptOutput()))
    assert await events() == was


async def test_a_password_beyond_ascii_is_taken_by_every_program(
    database: DemoDatabase,
    target_of: Callable[..., Target],
    host: LocalHost,
    mariadb: DatabaseServer,
    connections: Connector,
) -> None:
    await mariadb.query(f"ALTER USER `{database.user}`@`%` IDENTIFIED BY '{BEYOND_ASCII}'")
    target = target_of(database, password=Secret(BEYOND_ASCII))
    async with connections.reading(target) as session:
        assert await session.rows("SELECT 1") == ((1,),)
    done(await performer(host).perform(job_of(target), KeptOutput()))


@contextlib.asynccontextmanager
async def default_role(mariadb: DatabaseServer, made: DemoDatabase, *grants: str) -> AsyncIterator[None]:
    """Give an account what a role may do, such as `PROCESS ON *.*`."""
    role, user = f"{made.name}_role", f"`{made.user}`@`%`"
    default = {"MariaDB": f"SET DEFAULT ROLE `{role}` FOR {user}", "MySQL": f"SET DEFAULT ROLE `{role}` TO {user}"}
    await mariadb.query(f"CREATE ROLE `{role}`")
    try:
        for grant in grants:
            await mariadb.query(f"GRANT {grant} TO `{role}`")
        await mariadb.query(f"GRANT `{role}` TO {user}")
        await mariadb.query(default[PROGRAMS.vendor])
        yield
    finally:
        await mariadb.query(f"DROP ROLE `{role}`")


async def test_privileges_count_where_they_come_from_a_role(
    database: DemoDatabase, target: Target, connections: Connector, mariadb: DatabaseServer
) -> None:
    await mariadb.query(f"REVOKE ALL ON `{database.name.replace('_', chr(92) + '_')}`.* FROM `{database.user}`@`%`")
    async with default_role(mariadb, database, "PROCESS ON *.*", f"ALL ON `{database.name}`.*"):
        facts = await DatabaseLook(connections).database(target, None)
        missing = await DatabaseLook(connections).missing_privileges(target)
    assert facts.sees_all_sessions
    assert [one for one in missing if one.capability is not Capability.BACKUP] == []


async def test_owners_are_kept_where_a_role_lets_the_account_name_them(
    database: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    may = {"MariaDB": "SET USER", "MySQL": "SET_ANY_DEFINER, SYSTEM_USER"}[PROGRAMS.vendor]
    await execute(database, "CREATE TABLE plain (a INT PRIMARY KEY)")
    await mariadb.query("CREATE VIEW theirs AS SELECT 1 AS one", database=database.name)
    async with default_role(mariadb, database, f"{may} ON *.*"):
        made = done(await performer(host).perform(job_of(target), KeptOutput()))
        await loaded(host, target, made["sha256"])
        done(await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), KeptOutput()))
    owners = await mariadb.query(
        "SELECT definer AS d FROM information_schema.views WHERE table_schema = %s AND table_name = 'theirs'",
        database.name,
    )
    assert [row["d"] for row in owners] == ["root@localhost"]


@on_mysql("default roles that hide grants by patterns from views")
async def test_that_views_of_an_account_with_a_default_role_cannot_be_put_back_is_known_before(
    filled: DemoDatabase, target: Target, mariadb: DatabaseServer, connections: Connector
) -> None:
    async def lacks() -> set[str]:
        return {one.privilege for one in await DatabaseLook(connections).missing_privileges(target)}

    role, user = f"{filled.name}_role", f"`{filled.user}`@`%`"
    await mariadb.query(f"CREATE ROLE `{role}`")
    await mariadb.query(f"GRANT `{role}` TO {user}")
    try:
        assert "ALL PRIVILEGES" not in await lacks()
        await mariadb.query(f"SET DEFAULT ROLE `{role}` TO {user}")
        assert "ALL PRIVILEGES" in await lacks()
    finally:
        await mariadb.query(f"DROP ROLE `{role}`")


async def test_a_copy_whose_owner_has_rights_by_a_role_alone_says_nothing_against_the_backup(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    escaped = filled.name.replace("_", r"\_")
    patterns = (escaped, rf"{escaped}\_countersign\_%")
    async with default_role(mariadb, filled, *(f"ALL ON `{pattern}`.*" for pattern in patterns)):
        for pattern in patterns:
            await mariadb.query(f"REVOKE ALL ON `{pattern}`.* FROM `{filled.user}`@`%`")
        done(await performer(host).perform(job_of(target), KeptOutput()))
        facts = done(await prover(access_to(host)).perform(prove_job(target), KeptOutput()))
    assert facts.get("unprovable", Obstacle.FORBIDDEN.value) == Obstacle.FORBIDDEN.value
    assert not manifest_of(target).proof.is_bad


OTHERS = {
    "MariaDB": "mysqldump  Ver 9.7.4 for Linux on x86_64",
    "MySQL": "mysqldump  Ver 10.19 Distrib 10.11.19-MariaDB",
}
"""How the tool of the other vendor calls itself."""

ONLY_ITS_OWN_CAN = {
    "MariaDB": ("CREATE SEQUENCE odd",),
    "MySQL": ("CREATE TABLE odd (a INT, b INT GENERATED ALWAYS AS (a + 1) VIRTUAL)",),
}


async def test_a_tool_of_another_vendor_is_refused_where_it_would_end_well_with_a_bad_dump(
    database: DemoDatabase, target: Target, tmp_path: Path, folder: Path
) -> None:
    # The options that the other vendor's would take are left out.
    real = 'for word; do shift; case $word in --*ssl*|--get-server-*) ;; *) set -- "$@" "$word" ;; esac; done; '
    real += f'exec /usr/bin/{PROGRAMS.dumper} "$@"'
    says = f'case "$*" in *--version*) echo "{OTHERS[PROGRAMS.vendor]}" ;; *) {real} ;; esac'
    for name in ("mariadb-dump", "mysqldump"):
        stand_in(tmp_path / "bin", name, says)
    host = LocalHost(tmp_path / "bin")
    await execute(database, "CREATE TABLE plain (a INT)")
    done(await performer(host).perform(job_of(target, backup="B-AAAAAA"), KeptOutput()))
    await execute(database, *ONLY_ITS_OWN_CAN[PROGRAMS.vendor])
    facts = failed(await performer(host).perform(job_of(target), KeptOutput()), DumpStage.TOOLS)
    assert "odd" in facts["detail"]
    assert not [file for file in folder.iterdir() if file.name.startswith(BACKUP)]  # noqa: ASYNC240 - a small folder


@on_mariadb("sequences, and tables with system versioning")
async def test_sequences_and_versioned_tables_come_back(
    database: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    await execute(
        database,
        "CREATE SEQUENCE numbers START WITH 100",
        "SELECT NEXTVAL(numbers)",
        "CREATE TABLE versioned (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING",
        "INSERT INTO versioned VALUES (1, 1), (2, 2)",
        "UPDATE versioned SET a = 3 WHERE id = 1",
    )
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    assert "sequence numbers" in (manifest_of(target).objects or ())
    assert manifest_of(target).tables == ("versioned",)
    assert done(await prover(access_to(host)).perform(prove_job(target), KeptOutput()))["proof"] == Proof.PROVEN.value
    await execute(database, "DELETE FROM versioned", "DROP SEQUENCE numbers", "CREATE SEQUENCE later")
    await loaded(host, target, made["sha256"])
    done(await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), KeptOutput()))
    rows = await mariadb.query("SELECT id, a FROM versioned ORDER BY id", database=database.name)
    assert [tuple(row.values()) for row in rows] == [(1, 3), (2, 2)]
    tables = await mariadb.query(
        "SELECT table_name AS t, table_type AS k FROM information_schema.tables WHERE table_schema = %s", database.name
    )
    assert {row["t"]: row["k"] for row in tables} == {"versioned": "SYSTEM VERSIONED", "numbers": "SEQUENCE"}
