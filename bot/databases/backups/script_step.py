"""Base of the steps about backups: a script runs on a host, its exit status names the stage that failed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

from bot.databases.backups.host_script import HostScript
from bot.databases.backups.relay import run_with_transfer
from bot.databases.ports import HostRunner
from bot.domain.errors import RefusedError
from bot.domain.secrets import masker_of
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output

A = TypeVar("A")


def act_of(job: Job, kind: type[A]) -> A:
    """Return the act of a job's step, which a performer of one kind of act was given.

    Args:
        job: the step.
        kind: of act.
    """
    if not isinstance(job.step.act, kind):
        raise TypeError(f"not a step for this performer: {job.step.act!r}")
    return job.step.act


class ScriptStep(ABC):
    """Build a script, run it detached, translate its exit status, and read the result back. Implements `Performer`.

    Args:
        runner: runs the script.
    """

    def __init__(self, runner: HostRunner) -> None:
        self._runner = runner

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Start or adopt the script, follow it to its end, and read the result back."""
        try:
            script = await self._build(job)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return self._unusable(job, str(error))
        tail = TailedOutput(output)
        return await self._conclude(job, await self._run(job, script, tail), tail)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start the script."""
        tail = TailedOutput(output)
        return await self._conclude(job, await self._runner.resume(job, tail), tail)

    async def check(self, job: Job) -> Effect:
        """Leave the decision to a repetition or to a person."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the script, which removes what it has not finished."""
        return await self._runner.end(job)

    @abstractmethod
    async def _build(self, job: Job) -> HostScript:
        """Build the script of a job.

        Raises:
            RefusedError: what it needs to know cannot be read.
            ValueError: a value cannot be used; the message holds no secret.
        """

    @abstractmethod
    def _unusable(self, job: Job, detail: str) -> Failed:
        """Report a job whose script cannot be built."""

    @abstractmethod
    def _failed(self, job: Job, exit_status: int, detail: str) -> Outcome | None:
        """Translate the exit status of a script that failed; None where it is not one of the script's own.

        Args:
            job: the step.
            exit_status: of the script.
            detail: the last lines of its output, masked.
        """

    @abstractmethod
    async def _finish(self, job: Job) -> Outcome:
        """Read back what a script that ended well has done."""

    async def _run(self, job: Job, script: HostScript, output: Output) -> Outcome:
        if script.transfer is None:
            return await self._runner.perform(job, script.command, "/", script.files, output)
        outcome, _ = await run_with_transfer(self._runner, job, script, output, script.transfer())
        return outcome

    async def _conclude(self, job: Job, outcome: Outcome, tail: TailedOutput) -> Outcome:
        outcome = self._explain(job, outcome, tail)
        return await self._finish(job) if isinstance(outcome, Done) else outcome

    def _explain(self, job: Job, outcome: Outcome, tail: TailedOutput) -> Outcome:
        match outcome:
            case Failed(exit_status=int() as exit_status):
                return self._failed(job, exit_status, masked(tail.last_lines(), job)) or outcome
        return outcome


class TailedOutput:
    """Passes output on and keeps its end.

    Args:
        output: receives all of it.
    """

    _MAX_BYTES = 4096
    _MAX_LINES = 3

    def __init__(self, output: Output) -> None:
        self._output = output
        self._end = b""

    async def begun(self) -> None:
        """Pass it on."""
        await self._output.begun()

    async def write(self, offset: int, chunk: bytes) -> None:
        """Pass it on, and keep the last of it."""
        self._end = (self._end + chunk)[-self._MAX_BYTES :]
        await self._output.write(offset, chunk)

    async def unreachable(self) -> None:
        """Pass it on."""
        await self._output.unreachable()

    async def reachable(self) -> None:
        """Pass it on."""
        await self._output.reachable()

    def last_lines(self) -> str:
        """Return the last lines, in which the failed program and the script say what is wrong."""
        lines = [line.strip() for line in self._end.decode(errors="replace").splitlines() if line.strip()]
        return "; ".join(lines[-self._MAX_LINES :])


def masked(text: str, job: Job) -> str:
    """Mask the passwords of a job's database in a text."""
    database = job.target.database
    return masker_of(() if database is None else database.passwords).mask(text)
