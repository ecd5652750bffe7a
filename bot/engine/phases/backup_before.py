"""The backup that a run made before its gate: approvers saw it, so it must be there when the change begins."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.runs.acts import Dump
from bot.domain.runs.plan import Phase, Plan
from bot.domain.runs.run import Run, StepState
from bot.engine.run_session import RunSession


async def backup_gone(session: RunSession, run: Run, plan: Plan) -> tuple[tuple[str, str, str], ...]:
    """Look whether it is there still: the very file, by its size and by the checksum that its manifest names.

    Args:
        session: the hold on the run.
        run: with its steps.
        plan: what was approved.

    Returns:
        What differs, as `differences` gives it; nothing where the run made none.

    Raises:
        RefusedError: what a host or a store answers.
    """
    made = _made(run, plan)
    if not made:
        return ()
    backup_list = await session.context.target_reader.look(session.target).backups()
    kept = next((kept for kept in backup_list.backups if kept.backup == made["backup"]), None)
    there = kept is not None and kept.sha256 == made["sha256"] and not kept.proof.is_bad
    return () if there else (("backup", made["backup"], ""),)


def _made(run: Run, plan: Plan) -> Mapping[str, str]:
    for step in plan.of(Phase.PREPARE):
        for row in run.rows(step.key):
            if isinstance(step.act, Dump) and row.state is StepState.DONE and "sha256" in row.facts:
                return row.facts
    return {}
