"""A server that is restarted in good order while it is read or written: it ends what runs with words of its own.

It is no backup, nothing is said against a good one, nothing is left, and what the server said comes first.
"""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from bot.databases.backups.dump_script import DumpStage
from bot.databases.backups.restore import LoadPerformer
from bot.databases.backups.restore_script import RestoreStage, script
from bot.databases.server.connector import Connector
from bot.databases.server.errors import NO_ANSWER
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.host import DemoHost
from bot.domain.backups.backup import Proof
from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.acts import Dump, Load
from bot.domain.targets.target import Target
from tests.databases.support.at_work import at_work_on
from tests.databases.support.contents import databases_beside, execute
from tests.databases.support.held_up import Hold, halfway, locked
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover
from tests.databases.support.manifests import manifest_of
from tests.databases.support.rooms import BACKUP as ELSEWHERE
from tests.databases.support.rooms import Room, kept_in
from tests.databases.support.steps import (
    BACKUP,
    copy_and_old,
    done,
    failed,
    job_of,
    performer,
    prove_job,
    refused,
    step_job,
)
from tests.support import eventually

SECONDS = 4
"""How long a server has to have been up, so that whole seconds tell it from the next one."""

GONE = ("the database server was restarted meanwhile", "the database server does not answer any more")
"""What is said first: when it fails, the server may not be back yet."""


@pytest.fixture
def scratch() -> bool:
    return True


async def restart(server: DatabaseServer) -> None:
    async def has_been_up() -> bool:
        [row] = await server.query("SHOW GLOBAL STATUS LIKE 'Uptime'")
        return int(row["Value"]) > SECONDS

    await eventually(has_been_up, 20, what="the server is no new one")
    await server.stop()
    await server.start()


async def test_a_dump_is_no_backup_and_says_why(
    target: Target, database: DemoDatabase, folder: Path, mariadb: DatabaseServer
) -> None:
    async with halfway(target, database, LocalHost()) as dumping:
        await restart(mariadb)
        detail = failed(await dumping, DumpStage.DUMP)["detail"]
    assert detail.startswith(GONE), detail
    assert list(folder.iterdir()) == []


async def test_a_dump_to_the_bot_is_no_backup_and_says_why(
    in_directory: Room, database: DemoDatabase, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    async with locked(database):
        dumping = asyncio.create_task(in_directory.dumping.perform(in_directory.job(Dump(ELSEWHERE)), KeptOutput()))

        async def waits() -> bool:
            sql = "SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock'"
            return bool(await mariadb.query(sql))

        await eventually(waits, 30, what="the dump waits for a table")
        await restart(mariadb)
        detail = failed(await dumping, DumpStage.DUMP)["detail"]
    assert detail.startswith(GONE), detail
    assert await kept_in(in_directory) == []
    await eventually(lambda: not at_work_on(ssh_host), seconds=20)


@pytest.mark.parametrize("what", ["proof", "load"])
async def test_nothing_is_said_against_a_backup_that_is_being_restored(
    what: str, filled: DemoDatabase, target: Target, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    made = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    hold = Hold(tmp_path / "programs", "zstd", "*-d*")
    access, output = access_to(LocalHost(hold.path)), KeptOutput()
    if what == "proof":
        job, restoring = prove_job(target), prover(access)
    else:
        job, restoring = step_job(target, Load(BACKUP, made["sha256"], copy_and_old(target)[0])), LoadPerformer(access)
    running = asyncio.create_task(restoring.perform(job, output))
    await hold.reached()
    await restart(mariadb)
    hold.on.touch()
    detail = refused(await running, RestoreStage.INTERRUPTED)
    assert detail.startswith(GONE), detail
    assert manifest_of(target).proof is Proof.CHECKED
    assert await databases_beside(mariadb, target) == []


async def test_a_look_says_that_the_server_is_gone(
    target: Target, database: DemoDatabase, connections: Connector, mariadb: DatabaseServer
) -> None:
    async def asleep() -> bool:
        return bool(
            await mariadb.query("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%%'")
        )

    async def look() -> None:
        async with connections.reading(target) as session:
            await session.rows("SELECT SLEEP(9) FROM (SELECT 1) one")  # which MySQL ends with an answer
            await session.rows("SELECT 1")

    await execute(database, "CREATE TABLE t (a INT)")
    looking = asyncio.create_task(look())
    await eventually(asleep, 10, what="the look waits for its answer")
    await restart(mariadb)
    with pytest.raises(RefusedError) as refusal:
        await looking
    assert refusal.value.problem.reason is Reason.DATABASE_UNREACHABLE
    assert refusal.value.problem.facts["detail"]


MOMENT = {
    1040: "Too many connections",
    1053: "Server shutdown in progress",
    1203: "User compte already has more than 'max_user_connections' active connections",
    1226: "User 'compte' has exceeded the 'max_user_connections' resource (current value: 5)",
    1317: "Query execution was interrupted",
    1927: "Connection was killed",
    1969: "Query execution was interrupted (max_statement_time exceeded)",
    2013: "Lost connection to server during query",
    2055: "Lost connection to server at 'reading initial communication packet', system error: 104",
    3024: "Query execution was interrupted, maximum statement execution time exceeded",
    3032: "The server is currently in offline mode",
    3169: "Session was killed",
    4031: "The client was disconnected by the server because of inactivity.",
}
"""What a server says of itself, by number."""
OF_THE_DUMP = {
    1062: "Duplicate entry '1' for key 'PRIMARY'",
    1064: "You have an error in your SQL syntax",
    1115: "Unknown character set",
}


@pytest.mark.parametrize(("number", "moment"), [*((n, True) for n in MOMENT), *((n, False) for n in OF_THE_DUMP)])
def test_what_a_server_says_of_the_moment_is_told_from_what_it_says_of_a_dump(
    number: int, moment: bool, tmp_path: Path
) -> None:
    complaint = tmp_path / "complaint"
    complaint.write_text(f"ERROR {number} (HY000) at line 42: {(MOMENT | OF_THE_DUMP)[number]}\n")
    function = re.search(r"^passing\(\) \{\n.*?^\}\n", script("load.sh"), re.DOTALL | re.MULTILINE)
    assert function is not None
    asked = subprocess.run(["sh", "-c", f"complaint={complaint}\n{function[0]}\npassing"], check=False)
    assert (asked.returncode == 0) is moment


def test_an_answer_that_did_not_come_is_none_that_the_server_refused() -> None:
    assert {1053, 1317, 1927, 1969, 2006, 2013, 2055, 3024, 3169, 4031} <= NO_ANSWER
