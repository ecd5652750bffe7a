"""Proving backups in a private server: as root and as an ordinary account, and the live server sees nothing of it."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.databases.backups.restore_script import RestoreStage
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.backups.backup import Proof
from bot.domain.targets.target import Backups, Target
from bot.engine.ports import Failed, Outcome
from bot.sandbox.obstacles import Obstacle
from bot.sandbox.plan import sweep
from tests.databases.support.contents import databases_beside, owned_by_another
from tests.databases.support.held_up import Hold
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover, stand_in
from tests.databases.support.manifests import manifest_of, rewrite
from tests.databases.support.steps import done, job_of, performer, private_job, refused
from tests.sandbox.support.bench import ACCOUNTS, Bench, bench
from tests.support import eventually
from tests.support.disks import small_disk
from tests.support.sandboxes import own

HARMLESS = re.compile(r"(?i)(SELECT|SHOW|SET SESSION|SET NAMES|SET AUTOCOMMIT)\b")


@pytest.fixture
def scratch() -> bool:
    return True


@pytest.fixture(params=ACCOUNTS, ids=lambda uid: "root" if uid == 0 else "ordinary")
def account(request: pytest.FixtureRequest, sandbox_templates: Callable[[int], Path]) -> Iterator[Bench]:
    """An account of this machine, with a home of its own."""
    made = bench(request.param, sandbox_templates(request.param))
    yield made
    made.close()


@pytest.fixture
def one_account(sandbox_templates: Callable[[int], Path]) -> Iterator[Bench]:
    made = bench(ACCOUNTS[-1], sandbox_templates(ACCOUNTS[-1]))
    yield made
    made.close()


class Prover:
    """Proves the backup of a target as an account.

    Args:
        bench: the account.
        target: whose backups lie in the account's home.
        host: runs its scripts.
    """

    def __init__(self, account: Bench, target: Target, path: Path | None = None, without: tuple[str, ...] = ()) -> None:
        self.account = account
        self.folder = account.home / "backups"
        self.target = replace(target, backups=Backups(str(self.folder)))
        self.host = LocalHost(path, without=without, home=account.home, uid=account.uid)
        self.output = KeptOutput()

    async def dumped(self) -> None:
        done(await performer(LocalHost()).perform(job_of(self.target), KeptOutput()))
        own(self.account.uid, self.folder, *self.folder.iterdir())

    async def proven(self, *, or_beside: bool = False) -> Outcome:
        job = private_job(self.target, or_beside=or_beside)
        return await prover(access_to(self.host)).perform(job, self.output)

    def nothing_left(self) -> None:
        assert self.account.processes() == []
        assert not list(self.account.state.glob("sandbox/*/box"))
        assert {path.suffix for path in self.folder.iterdir()} == {".json", ".zst"}


async def made(account: Bench, target: Target, **options: object) -> Prover:
    found = Prover(account, target, **options)  # type: ignore[arg-type]
    await found.dumped()
    return found


async def test_it_is_proven_and_the_live_server_is_only_asked_what_it_is_like(
    account: Bench, filled: DemoDatabase, target: Target, mariadb: DatabaseServer
) -> None:
    owner = await owned_by_another(mariadb, filled, "born")
    await mariadb.query("CREATE VIEW on_orphan AS SELECT * FROM orphan", database=filled.name)
    proving = await made(account, target)
    await mariadb.query(f"DROP USER {owner}")
    since = mariadb.log_position()
    facts = done(await proving.proven(or_beside=True))
    assert (facts["proof"], facts.get("unprovable")) == ("proven", None)
    assert manifest_of(proving.target).proof is Proof.PROVEN
    asked = [entry.text for entry in mariadb.statements(since) if entry.ran]
    assert asked
    assert [
        text for text in asked if re.match(r"(?i)(SELECT|SHOW|SET SESSION|SET NAMES|SET AUTOCOMMIT)\b", text) is None
    ] == []
    assert not any("people" in text for text in asked)
    proving.nothing_left()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": {"people": [3, "1", 3, "1"]}}, "people: 3 rows"),
        ({"objects": ["event gone"]}, "missing: object event gone"),
    ],
)
@pytest.mark.usefixtures("filled")
async def test_what_differs_is_refuted_and_named(
    changes: dict[str, object], said: str, one_account: Bench, target: Target, mariadb: DatabaseServer
) -> None:
    proving = await made(one_account, target)
    rewrite(proving.target, **changes)
    assert said in refused(await proving.proven(or_beside=True), RestoreStage.REFUTED)
    assert manifest_of(proving.target).proof is Proof.REFUTED
    assert await databases_beside(mariadb, target) == []
    proving.nothing_left()


@pytest.mark.usefixtures("filled")
async def test_sql_that_no_server_takes_is_refuted(one_account: Bench, target: Target) -> None:
    path = stand_in(
        one_account.home / "bin", "zstd", "/usr/bin/zstd \"$@\"; case $* in *-d*) echo 'CREATE TABLE (;' ;; esac"
    )
    proving = Prover(one_account, target, path)
    await proving.dumped()
    assert "1064" in refused(await proving.proven(or_beside=True), RestoreStage.REFUTED)


def unprovable(outcome: Outcome, obstacle: Obstacle) -> dict[str, str]:
    facts = done(outcome)
    assert (facts["proof"], facts["unprovable"]) == ("checked", obstacle.value), facts
    return facts


@pytest.mark.usefixtures("filled")
async def test_a_host_without_a_program_is_told_with_the_remedy(account: Bench, target: Target) -> None:
    proving = await made(account, target, without=("bwrap",))
    facts = unprovable(await proving.proven(), Obstacle.TOOLS)
    assert facts["unprovable_detail"] == "not installed: bwrap"
    assert facts["remedy"] == "apt-get install -y bubblewrap"
    assert manifest_of(proving.target).proof is Proof.CHECKED


@pytest.mark.usefixtures("filled")
async def test_a_host_without_a_program_proves_beside_where_it_may(
    account: Bench, target: Target, mariadb: DatabaseServer
) -> None:
    proving = await made(account, target, without=("bwrap",))
    facts = done(await proving.proven(or_beside=True))
    assert (facts["proof"], facts.get("unprovable")) == ("proven", None)
    assert b"not possible in a private server: bwrap is not installed" in proving.output.text
    assert await databases_beside(mariadb, target) == []


@pytest.mark.usefixtures("filled")
async def test_an_account_without_a_home_proves_nothing(target: Target) -> None:
    done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    outcome = await prover(access_to(LocalHost())).perform(private_job(target), KeptOutput())
    unprovable(outcome, Obstacle.UNWRITABLE)


async def test_a_view_on_another_database_cannot_be_proven_here(
    filled: DemoDatabase, one_account: Bench, target: Target, mariadb: DatabaseServer
) -> None:
    other = f"{filled.name}_other"
    await mariadb.query(f"CREATE DATABASE `{other}`")
    await mariadb.query("CREATE TABLE far (a INT)", database=other)
    await mariadb.query(f"CREATE VIEW near AS SELECT * FROM `{other}`.far", database=filled.name)
    await mariadb.query(f"GRANT SELECT, SHOW VIEW ON `{other}`.* TO `{filled.user}`")
    proving = await made(one_account, target)
    facts = unprovable(await proving.proven(), Obstacle.LACKS)
    assert other in facts["unprovable_detail"]
    assert manifest_of(proving.target).proof is Proof.CHECKED
    facts = done(await proving.proven(or_beside=True))
    assert facts["proof"] == "proven"
    await mariadb.query(f"DROP DATABASE `{other}`")


def held(account: Bench) -> Hold:
    """Hold an account's proofs where they unpack the dump."""
    folder = account.home / "programs"
    hold = Hold(folder, "zstd", "*-d*")
    own(account.uid, folder)
    return hold


