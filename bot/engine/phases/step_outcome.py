"""What an outcome makes of a step's row, and what the history says of it. Pure."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.errors import Problem, Reason, problem
from bot.domain.runs.acts import Migrate, Shell
from bot.domain.runs.journal_layout import JournalLayout, layout_of
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.runs.plan_json import FINDINGS
from bot.domain.runs.run import NOT_READ, Run, StepRow, StepState
from bot.domain.secrets import Masker
from bot.engine.ports import Done, Effect, Ending, Failed, NotStarted, Outcome, Unknown
from bot.engine.run_changes import LeaseLostError

_MAX_COMMAND_CHARACTERS = 4000
"""Characters of a command in the history; the approved plan has the whole command."""

_MAX_ATTEMPTS = 3
"""Attempts at a step that only reads or certainly never ran."""


def next_attempt(row: StepRow) -> StepRow:
    """Give the row of the attempt that follows on one that ended."""
    return StepRow(
        position=row.position,
        key=row.key,
        title=row.title,
        phase=row.phase,
        risk=row.risk,
        place=row.place,
        attempt=row.attempt + 1,
    )


def layout_at(run: Run, place: str) -> JournalLayout:
    """Return the layout for new attempts: that of the run's first one, whose notes later steps read."""
    begun = (row for row in run.steps if row.place == place and row.started_at is not None)
    first = min(begun, key=lambda row: row.position, default=None)
    layout = JournalLayout.RUN_AND_PLACE if first is None else layout_of(first.facts)
    return JournalLayout.RUN_AND_PLACE if layout is JournalLayout.STRETCH else layout


def after_check(outcome: Unknown, effect: Effect) -> Outcome:
    """Decide by the step's own check what the host's journal does not tell."""
    match effect:
        case Effect.TOOK:
            return Done({"known_by": "check"})
        case Effect.DID_NOT:
            return Failed(problem(Reason.NOT_TAKEN_EFFECT, **dict(outcome.problem.facts)))
        case Effect.CANNOT_TELL:
            return outcome


def after_cancellation(outcome: Outcome, ending: Ending) -> Outcome:
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


def ended_row(row: StepRow, outcome: Outcome, masker: Masker) -> StepRow:
    """Give the row of a step that ended, masked.

    Raises:
        LeaseLostError: it was not started because another owner has the run.
    """
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


def act_facts(step: Step, masker: Masker) -> dict[str, str]:
    """Give the facts of the history about what is run."""
    if not isinstance(step.act, Migrate | Shell):
        return {"act": type(step.act).__name__.lower()}
    return {
        "command": masker.mask(step.act.command.masked())[:_MAX_COMMAND_CHARACTERS],
        "directory": step.act.directory,
    }


def end_facts(row: StepRow) -> dict[str, str]:
    """Give the facts of the history about how a step ended."""
    # findings are in the plan, whose digest is in the history
    facts = {key: value for key, value in row.results.items() if key != FINDINGS}
    if row.exit_status is not None:
        facts["exit_status"] = str(row.exit_status)
    if row.problem is not None:
        facts["reason"] = row.problem.reason.value
    return facts


def may_repeat(row: StepRow, step: Step) -> bool:
    """Retry only steps that never ran, or read-only steps whose outcome is unknown."""
    if row.attempt >= _MAX_ATTEMPTS or row.problem is None:
        return False
    reason = row.problem.reason
    never_ran = row.state is StepState.FAILED and reason is Reason.NEVER_STARTED
    over = row.state is StepState.UNKNOWN and reason is not Reason.STILL_RUNNING
    return never_ran or (over and step.risk is Risk.READS)
