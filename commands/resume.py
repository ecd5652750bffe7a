"""Plans of decisions: resuming a run that stopped half-way, from the current state of the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Load, Migrate, Swap
from bot.domain.runs.aftermath import MigrationProgress, aftermath_of
from bot.domain.runs.basis import Basis
from bot.domain.runs.decisions import (
    backup_before,
    steps_left,
    stopped_step,
    was_live,
)
from bot.domain.runs.findings import (
    BackupMade,
    Finding,
    LeftOut,
    MigrationEffect,
    MigrationFile,
    MigrationFinding,
    NotRehearsed,
    OldCode,
    Resumed,
    RowsChanged,
    StatementFinding,
    UnknownFinding,
    is_unknown,
)
from bot.domain.runs.plan import OnFailure, Phase, Plan, Step
from bot.domain.runs.request import Decision, ResumeOptions
from bot.domain.runs.rollout import batches_left, on_other_hosts, without_hosts, without_left_out
from bot.domain.runs.rollout_progress import left_out_by
from bot.domain.runs.run import Run
from bot.domain.targets.look import HostFacts, Look
from bot.domain.targets.target import Target
from bot.recipes.recipe import Recipe
from bot.recipes.steps import before_plan
from commands.command import options_as
from commands.common import host_basis, maintenance_basis, ran_now, read_target
from commands.server_role import require_writable


async def read_stopped_run(run: Run, look: Look) -> Run:
    """Read the run that a request resumes.

    Raises:
        RefusedError: `unknown_run`, there is none with a plan.
    """
    name = options_as(run, ResumeOptions).run
    before = await look.past(name)
    if before is None or before.plan is None:
        raise RefusedError(problem(Reason.UNKNOWN_RUN, run=name))
    return before


async def resume_plan(run: Run, before: Run, recipe: Recipe, target: Target, look: Look) -> Plan:
    """Plan the remaining steps of a run that stopped.

    Args:
        run: that resumes.
        before: the run that stopped.
        recipe: of the target.
        target: where.
        look: reads.

    Returns:
        A plan in which every failure needs a decision again: nothing is undone automatically a second time.

    Raises:
        RefusedError: what a host or the database answers.
    """
    plan = before.plan
    if plan is None:
        raise RefusedError(problem(Reason.UNKNOWN_RUN, run=before.id))
    decision = options_as(run, ResumeOptions).decision
    left_out = left_out_by(before, decision)
    target = on_other_hosts(target, left_out)
    hosts, database = await read_target(recipe, target, look, _sha(plan))
    ran = {row.name for row in await ran_now(recipe, target, look, plan) or ()}
    # A host that is no longer in the operations file has nothing left to be done.
    elsewhere = frozenset(plan.batches.all_hosts if plan.batches is not None else ()) - frozenset(target.hosts)
    left = without_hosts(steps_left(before, decision), elsewhere)
    _require_bound(left)
    migrates = any(step.schema for step in left)
    pending = tuple(name for name in plan.pending if name not in ran) if migrates else ()
    undo = tuple(name for name in plan.undo if name in ran) if migrates else ()
    if pending or undo:
        require_writable(database)
    remaining = tuple(held_on_failure(step) for step in _remaining(left, pending or undo))
    return Plan(
        request=run.request,
        steps=(
            *before_plan(recipe, target, run.id),
            *remaining,
            *without_hosts(_verification(plan, decision), elsewhere | frozenset(left_out)),
        ),
        requirement=target.policy.regular_requirement(
            run.request, destructive=plan.destructive, restores=plan.restores
        ),
        basis=_basis(hosts, _sha(plan), pending or undo),
        sha=plan.sha,
        commits=plan.commits,
        commit_count=plan.commit_count,
        pending=pending,
        undo=undo,
        findings=(
            _contradicted(before, decision, frozenset(ran)),
            *(found for found in plan.findings if _still_true(found, pending)),
            *((LeftOut(left_out),) if left_out else ()),
        ),
        destructive=plan.destructive,
        batches=batches_left(before, remaining),
    )


def resume_finding(before: Run, decision: Decision) -> Resumed:
    """Build the finding that names the resumed run, and keeps what is needed if this one stops too.

    Args:
        before: the run that stopped.
        decision: about it.
    """
    stopped = stopped_step(before)
    title = stopped.title if stopped else ""
    return Resumed(before.id, decision, title, was_live(before) or "", backup_before(before) or "")


def _contradicted(before: Run, decision: Decision, ran: frozenset[str]) -> Resumed:
    """Build the finding that names the resumed run, with what speaks against going on as decided.

    Args:
        before: the run that stopped.
        decision: about it.
        ran: the migrations that the database records as applied.
    """
    found, stopped, plan = resume_finding(before, decision), stopped_step(before), before.plan
    if plan is None or stopped is None or not stopped.schema:
        return found
    if decision is Decision.MARK_DONE:
        left = [name for name in plan.pending if name not in ran] + [name for name in plan.undo if name in ran]
        return replace(found, not_done=tuple(left))
    partly = [fate.name for fate in aftermath_of(before.facts) or () if fate.progress is MigrationProgress.PARTLY]
    return replace(found, half=tuple(partly)) if decision is Decision.RETRY else found


async def resume_basis(plan: Plan, recipe: Recipe, target: Target, look: Look) -> Basis:
    """Read the basis of such a plan again.

    Raises:
        RefusedError: what a host or the database answers.
    """
    target = without_left_out(target, plan)
    hosts, database = await read_target(recipe, target, look, _sha(plan))
    if plan.pending or plan.undo:
        require_writable(database)
    ran = {row.name for row in await ran_now(recipe, target, look, plan) or ()}
    left = tuple(name for name in plan.pending if name not in ran) or tuple(n for n in plan.undo if n in ran)
    return _basis(hosts, _sha(plan), left)


async def resume_restore(run: Run, before: Run, recipe: Recipe, target: Target, look: Look) -> Plan:
    """Plan what is left of a restore that stopped; there is no commit, and nothing of the database is touched.

    Args:
        run: the one that goes on.
        before: the one that stopped.
        recipe: of the target.
        target: where.
        look: reads.

    Raises:
        RefusedError: what a host answers; `older_version`, the stopped run's approval is bound to no manifest.
    """
    if before.plan is None:
        raise RefusedError(problem(Reason.UNKNOWN_RUN, run=before.id))
    decision = options_as(run, ResumeOptions).decision
    hosts, _ = await read_target(recipe, target, look, None)
    left = tuple(held_on_failure(step) for step in steps_left(before, decision))
    _require_bound(left)
    return Plan(
        request=run.request,
        steps=(*left, *(step for step in before.plan.of(Phase.VERIFY) if step.key == "health")),
        requirement=target.policy.requirement(run.request.action),
        basis=maintenance_basis(hosts),
        findings=(resume_finding(before, decision),),
    )


def _remaining(steps: tuple[Step, ...], names: tuple[str, ...]) -> Iterator[Step]:
    """Give the steps without the migrations that they have run or undone already.

    Args:
        steps: that are left of a run.
        names: of the migrations that are left.
    """
    for step in steps:
        if not isinstance(step.act, Migrate):
            yield step
        elif files := tuple(file for file in step.act.files if file.name in names):
            yield replace(step, act=replace(step.act, files=files))


def _require_bound(steps: tuple[Step, ...]) -> None:
    """Make sure that what restores a backup is bound to its manifest.

    Raises:
        RefusedError: `older_version`, an earlier version of the bot made the steps.
    """
    if any(isinstance(step.act, Load | Swap) and step.act.manifest is None for step in steps):
        raise RefusedError(problem(Reason.OLDER_VERSION))


def _sha(plan: Plan) -> str | None:
    """The commit that a plan makes live; None if it makes none."""
    return None if plan.sha is None else plan.sha.text


def _basis(hosts: tuple[HostFacts, ...], sha: str | None, left: tuple[str, ...]) -> Basis:
    return host_basis(hosts, sha or "") | Basis({"migrations left": ", ".join(left)})


def _still_true(found: Finding, pending: tuple[str, ...]) -> bool:
    """Whether a finding of the stopped run still applies to its remaining steps."""
    match found:
        case BackupMade():
            return True
        case MigrationFinding(name=name) | MigrationFile(name=name):
            return name in pending
        case StatementFinding(migration=name) | OldCode(migration=name) | MigrationEffect(migration=name):
            return name in pending
        case NotRehearsed() | RowsChanged():
            return bool(pending)
        case UnknownFinding():
            return bool(pending) and is_unknown(found)
        case _:
            return False


def held_on_failure(step: Step) -> Step:
    """Give the step with `on_failure: hold`: what an earlier run began is not undone automatically."""
    return replace(step, on_failure=OnFailure.HOLD)


def _verification(plan: Plan, decision: Decision) -> tuple[Step, ...]:
    if decision is Decision.LIFT:
        return tuple(step for step in plan.of(Phase.VERIFY) if step.key == "health")
    # The stopped run noted the end of the log in its own folder on the host.
    return tuple(step for step in plan.of(Phase.VERIFY) if step.key != "log-clean")
