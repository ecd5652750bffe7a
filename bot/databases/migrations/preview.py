"""The step that previews migrations which cannot be rehearsed, from the SQL that the stack's own tool prints."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bot.databases.backups.script_step import act_of, masked
from bot.databases.migrations.evidence import PreviewedTrial, rehearsed
from bot.databases.migrations.online_ddl import Prediction, asked_of_server
from bot.databases.migrations.preview_sql import sql_of, statements_of
from bot.databases.migrations.rehearsal_script import RehearsalOutcome, RehearsalResults, Trial
from bot.databases.migrations.sql.catalog import Catalog, read_catalog
from bot.databases.migrations.sql.ddl import MigrationStatement, catalog_after
from bot.databases.server.connector import Connector
from bot.databases.server.schema_rows import schema_of
from bot.databases.server.tables import TableSize
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.acts import Preview
from bot.domain.runs.findings import NotRehearsedReason
from bot.domain.runs.plan_json import FINDINGS, findings_to_text
from bot.domain.targets.look import CommitCode, HostQuestion
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, TargetReader

_LONGEST_COMPLAINT = 600
_NOTHING = schema_of(())


class PreviewPerformer:
    """Previews the SQL of pending migrations. Implements `Performer`.

    It only reads. Where the tool cannot say the SQL the step is done all the same, and its findings say so.

    Args:
        targets: reads the target.
        connections: opens sessions with the database.
    """

    def __init__(self, targets: TargetReader, connections: Connector) -> None:
        self._targets = targets
        self._connections = connections

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Ask the tool, then the database how large the tables are and how it would change them."""
        act = act_of(job, Preview)
        is_trusted = job.target.policy.rehearsal is RehearsalMode.TRUSTED
        asked = HostQuestion(
            path=job.target.path,
            ref=act.sha,
            trunk=job.target.branch,
            commit_command=act.show_sql,
            code=CommitCode.ON_TRUNK if is_trusted else CommitCode.NEVER,
        )
        try:
            async with asyncio.timeout(job.step.timeout):
                preview = (await self._targets.look(job.target).host(job.place, asked)).commit_output
                if preview is None or preview.exit_status != 0:
                    complaint = preview.complaint if preview is not None else f"there is no commit {act.sha}"
                    return await self._found(job, {}, masked(complaint, job)[-_LONGEST_COMPLAINT:])
                return await self._found(job, sql_of(masked(preview.output, job)), "")
        except TimeoutError:
            return Failed(problem(Reason.TIMED_OUT, seconds=str(job.step.timeout)))
        except RefusedError as refused:
            return Failed(refused.problem)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`."""
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        """Leave the decision to a repetition: the step is worth only its findings."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """Report that there is no process to end."""
        return Ending.GONE

    async def _found(self, job: Job, sql: Mapping[str, str], detail: str) -> Outcome:
        act = act_of(job, Preview)
        async with self._connections.reading(job.target) as session:
            catalog = await read_catalog(session)
        by_name = _statements({name: sql.get(name.split(" ", 1)[0]) for name in act.migrations}, catalog)
        flat = tuple(statement for of_one in by_name.values() for statement in of_one or ())
        sizes, predictions = await self._asked(job, flat)
        previewed, place = [], 0
        for name, of_one in by_name.items():
            pairs = None if of_one is None else tuple((one, predictions.get(place + n)) for n, one in enumerate(of_one))
            previewed.append(PreviewedTrial(_trial(name), pairs))
            place += len(of_one or ())
        results = RehearsalResults(
            RehearsalOutcome.NOT_POSSIBLE,
            NotRehearsedReason.RECIPE,
            detail,
            None,
            routines_left_out=False,
            trials=(),
            before=_NOTHING,
            after=_NOTHING,
        )
        return Done({FINDINGS: findings_to_text(rehearsed("", {}, results, tuple(previewed), sizes))})

    async def _asked(
        self, job: Job, statements: tuple[MigrationStatement, ...]
    ) -> tuple[Mapping[str, TableSize], Mapping[int, Prediction]]:
        act, database = act_of(job, Preview), job.target.database
        asked = database is not None and database.copies_at(job.target.hosts[0]) is not None and bool(statements)
        name = act.scratch if asked else None
        return await asked_of_server(self._connections, job.target, name, statements)


def _statements(
    sql: Mapping[str, str | None], catalog: Catalog | None
) -> Mapping[str, tuple[MigrationStatement, ...] | None]:
    found: dict[str, tuple[MigrationStatement, ...] | None] = {}
    for name, text in sql.items():
        found[name] = None if text is None else statements_of(text, catalog)
        for statement in found[name] or ():
            catalog = catalog_after(catalog, statement)
        catalog = None if text is None else catalog
    return found


def _trial(name: str) -> Trial:
    """A migration that was not run."""
    return Trial(name, None, ran=False, well=False, milliseconds=0, before=_NOTHING, after=_NOTHING, output="")
