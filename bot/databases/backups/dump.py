"""Steps that the databases do: reading that nothing is pending, and making a backup."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from bot.databases.backups.dump_script import NOTHING_KNOWN, Before, DumpJob, Stage, dump_job, failed_stage
from bot.databases.backups.host_catalog import Found, HostCatalog, Presence
from bot.databases.ports import HostReader, HostRunner
from bot.databases.server.facts import DatabaseLook
from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.acts import Dump, NothingPending, Undone
from bot.domain.secrets import masker_of
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output

T = TypeVar("T")

Known = Callable[[Target, tuple[str, ...]], Awaitable[Before]]
"""Tells what is known before a dump of a target's tables (none means all). It never fails: it knows less."""

_MAX_NAMES = 20


class NothingPendingPerformer:
    """Reads the migrations table: each migration that the run applied must be there. Implements `Performer`.

    It only reads, so it is done again wherever it is asked for.

    Args:
        look: reads databases.
        table_of: gives the name of a target's migrations table.
    """

    def __init__(self, look: DatabaseLook, table_of: Callable[[Target], str]) -> None:
        self._look = look
        self._table_of = table_of

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Read the table and compare."""
        missing = await _read_in_time(job, self._missing(job))
        if isinstance(missing, Failed):
            return missing
        if missing:
            named = ", ".join(missing[:_MAX_NAMES])
            table = self._table_of(job.target)
            return Failed(problem(Reason.NOT_TAKEN_EFFECT, missing=named, count=str(len(missing)), table=table))
        return Done({"migrations": str(len(_names(job)))})

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`: reading again is harmless."""
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        """Say whether the migrations are there."""
        try:
            async with asyncio.timeout(job.step.timeout):
                return Effect.DID_NOT if await self._missing(job) else Effect.TOOK
        except (TimeoutError, RefusedError):
            return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """Say that there is no process: a look ends with whoever waits for it."""
        return Ending.GONE

    async def _missing(self, job: Job) -> tuple[str, ...]:
        facts = await self._look.database(job.target, self._table_of(job.target))
        there = {row.name for row in facts.ran}
        return tuple(name for name in _names(job) if name not in there)


async def _read_in_time(job: Job, reading: Coroutine[Any, Any, T]) -> T | Failed:
    """Read within the step's time limit; what the outside refuses is an outcome."""
    try:
        async with asyncio.timeout(job.step.timeout):
            return await reading
    except TimeoutError:
        return Failed(problem(Reason.TIMED_OUT, seconds=str(job.step.timeout)))
    except RefusedError as refused:
        return Failed(refused.problem)


def _names(job: Job) -> tuple[str, ...]:
    if not isinstance(job.step.act, NothingPending):
        raise TypeError(f"not a step for this performer: {job.step.act!r}")
    return job.step.act.names


class UndonePerformer:
    """Reads the migrations table: no migration that the run undid may be there. Implements `Performer`.

    Args:
        look: reads databases.
        table_of: gives the name of a target's migrations table.
    """

    def __init__(self, look: DatabaseLook, table_of: Callable[[Target], str]) -> None:
        self._look = look
        self._table_of = table_of

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Read the table and compare."""
        act = job.step.act
        if not isinstance(act, Undone):
            raise TypeError(f"not a step for this performer: {act!r}")
        table = self._table_of(job.target)
        facts = await _read_in_time(job, self._look.database(job.target, table))
        if isinstance(facts, Failed):
            return facts
        left = [row.name for row in facts.ran if row.name in act.names]
        if left:
            named = ", ".join(left[:_MAX_NAMES])
            return Failed(problem(Reason.NOT_TAKEN_EFFECT, left=named, count=str(len(left)), table=table))
        return Done({"migrations": str(len(act.names))})

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`: reading again is harmless."""
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        """There is nothing to take effect."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """Say that there is no process: a look ends with whoever waits for it."""
        return Ending.GONE


class DumpPerformer:
    """Makes a backup on the host of its step, and reads it back before it is called one. Implements `Performer`.

    Args:
        runner: runs the script detached.
        reader: reads the result.
        pauses: seconds between tries to read back from a host that does not answer.
        known: tells what is known before a dump.
    """

    def __init__(
        self,
        runner: HostRunner,
        reader: HostReader,
        pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0),
        known: Known | None = None,
    ) -> None:
        self._runner = runner
        self._backups = HostCatalog(reader)
        self._pauses = pauses
        self._known = known

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Start or adopt the dump, follow it, then read the backup back."""
        before = await before_of(self._known, job)
        try:
            made = _made(job, before)
        except ValueError as error:
            return impossible(Stage.SETTINGS, str(error))
        told = TailedOutput(output)
        outcome = await self._runner.perform(job, made.script, "/", made.files, told)
        return await self._judged(job, outcome, told, before)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it."""
        told = TailedOutput(output)
        outcome = await self._runner.resume(job, told)
        return await self._judged(job, outcome, told, await before_of(self._known, job))

    async def check(self, job: Job) -> Effect:
        """Say whether the backup is there and whole."""
        if job.step.check is not None:
            return await self._runner.check(job, job.target.path)
        try:
            found = await self._backups.prove_checksum(job.place, _directory(job), _dump(job).backup)
        except RefusedError:
            return Effect.CANNOT_TELL
        match found.presence:
            case Presence.WHOLE:
                return Effect.TOOK if is_of(found, job) else Effect.CANNOT_TELL
            case Presence.ABSENT:
                return Effect.DID_NOT
            case Presence.UNFINISHED | Presence.DAMAGED | Presence.UNREADABLE:
                return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the dump; it removes its `.part` itself."""
        return await self._runner.end(job)

    async def _judged(self, job: Job, outcome: Outcome, told: TailedOutput, before: Before) -> Outcome:
        match outcome:
            case Failed(exit_status=exit_status):
                stage = failed_stage(exit_status)
                if stage is None:
                    return outcome
                return replace(impossible(stage, masked(told.last_lines(), job)), exit_status=exit_status)
            case Done():
                return await self._proved(job, before)
            case _:
                return outcome

    async def _proved(self, job: Job, before: Before) -> Outcome:
        found = await self._read_back(job)
        if isinstance(found, Problem):
            return Failed(found)
        if found.presence is not Presence.WHOLE or found.manifest is None:
            detail = f"{found.presence.value}: {found.detail}" if found.detail else found.presence.value
            return impossible(Stage.READ_BACK, detail)
        if not is_of(found, job):
            return impossible(Stage.READ_BACK, "a backup of another database has this ID")
        return Done(backup_facts(found, _directory(job).rstrip("/"), before))

    async def _read_back(self, job: Job) -> Found | Problem:
        directory, backup = _directory(job), _dump(job).backup
        for pause in (*self._pauses, None):
            last: Found | Problem
            try:
                last = await self._backups.prove_checksum(job.place, directory, backup)
            except RefusedError as refused:
                last = _problem(Stage.READ_BACK, refused.problem.reason.value)
            else:
                if last.presence is not Presence.UNREADABLE:
                    return last
            if pause is None:
                break
            await asyncio.sleep(pause)
        return last


