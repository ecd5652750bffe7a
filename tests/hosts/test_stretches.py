"""Steps that are given to a host together: each runs once, in its turn, and nothing behind the first that fails."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.domain.errors import Reason
from bot.engine.ports import Done, Ending, Failed, Job, NotStarted, Outcome, Output, Unknown
from bot.hosts import runner_call
from bot.hosts.connections import Connections
from bot.hosts.runner import Runner, ShellPerformer
from bot.hosts.runner_program import RunnerProgram, read_program
from tests.hosts.support.jobs import QUICK, Kept, a_job, a_run, host_of, until
from tests.support.disks import fill, small_disk


@dataclass
class Story:
    """Takes what comes of a stretch, as the engine would."""

    steps: list[Kept] = field(default_factory=list)
    ends: list[Outcome] = field(default_factory=list)

    def of(self, number: int) -> Output:
        while len(self.steps) <= number:
            self.steps.append(Kept())
        return self.steps[number]

    async def ended(self, number: int, outcome: Outcome) -> None:
        assert number == len(self.ends), "ends are told in order, and once"
        self.ends.append(outcome)

    @property
    def printed(self) -> list[str]:
        return [step.data.decode() for step in self.steps]


def a_stretch(run: str, *scripts: str, timeout: int = 30, token: int = 1) -> list[Job]:
    return [
        a_job(script, run=run, key=f"k{number}", timeout=timeout, token=token)
        for number, script in enumerate(scripts, 1)
    ]


def ledger_of(folder: Path) -> list[str]:
    ledger = folder / "ledger"
    return ledger.read_text().split() if ledger.exists() else []


def held(folder: Path, count: int) -> list[str]:
    """Scripts that note that they ran, and of which the second waits until it may go on."""
    scripts = [f"echo {number} >>{folder}/ledger; echo says {number}" for number in range(1, count + 1)]
    scripts[1] += f"; while [ ! -e {folder}/go ]; do sleep 0.05; done; echo through"
    return scripts


SAID = ["says 1\n", "says 2\nthrough\n", "says 3\n", "says 4\n"]


def folder_of(journal: Path, run: str, key: str) -> Path:
    return journal / f"{run}@web1" / f"{key}.1"


async def test_each_step_runs_once_in_order_with_its_own_output(performer: ShellPerformer, tmp_path: Path) -> None:
    story, every = Story(), bytes(range(256)) * 300
    (tmp_path / "every").write_bytes(every)
    scripts = [f"echo {number} >>{tmp_path}/ledger; cat {tmp_path}/every; printf {number}" for number in range(10)]
    await performer.perform_stretch(a_stretch(a_run(), *scripts), story)
    assert story.ends == [Done()] * 10
    assert [bytes(step.data) for step in story.steps] == [every + str(number).encode() for number in range(10)]
    assert ledger_of(tmp_path) == [str(number) for number in range(10)]


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
async def test_any_shell_does_it(shell: str, server: DemoHost, performer: ShellPerformer, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").write_text(f'#!/bin/{shell.split()[0]}\nexec {shell} "$@"\n')
    (tmp_path / "bin" / "sh").chmod(0o755)
    session = server.folder / "ssh" / "session"
    session.write_text(session.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nPATH={tmp_path}/bin:$PATH\n"))
    story = Story()
    await performer.perform_stretch(a_stretch(a_run(), "echo a", "printf b; exit 3", "echo c"), story)
    assert story.printed == ["a\n", "b", ""]
    assert [type(end) for end in story.ends] == [Done, Failed]
    # From here on the supervisor has caught a signal, after which not every shell reads.
    late = await performer.perform(a_job("sleep 300", run=a_run(), timeout=1), Kept())
    assert isinstance(late, Failed)
    assert late.problem.reason is Reason.TIMED_OUT


@pytest.mark.parametrize(
    ("bad", "reason"),
    [("exit 9", Reason.EXIT_STATUS), ("kill -9 $$", Reason.EXIT_STATUS), ("sleep 300", Reason.TIMED_OUT)],
)
async def test_nothing_runs_behind_a_step_that_fails(
    performer: ShellPerformer, journal: Path, tmp_path: Path, bad: str, reason: Reason
) -> None:
    run, story = a_run(), Story()
    jobs = a_stretch(run, "true", bad, f"touch {tmp_path}/ran", timeout=2)
    await performer.perform_stretch(jobs, story)
    first, second = story.ends
    assert first == Done()
    assert isinstance(second, Failed)
    assert second.problem.reason is reason
    assert not folder_of(journal, run, "k3").exists()
    assert await performer.end(jobs[2]) is Ending.NEVER_RAN


async def test_a_commit_that_moved_meanwhile_stops_it(performer: ShellPerformer, tmp_path: Path) -> None:
    git = f"git -C {tmp_path}/app -c user.name=A -c user.email=a@example.com"
    story, run = Story(), a_run()
    make = f"git init -q {tmp_path}/app && {git} commit -q --allow-empty -m one"
    assert await performer.perform(a_job(make, run=run), Kept()) == Done()
    output = Kept()
    assert await performer.perform(a_job(f"{git} rev-parse HEAD", run=run, key="head"), output) == Done()
    head = output.data.decode().strip()
    jobs = [
        a_job(script, run=run, key=f"k{number}", directory=f"{tmp_path}/app", expects=head)
        for number, script in enumerate(("true", f"{git} commit -q --allow-empty -m two", "true"))
    ]
    await performer.perform_stretch(jobs, story)
    *_, last = story.ends
    assert len(story.ends) == 3
    assert isinstance(last, Failed)
    assert last.problem.reason is Reason.MOVED


@pytest.mark.parametrize("cut", ["reset", "finish"])
async def test_a_cut_at_any_step_changes_neither_outcome_nor_output(
    wired: Connections, wire: TcpProxy, tmp_path: Path, cut: str
) -> None:
    story = Story()
    scripts = [f"echo {n} >>{tmp_path}/ledger; for i in 1 2 3 4 5; do echo line $i; sleep 0.05; done" for n in range(6)]
    going = asyncio.create_task(ShellPerformer(Runner(wired)).perform_stretch(a_stretch(a_run(), *scripts), story))
    for number in range(0, 6, 2):
        await until(lambda number=number: len(story.steps) > number and b"line 2" in story.steps[number].data)
        getattr(wire, cut)()
    await going
    assert story.ends == [Done()] * 6
    assert story.printed == ["".join(f"line {i}\n" for i in range(1, 6))] * 6
    assert ledger_of(tmp_path) == [str(number) for number in range(6)]


async def test_a_bot_that_dies_is_followed_step_by_step(server: DemoHost, tmp_path: Path) -> None:
    jobs, story = a_stretch(a_run(), *held(tmp_path, 4)), Story()
    async with Connections({"web1": host_of(server)}, QUICK) as connections:
        going = asyncio.create_task(ShellPerformer(Runner(connections)).perform_stretch(jobs, story))
        await until(lambda: "2" in ledger_of(tmp_path))
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
    # The next bot has a higher token: the supervisor stops behind the step that runs.
    later, rest = [replace(job, token=2) for job in jobs], Story()
    async with Connections({"web1": host_of(server)}, QUICK) as connections:
        performer = ShellPerformer(Runner(connections))
        output = Kept()
        following = asyncio.create_task(performer.resume(later[1], output))
        await output.claimed.wait()
        (tmp_path / "go").touch()
        assert await following == Done()
        assert bytes(output.data) == SAID[1].encode()
        await performer.perform_stretch(later[2:], rest)
    assert rest.ends == [Done(), Done()]
    assert rest.printed == SAID[2:]
    assert ledger_of(tmp_path) == ["1", "2", "3", "4"]


async def test_a_bot_that_dies_may_come_back_when_all_is_done(server: DemoHost, journal: Path, tmp_path: Path) -> None:
    run = a_run()
    jobs, story = a_stretch(run, *held(tmp_path, 4)), Story()
    async with Connections({"web1": host_of(server)}, QUICK) as connections:
        going = asyncio.create_task(ShellPerformer(Runner(connections)).perform_stretch(jobs, Story()))
        await until(lambda: "2" in ledger_of(tmp_path))
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
    (tmp_path / "go").touch()
    await until((folder_of(journal, run, "k4") / "status").exists)
    async with Connections({"web1": host_of(server)}, QUICK) as connections:
        await ShellPerformer(Runner(connections)).perform_stretch([replace(job, token=2) for job in jobs], story)
    assert story.ends == [Done()] * 4
    assert story.printed == SAID
    assert ledger_of(tmp_path) == ["1", "2", "3", "4"]


async def test_an_owner_that_was_overtaken_in_its_middle_starts_nothing_more(
    performer: ShellPerformer, journal: Path, tmp_path: Path
) -> None:
    run, story = a_run(), Story()
    going = asyncio.create_task(performer.perform_stretch(a_stretch(run, *held(tmp_path, 4)), story))
    await until(lambda: "2" in ledger_of(tmp_path))
    assert await performer.perform(a_job("true", run=run, key="other", token=2), Kept()) == Done()
    (tmp_path / "go").touch()
    await going
    *done, last = story.ends
    assert done == [Done(), Done()]
    assert isinstance(last, NotStarted | Unknown)
    assert last.problem.reason is Reason.OVERTAKEN
    assert ledger_of(tmp_path) == ["1", "2"]
    assert not folder_of(journal, run, "k3").exists()


async def test_cancelling_ends_what_runs_and_makes_void_what_has_not_begun(
    performer: ShellPerformer, tmp_path: Path
) -> None:
    jobs, story = a_stretch(a_run(), *held(tmp_path, 4)), Story()
    going = asyncio.create_task(performer.perform_stretch(jobs, story))
    await until(lambda: "2" in ledger_of(tmp_path))
    endings = await asyncio.gather(*(performer.end(job) for job in jobs))
    assert endings == [Ending.GONE, Ending.GONE, Ending.NEVER_RAN, Ending.NEVER_RAN]
    await going
    assert story.ends[0] == Done()
    assert isinstance(story.ends[1], Failed)
    assert story.ends[1].problem.reason is Reason.CANCELLED
    for job in jobs[2:]:
        assert isinstance(await performer.perform(job, Kept()), NotStarted)
    assert ledger_of(tmp_path) == ["1", "2"]


async def test_a_void_step_stops_it_though_all_went_well_before(performer: ShellPerformer, tmp_path: Path) -> None:
    jobs, story = a_stretch(a_run(), *held(tmp_path, 4)), Story()
    going = asyncio.create_task(performer.perform_stretch(jobs, story))
    await until(lambda: "2" in ledger_of(tmp_path))
    assert await performer.end(jobs[2]) is Ending.NEVER_RAN
    (tmp_path / "go").touch()
    await going
    assert story.ends[:2] == [Done(), Done()]
    assert isinstance(story.ends[2], NotStarted)
    assert ledger_of(tmp_path) == ["1", "2"]


async def test_ending_races_with_it_and_no_step_runs_that_was_called_void(
    performer: ShellPerformer, tmp_path: Path
) -> None:
    for turn in range(6):
        folder = tmp_path / str(turn)
        folder.mkdir()
        jobs = a_stretch(a_run(), *(f"echo {number} >>{folder}/ledger" for number in range(6)))
        story = Story()
        going = asyncio.create_task(performer.perform_stretch(jobs, story))
        await until(lambda folder=folder, turn=turn: len(ledger_of(folder)) >= min(turn, 5))
        endings = await asyncio.gather(*(performer.end(job) for job in jobs))
        await going
        ran = ledger_of(folder)
        assert ran == sorted(set(ran))
        for number, ending in enumerate(endings):
            assert ending is not Ending.NEVER_RAN or str(number) not in ran
            assert ending in {Ending.NEVER_RAN, Ending.GONE}


def supervisor(folder: Path) -> int:
    return int((folder / "started").read_text().split()[1])


async def test_a_supervisor_that_is_killed_in_a_step_leaves_it_unknown_and_starts_no_other(
    performer: ShellPerformer, journal: Path, tmp_path: Path
) -> None:
    run, story = a_run(), Story()
    jobs = a_stretch(run, *held(tmp_path, 4))
    going = asyncio.create_task(performer.perform_stretch(jobs, story))
    await until(lambda: "2" in ledger_of(tmp_path))
    os.kill(supervisor(folder_of(journal, run, "k2")), signal.SIGKILL)
    (tmp_path / "go").touch()
    await going
    assert story.ends[0] == Done()
    assert isinstance(story.ends[1], Unknown)
    assert len(story.ends) == 2
    assert await performer.end(jobs[2]) is Ending.NEVER_RAN


@pytest.mark.parametrize("moment", ["before the claim", "behind the claim"])
async def test_a_supervisor_that_is_killed_between_steps_starts_no_other(
    performer: ShellPerformer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moment: str
) -> None:
    died = "    read_uptime\n    supervise_step\n" if moment == "behind the claim" else "    claim || exit 0\n"
    text = read_program().text
    assert text.count(died) == 1
    mortal = RunnerProgram(text.replace(died, f'[ "$number" != 3 ] || kill -s KILL "$me"\n{died}'))
    monkeypatch.setattr(runner_call, "read_program", lambda: mortal)
    jobs, story = a_stretch(a_run(), *(f"echo {number} >>{tmp_path}/ledger" for number in range(1, 5))), Story()
    await performer.perform_stretch(jobs, story)
    assert story.ends[:2] == [Done(), Done()]
    assert ledger_of(tmp_path) == ["1", "2"]
    if moment == "before the claim":
        # nothing is there of it, so that it may be started now
        assert len(story.ends) == 2
        monkeypatch.undo()
        assert await performer.perform(jobs[2], Kept()) == Done()
    else:
        assert isinstance(story.ends[2], NotStarted)
        assert story.ends[2].problem.reason is Reason.NEVER_STARTED


async def test_a_reboot_in_its_middle_is_unknown_for_the_step_and_void_for_the_rest(
    server: DemoHost, connections: Connections, journal: Path, tmp_path: Path
) -> None:
    run, story = a_run(), Story()
    performer = ShellPerformer(Runner(connections))
    jobs = a_stretch(run, *held(tmp_path, 4))
    going = asyncio.create_task(performer.perform_stretch(jobs, story))
    await until(lambda: len(story.steps) > 1 and b"says 2" in story.steps[1].data)
    await server.stop()
    for key in ("k1", "k2"):
        started = folder_of(journal, run, key) / "started"
        started.write_text("another-boot " + started.read_text().split(" ", 1)[1])
    await server.start()
    await going
    assert story.ends[0] == Done()
    assert isinstance(story.ends[1], Unknown)
    assert await performer.end(jobs[2]) is Ending.NEVER_RAN
    assert ledger_of(tmp_path) == ["1", "2"]


async def test_a_disk_that_fills_in_its_middle_starts_nothing_and_leaves_no_claim(
    performer: ShellPerformer, journal: Path, tmp_path: Path
) -> None:
    run, story = a_run(), Story()
    journal.mkdir(parents=True)  # noqa: ASYNC240 - instant
    with small_disk(journal, 1):
        jobs = a_stretch(run, *held(tmp_path, 4))
        # its script alone would need room
        jobs[2] = a_job("true\n" * 2000, run=run, key="k3")
        going = asyncio.create_task(performer.perform_stretch(jobs, story))
        await until(lambda: "2" in ledger_of(tmp_path))
        filler = fill(journal)
        (tmp_path / "go").touch()
        await going
        assert story.ends == [Done(), Done()]
        assert not folder_of(journal, run, "k3").exists()
        again = await performer.perform(jobs[2], Kept())
        assert isinstance(again, NotStarted)
        assert "the disk is full" in again.problem.facts["detail"]
        filler.unlink()
    assert ledger_of(tmp_path) == ["1", "2"]


async def test_racing_stretches_run_each_step_once(performer: ShellPerformer, tmp_path: Path) -> None:
    jobs = a_stretch(a_run(), *(f"echo {number} >>{tmp_path}/ledger; sleep 0.1; echo out" for number in range(3)))
    stories: Sequence[Story] = [Story() for _ in range(20)]
    await asyncio.gather(*(performer.perform_stretch(jobs, story) for story in stories))
    assert ledger_of(tmp_path) == ["0", "1", "2"]
    for story in stories:
        assert story.ends == [Done()] * 3
        assert story.printed == ["out\n"] * 3
