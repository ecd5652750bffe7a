"""A step whose script runs on a host while the bot carries its bytes: both must end well."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bot.databases.ports import HostRunner
from bot.domain.errors import CUT, Reason, RefusedError, problem
from bot.domain.secrets import Secret
from bot.domain.shell import Command
from bot.engine.ports import Done, Ending, Failed, Job, Outcome, Output, Unknown

T = TypeVar("T")


async def side_by_side(
    runner: HostRunner,
    job: Job,
    script: Command,
    files: dict[str, Secret],
    output: Output,
    carrying: Coroutine[Any, Any, T],
    directory: str = "/",
) -> tuple[Outcome, T | None]:
    """Run a script on a host and carry its bytes until both have ended.

    Where the carrying fails, the script is ended; where the script ends badly, the carrying is given up. Where the line
    was cut, neither can go on: the outcome is unknown, so that a step that only reads is made again.

    Args:
        runner: runs the script.
        job: the step.
        script: what runs.
        files: its private files.
        output: takes in what it prints.
        carrying: reads from the script's pipe or writes into it; raises `RefusedError` where it cannot.
        directory: in which the script starts.

    Returns:
        How the script ended, and what the carrying gave; None where it was given up. A failure of the carrying that
        was there first is the outcome.
    """
    working = asyncio.create_task(runner.perform(job, script, directory, files, output))
    carried = asyncio.create_task(carrying)
    try:
        await asyncio.wait({working, carried}, return_when=asyncio.FIRST_COMPLETED)
        if carried.done() and not working.done():
            trouble = carried.exception()
            if trouble is not None and not _never_ready(trouble):
                ending = await runner.end(job)
                await asyncio.wait({working})
                return _why(trouble, ending, job), None
        outcome = await working
        if not isinstance(outcome, Done):
            return outcome, None
        try:
            return outcome, await carried
        except RefusedError as refused:
            return Failed(refused.problem), None
    finally:
        for task in (working, carried):
            task.cancel()
        await asyncio.gather(working, carried, return_exceptions=True)


def _never_ready(trouble: BaseException) -> bool:
    """Whether the script ended before there was anything to carry: it says itself why."""
    return isinstance(trouble, RefusedError) and trouble.problem.reason is Reason.NEVER_STARTED


def _why(trouble: BaseException, ending: Ending, job: Job) -> Outcome:
    if not isinstance(trouble, RefusedError):
        raise trouble
    if trouble.problem.facts.get("why") != CUT:
        return Failed(trouble.problem)
    return _may_live(ending, job) or Unknown(trouble.problem)


def _may_live(ending: Ending, job: Job) -> Unknown | None:
    if ending in {Ending.STILL_THERE, Ending.UNREACHABLE}:
        return Unknown(problem(Reason.STILL_RUNNING, host=job.place, why=ending.value))
    return None


async def cut_short(runner: HostRunner, job: Job) -> Unknown:
    """Say what became of a step that was begun by a bot that is gone: what it carried is lost, so the script ends.

    Args:
        runner: ends it.
        job: the step.
    """
    ending = await runner.end(job)
    gone = Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, why="stream_cut"))
    return _may_live(ending, job) or gone
