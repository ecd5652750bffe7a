"""The step that proves a backup, in every run that makes one."""

from __future__ import annotations

from bot.domain.backups.backup import PROOF_STEP, scratch_name
from bot.domain.runs.acts import Prove
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.targets.target import Target

RESTORE_TIMEOUT = 12 * 3600
"""Maximum seconds for restoring a whole backup into a scratch database."""


def proof_steps(target: Target, backup: str, run: str, phase: Phase) -> tuple[Step, ...]:
    """Give the step that proves a new backup; none if there may be no scratch database or the bot lacks the key.

    Args:
        target: of the backup.
        backup: its ID.
        run: the run's ID.
        phase: of the step.
    """
    return (proof_step(target, backup, run, phase),) if _can_prove(target) else ()


def proof_step(target: Target, backup: str, run: str, phase: Phase) -> Step:
    """Give the step that proves a backup by a test restore, or else checks its file.

    Args:
        target: of the backup.
        backup: its ID.
        run: the run's ID.
        phase: of the step.
    """
    database = target.database
    scratch = scratch_name(database.name, "proof", run) if database is not None and _can_prove(target) else None
    title = "Prove the backup by a test restore" if scratch else "Check the backup's file"
    return Step(PROOF_STEP, title, phase, target.hosts[:1], Risk.READS, RESTORE_TIMEOUT, Prove(backup, scratch))


def _can_prove(target: Target) -> bool:
    opens = target.backups is None or target.backups.opens
    return target.database is not None and target.database.may_copy_beside and opens
