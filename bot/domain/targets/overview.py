"""How a target stands as far as the bot remembers: what `/ops status` answers, without asking any host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.backups.backup import Proof
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.runs.request import Action, Decision
from bot.domain.runs.run import Run, RunState

RELEASING = frozenset({Action.DEPLOY, Action.ROLLBACK})
"""What can change the commit that is live."""


@dataclass(frozen=True)
class ProvenBackup:
    """The backup whose proof ended last.

    Args:
        backup: its ID.
        proof: what came of it.
        at: when it ended.
    """

    backup: str
    proof: Proof
    at: datetime


@dataclass(frozen=True)
class TargetOverview:
    """One target.

    Args:
        target: which.
        unfinished: its runs that have not ended, oldest first.
        last: its latest run that ended, without steps and votes.
        release: its latest run that ended and had begun to change what is live, without steps and votes.
        lock: that is on it.
        backup: the latest one of which a run has seen that it restores, or that its file is whole.
        owed: its runs that were done in an emergency and are still to be countersigned, oldest first.
    """

    target: TargetName
    unfinished: tuple[Run, ...] = ()
    last: Run | None = None
    release: Run | None = None
    lock: Lock | None = None
    backup: ProvenBackup | None = None
    owed: tuple[Run, ...] = ()

    @property
    def in_doubt(self) -> Run | None:
        """The run because of which the live commit is not certain; None where it is certain or none is known."""
        for run in self.unfinished:
            if run.request.action in RELEASING and run.change_started_at is not None:
                return run
        return None if self.release is None or _went_through(self.release) else self.release

    @property
    def live(self) -> str:
        """The commit that is live by the history; empty where that is not certain."""
        plan = self.release.plan if self.release is not None else None
        return str(plan.sha) if self.in_doubt is None and plan is not None and plan.sha is not None else ""


def _went_through(run: Run) -> bool:
    """Whether a run made its commit live. Lifting maintenance leaves the commit as the run before left it."""
    resumes = run.request.resumes
    lifted = resumes is not None and resumes.decision is Decision.LIFT
    return run.state is RunState.SUCCEEDED and not lifted
