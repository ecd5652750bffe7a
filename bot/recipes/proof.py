"""The step that proves a backup, in every run that makes one."""

from __future__ import annotations

from bot.domain.backups.backup import PROOF_STEP, scratch_name
from bot.domain.runs.acts import ProofServer, Prove
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.targets.target import Target

RESTORE_TIMEOUT = 12 * 3600
"""Maximum seconds for restoring a whole backup to prove it."""


def proof_steps(target: Target, backup: str, run: str, phase: Phase) -> tuple[Step, ...]:
    """Give the step that proves a new backup; none if it may be restored nowhere or the bot lacks the key.

    Args:
        target: of the backup.
        backup: its ID.
        run: the run's ID.
        phase: of the step.
    """
    step = proof_step(target, backup, run, phase)
    return (step,) if isinstance(step.act, Prove) and step.act.restores else ()


def proof_step(target: Target, backup: str, run: str, phase: Phase) -> Step:
    """Give the step that proves a backup by a test restore, or else checks its file.

    Args:
        target: of the backup.
        backup: its ID.
        run: the run's ID.
        phase: of the step.
    """
    act = Prove(backup, *_places(target, run))
    title = "Prove the backup by a test restore" if act.restores else "Check the backup's file"
    return Step(PROOF_STEP, title, phase, target.hosts[:1], Risk.READS, RESTORE_TIMEOUT, act)


def _places(target: Target, run: str) -> tuple[str | None, ProofServer | None]:
    """Give the database beside the live one, and the server, in which a backup is restored."""
    database = target.database
    opens = target.backups is None or target.backups.opens
    if database is None or not database.may_copy or not opens:
        return None, None
    return scratch_name(database.name, "proof", run) if database.may_copy_beside else None, ProofServer.PRIVATE
