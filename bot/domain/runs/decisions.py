"""Which decisions about a run in `needs_human` are legal now, and which steps each would run."""

from __future__ import annotations

from bot.domain.backups.backup import Proof
from bot.domain.errors import Reason
from bot.domain.runs.acts import DropCopy, Dump, Prove, Swap
from bot.domain.runs.aftermath import MigrationProgress, aftermath_of
from bot.domain.runs.findings import BackupMade, Finding, Resumed, Unfinished, UnknownFinding, first_of, those_of
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.runs.request import Action, Decision
from bot.domain.runs.rollout import left_on_hosts
from bot.domain.runs.rollout_progress import hosts_in_rollout, is_partly_rolled_out, stopped_hosts
from bot.domain.runs.run import Run, RunState, StepState, step_state


def stopped_step(run: Run) -> Step | None:
    """Give the step of the change phase at which a run stopped, or None."""
    if run.plan is None:
        return None
    bad = {StepState.FAILED, StepState.UNKNOWN}
    return next((step for step in run.plan.of(Phase.CHANGE) if _state(run, step) in bad), None)


def was_live(run: Run) -> str | None:
    """Name the commit that was live before a run, and before those that it resumes or completes.

    Returns:
        None if the hosts were at different commits, or it is unknown.
    """
    series = _series(run)
    if series is not None and series.was_live is not None:
        return series.was_live or None
    heads = set(run.plan.basis.checked_out.values()) if run.plan is not None else set()
    return heads.pop() if len(heads) == 1 else None


def backup_before(run: Run) -> str | None:
    """Name the backup of the whole database that a run made before it changed anything; None if there is none.

    Only if it can be restored beside the live database and was not refuted. A run that resumes another, or completes
    one with migrations, has the other's backup.
    """
    series = _series(run)
    if series is not None and series.backup is not None:
        return series.backup or None
    if run.plan is None:
        return None
    # Behind the gate where the run waited for its time: the backup is then as recent as the change.
    steps = (*run.plan.of(Phase.PREPARE), *run.plan.of(Phase.REHEARSAL))
    can_be_put_back = any(isinstance(step.act, Prove) and step.act.scratch is not None for step in steps)
    made = next((s.act for s in steps if isinstance(s.act, Dump) and _state(run, s) is StepState.DONE), None)
    if made is None or made.tables or not can_be_put_back:
        return None
    return None if any(map(_refutes, run.plan.findings)) else made.backup


def _refutes(found: Finding) -> bool:
    """Whether a finding says that the run's backup does not restore, or nobody can tell what it says."""
    match found:
        case BackupMade(proof=proof):
            return proof is Proof.REFUTED
        case UnknownFinding(kind):
            return kind == BackupMade.kind
        case _:
            return False


def _series(run: Run) -> Resumed | Unfinished | None:
    """Give what a run knows of the first of its series; None for a run that resumes or completes no other."""
    findings = run.plan.findings if run.plan is not None else ()
    known = first_of(Resumed, findings) or first_of(Unfinished, findings)
    kinds = {Resumed.kind, Unfinished.kind}
    unread = next((found for found in those_of(UnknownFinding, findings) if found.kind in kinds), None)
    return known if known is not None or unread is None else Resumed(unread.facts.get("run", ""))


def schema_begun(run: Run) -> bool:
    """Say whether a step that changes the schema was begun, however it ended."""
    steps = run.plan.steps if run.plan is not None else ()
    untouched = {StepState.PENDING, StepState.SKIPPED}
    return any(step.schema and _state(run, step) not in untouched for step in steps)


def steps_left(run: Run, decision: Decision) -> tuple[Step, ...]:
    """Give the steps of the change phase that a decision would run, in order.

    Args:
        run: in `needs_human`.
        decision: the decision.
    """
    if run.plan is None or decision in {Decision.CLOSE, Decision.ROLL_BACK, Decision.RESTORE}:
        return ()
    left = tuple(step for step in run.plan.of(Phase.CHANGE) if _state(run, step) is not StepState.DONE)
    if decision is Decision.LIFT:
        return tuple(step for step in left if _lifts(run, step))
    left = tuple(step for step in left if step.undoes is None or _lifts(run, step))
    if decision is Decision.GO_ON:
        return left_on_hosts(run, left, stopped_hosts(run))
    left = left_on_hosts(run, left, frozenset())
    stopped = stopped_step(run)
    return (
        left
        if decision is Decision.RETRY
        else tuple(step for step in left if stopped is None or step.key != stopped.key)
    )


