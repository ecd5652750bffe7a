"""Hosts with a shared home have a journal each, and attempts of the layout without places are looked for there."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.host.host import DemoHost
from bot.domain.runs.journal_layout import JournalLayout
from bot.domain.shell import syntax
from bot.engine.ports import Done, Effect, Ending, Job, NotStarted
from bot.hosts.connections import Connections
from bot.hosts.pipes import Pipes
from bot.hosts.runner import Runner, ShellPerformer
from tests.hosts.support.jobs import QUICK, Kept, a_job, a_run, host_of, until

RUNNER_OF_LAYOUT_1 = Path(__file__).parent / "support" / "runner_layout_1.txt"


@pytest.fixture
async def two(server: DemoHost) -> AsyncIterator[Connections]:
    """Connections to two hosts that have the same home."""
    hosts = {name: host_of(server, name) for name in ("web1", "web2")}
    async with Connections(hosts, QUICK) as connections:
        yield connections


def begun_by_the_first_version(server: DemoHost, run: str, script: str) -> subprocess.Popen[bytes]:
    """Start an attempt as the bot did whose journal had no places; killing the process is killing that bot."""
    values = {
        "nonce": "N", "run": run, "key": "step", "attempt": "1", "token": "1", "offset": "0", "limit": "30",
        "directory": "/", "expects": "", "private": "", "script": script,
    }  # fmt: skip
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    text = "\n".join(["{", *lines, RUNNER_OF_LAYOUT_1.read_text(), "main start", "}", ""])
    bot = subprocess.Popen(
        ["ssh", "-F", "none", "-i", str(server.key), "-p", str(server.port), "-l", server.user, "-o", "BatchMode=yes",
         "-o", f"UserKnownHostsFile={server.known_hosts}", "-o", "IdentitiesOnly=yes", server.address, "sh"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert bot.stdin is not None
    bot.stdin.write(text.encode())
    bot.stdin.flush()
    return bot


async def test_each_of_two_hosts_runs_the_step_of_one_run(two: Connections, journal: Path, tmp_path: Path) -> None:
    run, performer = a_run(), ShellPerformer(Runner(two))
    check = syntax('[ -e "$COUNTERSIGN_RUN_DIR/note" ]')
    for place in ("web1", "web2"):
        script = f'cd "$COUNTERSIGN_RUN_DIR"; : >note; echo {place} | tee name >>{tmp_path}/ledger'
        job, output = a_job(script, run=run, place=place, check=check), Kept()
        assert await performer.check(job) is Effect.DID_NOT
        assert await performer.perform(job, output) == Done()
        assert await performer.check(job) is Effect.TOOK
        assert await Pipes(two).note(job, "name") == f"{place}\n".encode()
    assert (tmp_path / "ledger").read_text() == "web1\nweb2\n"
    assert folders(journal) == {f"{run}@web1", f"{run}@web2"}


async def test_ending_a_step_on_one_host_leaves_it_on_the_other(two: Connections, tmp_path: Path) -> None:
    run, performer = a_run(), ShellPerformer(Runner(two))
    assert await performer.end(a_job("true", run=run, place="web2")) is Ending.NEVER_RAN
    assert isinstance(await performer.perform(a_job("true", run=run, place="web2"), Kept()), NotStarted)
    assert await performer.perform(a_job("true", run=run, place="web1"), Kept()) == Done()


def folders(journal: Path) -> set[str]:
    return {folder.name for folder in journal.iterdir() if folder.is_dir()}


def of_layout_1(run: str, script: str) -> Job:
    return replace(a_job(script, run=run), journal=JournalLayout.RUN)


@pytest.mark.parametrize("way", ["perform", "resume"])
async def test_an_attempt_that_the_first_version_began_is_adopted(
    way: str, performer: ShellPerformer, server: DemoHost, journal: Path, tmp_path: Path
) -> None:
    run, ledger, go = a_run(), tmp_path / "ledger", tmp_path / "go"
    script = f'echo ran >>{ledger}; until [ -e {go} ]; do sleep 0.1; done; : >"$COUNTERSIGN_RUN_DIR/note"; echo through'
    bot = begun_by_the_first_version(server, run, script)
    await until(ledger.exists)
    bot.kill()
    bot.wait()
    go.touch()
    job, output = of_layout_1(run, script), Kept()
    assert await (performer.perform(job, output) if way == "perform" else performer.resume(job, output)) == Done()
    assert bytes(output.data) == b"through\n"
    assert ledger.read_text() == "ran\n"
    assert folders(journal) == {run}
    # later steps of that run find its notes
    later = replace(a_job('ls "$COUNTERSIGN_RUN_DIR"', run=run, key="later"), journal=JournalLayout.RUN)
    noted = Kept()
    assert await performer.perform(later, noted) == Done()
    assert bytes(noted.data) == b"note\n"


async def test_an_attempt_that_the_first_version_began_is_ended(
    performer: ShellPerformer, server: DemoHost, tmp_path: Path
) -> None:
    run, ledger = a_run(), tmp_path / "ledger"
    bot = begun_by_the_first_version(server, run, f"echo ran >>{ledger}; exec sleep 300")
    await until(ledger.exists)
    bot.kill()
    bot.wait()
    assert await performer.end(of_layout_1(run, "true")) is Ending.GONE
