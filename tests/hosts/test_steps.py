"""What a step finds around it, what keeps it from running, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import time
import tracemalloc
from pathlib import Path

import pytest

from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason
from bot.domain.secrets import Secret
from bot.domain.shell import Command, Hidden, Syntax, syntax
from bot.engine.ports import Done, Effect, Failed, Unknown
from bot.hosts.connections import Connections
from bot.hosts.runner import Runner, ShellPerformer
from tests.hosts.support.jobs import Kept, a_job, a_run, until


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    ended = subprocess.run(["git", *identity, "-C", folder, *words], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def everything_in(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


def link_programs(folder: Path, *names: str) -> None:
    folder.mkdir()
    for name in names:
        program = shutil.which(name)
        assert program is not None, name
        (folder / name).symlink_to(program)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "check out"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


async def test_its_surroundings(performer: ShellPerformer, server: DemoHost, journal: Path, tmp_path: Path) -> None:
    run, output = a_run(), Kept()
    script = 'pwd; umask; echo "$COUNTERSIGN_RUN"; echo "$COUNTERSIGN_RUN_DIR"; echo "${COUNTERSIGN_FILES-none}"; cat'
    assert await performer.perform(a_job(script, run=run, directory=str(tmp_path)), output) == Done()
    mask = os.umask(0)
    os.umask(mask)
    assert output.data.decode() == f"{tmp_path}\n{mask:04o}\n{run}\n{journal}/{run}@web1/.marks\nnone\n"


async def test_steps_of_a_run_share_their_marks_and_checks_see_them(performer: ShellPerformer) -> None:
    run = a_run()
    check = syntax('[ -e "$COUNTERSIGN_RUN_DIR/was-down" ]')
    one = a_job('touch "$COUNTERSIGN_RUN_DIR/was-down"', run=run, key="one", check=check)
    assert await performer.check(one) is Effect.DID_NOT
    assert await performer.perform(one, Kept()) == Done()
    assert await performer.check(one) is Effect.TOOK
    two = a_job('ls "$COUNTERSIGN_RUN_DIR"', run=run, key="two")
    output = Kept()
    assert await performer.perform(two, output) == Done()
    assert bytes(output.data) == b"was-down\n"


@pytest.mark.parametrize(
    ("check", "directory", "effect"),
    [
        ("true", "/", Effect.TOOK),
        ("false", "/", Effect.DID_NOT),
        ("exit 2", "/", Effect.CANNOT_TELL),
        ("no-such-program", "/", Effect.CANNOT_TELL),
        ("kill -9 $$", "/", Effect.CANNOT_TELL),
        ("true", "/no/such/place", Effect.CANNOT_TELL),
        (None, "/", Effect.CANNOT_TELL),
    ],
)
async def test_what_a_check_says(performer: ShellPerformer, check: str | None, directory: str, effect: Effect) -> None:
    asked = None if check is None else syntax(check)
    assert await performer.check(a_job("", run=a_run(), directory=directory, check=asked)) is effect


async def test_an_unreachable_check_cannot_tell(server: DemoHost, performer: ShellPerformer) -> None:
    await server.stop()
    assert await performer.check(a_job("", run=a_run(), check=syntax("true"))) is Effect.CANNOT_TELL


async def test_a_missing_directory_is_named_and_nothing_runs(performer: ShellPerformer, tmp_path: Path) -> None:
    outcome = await performer.perform(a_job(f"touch {tmp_path}/ran", run=a_run(), directory="/no/such place"), Kept())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.CHECKOUT_MISSING
    assert outcome.problem.facts["path"] == "/no/such place"
    assert not (tmp_path / "ran").exists()


async def test_the_expected_commit_lets_it_run(performer: ShellPerformer, checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert await performer.perform(a_job("true", run=a_run(), directory=str(checkout), expects=head), Kept()) == Done()


async def test_another_commit_keeps_it_from_running(performer: ShellPerformer, checkout: Path, tmp_path: Path) -> None:
    expected = git(checkout, "rev-parse", "HEAD")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "second")
    job = a_job(f"touch {tmp_path}/ran", run=a_run(), directory=str(checkout), expects=expected)
    for outcome in (await performer.perform(job, Kept()), await performer.resume(job, Kept())):
        assert isinstance(outcome, Failed)
        assert outcome.problem.reason is Reason.MOVED
        assert outcome.problem.facts["expected"] == expected
        assert outcome.problem.facts["found"] == git(checkout, "rev-parse", "HEAD")
    assert not (tmp_path / "ran").exists()


async def test_a_directory_that_is_no_checkout_keeps_it_from_running(performer: ShellPerformer, tmp_path: Path) -> None:
    job = a_job(f"touch {tmp_path}/ran", run=a_run(), directory=str(tmp_path), expects="0" * 40)
    outcome = await performer.perform(job, Kept())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.CHECKOUT_MISSING
    assert not (tmp_path / "ran").exists()


SECRET = "pass'word\n$(id) \\ é"


async def test_private_files_are_private_exact_and_gone_afterwards(connections: Connections, journal: Path) -> None:
    run, output = a_run(), Kept()
    script = syntax(
        'stat -c %a "$COUNTERSIGN_FILES" "$COUNTERSIGN_FILES/my.cnf"; cat "$COUNTERSIGN_FILES/my.cnf"; exit 3'
    )
    outcome = await Runner(connections).perform(a_job("", run=run), script, "/", {"my.cnf": Secret(SECRET)}, output)
    assert isinstance(outcome, Failed)
    assert outcome.exit_status == 3
    assert output.data.decode() == f"700\n600\n{SECRET}"
    assert not (journal / f"{run}@web1" / "step.1" / "files").exists()


async def test_secrets_show_in_no_list_of_processes_and_stay_nowhere(connections: Connections, journal: Path) -> None:
    run, output, needle = a_run(), Kept(), "needle-91c4e07d"
    script = Command(
        (
            Syntax("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c '[n]eedle-91c4' ; : "),
            Hidden(Secret(needle)),
        )
    )
    outcome = await Runner(connections).perform(a_job("", run=run), script, "/", {"f": Secret(needle)}, output)
    assert outcome == Done()
    assert output.data == b"0\n"
    for path in everything_in(journal):
        assert not path.is_file() or needle not in path.read_text()


async def test_private_files_go_when_the_step_is_ended_by_its_limit(connections: Connections, journal: Path) -> None:
    run = a_run()
    outcome = await Runner(connections).perform(
        a_job("", run=run, timeout=1), syntax("exec sleep 300"), "/", {"f": Secret("s")}, Kept()
    )
    assert isinstance(outcome, Failed)
    assert not (journal / f"{run}@web1" / "step.1" / "files").exists()


async def test_private_files_go_when_the_runner_was_killed(connections: Connections, journal: Path) -> None:
    run, output = a_run(), Kept()
    folder = journal / f"{run}@web1" / "step.1"
    going = asyncio.create_task(
        Runner(connections).perform(a_job("", run=run), syntax("echo on; sleep 0.5"), "/", {"f": Secret("s")}, output)
    )
    await output.contains(b"on\n")
    os.kill(int((folder / "started").read_text().split()[1]), 9)
    assert isinstance(await going, Unknown)
    assert not (folder / "files").exists()


async def test_the_journal_is_its_owners_alone(performer: ShellPerformer, journal: Path) -> None:
    assert await performer.perform(a_job("true", run=a_run()), Kept()) == Done()
    for path in everything_in(journal):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_a_step_may_leave_a_daemon_without_holding_the_run(performer: ShellPerformer, tmp_path: Path) -> None:
    script = f"(while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; touch {tmp_path}/gone) & echo started"
    async with asyncio.timeout(10):
        assert await performer.perform(a_job(script, run=a_run()), Kept()) == Done()
    assert not (tmp_path / "gone").exists()
    (tmp_path / "go").touch()
    await until((tmp_path / "gone").exists)


async def test_without_setsid_steps_run_and_end_all_the_same(
    server: DemoHost, performer: ShellPerformer, tmp_path: Path
) -> None:
    session = server.folder / "ssh" / "session"
    bare = tmp_path / "bin"
    link_programs(bare, "sh", "mkdir", "mv", "cat", "dd", "sleep", "rm", "find", "tail", "date")
    session.write_text(session.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nPATH={bare}; export PATH\n"))
    output = Kept()
    assert await performer.perform(a_job("echo fine", run=a_run()), output) == Done()
    assert bytes(output.data) == b"fine\n"
    job = a_job("echo on; sleep 200 & sleep 300", run=a_run(), timeout=1)
    outcome = await performer.perform(job, Kept())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.TIMED_OUT


async def test_old_journals_are_pruned_when_a_run_begins(performer: ShellPerformer, journal: Path) -> None:
    old, young, held = a_run(), a_run(), a_run()
    for run in (old, young):
        assert await performer.perform(a_job("true", run=run), Kept()) == Done()
    output = Kept()
    going = asyncio.create_task(performer.perform(a_job("echo on; sleep 1.5", run=held), output))
    await output.contains(b"on\n")
    long_ago = time.time() - 15 * 24 * 3600
    for run in (old, held):
        os.utime(journal / f"{run}@web1", (long_ago, long_ago))
    assert await performer.perform(a_job("true", run=a_run()), Kept()) == Done()
    await until(lambda: not (journal / f"{old}@web1").exists())
    assert (journal / f"{young}@web1").exists()
    assert await going == Done()
    assert (journal / f"{held}@web1").exists()


async def test_much_output_arrives_exactly_in_bounded_memory(performer: ShellPerformer, tmp_path: Path) -> None:
    size = 64 * 1024 * 1024
    pattern = os.urandom(1024 * 1024)
    (tmp_path / "pattern").write_bytes(pattern)
    script = f"i=0; while [ $i -lt 64 ]; do cat {tmp_path}/pattern; i=$((i + 1)); done"

    class Checking:
        """Compares each chunk and keeps none."""

        taken = 0

        async def begun(self) -> None:
            return

        async def unreachable(self) -> None:
            return

        async def reachable(self) -> None:
            return

        async def write(self, offset: int, chunk: bytes) -> None:
            assert offset == self.taken
            while chunk:
                at = self.taken % len(pattern)
                piece = chunk[: len(pattern) - at]
                assert pattern[at : at + len(piece)] == piece
                self.taken += len(piece)
                chunk = chunk[len(piece) :]
            await asyncio.sleep(0)

    output = Checking()
    tracemalloc.start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        assert await performer.perform(a_job(script, run=a_run(), timeout=120), output) == Done()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert output.taken == size
    assert peak < 24 * 1024 * 1024, f"{peak / 1024 / 1024:.1f} MiB"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown / 1024:.1f} MiB"


async def test_a_reader_that_is_slow_holds_the_host_back_not_the_memory(performer: ShellPerformer) -> None:
    released = asyncio.Event()

    class Slow(Kept):
        async def write(self, offset: int, chunk: bytes) -> None:
            await released.wait()
            await super().write(offset, chunk)

    output = Slow()
    tracemalloc.start()
    try:
        going = asyncio.create_task(performer.perform(a_job("head -c 30000000 /dev/zero", run=a_run()), output))
        await output.claimed.wait()
        await asyncio.sleep(1.5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024
    released.set()
    assert await going == Done()
    assert len(output.data) == 30_000_000
