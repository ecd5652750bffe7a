"""A person's decision about a run that stopped halfway: whether it is legal, and the request that it becomes."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.runs.decisions import legal_decisions, open_decisions
from bot.domain.runs.request import Action, Decision, Origin, PolicyExceptions, Request, ResumeOptions
from bot.domain.runs.run import Run, RunState
from bot.engine.queries.migration_report import SEARCHED_RUNS
from bot.engine.stores import RunStore


async def legal_decisions_now(runs: RunStore, run: Run) -> tuple[Decision, ...]:
    """Give the decisions that are legal for a run now.

    Those of a closed run are legal again while the run that went on after it changed nothing, and nothing else has
    changed the target since.

    Args:
        runs: the stored runs.
        run: which.
    """
    if run.state is RunState.NEEDS_HUMAN:
        return legal_decisions(run)
    name = run.request.target
    latest = await runs.of_target(name.app, name.environment, SEARCHED_RUNS)
    later = [other for other in latest if other.sequence > run.sequence]
    after = [other for other in later if other.request.resumes is not None and other.request.resumes.run == run.id]
    return () if not after or any(other.changed_anything for other in later) else open_decisions(after[0])


def request_of_decision(
    run: Run, decision: Decision, legal: tuple[Decision, ...], origin: Origin, exceptions: PolicyExceptions
) -> Request:
    """Build the request of a decision. It has none of the stopped run's exceptions from the policy.

    Args:
        run: the run that stopped.
        decision: the decision.
        legal: the decisions that were legal then; they become legal again if this one changes nothing.
        origin: who decided, and where.
        exceptions: that the person asks for, with a reason of their own.
    """
    action = Action.ROLLBACK if decision in {Decision.ROLL_BACK, Decision.RESTORE} else run.request.action
    alternatives = tuple(one for one in legal if one is not Decision.CLOSE)
    options = ResumeOptions(action, run.id, decision, alternatives, exceptions)
    return replace(run.request, options=options, origin=origin, typed=f"{decision.value} {run.id}{exceptions.typed}")
