"""Whether the steps of a deploy are those of the one before, so that a plan names only what differs. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.runs.findings import UsualSteps
from bot.domain.runs.plan import Phase, Plan, Step
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, RunState

_MOST_DIFFERENT = 5

_Same = tuple[str, str, tuple[str, ...]]


def usual_steps(plan: Plan, past: Iterable[Run]) -> UsualSteps | None:
    """Compare the steps after approval with those of the last deploy that succeeded.

    Args:
        plan: of a run that is about to be approved.
        past: the latest runs on the same target, newest first.

    Returns:
        None where there was none, where the steps have another order, or where too many differ to be named.
    """
    if plan.request.action is not Action.DEPLOY or plan.request.resumes is not None:
        return None
    last = next((run for run in past if _is_deployed(run)), None)
    if last is None or last.plan is None:
        return None
    now, before = _after_approval(plan), _after_approval(last.plan)
    added = [step for step in now if step not in before]
    left_out = [step for step in before if step not in now]
    in_order = [step for step in now if step in before] == [step for step in before if step in now]
    if not in_order or len(added) + len(left_out) > _MOST_DIFFERENT:
        return None
    return UsualSteps(last.id, tuple(title for _, title, _ in added), tuple(title for _, title, _ in left_out))


def _is_deployed(run: Run) -> bool:
    return (
        run.request.action is Action.DEPLOY
        and run.request.resumes is None
        and run.state is RunState.SUCCEEDED
        and run.change_started_at is not None
        and run.plan is not None
    )


def _after_approval(plan: Plan) -> list[_Same]:
    return [_same(step) for step in plan.steps if step.phase is not Phase.PREPARE]


def _same(step: Step) -> _Same:
    return step.key, step.title, step.places
