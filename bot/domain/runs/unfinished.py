"""What past runs left undone: the steps and commits that a deploy has to make up for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from bot.domain.runs.decisions import backup_before, moved, stopped_step, was_live
from bot.domain.runs.findings import LeftOut, Unfinished, first_of
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.request import Decision, RollbackOptions, UndoMigrations
from bot.domain.runs.run import Run, RunState, StepState


@dataclass(frozen=True)
class UnfinishedChange:
    """A change that one or several past runs began and none completed.

    Args:
        runs: those that changed the target since the last one that succeeded, newest first; at least one.
        done: the places where each step was done at the wanted commit, by the step's key.
    """

    runs: tuple[Run, ...]
    done: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def latest(self) -> Run:
        """The run that stopped last."""
        return self.runs[0]

    def done_steps(self, steps: Iterable[Step]) -> frozenset[str]:
        """Give the keys of the steps that were done at all of their places."""
        return frozenset(step.key for step in steps if set(step.places) <= self.done.get(step.key, frozenset()))

    def finding(self, *, commit_is_live: bool) -> Unfinished:
        """Build the finding that names the run to complete.

        Args:
            commit_is_live: whether a host has the wanted commit already, so that the commit from before, and the
                backup made before the first migration, are those of the first run.
        """
        stopped = stopped_step(self.latest)
        found = Unfinished(self.latest.id, stopped.title if stopped else "")
        if not commit_is_live:
            return found
        migrating = [run for run in self.runs if _plan(run).migrations]
        return replace(
            found,
            was_live=was_live(self.runs[-1]) or "",
            backup=(backup_before(migrating[-1]) or "") if migrating else None,
        )


def tried_commits(runs: Sequence[Run]) -> tuple[str, ...]:
    """Name the commits that were live or tried since the last run that succeeded, newest first.

    Args:
        runs: on the target, newest first.
    """
    series = (run for run in _since_success(runs) if _left_traces(run))
    return tuple(dict.fromkeys(sha for run in series for sha in _commits(run) if sha))


def unfinished_change(runs: Sequence[Run], sha: str) -> UnfinishedChange | None:
    """Determine what is left of the runs since the last one that succeeded.

    Args:
        runs: on the target, newest first.
        sha: the wanted commit.

    Returns:
        None if the last run that changed the target succeeded, or no run is remembered. Steps count as done only in
        the latest runs at the wanted commit: a run at another commit may have replaced what they did.
    """
    series = tuple(run for run in _since_success(runs) if _left_traces(run) or (_brings(run, sha) and moved(run)))
    if not series:
        return None
    done: dict[str, frozenset[str]] = {}
    for run in reversed(tuple(takewhile(lambda run: _brings(run, sha), series))):
        for key, places in _done_in(run, runs).items():
            done[key] = done.get(key, frozenset()) | places
        for step in _undoing(run):
            done[step.undoes or ""] = done.get(step.undoes or "", frozenset()) - _places(run, step, StepState.DONE)
    return UnfinishedChange(series, done)


def _since_success(runs: Sequence[Run]) -> Iterator[Run]:
    """Give the runs that passed their gate since the last one that completed the change to a commit."""
    for run in runs:
        if not run.ended or run.plan is None or run.plan.sha is None or run.change_started_at is None:
            continue
        if run.state is not RunState.SUCCEEDED:
            yield run
        elif _completes(run):
            return


def _completes(run: Run) -> bool:
    """Whether the success of a run means that every step which its commit needs was done."""
    resumes, options = run.request.resumes, run.request.options
    if resumes is not None:
        return resumes.decision is not Decision.LIFT and first_of(LeftOut, _plan(run).findings) is None
    # Undoing migrations alone leaves the code, with whatever was left undone for it.
    return not (isinstance(options, RollbackOptions) and isinstance(options.scope, UndoMigrations))


def _brings(run: Run, sha: str) -> bool:
    plan = _plan(run)
    return plan.sha is not None and plan.sha.text == sha


def _left_traces(run: Run) -> bool:
    """Whether a run changed something that stays, as far as is known.

    A first changing step that failed, such as a checkout that git refused, left nothing.
    """
    changing = _changing(_plan(run))
    if any(_places(run, step, StepState.DONE, StepState.UNKNOWN) for step in changing):
        return True
    return any(_places(run, step, StepState.FAILED) for step in changing[1:])


def _changing(plan: Plan) -> tuple[Step, ...]:
    """Give the steps that change production, without those that are undone at the end, such as maintenance."""
    steps = plan.of(Phase.CHANGE)
    undone = {step.undoes for step in steps if step.undoes is not None}
    return tuple(
        step for step in steps if step.risk is not Risk.READS and step.undoes is None and step.key not in undone
    )


def _undoing(run: Run) -> tuple[Step, ...]:
    return tuple(step for step in _plan(run).of(Phase.CHANGE) if step.undoes is not None)


def _done_in(run: Run, runs: Sequence[Run]) -> Mapping[str, frozenset[str]]:
    """Give the places where a run did each step, with the step that a person declared to be done."""
    done = {step.key: _places(run, step, StepState.DONE) for step in _plan(run).of(Phase.CHANGE)}
    resumes = run.request.resumes
    if resumes is not None and resumes.decision is Decision.MARK_DONE:
        before = next((past for past in runs if past.id == resumes.run), None)
        marked = stopped_step(before) if before is not None else None
        done |= {marked.key: frozenset(marked.places)} if marked is not None else {}
    return done


def _places(run: Run, step: Step, *states: StepState) -> frozenset[str]:
    return frozenset(row.place for row in run.rows(step.key) if row.state in states)


def _commits(run: Run) -> tuple[str, ...]:
    plan = _plan(run)
    return (*((plan.sha.text,) if plan.sha is not None else ()), *plan.basis.checked_out.values())


def _plan(run: Run) -> Plan:
    if run.plan is None:
        raise LookupError(f"run {run.id} changed the target without a plan")
    return run.plan