class TailedOutput:
    """Passes output on and remembers its end.

    Args:
        output: takes it in.
    """

    _ENOUGH = 4096
    _LINES = 3

    def __init__(self, output: Output) -> None:
        self._output = output
        self._end = b""

    async def begun(self) -> None:
        """Pass it on."""
        await self._output.begun()

    async def write(self, offset: int, chunk: bytes) -> None:
        """Pass it on, and keep the last of it."""
        self._end = (self._end + chunk)[-self._ENOUGH :]
        await self._output.write(offset, chunk)

    def last_lines(self) -> str:
        """Give what the failed program said and what the script said of it."""
        lines = [line.strip() for line in self._end.decode(errors="replace").splitlines() if line.strip()]
        return "; ".join(lines[-self._LINES :])


_CAUSES = {
    Stage.LOGIN: Reason.DATABASE_LOGIN_REFUSED,
    Stage.DATABASE: Reason.DATABASE_MISSING,
    Stage.CONNECT: Reason.DATABASE_UNREACHABLE,
    Stage.SPACE: Reason.DISK_FULL,
    Stage.TOOLS: Reason.HOST_TOOL_MISSING,
}


def _problem(stage: Stage, detail: str) -> Problem:
    detail = re.sub(rf"\bbackup \S+ failed at {stage.value}: ", "", detail)
    cause = {"cause": _CAUSES[stage].value} if stage in _CAUSES else {}
    return problem(Reason.BACKUP_IMPOSSIBLE, stage=stage.value, detail=detail, **cause)


def impossible(stage: Stage, detail: str) -> Failed:
    """Say that no backup could be made, and at which stage."""
    return Failed(_problem(stage, detail))


def masked(text: str, job: Job) -> str:
    """Take the database's password out of what a program said."""
    database = job.target.database
    return masker_of(() if database is None else (database.password,)).mask(text)


def _made(job: Job, before: Before) -> DumpJob:
    return dump_job(job.target, _dump(job), job.run, job.attempt, before)


def _dump(job: Job) -> Dump:
    if not isinstance(job.step.act, Dump):
        raise TypeError(f"not a step for this performer: {job.step.act!r}")
    return job.step.act


def _directory(job: Job) -> str:
    return job.target.backups.directory if job.target.backups is not None else ""


async def before_of(known: Known | None, job: Job) -> Before:
    """Give what is known before a dump.

    Args:
        known: tells; None where nobody does.
        job: the dump.
    """
    return NOTHING_KNOWN if known is None else await known(job.target, _dump(job).tables)


def backup_facts(found: Found, place: str, before: Before = NOTHING_KNOWN) -> dict[str, str]:
    """Give the facts of a step that made a backup.

    Args:
        found: the backup, whole.
        place: where it lies.
        before: what was known before; a dump that is much smaller than the one before says so.
    """
    manifest = found.manifest
    if manifest is None:
        return {}
    facts = {
        "backup": manifest.backup,
        "path": f"{place}/{manifest.file}",
        "bytes": str(manifest.bytes),
        "sha256": manifest.sha256,
        "seconds": str(manifest.seconds),
        "tables": str(len(manifest.tables)),
        "database": manifest.database,
        "started": manifest.started,
        "server": manifest.server,
        "proof": manifest.proof.value,
    }
    if manifest.encrypted_to:
        facts["encrypted"] = "yes"
    if before.backup != manifest.backup and before.shrunk(manifest.bytes):
        facts |= {"previous": before.backup, "previous_bytes": str(before.bytes)}
    return facts


def is_of(found: Found, job: Job) -> bool:
    """Whether a backup that was found is one of a job's own target."""
    manifest, database = found.manifest, job.target.database
    return (
        manifest is not None
        and database is not None
        and (manifest.app, manifest.environment) == (job.target.name.app, job.target.name.environment)
        and manifest.database == database.name
    )
