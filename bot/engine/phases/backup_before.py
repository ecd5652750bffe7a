"""Checking that the backup made before the gate, which approvers saw, still exists when the change begins."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.runs.acts import Dump
from bot.domain.runs.plan import Phase, Plan
from bot.domain.runs.run import Run, StepState
from bot.engine.run_session import RunSession


async def missing_backup(session: RunSession, run: Run, plan: Plan) -> tuple[tuple[str, str, str], ...]:
    """Compare the run's backup with its manifest: the same checksum, and not damaged.

    Args:
        session: of the run.
        run: with its steps.
        plan: what was approved.

    Returns:
        What differs, as `Basis.differences` gives it; empty where the run made no backup.

    Raises:
        RefusedError: a host or a storage refuses.
    """
    dumped = _dump_facts(run, plan)
    if not dumped:
        return ()
    backup_list = await session.context.target_reader.look(session.target).backups()
    found = next((info for info in backup_list.backups if info.backup == dumped["backup"]), None)
    intact = found is not None and found.sha256 == dumped["sha256"] and not found.proof.is_bad
    return () if intact else (("backup", dumped["backup"], ""),)


def _dump_facts(run: Run, plan: Plan) -> Mapping[str, str]:
    for step in plan.of(Phase.PREPARE):
        for row in run.rows(step.key):
            if isinstance(step.act, Dump) and row.state is StepState.DONE and "sha256" in row.facts:
                return row.facts
    return {}
