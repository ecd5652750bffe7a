"""Performs steps: commits the intent, asks the performer, commits the outcome. Never starts a step twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from structlog.contextvars import bound_contextvars

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.acts import Act, Migrate, Shell
from bot.domain.runs.history import Entry
from bot.domain.runs.journal_layout import JOURNAL, JournalLayout, layout_of
from bot.domain.runs.plan import BOT, Phase, Risk, Step
from bot.domain.runs.plan_json import FINDINGS
from bot.domain.runs.run import NOT_READ, Run, StepRow, StepState
from bot.domain.secret_references import reveal_secrets
from bot.domain.secrets import Masker, Secret
from bot.domain.targets.target import Target
from bot.engine.log_history import log_entry
from bot.engine.phases.transcript import Transcript
from bot.engine.ports import Clock, Done, Effect, Ending, Failed, Job, NotStarted, Outcome, Performer, Unknown
from bot.engine.run_changes import Change, LeaseLostError, RunLease, StepIs
from bot.engine.stores import RunStore

_MAX_COMMAND_CHARACTERS = 4000
"""Characters of a command in the history; the approved plan has the whole command."""

_MAX_ATTEMPTS = 3
"""Attempts at a step that only reads or certainly never ran."""


class Execution:
    """Performs the steps of one run under one lease.

    Args:
        runs: the stored runs.
        performers: by the class of act that they perform.
        masker: of the installation's secrets.
        variables: the secrets that steps refer to, by name.
        clock: the time.
        lease: of the run.
        target: where.
    """

    def __init__(
        self,
        runs: RunStore,
        performers: Mapping[type[Act], Performer],
        masker: Masker,
        variables: Mapping[str, Secret],
        clock: Clock,
        lease: RunLease,
        target: Target,
    ) -> None:
        self._runs = runs
        self._performers = performers
        self._masker = masker
        self._variables = variables
        self._clock = clock
        self._lease = lease
        self._target = target
        self._active: dict[tuple[str, str], Job] = {}
        self._endings: dict[tuple[str, str], asyncio.Task[Ending]] = {}

    async def step(self, run: Run, step: Step) -> tuple[StepRow, ...]:
        """Perform a step at all its places in parallel, or adopt what an earlier process began.

        Args:
            run: as it was last read.
            step: of its plan.

        Returns:
            The step's rows, each ended.

        Raises:
            LeaseLostError: another owner has the run.
        """
        rows = run.rows(step.key)
        tasks = [asyncio.create_task(self._perform_at(row, step, _layout_at(run, row.place))) for row in rows]
        try:
            return tuple(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def end(self) -> tuple[Ending, ...]:
        """End the process groups of the running steps, except of those that undo another step."""
        for identity, job in self._active.items():
            ending = self._endings.get(identity)
            if job.step.undoes is None and (ending is None or ending.done()):
                self._endings[identity] = asyncio.create_task(self._performer(job.step).end(job))
        return tuple(await asyncio.gather(*self._endings.values()))

    async def _perform_at(self, row: StepRow, step: Step, layout: JournalLayout) -> StepRow:
        while row.state in {StepState.PENDING, StepState.RUNNING}:
            with bound_contextvars(step=row.key, place=row.place):
                row = await self._attempt(row, step, layout)
            if not _may_repeat(row, step):
                return row
            row = StepRow(
                position=row.position,
                key=row.key,
                title=row.title,
                phase=row.phase,
                risk=row.risk,
                place=row.place,
                attempt=row.attempt + 1,
            )
        return row

    async def _attempt(self, row: StepRow, step: Step, layout: JournalLayout) -> StepRow:
        try:
            revealed = reveal_secrets(step, self._variables)
        except RefusedError as refusal:
            return await self._without_secret(row, refusal.problem)
        if row.state is StepState.PENDING:
            facts = row.facts if row.place == BOT else {**row.facts, JOURNAL: layout.value}
            row = replace(row, state=StepState.RUNNING, started_at=self._clock.now(), facts=facts)
            # Committed before the host is asked: recovery asks the host about every intent.
            await self._write(row, "step_started", _act_facts(step, self._masker))
        job = Job(
            run=self._lease.run,
            token=self._lease.token,
            step=revealed,
            place=row.place,
            attempt=row.attempt,
            target=self._target,
            offset=row.offset,
            journal=layout_of(row.facts),
        )
        transcript = Transcript(self._runs, self._lease, row, self._masker)
        self._active[(row.key, row.place)] = job
        try:
            performer = self._performer(step)
            ask = performer.resume if row.begun else performer.perform
            outcome = await ask(job, transcript)
            if isinstance(outcome, Unknown) and step.check is not None:
                outcome = _after_check(outcome, await performer.check(job))
            printed = await transcript.finish()
        finally:
            transcript.close()
            del self._active[(row.key, row.place)]
        ending = self._endings.pop((row.key, row.place), None)
        if ending is not None:
            outcome = _after_cancellation(outcome, await ending)
        ended = _ended_row(transcript.row, outcome, self._masker)
        ended = replace(ended, ended_at=self._clock.now())
        await self._write(ended, f"step_{ended.state.value}", _end_facts(ended), printed)
        return ended

    async def _without_secret(self, row: StepRow, missing: Problem) -> StepRow:
        """End a step whose secret is missing; one that was begun goes on without anybody following it."""
        outcome = Unknown(missing) if row.begun else Failed(missing)
        ended = replace(_ended_row(row, outcome, self._masker), ended_at=self._clock.now())
        await self._write(ended, f"step_{ended.state.value}", _end_facts(ended))
        return ended

    def _performer(self, step: Step) -> Performer:
        return self._performers[type(step.act)]

    async def _write(
        self, row: StepRow, event: str, facts: Mapping[str, str], printed: tuple[Change, ...] = ()
    ) -> None:
        recorded = {"step": row.key, "place": row.place, "attempt": str(row.attempt), **facts}
        entry = Entry(self._lease.run, event, "bot", recorded)
        await self._runs.record(self._lease, (*printed, StepIs(row)), (entry,))
        log_entry(entry)


def _layout_at(run: Run, place: str) -> JournalLayout:
    """Return the layout for new attempts: that of the run's first one, whose notes later steps read."""
    begun = (row for row in run.steps if row.place == place and row.started_at is not None)
    first = min(begun, key=lambda row: row.position, default=None)
    return JournalLayout.RUN_AND_PLACE if first is None else layout_of(first.facts)


