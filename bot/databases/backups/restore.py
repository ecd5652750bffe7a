"""The two steps that put a backup back: load it beside the live database, and swap the tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from bot.databases.backups.catalog import BackupCatalog
from bot.databases.backups.dump import TailedOutput, masked
from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.restore_script import RestoringJob, Stage, failed_stage, load_job, swap_job
from bot.databases.backups.verify import database_of, directory_of, manifest_of, not_restorable
from bot.databases.ports import BackupStorages, HostReader, HostRunner
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Load, Swap
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, Unknown


class _Build(Protocol):
    async def __call__(self, job: Job) -> RestoringJob: ...


class _Restoring:
    """What both steps share: the script runs detached, and its exit status says at which stage it failed.

    Args:
        runner: runs the script.
        build: builds it.
    """

    def __init__(self, runner: HostRunner, build: _Build) -> None:
        self._runner = runner
        self._build = build

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Start or adopt the script, and follow it."""
        try:
            made = await self._build(job)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return not_restorable(_backup(job), Stage.FILE, str(error))
        told = TailedOutput(output)
        return await self._judged(job, await self._runner.perform(job, made.script, "/", made.files, told), told)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it."""
        told = TailedOutput(output)
        return await self._judged(job, await self._runner.resume(job, told), told)

    async def check(self, job: Job) -> Effect:
        """Nobody but a person can tell."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the script; it puts back what it did."""
        return await self._runner.end(job)

    async def _judged(self, job: Job, outcome: Outcome, told: TailedOutput) -> Outcome:
        match outcome:
            case Failed(exit_status=exit_status):
                stage = failed_stage(exit_status)
                if stage is None:
                    return outcome
                failed = not_restorable(_backup(job), stage, masked(told.last_lines(), job))
                # What could not be put back is nothing that certainly failed.
                return Unknown(failed.problem) if stage is Stage.HALF else replace(failed, exit_status=exit_status)
            case Done():
                return Done({"backup": _backup(job)})
            case _:
                return outcome


class LoadPerformer(_Restoring):
    """Restores a backup into a fresh database beside the live one. Implements `Performer`.

    Args:
        runner: runs the script detached.
        reader: reads the manifest.
    """

    def __init__(self, runner: HostRunner, reader: HostReader) -> None:
        super().__init__(runner, self._load)
        self._catalog = BackupCatalog(reader)

    async def _load(self, job: Job) -> RestoringJob:
        act = job.step.act
        if not isinstance(act, Load):
            raise TypeError(f"not a step for this performer: {act!r}")
        manifest = await manifest_of(self._catalog, job, act.backup)
        if manifest.sha256 != act.sha256:
            raise ValueError("the file is not the one that was approved")
        return load_job(manifest, directory_of(job), database_of(job), act.fresh, job.attempt)


class SwapPerformer(_Restoring):
    """Puts restored tables into the place of the live ones. Implements `Performer`.

    Args:
        runner: runs the script detached.
        reader: reads the manifest.
        leftovers: reads which databases are there.
        storages: where backups lie that are on no host; None where all are.
    """

    def __init__(
        self,
        runner: HostRunner,
        reader: HostReader,
        leftovers: LeftoverReader,
        *,
        storages: BackupStorages | None = None,
    ) -> None:
        super().__init__(runner, self._swap)
        self._catalog = BackupCatalog(reader, storages)
        self._remains = leftovers

    async def check(self, job: Job) -> Effect:
        """Say from the databases that are there how far the script came.

        It makes the one for the old tables just before it touches anything, drops that again where it has put
        everything back, and drops the copy last of all.
        """
        act = job.step.act
        if not isinstance(act, Swap):
            raise TypeError(f"not a step for this performer: {act!r}")
        try:
            there = {one.database for one in await self._remains.beside(job.target)}
        except RefusedError:
            return Effect.CANNOT_TELL
        match act.old in there, act.fresh in there:
            case True, False:
                return Effect.TOOK
            case False, True:
                return Effect.DID_NOT
            case _:
                return Effect.CANNOT_TELL

    async def _judged(self, job: Job, outcome: Outcome, told: TailedOutput) -> Outcome:
        judged = await super()._judged(job, outcome, told)
        if not _was_ended(judged):
            return judged
        match await self.check(job), judged:
            case Effect.TOOK, _:
                return Done({"backup": _backup(job), "known_by": "check"})
            case Effect.DID_NOT, Unknown():
                return Failed(problem(Reason.NOT_TAKEN_EFFECT, title=job.step.title, host=job.place))
            case Effect.CANNOT_TELL, Failed(found):
                return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, why=found.reason.value))
        return judged

    async def _swap(self, job: Job) -> RestoringJob:
        act = job.step.act
        if not isinstance(act, Swap):
            raise TypeError(f"not a step for this performer: {act!r}")
        manifest = await manifest_of(self._catalog, job, act.backup)
        return swap_job(manifest, database_of(job), act.fresh, act.old)


def _was_ended(outcome: Outcome) -> bool:
    """Whether the script is certainly gone and did not say itself how far it came: what is there now tells.

    It may have been killed before everything was put back.
    """
    match outcome:
        case Unknown(found):
            return found.facts.get("why") == "no_status"
        case Failed(found):
            return found.reason in {Reason.EXIT_STATUS, Reason.TIMED_OUT, Reason.CANCELLED}
        case _:
            return False


def _backup(job: Job) -> str:
    act = job.step.act
    return act.backup if isinstance(act, Load | Swap) else ""
