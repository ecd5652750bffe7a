"""The steps that rehearse migrations on a copy, and compare the live schema with the rehearsed one afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from bot.databases.backups.relay import end_interrupted_transfer
from bot.databases.backups.script_step import act_of, masked
from bot.databases.migrations.commit_files import commit_files_of, read_commit_files
from bot.databases.migrations.evidence import PreviewedTrial, not_rehearsed, rehearsed
from bot.databases.migrations.online_ddl import Prediction, asked_of_server
from bot.databases.migrations.patient_reader import PatientReader
from bot.databases.migrations.pretend import parse_pretend
from bot.databases.migrations.rehearsal_data import BackupDataSource
from bot.databases.migrations.rehearsal_script import (
    MAX_OF_A_FILE,
    RehearsalOutcome,
    RehearsalResults,
    Trial,
    failure_of,
    parse_files,
    rehearsal_job,
    results_folder,
    results_of,
)
from bot.databases.migrations.source import names_connection
from bot.databases.migrations.sql.catalog import Catalog, read_catalog
from bot.databases.migrations.sql.ddl import MigrationStatement, Operation, catalog_after, read_statements
from bot.databases.ports import HostReader, HostRunner
from bot.databases.server.connector import Connector
from bot.databases.server.schema import DIGITS, EARLIER_DIGITS, PARTS, Schema, canonical, schema_digests
from bot.databases.server.tables import TableSize, live_schema
from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.acts import AsRehearsed, Direction, Rehearse
from bot.domain.runs.findings import Finding, RehearsedWhere
from bot.domain.runs.plan_json import FINDINGS, findings_to_text
from bot.domain.targets.scratch import ScratchServer
from bot.domain.targets.target import Database
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, Unknown
from bot.sandbox.results import read_results

_MAX_OF_A_SOURCE = 64 * 1024


class RehearsePerformer:
    """Rehearses pending migrations. Implements `Performer`.

    Production is not changed: what runs, runs on a database and in a worktree that are thrown away. Where it cannot
    be tried, the step is done all the same and its findings say so; where a migration fails, the step fails.

    Args:
        runner: runs the script detached.
        reader: reads its results, and sources.
        connections: opens sessions with the database.
        data: finds and brings the backup whose data the copy gets.
        pauses: seconds between tries to read from a host that does not answer.
    """

    def __init__(
        self,
        runner: HostRunner,
        reader: HostReader,
        connections: Connector,
        data: BackupDataSource,
        pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0),
    ) -> None:
        self._runner = runner
        self._reader = PatientReader(reader, pauses)
        self._data = data
        self._connections = connections

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Read the sources; if they allow it, start or adopt the rehearsal, follow it, and read its results."""
        act = act_of(job, Rehearse)
        try:
            sources = await self._sources(job)
            hindrance = _hindrance(act, sources, job.target.database)
            if hindrance is not None:
                return _findings(not_rehearsed(act, sources, *hindrance))
            scratch, database = _where(job)
            data = await self._data.of(job, database)
            copies = database.copies_at(job.target.hosts[0]) or database
            script = rehearsal_job(act, scratch, database, copies, job.attempt, data)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return _findings(not_rehearsed(act, {}, "settings", str(error)))
        outcome = await self._data.run(self._runner, job, script, data, output)
        return await self._judged(job, outcome, sources)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it. One that waits for a backup ends: its sender is gone."""
        try:
            if (await self._data.of(job, _where(job)[1])).pipe:
                return await end_interrupted_transfer(self._runner, job)
        except (RefusedError, ValueError):
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place))
        outcome = await self._runner.resume(job, output)
        try:
            return await self._judged(job, outcome, await self._sources(job))
        except (RefusedError, ValueError):
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place))

    async def check(self, job: Job) -> Effect:
        """Leave the decision to a repetition: the step is worth only its findings."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the rehearsal; it removes its database and its worktree itself."""
        return await self._runner.end(job)

    async def _sources(self, job: Job) -> Mapping[str, str]:
        """Read the migrations' files at the commit, by the migrations' names."""
        act = act_of(job, Rehearse)
        read = read_commit_files(act, job.target.path, _MAX_OF_A_SOURCE)
        return commit_files_of(await self._reader.read(job.place, read), act).migrations

    async def _judged(self, job: Job, outcome: Outcome, sources: Mapping[str, str]) -> Outcome:
        if not isinstance(outcome, Done):
            return outcome
        act = act_of(job, Rehearse)
        try:
            read = read_results(job.notes, results_folder(job.attempt), MAX_OF_A_FILE)
            files = parse_files(await self._reader.read(job.place, read))
            results = results_of({name: masked(text, job) for name, text in files.items()}, act.migrations)
        except RefusedError as refused:
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, why=refused.problem.reason.value))
        except ValueError as error:
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, detail=str(error)))
        match results.ended:
            case RehearsalOutcome.NOT_POSSIBLE:
                return _findings(not_rehearsed(act, sources, results.why or "", results.detail))
            case RehearsalOutcome.FAILED:
                return Failed(_failure(results, act.direction))
            case RehearsalOutcome.OK:
                return await self._found(job, sources, results)

    async def _found(self, job: Job, sources: Mapping[str, str], results: RehearsalResults) -> Outcome:
        act = act_of(job, Rehearse)
        try:
            async with self._connections.reading(job.target) as session:
                catalog = await read_catalog(session)
            statements = _statements(results.trials, catalog)
            flat = tuple(statement for of_one in statements for statement in of_one or ())
            sizes, predictions = await self._asked(job, flat)
        except RefusedError as refused:
            return Failed(refused.problem)
        previewed, place = [], 0
        for trial, of_one in zip(results.trials, statements, strict=True):
            if of_one is None:
                previewed.append(PreviewedTrial(trial, None))
                continue
            pairs = tuple((statement, predictions.get(place + index)) for index, statement in enumerate(of_one))
            previewed.append(PreviewedTrial(trial, pairs))
            place += len(of_one)
        return _findings(rehearsed(act.suffix, sources, results, tuple(previewed), sizes, _rehearsed_where(job)))

    async def _asked(
        self, job: Job, statements: tuple[MigrationStatement, ...]
    ) -> tuple[Mapping[str, TableSize], Mapping[int, Prediction]]:
        scratch, _ = _where(job)
        return await asked_of_server(self._connections, job.target, f"{scratch}_p", statements)