def of_the_server(account: Bench, disk: Path | None = None) -> list[int]:
    """Process ids of an account's private server, whose files lie in its home, or on a disk of their own there."""
    device = disk.stat().st_dev if disk is not None else None
    sign = account.home.name if device is None else f" {os.major(device)}:{os.minor(device)} "
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _is_server(path, sign)]


def _there(processes: list[int]) -> bool:
    return any(Path(f"/proc/{process}").exists() for process in processes)


def _is_server(process: Path, sign: str) -> bool:
    try:
        program = process.joinpath("cmdline").read_text().partition("\0")[0]
        return program == "/sandbox/program" and sign in process.joinpath("mountinfo").read_text()
    except OSError:
        return False


@pytest.mark.usefixtures("filled")
async def test_a_private_server_that_dies_refutes_nothing(account: Bench, target: Target) -> None:
    hold = held(account)
    proving = await made(account, target, path=hold.path)
    task = asyncio.create_task(proving.proven())
    await hold.reached()
    [server] = of_the_server(account)
    os.kill(server, signal.SIGKILL)
    hold.on.touch()
    unprovable(await task, Obstacle.LOST)
    assert manifest_of(proving.target).proof is Proof.CHECKED
    proving.nothing_left()


@pytest.mark.usefixtures("filled")
async def test_a_host_that_has_no_room_at_first_or_later_is_no_fault_of_the_backup(
    one_account: Bench, target: Target
) -> None:
    hold = held(one_account)
    proving = await made(one_account, target, path=hold.path)
    local = one_account.home / ".local"
    shutil.rmtree(local)
    local.mkdir()
    with small_disk(local, 1500):
        own(one_account.uid, local)
        task = asyncio.create_task(proving.proven())
        await hold.reached()
        server = of_the_server(one_account, local)
        assert server
        filler = local / "filler"
        with filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, 400 << 20)
        await eventually(lambda: not _there(server), 20, what="the server was ended")
        hold.on.touch()
        facts = unprovable(await task, Obstacle.DISK)
        assert "was ended" in facts["unprovable_detail"]
        unprovable(await proving.proven(), Obstacle.DISK)
    assert manifest_of(proving.target).proof is Proof.CHECKED


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("signalled", [signal.SIGTERM, signal.SIGKILL])
async def test_a_proof_that_is_ended_leaves_nothing(signalled: signal.Signals, account: Bench, target: Target) -> None:
    hold = held(account)
    proving = await made(account, target, path=hold.path)
    task = asyncio.create_task(proving.proven())
    await hold.reached()
    assert of_the_server(account)
    os.killpg(proving.host.group, signalled)
    assert isinstance(await task, Failed)
    await eventually(lambda: account.processes() == [], 20, what="everything has ended")
    account.answer(sweep())
    proving.nothing_left()
    assert manifest_of(proving.target).proof is Proof.CHECKED
