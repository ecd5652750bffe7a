"""The runner's program on the host: sent once, checked each time, kept beside others, and never needed."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason
from bot.engine.ports import Done, NotStarted
from bot.hosts import runner_call, runner_program
from bot.hosts.channel import send_script
from bot.hosts.connections import Connections
from bot.hosts.journal import Identity, RunnerCall, StepCall, Work, runner_input
from bot.hosts.runner import Runner, ShellPerformer
from bot.hosts.runner_program import RunnerProgram, read_program
from tests.hosts.support.jobs import Kept, a_job, a_run
from tests.hosts.test_steps import link_programs
from tests.support.disks import fill, small_disk

WHOLE = len(read_program().text)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each call that goes to a host."""
    lengths: list[int] = []

    def counted(process: object, script: bytes) -> None:
        lengths.append(len(script))
        send_script(process, script)  # type: ignore[arg-type]

    monkeypatch.setattr(runner_call, "send_script", counted)
    return lengths


@pytest.fixture
def made(journal: Path) -> Path:
    """The folder of the journals, made before any call."""
    journal.mkdir(parents=True)
    return journal


def programs(journal: Path) -> set[str]:
    """The names of everything about programs that a host keeps."""
    return {path.name for path in journal.glob("*runner-*")}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def runs(performer: ShellPerformer) -> bool:
    output = Kept()
    outcome = await performer.perform(a_job("echo ran", run=a_run()), output)
    return outcome == Done() and bytes(output.data) == b"ran\n"


async def test_it_is_sent_once_to_a_host_and_used_by_every_bot(
    performer: ShellPerformer, connections: Connections, journal: Path, sent: list[int]
) -> None:
    assert await runs(performer)
    assert await runs(performer)
    assert await runs(ShellPerformer(Runner(connections)))
    asked, whole, *later = sent
    assert whole > WHOLE
    assert max(asked, *later) < 1000
    assert len(later) == 2
    kept = journal / f"runner-{read_program().version}"
    assert kept.read_text() == read_program().text
    assert (mode(kept), mode(journal)) == (0o600, 0o700)


@pytest.mark.parametrize("content", ["", "main() { :; }\n", read_program().text[:-1], read_program().text + "\n"])
async def test_a_file_with_other_content_is_never_run_and_replaced(
    performer: ShellPerformer, made: Path, content: str
) -> None:
    kept = made / f"runner-{read_program().version}"
    kept.write_text(f"touch {made}/ran\n{content}" if content else content)
    assert await runs(performer)
    assert not (made / "ran").exists()
    assert kept.read_text() == read_program().text


async def test_bots_of_several_versions_work_beside_each_other(
    connections: Connections, journal: Path, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = RunnerProgram(read_program().text + "# another version\n")
    versions = [(ShellPerformer(Runner(connections)), program) for program in (read_program(), other)]
    for _ in range(2):
        for performer, program in versions:
            monkeypatch.setattr(runner_call, "read_program", lambda program=program: program)
            assert await runs(performer)
    assert [length > WHOLE for length in sent] == [False, True, False, True, False, False]
    assert programs(journal) == {f"runner-{program.version}" for _, program in versions}


async def test_programs_that_nobody_brought_for_long_go(performer: ShellPerformer, made: Path) -> None:
    for name in ("runner-old", ".runner-torn", "runner-young"):
        (made / name).write_text("")
    long_ago = time.time() - 100 * 24 * 3600
    for name in ("runner-old", ".runner-torn"):
        os.utime(made / name, (long_ago, long_ago))
    assert await runs(performer)
    assert programs(made) == {"runner-young", f"runner-{read_program().version}"}


async def test_what_root_installed_is_used(
    performer: ShellPerformer, journal: Path, sent: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runner_program, "INSTALLED", str(tmp_path))
    (tmp_path / f"runner-{read_program().version}").write_text(read_program().text)
    assert await runs(performer)
    assert [length > WHOLE for length in sent] == [False]
    assert programs(journal) == set()


async def test_a_host_that_cannot_keep_it_is_sent_it_with_every_step(
    server: DemoHost, performer: ShellPerformer, sent: list[int], tmp_path: Path
) -> None:
    session = server.folder / "ssh" / "session"
    link_programs(tmp_path / "bin", "sh", "mkdir", "mv", "cat", "dd", "sleep", "rm", "find", "setsid")
    session.write_text(session.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nPATH={tmp_path}/bin; export PATH\n"))
    for _ in range(3):
        assert await runs(performer)
    assert [length > WHOLE for length in sent] == [False, True, False, True, True]


async def test_a_full_disk_is_named_and_nothing_is_half_kept(performer: ShellPerformer, made: Path) -> None:
    with small_disk(made, 1):
        filler = fill(made)
        outcome = await performer.perform(a_job("true", run=a_run()), Kept())
        assert isinstance(outcome, NotStarted)
        assert outcome.problem.reason is Reason.NEVER_STARTED
        assert "the disk is full" in outcome.problem.facts["detail"]
        assert programs(made) == set()
        filler.unlink()
        assert await runs(performer)


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
def test_a_warm_step_costs_few_bytes_and_processes(shell: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    def step(key: str, load: str) -> tuple[int, int]:
        """Give the bytes that were sent, and the processes that were started but to wait for the end of the step."""
        identity, trace = Identity("R-1", "web1", key, 1), tmp_path / key
        text = runner_input(RunnerCall.START, [StepCall(identity, Work("true", "/", 1))], 1, "N", load)
        traced = ["strace", "-f", "-qq", "-e", "trace=fork,vfork,clone,clone3,execve", "-o", str(trace), *shell.split()]
        told = subprocess.run(traced, input=text, capture_output=True, timeout=60, check=True, env=environment)
        assert b"N ended exit 0" in told.stderr
        calls = trace.read_text()
        forks = re.findall(r"(?:v?fork|clone3?)(?:\(.*\)| resumed>.*) += \d+$", calls, re.MULTILINE)
        return len(text), len(forks) - calls.count('"sleep", "0.1"')

    step("first", read_program().bring())
    length, processes = step("second", read_program().load_kept())
    assert length < 700
    assert processes <= 9
