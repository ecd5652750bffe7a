"""A policy's `require_proven_backup`: no gate opens, and none is passed, without a backup that is known to restore."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.backups.backup import BackupInfo, newest_proven
from bot.domain.errors import RefusedError
from bot.domain.policies.proven_backup import no_proven_backup
from bot.domain.runs.plan import Finding, Plan
from bot.domain.runs.run import Run
from bot.engine.run_session import RunSession


def proof_within(session: RunSession, run: Run, plan: Plan) -> timedelta | None:
    """Give how old the newest proven backup may be for this plan.

    Args:
        session: the hold on the run.
        run: its request; one that goes on after a run that stopped, or breaks the glass, needs none.
        plan: what would be done.

    Returns:
        None where it does not matter: the policy asks for none, nothing is changed, or there is no database.
    """
    within = session.target.policy.proof_within(run.request.action)
    if session.target.database is None or not plan.changes_anything:
        return None
    if run.request.resumes is not None or run.request.emergency is not None:
        return None
    return within


async def require_proof(session: RunSession, run: Run, within: timedelta) -> BackupInfo:
    """Find the proven backup that the gate relies on.

    Args:
        session: the hold on the run.
        run: what for.
        within: how old its data may be.

    Raises:
        RefusedError: `no_proven_backup`, or what a host answers.
    """
    backup_list = await session.context.target_reader.look(session.target).backups()
    newest = newest_proven(backup_list)
    if newest is None or session.now() - newest.started > within:
        raise RefusedError(no_proven_backup(session.target.name, newest, within, action=run.request.action.value))
    return newest


def with_proof(plan: Plan, kept: BackupInfo) -> Plan:
    """Put the backup that the gate relies on before the approvers, unless it is the run's own, which they see.

    Args:
        plan: sealed.
        kept: the backup.
    """
    if kept.backup == plan.backup:
        return plan
    facts = {
        "backup": kept.backup,
        "made_at": kept.started.isoformat(),
        "proven_at": kept.proven_at.isoformat() if kept.proven_at else "",
        "restore_seconds": "" if kept.restore_seconds is None else str(kept.restore_seconds),
    }
    return plan.sealed((Finding("proven_backup", facts),))
