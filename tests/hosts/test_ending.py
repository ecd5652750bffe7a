"""Ending a step: by its time limit or because somebody asked; nothing is called gone that lives."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.demo.host.tcp_proxy import TcpProxy
from bot.domain.errors import Reason
from bot.engine.ports import Done, Ending, Failed, NotStarted, Unknown
from bot.hosts import runner_call
from bot.hosts.connections import Connections
from bot.hosts.runner import RetryLimits, Runner, ShellPerformer
from bot.hosts.runner_program import RunnerProgram, read_program
from tests.hosts.support.jobs import Kept, a_job, a_run

STUBBORN = """
trap '' TERM
sh -c 'trap "" TERM; echo $$ >>{pids}; while :; do sleep 0.2; done' &
(sh -c 'trap "" TERM; echo $$ >>{pids}; while :; do sleep 0.2; done' &)
echo $$ >>{pids}
while [ "$(wc -l <{pids})" -lt 3 ]; do sleep 0.05; done
echo on
while :; do sleep 0.2; done
"""


def living(pids: Path) -> list[str]:
    return [pid for pid in pids.read_text().split() if Path("/proc", pid).exists()]


async def test_the_time_limit_ends_grandchildren_that_ignore_term(performer: ShellPerformer, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    outcome = await performer.perform(a_job(STUBBORN.format(pids=pids), run=a_run(), timeout=2), Kept())
    assert isinstance(outcome, Failed)
    assert (outcome.problem.reason, outcome.exit_status) == (Reason.TIMED_OUT, None)
    assert len(pids.read_text().split()) == 3
    assert living(pids) == []


async def test_the_time_limit_holds_while_the_bot_is_away(performer: ShellPerformer) -> None:
    job = a_job("echo on; sleep 300", run=a_run(), timeout=1)
    output = Kept()
    going = asyncio.create_task(performer.perform(job, output))
    await output.contains(b"on\n")
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    await asyncio.sleep(2.5)
    outcome = await performer.resume(job, Kept())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.TIMED_OUT


async def test_a_step_that_ends_on_term_may_clean_up(performer: ShellPerformer) -> None:
    output = Kept()
    script = "trap 'echo tidied; exit 0' TERM; echo on; while :; do sleep 0.1; done"
    outcome = await performer.perform(a_job(script, run=a_run(), timeout=1), output)
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.TIMED_OUT
    assert output.data.endswith(b"tidied\n")


async def test_ending_a_running_step_is_told_to_whoever_follows_it(performer: ShellPerformer, tmp_path: Path) -> None:
    pids, output = tmp_path / "pids", Kept()
    job = a_job(STUBBORN.format(pids=pids), run=a_run(), timeout=300)
    going = asyncio.create_task(performer.perform(job, output))
    await output.contains(b"on\n")
    assert await performer.end(job) is Ending.GONE
    assert living(pids) == []
    outcome = await going
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.CANCELLED
    assert await performer.end(job) is Ending.GONE


async def test_ending_a_step_that_never_ran_keeps_it_from_ever_running(
    performer: ShellPerformer, tmp_path: Path
) -> None:
    job = a_job(f"touch {tmp_path}/ran", run=a_run())
    assert await performer.end(job) is Ending.NEVER_RAN
    assert isinstance(await performer.perform(job, Kept()), NotStarted)
    assert isinstance(await performer.resume(job, Kept()), NotStarted)
    assert await performer.end(job) is Ending.NEVER_RAN
    assert not (tmp_path / "ran").exists()


async def test_ending_a_step_that_has_ended_leaves_its_status(performer: ShellPerformer) -> None:
    job = a_job("true", run=a_run())
    assert await performer.perform(job, Kept()) == Done()
    assert await performer.end(job) is Ending.GONE
    assert await performer.resume(job, Kept()) == Done()


async def test_ending_races_with_starting_and_one_of_them_is_right(performer: ShellPerformer, tmp_path: Path) -> None:
    run = a_run()
    for number in range(12):
        started = tmp_path / f"started{number}"
        job = a_job(f"touch {started}; sleep 60; touch {tmp_path}/late{number}", run=run, key=f"k{number}")
        going = asyncio.create_task(performer.perform(job, Kept()))
        await asyncio.sleep(number * 0.008)
        ending = await performer.end(job)
        outcome = await going
        if ending is Ending.NEVER_RAN:
            assert isinstance(outcome, NotStarted)
            assert not started.exists()
        else:
            assert ending is Ending.GONE
            assert isinstance(outcome, Failed)
        assert not (tmp_path / f"late{number}").exists()


async def test_an_owner_that_was_overtaken_ends_nothing(performer: ShellPerformer) -> None:
    run, output = a_run(), Kept()
    going = asyncio.create_task(performer.perform(a_job("echo on; sleep 1", run=run, token=3), output))
    await output.contains(b"on\n")
    assert await performer.end(a_job("", run=run, token=2)) is Ending.STILL_THERE
    assert await going == Done()


async def test_an_unreachable_host_is_said_to_be_unreachable(wired: Connections, wire: TcpProxy) -> None:
    await wire.refuse()
    performer = ShellPerformer(Runner(wired, RetryLimits(ending=0.5)))
    assert await performer.end(a_job("true", run=a_run())) is Ending.UNREACHABLE


async def test_a_child_in_a_session_of_its_own_is_ended_too(performer: ShellPerformer, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    child = f"""trap "" TERM; echo $$ >>{pids}; while :; do sleep 0.2; done"""
    script = f"setsid sh -c '{child}' & echo $$ >>{pids}; wait"
    outcome = await performer.perform(a_job(script, run=a_run(), timeout=2), Kept())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.TIMED_OUT
    assert len(pids.read_text().split()) == 2
    assert living(pids) == []


async def test_where_processes_cannot_be_seen_nothing_is_called_gone(
    performer: ShellPerformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what an account sees of process 1 below `hidepid`
    blind = RunnerProgram(read_program().text.replace("/proc/1/stat", "/proc/0/stat"))
    monkeypatch.setattr(runner_call, "read_program", lambda: blind)
    outcome = await performer.perform(a_job("sleep 300", run=a_run(), timeout=1), Kept())
    assert isinstance(outcome, Unknown)
    assert outcome.problem.reason is Reason.STILL_RUNNING
    output, job = Kept(), a_job("echo on; sleep 300", run=a_run())
    going = asyncio.create_task(performer.perform(job, output))
    await output.contains(b"on\n")
    assert await performer.end(job) is Ending.STILL_THERE
    assert isinstance(await going, Unknown)
    assert await performer.perform(a_job("true", run=a_run()), Kept()) == Done()
