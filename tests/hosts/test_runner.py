"""Steps on a host: each ends as it ended, once, with all of its output."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason
from bot.engine.ports import Done, Failed, Outcome
from bot.hosts.runner import ShellPerformer
from tests.hosts.support.jobs import Kept, a_job, a_run


def reason_of(outcome: Outcome) -> Reason:
    assert not isinstance(outcome, Done), outcome
    return outcome.problem.reason


async def test_a_step_that_succeeds_is_done_with_its_output(performer: ShellPerformer) -> None:
    output = Kept()
    assert await performer.perform(a_job("echo one; echo two >&2", run=a_run()), output) == Done()
    assert bytes(output.data) == b"one\ntwo\n"


async def test_an_exit_status_is_a_failure_and_is_adopted_by_whoever_asks_again(performer: ShellPerformer) -> None:
    job = a_job("echo once; exit 7", run=a_run())
    for way in (performer.perform, performer.perform, performer.resume):
        output = Kept()
        outcome = await way(job, output)
        assert isinstance(outcome, Failed)
        assert (reason_of(outcome), outcome.exit_status) == (Reason.EXIT_STATUS, 7)
        assert bytes(output.data) == b"once\n"


async def test_fifty_racing_starts_of_one_attempt_run_it_once(performer: ShellPerformer, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    job = a_job(f"echo ran >>{ledger}; sleep 0.3; echo out", run=a_run())
    outputs = [Kept() for _ in range(50)]
    outcomes = await asyncio.gather(*(performer.perform(job, output) for output in outputs))
    assert set(map(type, outcomes)) == {Done}
    assert ledger.read_text() == "ran\n"
    assert {bytes(output.data) for output in outputs} == {b"out\n"}


async def test_binary_output_arrives_exactly(performer: ShellPerformer, server: DemoHost, tmp_path: Path) -> None:
    every = bytes(range(256)) * 512 + b"\r\n\0\xff"
    (tmp_path / "every").write_bytes(every)
    output = Kept()
    assert await performer.perform(a_job(f"cat {tmp_path}/every", run=a_run()), output) == Done()
    assert bytes(output.data) == every
