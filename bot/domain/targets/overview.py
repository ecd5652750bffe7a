"""Overviews of targets from the store alone, for `/ops status`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.backups.backup import Proof
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.runs.request import Action, Decision
from bot.domain.runs.run import Run, RunState

RELEASING = frozenset({Action.DEPLOY, Action.ROLLBACK})
"""Actions that can change the live commit."""

CHANGING = RELEASING | {Action.RESTORE}
"""Actions that can take the site down."""


@dataclass(frozen=True)
class ProvenBackup:
    """The backup whose proof ended last.

    Args:
        backup: its ID.
        proof: the result.
        at: when the proof ended.
    """

    backup: str
    proof: Proof
    at: datetime


@dataclass(frozen=True)
class TargetOverview:
    """One target.

    Args:
        target: of the overview.
        unfinished: its runs that have not ended, oldest first.
        last: its latest run that ended, without steps and votes.
        release: its latest ended run that had begun to change the live commit, without steps and votes.
        lock: on the target.
        backup: the latest one that a run has proven or checked.
        owed: its emergency runs whose late approval is still missing, oldest first.
        changed: its latest ended runs that began to change it, newest first, where one of them may have left the site
            down; with their steps, without votes.
    """

    target: TargetName
    unfinished: tuple[Run, ...] = ()
    last: Run | None = None
    release: Run | None = None
    lock: Lock | None = None
    backup: ProvenBackup | None = None
    owed: tuple[Run, ...] = ()
    changed: tuple[Run, ...] = ()

    @property
    def in_doubt(self) -> Run | None:
        """The run that makes the live commit uncertain; None if it is certain or none is known."""
        for run in self.unfinished:
            if run.request.action in RELEASING and run.change_started_at is not None:
                return run
        return None if self.release is None or _went_through(self.release) else self.release

    @property
    def live(self) -> str:
        """The live commit according to the history; empty if it is uncertain."""
        plan = self.release.plan if self.release is not None else None
        return str(plan.sha) if self.in_doubt is None and plan is not None and plan.sha is not None else ""


def _went_through(run: Run) -> bool:
    """Whether a run made its commit live. One that only lifts maintenance leaves the commit as it was."""
    resumes = run.request.resumes
    lifted = resumes is not None and resumes.decision is Decision.LIFT
    return run.state is RunState.SUCCEEDED and not lifted
