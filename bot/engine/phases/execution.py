"""Performs steps: commits the intent, asks the performer, commits the outcome. Never starts a step twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from structlog.contextvars import bound_contextvars

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.acts import Act, Shell
from bot.domain.runs.history import Entry
from bot.domain.runs.plan import Risk, Step
from bot.domain.runs.plan_json import FINDINGS
from bot.domain.runs.run import Run, StepRow, StepState
from bot.domain.secret_references import reveal_secrets
from bot.domain.secrets import Masker, Secret
from bot.domain.targets.target import Target
from bot.engine.log_history import log_entry
from bot.engine.phases.transcript import Transcript
from bot.engine.ports import Clock, Done, Effect, Ending, Failed, Job, NotStarted, Outcome, Performer, Unknown
from bot.engine.run_changes import Change, LeaseLostError, RunLease, StepIs
from bot.engine.stores import RunStore

_LONGEST_COMMAND = 4000
"""Characters of a command that the history has; the plan under the approved digest has the whole of it."""

_MAX_ATTEMPTS = 3
"""A step that only reads, or that certainly never ran, is tried so often."""


class Execution:
    """Performs the steps of one run under one lease.

    Args:
        store: the bot's memory.
        performers: who does each kind of act.
        masker: of the installation's secrets.
        variables: the secrets that steps refer to, by name.
        clock: the time.
        lease: of the run.
        target: where.
    """

    def __init__(
        self,
        store: RunStore,
        performers: Mapping[type[Act], Performer],
        masker: Masker,
        variables: Mapping[str, Secret],
        clock: Clock,
        lease: RunLease,
        target: Target,
    ) -> None:
        self._store = store
        self._performers = performers
        self._masker = masker
        self._variables = variables
        self._clock = clock
        self._lease = lease
        self._target = target
        self._active: dict[tuple[str, str], Job] = {}
        self._endings: dict[tuple[str, str], asyncio.Task[Ending]] = {}

    async def step(self, run: Run, step: Step) -> tuple[StepRow, ...]:
        """Perform one step at all its places, in parallel, or learn what became of it.

        Args:
            run: as it was last read.
            step: of its plan.

        Returns:
            The step's rows, each ended.

        Raises:
            Overtaken: another owner has the run.
        """
        rows = run.rows(step.key)
        tasks = [asyncio.create_task(self._at(row, step)) for row in rows]
        try:
            return tuple(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def end(self) -> tuple[Ending, ...]:
        """End the process groups of the steps that are running now; a step that undoes another one is left alone."""
        for identity, job in self._active.items():
            ending = self._endings.get(identity)
            if job.step.undoes is None and (ending is None or ending.done()):
                self._endings[identity] = asyncio.create_task(self._performer(job.step).end(job))
        return tuple(await asyncio.gather(*self._endings.values()))

    async def _at(self, row: StepRow, step: Step) -> StepRow:
        while row.state in {StepState.PENDING, StepState.RUNNING}:
            with bound_contextvars(step=row.key, place=row.place):
                row = await self._attempt(row, step)
            if not _worth_repeating(row, step):
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

    async def _attempt(self, row: StepRow, step: Step) -> StepRow:
        try:
            revealed = reveal_secrets(step, self._variables)
        except RefusedError as refusal:
            return await self._without_secret(row, refusal.problem)
        if row.state is StepState.PENDING:
            row = replace(row, state=StepState.RUNNING, started_at=self._clock.now())
            # The intent is committed before the outside is asked: recovery asks the host about every intent.
            await self._write(row, "step_started", _does(step, self._masker))
        job = Job(
            run=self._lease.run,
            token=self._lease.token,
            step=revealed,
            place=row.place,
            attempt=row.attempt,
            target=self._target,
            offset=row.offset,
        )
        transcript = Transcript(self._store, self._lease, row, self._masker)
        self._active[(row.key, row.place)] = job
        try:
            performer = self._performer(step)
            ask = performer.resume if row.begun else performer.perform
            outcome = await ask(job, transcript)
            if isinstance(outcome, Unknown) and step.check is not None:
                outcome = _checked(outcome, await performer.check(job))
            printed = await transcript.finish()
        finally:
            transcript.close()
            del self._active[(row.key, row.place)]
        ending = self._endings.pop((row.key, row.place), None)
        if ending is not None:
            outcome = _cancelled(outcome, await ending)
        ended = _ended(transcript.row, outcome, self._masker)
        ended = replace(ended, ended_at=self._clock.now())
        await self._write(ended, f"step_{ended.state.value}", _told(ended), printed)
        return ended

    async def _without_secret(self, row: StepRow, missing: Problem) -> StepRow:
        """End a step whose command cannot be built any more; what was begun goes on, and nobody follows it."""
        outcome = Unknown(missing) if row.begun else Failed(missing)
        ended = replace(_ended(row, outcome, self._masker), ended_at=self._clock.now())
        await self._write(ended, f"step_{ended.state.value}", _told(ended))
        return ended

    def _performer(self, step: Step) -> Performer:
        return self._performers[type(step.act)]

    async def _write(
        self, row: StepRow, event: str, facts: Mapping[str, str], printed: tuple[Change, ...] = ()
    ) -> None:
        told = {"step": row.key, "place": row.place, "attempt": str(row.attempt), **facts}
        entry = Entry(self._lease.run, event, "bot", told)
        await self._store.record(self._lease, (*printed, StepIs(row)), (entry,))
        log_entry(entry)


def _checked(outcome: Unknown, effect: Effect) -> Outcome:
    """Let the step's own check decide what the host's journal could not say."""
    match effect:
        case Effect.TOOK:
            return Done({"known_by": "check"})
        case Effect.DID_NOT:
            return Failed(problem(Reason.NOT_TAKEN_EFFECT, **dict(outcome.problem.facts)))
        case Effect.CANNOT_TELL:
            return outcome


def _cancelled(outcome: Outcome, ending: Ending) -> Outcome:
    """Say what a cancellation left: done all the same, ended and gone, or nobody knows."""
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


def _ended(row: StepRow, outcome: Outcome, masker: Masker) -> StepRow:
    match outcome:
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


def _does(step: Step, masker: Masker) -> dict[str, str]:
    """Say what is run, so that the history can tell it without the plan."""
    if not isinstance(step.act, Shell):
        return {"act": type(step.act).__name__.lower()}
    return {"command": masker.mask(step.act.command.masked())[:_LONGEST_COMMAND], "directory": step.act.directory}


def _told(row: StepRow) -> dict[str, str]:
    # the plan holds the findings, and its digest goes into the history
    told = {key: value for key, value in row.facts.items() if key != FINDINGS}
    if row.exit_status is not None:
        told["exit_status"] = str(row.exit_status)
    if row.problem is not None:
        told["reason"] = row.problem.reason.value
    return told


def _worth_repeating(row: StepRow, step: Step) -> bool:
    """Only what certainly never ran, or only reads and ended nobody knows how, is repeated by itself."""
    if row.attempt >= _MAX_ATTEMPTS or row.problem is None:
        return False
    reason = row.problem.reason
    never_ran = row.state is StepState.FAILED and reason is Reason.NEVER_STARTED
    over = row.state is StepState.UNKNOWN and reason is not Reason.STILL_RUNNING
    return never_ran or (over and step.risk is Risk.READS)
