"""The step that runs or undoes exactly the approved migrations."""

from __future__ import annotations

from bot.databases.backups.script_step import act_of
from bot.databases.migrations.migrate_script import (
    MigrateResults,
    migrate_job,
    migrate_results,
    read_migrate_results,
)
from bot.databases.migrations.patient_reader import PatientReader
from bot.databases.migrations.rehearsal_script import parse_files
from bot.databases.ports import HostReader, HostRunner
from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.acts import Direction, Migrate
from bot.domain.runs.migration_check import difference, refusal, rows_lost
from bot.domain.shell import Command, Syntax, Word
from bot.domain.targets.migrator import parse_migrator
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, Unknown


class MigratePerformer:
    """Runs exactly the approved migrations, by the framework's own answer. Implements `Performer`.

    On the host the migrator is asked first; where it would do anything else, nothing is run. Afterwards it is asked
    again: what ran beside the plan, and rows that are gone beyond what was approved, fail the step.

    Args:
        runner: runs the script detached.
        reader: reads what it found.
    """

    def __init__(self, runner: HostRunner, reader: HostReader) -> None:
        self._runner = runner
        self._reader = PatientReader(reader)

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Start or adopt the script, follow it, and judge what it found."""
        act = act_of(job, Migrate)
        if not act.files:
            return Failed(problem(Reason.MIGRATIONS_NOT_APPROVED))
        script = migrate_job(act, _folder(job))
        return await self._judged(job, await self._runner.perform(job, script, act.directory, {}, output, act.expects))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it."""
        return await self._judged(job, await self._runner.resume(job, output))

    async def check(self, job: Job) -> Effect:
        """Ask the migrator whether all of it took effect, and nothing else did.

        Where only a part did, or more, a person decides.
        """
        act = act_of(job, Migrate)
        counted = Word("\n".join(loss.table for loss in act.losses))
        begin = (Syntax("COUNTERSIGN_COUNT="), counted, Syntax("\nexport COUNTERSIGN_COUNT\n"))
        ask = Command((*begin, Syntax("cd -- "), Word(act.directory), Syntax(" || exit\n"), *act.ask.parts))
        try:
            found = await self._results(job)
            if found.before is None:
                return Effect.CANNOT_TELL
            after = parse_migrator((await self._reader.read(job.place, ask)).decode(errors="replace"))
        except (RefusedError, ValueError):
            return Effect.CANNOT_TELL
        otherwise = difference(act, found.before, after, found.dumped) or rows_lost(act, found.before, after)
        return Effect.TOOK if otherwise is None else Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the script and the framework's command."""
        return await self._runner.end(job)

    async def _results(self, job: Job) -> MigrateResults:
        answer = await self._reader.read(job.place, read_migrate_results(job.notes, _folder(job)))
        return migrate_results(parse_files(answer))

    async def _judged(self, job: Job, outcome: Outcome) -> Outcome:
        exited = isinstance(outcome, Failed) and outcome.exit_status is not None
        if not isinstance(outcome, Done) and not exited:
            return outcome
        try:
            results = await self._results(job)
        except (RefusedError, ValueError) as error:
            if exited:
                return outcome
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, detail=str(error)))
        if results.outcome == "ran 0" and results.after is None:
            detail = f"the framework could not say which migrations have run: {results.complaint}"
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, detail=detail))
        found = _problem(act_of(job, Migrate), results, job.place)
        if found is not None:
            return Failed(found, outcome.exit_status if isinstance(outcome, Failed) else None)
        return Done(_facts(act_of(job, Migrate))) if isinstance(outcome, Done) else outcome


def _folder(job: Job) -> str:
    return f"{job.step.key}.{job.attempt}"


def _problem(act: Migrate, results: MigrateResults, host: str) -> Problem | None:
    """Say what is wrong beside the exit status; None where nothing is, or the exit status says it."""
    before, after = results.before, results.after
    if before is None:
        return problem(Reason.MIGRATOR_UNANSWERED, host=host, detail=results.complaint)
    if results.outcome == "refused":
        return refusal(act, before) or problem(Reason.MIGRATIONS_NOT_APPROVED)
    if after is None:
        return None
    has_ended_well = results.outcome == "ran 0"
    found = difference(act, before, after, results.dumped)
    if found is not None and (has_ended_well or found.facts.get("unplanned")):
        return found
    return rows_lost(act, before, after) if has_ended_well else None


def _facts(act: Migrate) -> dict[str, str]:
    facts = {"migrations": str(len(act.files))}
    if act.direction is Direction.UP:
        facts["rows_counted"] = ", ".join(loss.table for loss in act.losses)
    return facts
