"""The whole way: a dump as a detached step of the real runner, over a real sshd."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.dump import DumpPerformer
from bot.databases.backups.host_catalog import HostCatalog
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.demo.host.database import DemoDatabase
from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.acts import Dump
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.secrets import Secret
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Ending, Failed, Job
from bot.hosts.connections import Connections
from bot.hosts.pipes import Pipes
from bot.hosts.runner import Runner
from bot.hosts.tunnels import Tunnels
from tests.databases.support.held_up import locked
from tests.databases.support.local import KeptOutput
from tests.support import eventually
from tests.support.vendors import PROGRAMS


@pytest.fixture
def performer(hosts: Connections) -> DumpPerformer:
    return DumpPerformer(BackupAccess(Runner(hosts), hosts, Pipes(hosts)))


def job_of(target: Target, run: str) -> Job:
    step = Step("backup", "Back up", Phase.PREPARE, ("web1",), Risk.READS, 60, Dump("B-7K3F9Q"))
    return Job(run, 1, step, "web1", 1, target)


def holds(path: Path, needle: str) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file() and needle.encode() in file.read_bytes()]


def arguments_of(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


async def test_a_backup_is_made_read_back_and_leaves_no_secret_on_the_host(
    performer: DumpPerformer, hosts: Connections, target: Target, ssh_host: DemoHost
) -> None:
    job, output = job_of(target, "R-AAAAA1"), KeptOutput()
    outcome = await performer.perform(job, output)
    assert isinstance(outcome, Done), (outcome, output.text)
    assert output.claimed
    facts = outcome.facts
    assert Path(facts["path"]).stat().st_size == int(facts["bytes"])
    assert await HostCatalog(hosts).present("web1", str(Path(facts["path"]).parent), "B-7K3F9Q", facts["sha256"])
    assert await performer.check(job) is Effect.TOOK
    assert await performer.resume(job, KeptOutput()) == outcome
    assert target.database is not None
    assert holds(ssh_host.home, target.database.password.reveal()) == []


async def test_a_wrong_password_says_at_which_stage(performer: DumpPerformer, target: Target) -> None:
    assert target.database is not None
    target = replace(target, database=replace(target.database, password=Secret("wrong-password")))
    outcome = await performer.perform(job_of(target, "R-AAAAA2"), KeptOutput())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.BACKUP_IMPOSSIBLE
    assert (outcome.problem.facts["stage"], outcome.problem.facts["cause"]) == ("login", "database_login_refused")


async def test_a_dump_goes_on_without_the_bot_and_is_adopted(
    performer: DumpPerformer, target: Target, database: DemoDatabase, ssh_host: DemoHost, hosts: Connections
) -> None:
    job, output = job_of(target, "R-AAAAA3"), KeptOutput()
    async with locked(database):
        dumping = asyncio.create_task(performer.perform(job, output))
        await eventually(lambda: output.claimed and ssh_host.commands.ran(PROGRAMS.dumper), seconds=20)
        dumping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dumping
        ssh_host.cut_sessions()
        resumed = asyncio.create_task(performer.resume(job, KeptOutput()))
    outcome = await resumed
    assert isinstance(outcome, Done), outcome
    assert outcome.facts["tables"] == "1"


async def test_an_ended_dump_leaves_nothing_behind(
    performer: DumpPerformer, target: Target, database: DemoDatabase, ssh_host: DemoHost
) -> None:
    job, output = job_of(target, "R-AAAAA4"), KeptOutput()
    assert target.backups is not None
    folder = Path(target.backups.directory)
    async with locked(database):
        dumping = asyncio.create_task(performer.perform(job, output))
        await eventually(lambda: folder.exists() and list(folder.glob("*.part")), seconds=20)
        assert await performer.end(job) is Ending.GONE
        outcome = await dumping
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.CANCELLED
    assert list(folder.iterdir()) == []
    left = [arguments_of(pid) for pid in ssh_host.left_processes()]
    assert not [arguments for arguments in left if PROGRAMS.client.encode() in arguments or b"zstd" in arguments], left


async def test_a_look_goes_through_the_host(hosts: Connections, target: Target) -> None:
    assert target.database is not None
    target = replace(target, database=replace(target.database, via="web1"))
    facts = await DatabaseLook(Connector(Tunnels(hosts).open)).database(target, "migrations")
    assert not facts.has_table
    assert facts.version[0].isdigit()


async def test_nobody_at_the_far_end_is_unreachable(hosts: Connections, target: Target, free_port: int) -> None:
    assert target.database is not None
    target = replace(target, database=replace(target.database, via="web1", port=free_port))
    with pytest.raises(RefusedError) as caught:
        await DatabaseLook(Connector(Tunnels(hosts).open)).database(target, "migrations")
    assert caught.value.problem.reason is Reason.DATABASE_UNREACHABLE
