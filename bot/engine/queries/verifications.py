"""Commits that were verified in an environment, from its past runs."""

from __future__ import annotations

from datetime import datetime

from bot.domain.runs.findings import HeldBack, first_of
from bot.domain.runs.request import Action, Decision
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.order import Verification


def verifications_of(runs: tuple[Run, ...], now: datetime) -> tuple[Verification, ...]:
    """Read which commits were made live and verified.

    Dry runs and runs that found nothing to do verify nothing, and a deploy that held migrations back not all of it.

    Args:
        runs: on one target, newest first.
        now: for the age of each.

    Returns:
        One for each deploy that succeeded, newest first.
    """
    found = []
    taken_back: dict[str, str] = {}
    for run in runs:
        if run.plan is None or run.plan.sha is None or run.change_started_at is None:
            continue
        sha = run.plan.sha.text
        if run.request.action is Action.ROLLBACK:
            taken_back |= {left: run.id for left in run.plan.basis.checked_out.values() if left != sha}
        if _verifies(run) and run.ended_at is not None:
            found.append(Verification(run.id, sha, run.ended_at, now - run.ended_at, taken_back.get(sha, "")))
    return tuple(found)


def _verifies(run: Run) -> bool:
    resumes = run.request.resumes
    return (
        run.state is RunState.SUCCEEDED
        and run.request.action is Action.DEPLOY
        and (resumes is None or resumes.decision is not Decision.LIFT)
        and run.plan is not None
        and first_of(HeldBack, run.plan.findings) is None
    )
