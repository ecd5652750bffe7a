"""The databases that restores left beside the live one: reading and dropping them."""

from __future__ import annotations

from bot.databases.backups.host_script import HostScript
from bot.databases.backups.restore_script import drop_job
from bot.databases.backups.restore_step import database_of
from bot.databases.backups.script_step import ScriptStep, TailedOutput
from bot.databases.ports import HostRunner
from bot.databases.server.connector import Connector
from bot.databases.server.session import ReadOnlySession
from bot.domain.backups.leftovers import Leftover, leftovers_of
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import DropCopy, DropOld
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Failed, Job, NotStarted, Outcome, Unknown

_BESIDE = """
    SELECT s.schema_name, COUNT(t.table_name),
        COALESCE(SUM(COALESCE(t.data_length, 0) + COALESCE(t.index_length, 0)), 0), @@lower_case_table_names
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

    async def read(self, target: Target) -> tuple[Leftover, ...]:
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
    found = (
        # Where the server writes names in lower case, the operations file need not.
        leftovers_of(live, start + str(name)[len(start) :] if in_lower_case else str(name), int(tables), int(size))
        for name, tables, size, in_lower_case in rows
    )
    return tuple(leftovers for leftovers in found if leftovers is not None)


class _DropStep(ScriptStep):
    """Drops a database that a restore left, by a script on the host of the step.

    Args:
        runner: runs the script.
        leftovers: reads which databases exist.
    """

    def __init__(self, runner: HostRunner, leftovers: LeftoverReader) -> None:
        super().__init__(runner)
        self._leftovers = leftovers

    async def check(self, job: Job) -> Effect:
        """Check whether the database is gone."""
        try:
            leftovers = await self._leftovers.read(job.target)
        except RefusedError:
            return Effect.CANNOT_TELL
        return Effect.DID_NOT if any(one.database == _name(job) for one in leftovers) else Effect.TOOK

    async def _build(self, job: Job) -> HostScript:
        match job.step.act:
            case DropOld(name, tables):
                return drop_job(database_of(job), name, tables)
            case DropCopy(name):
                return drop_job(database_of(job), name, None)
        raise TypeError(f"not a step for this performer: {job.step.act!r}")

    def _unusable(self, job: Job, detail: str) -> Failed:
        return Failed(problem(Reason.NOT_DROPPED, database=_name(job), detail=detail))

    def _failed(self, job: Job, exit_status: int, detail: str) -> Outcome | None:
        return Failed(problem(Reason.NOT_DROPPED, database=_name(job), detail=detail), exit_status)

    async def _finish(self, job: Job) -> Outcome:
        return Done({"dropped": _name(job)})


class DropOldPerformer(_DropStep):
    """Drops what a restore replaced. Implements `Performer`."""


class DropCopyPerformer(_DropStep):
    """Drops the copy that a restore made, where it still exists. Implements `Performer`.

    A copy that cannot be dropped now is no reason to keep the site down or a person awake: `/backup list` shows it, and
    `/backup drop-old` drops it.
    """

    async def _conclude(self, job: Job, outcome: Outcome, tail: TailedOutput) -> Outcome:
        match await super()._conclude(job, outcome, tail):
            case Failed(cause) | Unknown(cause) | NotStarted(cause) if cause.reason is not Reason.OVERTAKEN:
                return Done({"left": _name(job), "why": cause.reason.value})
            case concluded:
                return concluded


def _name(job: Job) -> str:
    act = job.step.act
    return act.database if isinstance(act, DropOld | DropCopy) else ""
