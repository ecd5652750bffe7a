"""The step that proves a backup, which every run that makes one has. Pure."""

from __future__ import annotations

from bot.domain.backups.backup import PROOF_STEP, scratch_name
from bot.domain.runs.acts import Prove
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.targets.target import Target

RESTORE_TIMEOUT = 12 * 3600
"""Seconds that restoring a whole backup into a scratch database may take."""


def proof_steps(target: Target, backup: str, run: str, phase: Phase) -> tuple[Step, ...]:
    """Give the step that proves a new backup; none where the target allows no scratch database, or it cannot be opened.

    Args:
        target: whose backup.
        backup: its ID.
        run: the run's ID.
        phase: where the step stands.
    """
    return (proof_step(target, backup, run, phase),) if _can_prove(target) else ()


def proof_step(target: Target, backup: str, run: str, phase: Phase) -> Step:
    """Give the step that restores a backup into a scratch database and compares, or else checks its file.

    Args:
        target: whose backup.
        backup: its ID.
        run: the run's ID.
        phase: where the step stands.
    """
    database = target.database
    scratch = scratch_name(database.name, "proof", run) if database is not None and _can_prove(target) else None
    title = "Prove the backup by a test restore" if scratch else "Check the backup's file"
    return Step(PROOF_STEP, title, phase, target.hosts[:1], Risk.READS, RESTORE_TIMEOUT, Prove(backup, scratch))


def _can_prove(target: Target) -> bool:
    opens = target.backups is None or target.backups.opens
    return target.database is not None and target.database.scratch and opens
