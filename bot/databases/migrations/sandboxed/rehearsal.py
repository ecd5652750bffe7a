"""The step that rehearses migrations in a sandbox on the host."""

from __future__ import annotations

import asyncio

from bot.databases.backups.relay import end_interrupted_transfer
from bot.databases.backups.restore_step import database_of
from bot.databases.backups.script_step import act_of, masked
from bot.databases.migrations.commit_files import CommitFiles, commit_files_of, read_commit_files
from bot.databases.migrations.patient_reader import PatientReader
from bot.databases.migrations.rehearsal_data import BackupDataSource
from bot.databases.migrations.rehearsal_script import CopiedData, parse_files
from bot.databases.migrations.sandboxed.evidence import not_rehearsed_in, reason_of, rehearsed_in
from bot.databases.migrations.sandboxed.failure import cannot_be_known, failure_of
from bot.databases.migrations.sandboxed.packages import PackagesAnswer, Refused, packages_of
from bot.databases.migrations.sandboxed.packages_script import lock_files_of, lock_files_question
from bot.databases.migrations.sandboxed.recorded_migrations import RecordedMigrations
from bot.databases.migrations.sandboxed.results import SandboxOutcome, SandboxRehearsalResults, read_sandbox_results
from bot.databases.migrations.sandboxed.rows import LiveFacts
from bot.databases.migrations.sandboxed.script import CopyLimits, SandboxInputs, results_folder, sandbox_job
from bot.databases.migrations.sandboxed.server_choice import ServerChoice
from bot.databases.migrations.sql.catalog import read_catalog
from bot.databases.ports import HostReader, HostRunner
from bot.databases.sandbox_remedy import explained
from bot.databases.server.connector import Connector
from bot.databases.server.tables import table_sizes
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import PackageTool, SandboxRehearsal
from bot.domain.runs.findings import Finding, NotRehearsed, NotRehearsedReason
from bot.domain.runs.plan_json import FINDINGS, findings_to_text
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, Unknown
from bot.sandbox.results import read_results

_MAX_OF_A_FILE = 4 * 1024 * 1024


class SandboxRehearsalPerformer:
    """Rehearses migrations in a sandbox. Implements `Performer`.

    Production is only read. Where there is no sandbox, the step is done all the same and its findings say so; where the
    migrations fail, the step fails.

    Args:
        runner: runs the script detached.
        reader: reads its results, and files of the commit.
        connections: opens sessions with the live database.
        data: finds and brings the backup whose rows the copy gets.
    """

    def __init__(self, runner: HostRunner, reader: HostReader, connections: Connector, data: BackupDataSource) -> None:
        self._runner = runner
        self._hosts = reader
        self._reader = PatientReader(reader)
        self._data = data
        self._connections = connections
        self._servers = ServerChoice(reader, connections)

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Read what the sandbox must be like, start or adopt the rehearsal, follow it, and read its results."""
        act, database = act_of(job, SandboxRehearsal), database_of(job)
        files = CommitFiles()
        try:
            files, packages = await asyncio.gather(self._files(job), self._packages(job))
            if isinstance(packages, Refused):
                why = NotRehearsed(
                    NotRehearsedReason.PACKAGES, packages.why, package=packages.package, host=packages.host
                )
                return _done(not_rehearsed_in(act, files, why))
            server, data = await asyncio.gather(
                self._servers.of(job.target, database, job.run), self._data.of(job, database)
            )
            if isinstance(server, NotRehearsed):
                return _done(not_rehearsed_in(act, files, server))
            limits = CopyLimits(database.copy_up_to // 1024, database.sample_rows)
            inputs = SandboxInputs(act, job.target.path, database, server, job.attempt, data, limits, packages)
            script = sandbox_job(inputs)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return _done(not_rehearsed_in(act, files, NotRehearsed(NotRehearsedReason.PATH, str(error))))
        outcome = await self._data.run(self._runner, job, script, data, output)
        return await self._judged(job, outcome, files, data)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it. One that waits for a backup ends: its sender is gone."""
        try:
            data = await self._data.of(job, database_of(job))
            if data.pipe:
                return await end_interrupted_transfer(self._runner, job)
            outcome = await self._runner.resume(job, output)
            return await self._judged(job, outcome, await self._files(job), data)
        except (RefusedError, ValueError):
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place))

    async def check(self, job: Job) -> Effect:
        """Leave the decision to a repetition: the step is worth only its findings."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the rehearsal; the sandbox dies with it."""
        return await self._runner.end(job)

    async def _files(self, job: Job) -> CommitFiles:
        act = act_of(job, SandboxRehearsal)
        return commit_files_of(await self._reader.read(job.place, read_commit_files(act, job.target.path)), act)

    async def _packages(self, job: Job) -> PackagesAnswer | None:
        act = act_of(job, SandboxRehearsal)
        if act.packages is PackageTool.NONE:
            return None
        answer = await self._reader.read(job.place, lock_files_question(job.target.path, act.sha))
        return packages_of(lock_files_of(answer), job.target.packages_from)

    async def _no_sandbox(self, job: Job, results: SandboxRehearsalResults) -> NotRehearsed:
        if results.refusal is None:
            raise ValueError("there was no sandbox, and no reason")
        refusal, remedy = await explained(self._hosts, job.place, results.refusal)
        return NotRehearsed(NotRehearsedReason(refusal.obstacle.value), refusal.detail, remedy=remedy)

    async def _judged(self, job: Job, outcome: Outcome, files: CommitFiles, data: CopiedData) -> Outcome:
        if not isinstance(outcome, Done):
            return outcome
        act = act_of(job, SandboxRehearsal)
        try:
            read = read_results(job.notes, results_folder(job.attempt), _MAX_OF_A_FILE)
            texts = parse_files(await self._reader.read(job.place, read))
            results = read_sandbox_results(
                {name: masked(text, job) for name, text in texts.items()}, RecordedMigrations.of(act)
            )
            return await self._found(job, results, files, data)
        except RefusedError as refused:
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, why=refused.problem.reason.value))
        except ValueError as error:
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, detail=str(error)))

    async def _found(self, job: Job, results: SandboxRehearsalResults, files: CommitFiles, data: CopiedData) -> Outcome:
        act = act_of(job, SandboxRehearsal)
        if results.outcome is SandboxOutcome.REFUSED:
            return _done(not_rehearsed_in(act, files, await self._no_sandbox(job, results)))
        if results.outcome is SandboxOutcome.NOT_POSSIBLE or results.ended_by_limit is not None:
            return _done(not_rehearsed_in(act, files, reason_of(results)))
        if results.outcome is SandboxOutcome.FAILED and not cannot_be_known(results):
            return Failed(failure_of(results, act))
        async with self._connections.reading(job.target) as session:
            catalog, sizes = await read_catalog(session), await table_sizes(session)
        live = LiveFacts(database_of(job).name, catalog, sizes, database_of(job).sample_rows)
        return _done(rehearsed_in(act, files, results, live, data))


def _done(findings: tuple[Finding, ...]) -> Done:
    return Done({FINDINGS: findings_to_text(findings)})
