"""Running a script on a host while the bot transfers its bytes: both must succeed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bot.databases.backups.host_script import HostScript
from bot.databases.ports import HostRunner
from bot.domain.errors import CUT, ENDED, Reason, RefusedError, problem
from bot.engine.ports import Done, Ending, Failed, Job, Outcome, Output, Unknown

T = TypeVar("T")


async def run_with_transfer(
    runner: HostRunner,
    job: Job,
    script: HostScript,
    output: Output,
    transfer: Coroutine[Any, Any, T],
    directory: str = "/",
) -> tuple[Outcome, T | None]:
    """Run a script on a host and transfer its bytes until both have ended.

    A failed transfer ends the script, and a failed script cancels the transfer. After a lost connection neither can go
    on: the outcome is unknown, so that a step that only reads is repeated.

    Args:
        runner: runs the script.
        job: the step.
        script: what runs.
        output: receives what the script prints.
        transfer: reads from the script's pipe or writes into it; raises `RefusedError` where it cannot.
        directory: in which the script starts.

    Returns:
        The outcome of the script, and the result of the transfer; None where it was cancelled. The first failure of the
        two is the outcome.
    """
    running = asyncio.create_task(runner.perform(job, script.command, directory, script.files, output))
    transferring = asyncio.create_task(transfer)
    try:
        await asyncio.wait({running, transferring}, return_when=asyncio.FIRST_COMPLETED)
        if transferring.done() and not running.done():
            error = transferring.exception()
            if error is not None and not _script_ends(error):
                ending = await runner.end(job)
                await asyncio.wait({running})
                return _failed_transfer(error, ending, job), None
        outcome = await running
        if not isinstance(outcome, Done):
            return outcome, None
        try:
            return outcome, await transferring
        except RefusedError as refused:
            return Failed(refused.problem), None
    finally:
        for task in (running, transferring):
            task.cancel()
        await asyncio.gather(running, transferring, return_exceptions=True)


async def end_interrupted_transfer(runner: HostRunner, job: Job) -> Unknown:
    """End a script whose transfer was lost with the bot that made it.

    Args:
        runner: ends it.
        job: the step.
    """
    ending = await runner.end(job)
    ended = Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, why="stream_cut"))
    return _still_running(ending, job) or ended


def _script_ends(error: BaseException) -> bool:
    """Whether the script ended before the transfer began, or ends because its side of it did; it says itself why."""
    return isinstance(error, RefusedError) and (
        error.problem.reason is Reason.NEVER_STARTED or error.problem.facts.get("why") == ENDED
    )


def _failed_transfer(error: BaseException, ending: Ending, job: Job) -> Outcome:
    if not isinstance(error, RefusedError):
        raise error
    if error.problem.facts.get("why") != CUT:
        return Failed(error.problem)
    return _still_running(ending, job) or Unknown(error.problem)


def _still_running(ending: Ending, job: Job) -> Unknown | None:
    if ending in {Ending.STILL_THERE, Ending.UNREACHABLE}:
        return Unknown(problem(Reason.STILL_RUNNING, host=job.place, why=ending.value))
    return None