def legal_decisions(run: Run) -> tuple[Decision, ...]:
    """Give the decisions that are legal now, the one with the largest effect last.

    Args:
        run: in any state; none are legal unless it is `needs_human`.

    Returns:
        Nothing that changes production while processes of a step may still be running. No rollback past a migration
        that took effect only partly, as its reverse would not find what it expects. No second swap of tables: a person
        must first see where they are.
    """
    if run.state is not RunState.NEEDS_HUMAN:
        return ()
    if is_partly_rolled_out(run):
        return _decisions_about_hosts(run)
    decisions: list[Decision] = []
    stopped = stopped_step(run)
    running = stopped is not None and _may_still_run(run, stopped)
    if stopped is not None:
        decisions += [] if running or isinstance(stopped.act, Swap) else [Decision.RETRY]
        decisions.append(Decision.MARK_DONE)
    elif steps_left(run, Decision.RETRY) != steps_left(run, Decision.LIFT):
        decisions.append(Decision.RETRY)
    if steps_left(run, Decision.LIFT):
        decisions.append(Decision.LIFT)
    if not running:
        decisions += [Decision.ROLL_BACK] if _can_roll_back(run) else []
        decisions += [Decision.RESTORE] if _can_restore(run) else []
    return (*decisions, Decision.CLOSE)


def _decisions_about_hosts(run: Run) -> tuple[Decision, ...]:
    """Give the decisions where some hosts have the plan's commit and others do not.

    None is legal but to leave it while processes of a step may still be running. No going on where migrations come
    behind the last batch and a host that would be left may have the code of before, which does not live with them.
    """
    stopped = stopped_hosts(run)
    divided = run.plan.batches if run.plan is not None else None
    rows = (row for row in run.steps if divided is not None and row.key in divided.steps)
    if divided is None or any(row.problem and row.problem.reason is Reason.STILL_RUNNING for row in rows):
        return (Decision.CLOSE,)
    decisions = [Decision.RETRY] if stopped else []
    rest = steps_left(run, Decision.GO_ON)
    old = any(one.host in stopped and one.is_new is not True for one in hosts_in_rollout(run))
    if any(step.key in divided.steps for step in rest) and not (old and any(step.schema for step in rest)):
        decisions.append(Decision.GO_ON)
    decisions += [Decision.ROLL_BACK] if _can_roll_back(run) else []
    return (*decisions, Decision.CLOSE)


def waits_for_decision(run: Run) -> bool:
    """Say whether a run stopped half-way and needs a decision, or was resumed by one."""
    return run.state is RunState.NEEDS_HUMAN or (run.problem is not None and bool(run.problem.facts.get("successor")))


def open_decisions(run: Run) -> tuple[Decision, ...]:
    """Give the decisions that are open again for the run that this one was to resume.

    Args:
        run: that was to resume another.

    Returns:
        Those that were legal at the time of the decision, if this run ended without changing anything: rejected,
        expired, cancelled before its first change, or refused while planning.
    """
    resumes = run.request.resumes
    return () if resumes is None or not run.ended or run.changed_anything else resumes.alternatives


def _may_still_run(run: Run, step: Step) -> bool:
    return any(row.problem and row.problem.reason is Reason.STILL_RUNNING for row in run.rows(step.key))


def _can_roll_back(run: Run) -> bool:
    """Whether something was changed, and each migration of the deploy took effect completely or not at all."""
    if run.request.action is not Action.DEPLOY or was_live(run) is None or not moved(run):
        return False
    if not schema_begun(run) or _schema_done(run):
        return True
    found = aftermath_of(run.facts)
    return found is not None and all(fate.progress in {MigrationProgress.DONE, MigrationProgress.NOT} for fate in found)


def _schema_done(run: Run) -> bool:
    """Whether a run in batches has run its migrations before the first of them: the framework said so then."""
    steps = run.plan.steps if run.plan is not None and run.plan.batches is not None else ()
    return all(_state(run, step) is StepState.DONE for step in steps if step.schema) and bool(steps)


def _can_restore(run: Run) -> bool:
    """Whether the schema may have changed since the run made its backup."""
    return schema_begun(run) and was_live(run) is not None and backup_before(run) is not None


def moved(run: Run) -> bool:
    """Whether a step that can change production was begun, maintenance aside."""
    steps = run.plan.of(Phase.CHANGE) if run.plan is not None else ()
    downs = {step.undoes for step in steps if step.undoes is not None}
    begun = {StepState.DONE, StepState.RUNNING, StepState.FAILED, StepState.UNKNOWN}
    return any(
        step.risk is not Risk.READS and step.undoes is None and step.key not in downs and _state(run, step) in begun
        for step in steps
    )


def _state(run: Run, step: Step) -> StepState:
    rows = run.rows(step.key)
    return step_state(rows) if rows else StepState.PENDING


def _lifts(run: Run, step: Step) -> bool:
    """Whether a step undoes something that this run or one that it resumes did.

    A copy may contain tables that were live, so it is never dropped.
    """
    if step.undoes is None or isinstance(step.act, DropCopy):
        return False
    rows = run.rows(step.undoes)
    return not rows or any(row.state is StepState.DONE for row in rows)
