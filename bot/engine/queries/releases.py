"""Releases, from past runs: the commit that each run made live, and the one that was live before."""

from __future__ import annotations

from bot.domain.runs.decisions import was_live
from bot.domain.runs.findings import Unfinished, first_of
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.look import Release


def releases_of(runs: tuple[Run, ...]) -> tuple[Release, ...]:
    """Read releases from runs.

    Args:
        runs: on one target, newest first.

    Returns:
        One for each run that ended and began to change the commit that is live, newest first.
    """
    return tuple(release for release in map(_release, runs) if release is not None)


def _release(run: Run) -> Release | None:
    plan = run.plan
    if plan is None or plan.sha is None or run.change_started_at is None or not run.ended:
        return None
    before = plan.basis.checked_out.get(_first_host(run), "")
    if before == plan.sha.text and first_of(Unfinished, plan.findings) is not None:
        before = was_live(run) or ""
    if not before or before == plan.sha.text:
        return None
    return Release(run.id, plan.sha.text, before, run.state is RunState.SUCCEEDED)


def _first_host(run: Run) -> str:
    steps = run.plan.steps if run.plan is not None else ()
    return next((step.hosts[0] for step in steps if step.hosts), "")
