"""A person's decision about a run that stopped half-way: whether it is legal now, and the request it becomes."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.runs.decisions import legal_decisions, open_decisions
from bot.domain.runs.request import Action, Decision, Origin, Request, ResumeOptions
from bot.domain.runs.run import Run, RunState
from bot.engine.queries.migration_report import REMEMBERED
from bot.engine.stores import RunStore


async def legal_now(runs: RunStore, run: Run) -> tuple[Decision, ...]:
    """Give the moves that are legal for a run now.

    One that was closed in favour of a run that then changed nothing is open again, as long as nothing else has changed
    its target since.

    Args:
        runs: the stored runs.
        run: which.
    """
    if run.state is RunState.NEEDS_HUMAN:
        return legal_decisions(run)
    name = run.request.target
    latest = await runs.of_target(name.app, name.environment, REMEMBERED)
    later = [other for other in latest if other.sequence > run.sequence]
    after = [other for other in later if other.request.resumes is not None and other.request.resumes.run == run.id]
    return () if not after or any(other.changed_anything for other in later) else open_decisions(after[0])


def decided(run: Run, decision: Decision, legal: tuple[Decision, ...], origin: Origin) -> Request:
    """Write the request of a decision. What began as an emergency goes on as one.

    Args:
        run: the run that stopped.
        decision: the decision.
        legal: the moves that were legal then; they are open again if this one changes nothing.
        origin: who decided, and where.
    """
    action = Action.ROLLBACK if decision in {Decision.ROLL_BACK, Decision.RESTORE} else run.request.action
    alternatives = tuple(one for one in legal if one is not Decision.CLOSE)
    options = ResumeOptions(action, run.id, decision, alternatives, run.request.emergency)
    return replace(run.request, options=options, origin=origin, typed=f"{decision.value} {run.id}")
