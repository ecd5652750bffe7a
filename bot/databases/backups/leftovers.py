"""Reading what restores left beside a live database, and dropping it."""

from __future__ import annotations

from bot.databases.backups.dump import TailedOutput, masked
from bot.databases.backups.restore_script import RestoringJob, drop_job
from bot.databases.backups.verify import database_of
from bot.databases.ports import HostRunner
from bot.databases.server.connector import Connector
from bot.databases.server.session import ReadOnlySession
from bot.domain.backups.leftovers import Leftover, leftovers_of
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import DropCopy, DropOld
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Ending, Failed, Job, NotStarted, Outcome, Output, Unknown

_BESIDE = """
    SELECT s.schema_name, COUNT(t.table_name),
        COALESCE(SUM(COALESCE(t.data_length, 0) + COALESCE(t.index_length, 0)), 0)
    FROM information_schema.schemata s
    LEFT JOIN information_schema.tables t ON t.table_schema = s.schema_name AND t.table_type <> 'VIEW'
    WHERE LEFT(s.schema_name, CHAR_LENGTH(%s)) = %s
    GROUP BY s.schema_name ORDER BY s.schema_name
"""


class LeftoverReader:
    """Reads what restores left.

    Args:
        connections: opens sessions.
    """

    def __init__(self, connections: Connector) -> None:
        self._connections = connections

    async def beside(self, target: Target) -> tuple[Leftover, ...]:
        """Read every database that a restore left beside a target's own, by name.

        Args:
            target: which; one without a database has none.

        Raises:
            RefusedError: a reason of the database or of a host.
        """
        if target.database is None:
            return ()
        async with self._connections.reading(target) as session:
            return await _beside(session, target.database.name)


async def _beside(session: ReadOnlySession, live: str) -> tuple[Leftover, ...]:
    start = f"{live}_countersign_"
    rows = await session.rows(_BESIDE, start, start)
    found = (leftovers_of(live, str(name), int(tables), int(size)) for name, tables, size in rows)
    return tuple(leftovers for leftovers in found if leftovers is not None)


class _Dropping:
    """What both droppings share: the script runs detached on the host of the step.

    Args:
        runner: runs the script.
        leftovers: reads what is there.
    """

    def __init__(self, runner: HostRunner, leftovers: LeftoverReader) -> None:
        self._runner = runner
        self._remains = leftovers

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Start or adopt the script, and follow it."""
        try:
            made = _job(job)
        except ValueError as error:
            return Failed(problem(Reason.NOT_DROPPED, database=_name(job), detail=str(error)))
        told = TailedOutput(output)
        return self._judged(job, await self._runner.perform(job, made.script, "/", made.files, told), told)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it."""
        told = TailedOutput(output)
        return self._judged(job, await self._runner.resume(job, told), told)

    async def check(self, job: Job) -> Effect:
        """Say whether it is gone."""
        try:
            there = await self._remains.beside(job.target)
        except RefusedError:
            return Effect.CANNOT_TELL
        return Effect.DID_NOT if any(one.database == _name(job) for one in there) else Effect.TOOK

    async def end(self, job: Job) -> Ending:
        """End the script."""
        return await self._runner.end(job)

    def _judged(self, job: Job, outcome: Outcome, told: TailedOutput) -> Outcome:
        match outcome:
            case Failed(exit_status=exit_status) if exit_status is not None:
                detail = masked(told.last_lines(), job)
                return Failed(problem(Reason.NOT_DROPPED, database=_name(job), detail=detail), exit_status)
            case Done():
                return Done({"dropped": _name(job)})
            case _:
                return outcome


class DropOldPerformer(_Dropping):
    """Drops what a restore replaced. Implements `Performer`."""


class DropCopyPerformer(_Dropping):
    """Drops the copy that a restore made, where it is still there. Implements `Performer`.

    A copy that cannot be dropped now is no reason to keep the site down or a person awake: `/backup list` shows it, and
    `/backup drop-old` drops it.
    """

    def _judged(self, job: Job, outcome: Outcome, told: TailedOutput) -> Outcome:
        match super()._judged(job, outcome, told):
            case Failed(found) | Unknown(found) | NotStarted(found) if found.reason is not Reason.OVERTAKEN:
                return Done({"left": _name(job), "why": found.reason.value})
            case judged:
                return judged


def _job(job: Job) -> RestoringJob:
    act = job.step.act
    match act:
        case DropOld(name, tables):
            return drop_job(database_of(job), name, tables)
        case DropCopy(name):
            return drop_job(database_of(job), name, None)
        case _:
            raise TypeError(f"not a step for this performer: {act!r}")


def _name(job: Job) -> str:
    act = job.step.act
    return act.database if isinstance(act, DropOld | DropCopy) else ""
