"""Performs steps: commits the intent, asks the performer, commits the outcome. Never starts a step twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from structlog.contextvars import bound_contextvars

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.acts import Act
from bot.domain.runs.history import Entry
from bot.domain.runs.journal_layout import JOURNAL, STRETCH, JournalLayout, layout_of
from bot.domain.runs.plan import BOT, Step
from bot.domain.runs.run import Run, StepRow, StepState
from bot.domain.secret_references import reveal_secrets
from bot.domain.secrets import Masker, Secret
from bot.domain.targets.target import Target
from bot.engine.log_history import log_entry
from bot.engine.phases.step_outcome import (
    act_facts,
    after_cancellation,
    after_check,
    end_facts,
    ended_row,
    layout_at,
    may_repeat,
    next_attempt,
)
from bot.engine.phases.stretch_record import Member, StretchRecord
from bot.engine.phases.transcript import Transcript
from bot.engine.ports import (
    Clock,
    Ending,
    Failed,
    Job,
    Outcome,
    Performer,
    StretchPerformer,
    Unknown,
)
from bot.engine.run_changes import Change, RunLease, StepIs
from bot.engine.stores import RunStore


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
        return await self.steps(run, (step,))

    async def steps(self, run: Run, steps: Sequence[Step]) -> tuple[StepRow, ...]:
        """Perform steps of which none waits for another, as `step` does.

        Args:
            run: as it was last read.
            steps: of its plan.

        Returns:
            Their rows, each ended.

        Raises:
            LeaseLostError: another owner has the run.
        """
        tasks = [
            asyncio.create_task(self._perform_at(row, step, layout_at(run, row.place)))
            for step in steps
            for row in run.rows_of(step)
        ]
        try:
            return tuple(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stretch(self, run: Run, steps: Sequence[Step], changed: Callable[[], None]) -> None:
        """Perform steps of one host one after the other, with one call; stop at the first that is not done.

        Rows of steps that are not reached stay pending.

        Args:
            run: as it was last read.
            steps: of its plan, none of which was begun (`bot.domain.runs.stretches`).
            changed: called when a step has begun or ended.

        Raises:
            LeaseLostError: another owner has the run.
        """
        performer = self._performer(steps[0])
        revealed = self._revealed(steps)
        rows = [run.rows_of(step)[0] for step in revealed] or [run.rows_of(steps[0])[0]]
        layout = layout_at(run, rows[0].place)
        older = layout is not JournalLayout.RUN_AND_PLACE
        if not isinstance(performer, StretchPerformer) or len(revealed) < 2 or older:
            await self.step(run, steps[0])
            return
        given = {STRETCH: " ".join(step.key for step in revealed[1:])}
        rows[0] = self._intent(rows[0], JournalLayout.STRETCH, given)
        await self._write(rows[0], "step_started", {**act_facts(steps[0], self._masker), **given})
        members = [
            Member(step, row, self._job(shown, row, layout))
            for step, row, shown in zip(steps, rows, revealed, strict=False)
        ]
        for member in members:
            self._active[member.identity] = member.job
        record = StretchRecord(self, members, changed)
        try:
            with bound_contextvars(step=rows[0].key, place=rows[0].place):
                await performer.perform_stretch([member.job for member in members], record)
        finally:
            record.close()
            for member in members:
                self._active.pop(member.identity, None)
                self._endings.pop(member.identity, None)
        last = record.last
        if last is not None and may_repeat(last.row, last.step):
            await self._perform_at(next_attempt(last.row), last.step, layout)

    async def close_stretch(self, run: Run, steps: Mapping[str, Step], rows: Sequence[StepRow]) -> None:
        """Keep steps that were given to a host from beginning, or learn how they ended where they have begun.

        Args:
            run: as it was last read.
            steps: of its plan, by key.
            rows: of the steps, pending (`bot.domain.runs.stretches.open_stretch`).

        Raises:
            LeaseLostError: another owner has the run.
        """
        layouts = [layout_at(run, row.place) for row in rows]
        endings = await asyncio.gather(
            *(
                self._performer(steps[row.key]).end(self._job(steps[row.key], row, layout))
                for row, layout in zip(rows, layouts, strict=True)
            )
        )
        for row, layout, ending in zip(rows, layouts, endings, strict=True):
            step = steps[row.key]
            match ending:
                case Ending.NEVER_RAN:
                    continue
                case Ending.GONE:
                    # resumed: it can be followed without what it runs
                    begun = replace(self._intent(row, layout, {}), begun=True)
                    await self._write(begun, "step_started", act_facts(step, self._masker))
                    await self._attempt(begun, step, layout)
                case Ending.STILL_THERE | Ending.UNREACHABLE:
                    found = problem(Reason.OUTCOME_UNKNOWN, host=row.place, why="stretch")
                    await self._write_end(self._intent(row, layout, {}), Unknown(found))

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
            if not may_repeat(row, step):
                return row
            row = next_attempt(row)
        return row

    async def _attempt(self, row: StepRow, step: Step, layout: JournalLayout) -> StepRow:
        try:
            revealed = reveal_secrets(step, self._variables)
        except RefusedError as refusal:
            return await self._without_secret(row, refusal.problem)
        if row.state is StepState.PENDING:
            row = self._intent(row, layout, {})
            # Committed before the host is asked: recovery asks the host about every intent.
            await self._write(row, "step_started", act_facts(step, self._masker))
        job = self._job(revealed, row, layout_of(row.facts))
        transcript = Transcript(self._runs, self._lease, row, self._masker, self._clock)
        self._active[(row.key, row.place)] = job
        try:
            performer = self._performer(step)
            ask = performer.resume if row.begun else performer.perform
            outcome = await self._checked(job, await ask(job, transcript))
            printed = await transcript.finish()
        finally:
            transcript.close()
            del self._active[(row.key, row.place)]
        return await self._write_end(transcript.row, await self._cancelled(transcript.row, outcome), printed)

    def _revealed(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Give the first steps with their secrets, up to one whose secret is missing."""
        revealed: list[Step] = []
        for step in steps:
            try:
                revealed.append(reveal_secrets(step, self._variables))
            except RefusedError:
                break
        return tuple(revealed)

    def _intent(self, row: StepRow, layout: JournalLayout, facts: Mapping[str, str]) -> StepRow:
        """Give the row of a step that is about to be started."""
        kept = row.facts if row.place == BOT else {**row.facts, JOURNAL: layout.value, **facts}
        return replace(row, state=StepState.RUNNING, started_at=self._clock.now(), facts=kept)

    def _job(self, step: Step, row: StepRow, layout: JournalLayout) -> Job:
        return Job(
            run=self._lease.run,
            token=self._lease.token,
            step=step,
            place=row.place,
            attempt=row.attempt,
            target=self._target,
            offset=row.offset,
            journal=layout,
        )

    async def _checked(self, job: Job, outcome: Outcome) -> Outcome:
        """Ask the step's own check what its outcome does not say."""
        if isinstance(outcome, Unknown) and job.step.check is not None:
            return after_check(outcome, await self._performer(job.step).check(job))
        return outcome

    async def _cancelled(self, row: StepRow, outcome: Outcome) -> Outcome:
        """Give the outcome of a step that may have been ended because the run was cancelled."""
        ending = self._endings.pop((row.key, row.place), None)
        return outcome if ending is None else after_cancellation(outcome, await ending)

    async def _write_end(self, row: StepRow, outcome: Outcome, printed: tuple[Change, ...] = ()) -> StepRow:
        ended = replace(ended_row(row.found(), outcome, self._masker), ended_at=self._clock.now())
        await self._write(ended, f"step_{ended.state.value}", end_facts(ended), printed)
        return ended

    async def _without_secret(self, row: StepRow, missing: Problem) -> StepRow:
        """End a step whose secret is missing; one that was begun goes on without anybody following it."""
        outcome = Unknown(missing) if row.begun else Failed(missing)
        return await self._write_end(row, outcome)

    async def begin_member(self, member: Member) -> Transcript:
        """Commit that a step of a stretch has begun, and give what stores its output."""
        row = member.row
        if row.state is StepState.PENDING:
            row = replace(self._intent(row, member.job.journal, {}), begun=True)
            await self._write(row, "step_started", act_facts(member.step, self._masker))
        if member.transcript is None:
            member.row, member.transcript = row, Transcript(self._runs, self._lease, row, self._masker, self._clock)
        return member.transcript

    async def end_member(self, member: Member, outcome: Outcome) -> StepRow:
        """Commit the end of a step of a stretch."""
        outcome = await self._checked(member.job, outcome)
        row, printed = member.row, tuple[Change, ...]()
        if member.transcript is not None:
            printed = await member.transcript.finish()
            row = member.transcript.row
        elif row.state is StepState.PENDING:
            row = self._intent(row, member.job.journal, {})
        self._active.pop(member.identity, None)
        return await self._write_end(row, await self._cancelled(row, outcome), printed)

    def _performer(self, step: Step) -> Performer:
        return self._performers[type(step.act)]

    async def _write(
        self, row: StepRow, event: str, facts: Mapping[str, str], printed: tuple[Change, ...] = ()
    ) -> None:
        recorded = {"step": row.key, "place": row.place, "attempt": str(row.attempt), **facts}
        entry = Entry(self._lease.run, event, "bot", recorded)
        await self._runs.record(self._lease, (*printed, StepIs(row)), (entry,))
        log_entry(entry)