def _findings(findings: tuple[Finding, ...]) -> Done:
    return Done({FINDINGS: findings_to_text(findings)})


def _rehearsed_where(job: Job) -> RehearsedWhere:
    database = job.target.database
    elsewhere = database is not None and isinstance(database.scratch, ScratchServer)
    return RehearsedWhere.SCRATCH_SERVER if elsewhere else RehearsedWhere.BESIDE_LIVE


def _hindrance(act: Rehearse, sources: Mapping[str, str], database: Database | None) -> tuple[str, str] | None:
    """Return why nothing may be run, as a code and a detail; None where it may."""
    for name in act.migrations:
        if not sources.get(name):
            return "source_missing", name
        if names_connection(sources[name], act.other_connection, act.suffix):
            return "other_connection", name
    if act.scratch is not None:
        return None
    if database is None or database.copies_at("") is None:
        return "scratch_off", ""
    return "name_too_long", database.name


def _statements(trials: Sequence[Trial], catalog: Catalog | None) -> list[tuple[MigrationStatement, ...] | None]:
    """Read what each migration would run; what only reads is left out."""
    found: list[tuple[MigrationStatement, ...] | None] = []
    for trial in trials:
        if trial.pretend is None:
            found.append(None)
            catalog = None
            continue
        read = read_statements((sql for _, sql in parse_pretend(trial.pretend)), catalog)
        for statement in read:
            catalog = catalog_after(catalog, statement)
        found.append(tuple(one for one in read if one.operation is not Operation.SELECT or one.effects))
    return found


def _failure(results: RehearsalResults, direction: Direction) -> Problem:
    failed = next((trial for trial in results.trials if trial.ran and not trial.well), None)
    rows = results.rows.value if results.rows is not None else ""
    if failed is None:
        return problem(Reason.REHEARSAL_FAILED, migration="", error="", statement="", rows=rows)
    error, statement = failure_of(failed.output)
    return problem(
        Reason.REHEARSAL_FAILED,
        **{"undone" if direction is Direction.DOWN else "migration": failed.name},
        error=error,
        statement=statement,
        rows=rows,
        seconds=f"{failed.milliseconds / 1000:.2f}",
    )


def _where(job: Job) -> tuple[str, Database]:
    scratch, database = act_of(job, Rehearse).scratch, job.target.database
    if scratch is None or database is None or database.copies_at(job.target.hosts[0]) is None:
        raise ValueError("the target allows no scratch database")
    return scratch, database


class AsRehearsedPerformer:
    """Compares the tables that migrations changed with the rehearsed ones. Implements `Performer`.

    It only reads, so it is done again wherever it is asked for.

    Args:
        connections: opens sessions with the database.
    """

    def __init__(self, connections: Connector) -> None:
        self._connections = connections

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Read the schema and compare."""
        act = act_of(job, AsRehearsed)
        try:
            async with asyncio.timeout(job.step.timeout), self._connections.reading(job.target) as session:
                schema = await live_schema(session)
        except TimeoutError:
            return Failed(problem(Reason.TIMED_OUT, seconds=str(job.step.timeout)))
        except RefusedError as refused:
            return Failed(refused.problem)
        found = _otherwise(act, schema)
        if found is not None:
            return Failed(found)
        facts = {"tables": ", ".join(act.expected)}
        others = sorted(schema.places - act.digests.keys()) if act.digests is not None else []
        return Done(facts | ({"not_rehearsed": ", ".join(others)} if others else {}))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`."""
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        """Leave the decision to a repetition."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """Report that there is no process to end."""
        return Ending.GONE


def _otherwise(act: AsRehearsed, schema: Schema) -> Problem | None:
    """Say what is not as it was in the rehearsal, or None. What was not there then is not compared."""
    digits = DIGITS
    if _is_of_an_earlier_version(act):
        schema, digits = schema.as_once_read(), EARLIER_DIGITS
    for table, after in act.expected.items():
        found = canonical(schema.of([table]))
        if found != after:
            missing = sorted(set(after.splitlines()) - set(found.splitlines()))
            extra = sorted(set(found.splitlines()) - set(after.splitlines()))
            facts = {"missing": "; ".join(missing)[:1000], "unexpected": "; ".join(extra)[:1000]}
            return problem(Reason.NOT_TAKEN_EFFECT, table=table, **facts)
    digests = schema_digests(schema, digits)
    others = [table for table, digest in (act.digests or {}).items() if digests.get(table) != digest]
    if not others:
        return None
    return problem(Reason.NOT_TAKEN_EFFECT, table=", ".join(sorted(others)), unlike_rehearsed=", ".join(sorted(others)))


def _is_of_an_earlier_version(act: AsRehearsed) -> bool:
    """Whether the plan was sealed when columns and indexes alone were compared."""
    if act.digests:
        return all(len(digest) == EARLIER_DIGITS for digest in act.digests.values())
    lines = [line for after in act.expected.values() for line in after.splitlines()]
    return bool(lines) and not any(line.startswith(tuple(f"{kind} " for kind in PARTS)) for line in lines)