def _after_check(outcome: Unknown, effect: Effect) -> Outcome:
    """Decide by the step's own check what the host's journal does not tell."""
    match effect:
        case Effect.TOOK:
            return Done({"known_by": "check"})
        case Effect.DID_NOT:
            return Failed(problem(Reason.NOT_TAKEN_EFFECT, **dict(outcome.problem.facts)))
        case Effect.CANNOT_TELL:
            return outcome


def _after_cancellation(outcome: Outcome, ending: Ending) -> Outcome:
    """Give the outcome of a cancelled step: done all the same, certainly ended, or unknown."""
    match outcome, ending:
        case Done(), _:
            return outcome
        case _, Ending.GONE | Ending.NEVER_RAN:
            exit_status = outcome.exit_status if isinstance(outcome, Failed) else None
            return Failed(problem(Reason.CANCELLED), exit_status)
        case Failed(), _:
            return outcome
        case _:
            return Unknown(problem(Reason.STILL_RUNNING))


def _ended_row(row: StepRow, outcome: Outcome, masker: Masker) -> StepRow:
    match outcome:
        case Failed(_, exit_status) if exit_status == NOT_READ and row.phase is Phase.VERIFY:
            return replace(row, state=StepState.SKIPPED, exit_status=exit_status)
        case Done(facts):
            masked = {key: masker.mask(value) for key, value in facts.items()}
            return replace(row, state=StepState.DONE, exit_status=0, facts={**row.facts, **masked})
        case Failed(found, exit_status):
            return replace(row, state=StepState.FAILED, exit_status=exit_status, problem=_masked(found, masker))
        case Unknown(found):
            return replace(row, state=StepState.UNKNOWN, problem=_masked(found, masker))
        case NotStarted(found):
            if found.reason is Reason.OVERTAKEN:
                raise LeaseLostError
            return replace(row, state=StepState.FAILED, problem=_masked(found, masker))


def _masked(found: Problem, masker: Masker) -> Problem:
    return Problem(found.reason, {key: masker.mask(value) for key, value in found.facts.items()})


def _act_facts(step: Step, masker: Masker) -> dict[str, str]:
    """Give the facts of the history about what is run."""
    if not isinstance(step.act, Migrate | Shell):
        return {"act": type(step.act).__name__.lower()}
    return {
        "command": masker.mask(step.act.command.masked())[:_MAX_COMMAND_CHARACTERS],
        "directory": step.act.directory,
    }


def _end_facts(row: StepRow) -> dict[str, str]:
    # findings are in the plan, whose digest is in the history
    facts = {key: value for key, value in row.results.items() if key != FINDINGS}
    if row.exit_status is not None:
        facts["exit_status"] = str(row.exit_status)
    if row.problem is not None:
        facts["reason"] = row.problem.reason.value
    return facts


def _may_repeat(row: StepRow, step: Step) -> bool:
    """Retry only steps that never ran, or read-only steps whose outcome is unknown."""
    if row.attempt >= _MAX_ATTEMPTS or row.problem is None:
        return False
    reason = row.problem.reason
    never_ran = row.state is StepState.FAILED and reason is Reason.NEVER_STARTED
    over = row.state is StepState.UNKNOWN and reason is not Reason.STILL_RUNNING
    return never_ran or (over and step.risk is Risk.READS)
