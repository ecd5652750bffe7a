"""A policy's `require_proven_backup`: no gate opens or is passed without a recent backup that was restored."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.backups.backup import BackupInfo, newest_proven
from bot.domain.errors import RefusedError
from bot.domain.policies.proven_backup import no_proven_backup
from bot.domain.runs.findings import ReliedOnBackup
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import Run
from bot.engine.run_session import RunSession


def proof_within(session: RunSession, run: Run, plan: Plan) -> timedelta | None:
    """Give the maximum age of the newest proven backup for a plan.

    Args:
        session: of the run.
        run: a run that goes on after a stopped one, or an emergency, needs none.
        plan: what would be done.

    Returns:
        None where the policy asks for none, nothing is changed, or there is no database.
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
        session: of the run.
        run: whose gate it is.
        within: maximum age of its data.

    Raises:
        RefusedError: `no_proven_backup`, or a host refuses.
    """
    backup_list = await session.context.target_reader.look(session.target).backups()
    newest = newest_proven(backup_list)
    if newest is None or session.now() - newest.started > within:
        raise RefusedError(no_proven_backup(session.target.name, newest, within, action=run.request.action.value))
    return newest


def with_proof(plan: Plan, proven: BackupInfo) -> Plan:
    """Add the backup that the gate relies on to the plan, unless it is the run's own.

    Args:
        plan: sealed.
        proven: the backup.
    """
    if proven.backup == plan.backup:
        return plan
    found = ReliedOnBackup(proven.backup, proven.started, proven.proven_at, proven.restore_seconds)
    return plan.sealed((found,))
