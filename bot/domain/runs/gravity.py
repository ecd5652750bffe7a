"""How grave a plan is by its evidence, to compare what was approved with what was found afterwards. Pure."""

from __future__ import annotations

from bot.domain.runs.findings import MigrationFinding, is_unknown, those_of
from bot.domain.runs.migration_risk import MigrationRisk
from bot.domain.runs.plan import Plan

_RISKS = (
    MigrationRisk.SAFE,
    MigrationRisk.SLOW,
    MigrationRisk.BLOCKING,
    MigrationRisk.UNKNOWN,
    MigrationRisk.DESTRUCTIVE,
)
"""The gravest last: what nobody can tell may be anything but what is known to destroy."""


def is_graver(found: Plan, approved: Plan) -> bool:
    """Whether a plan is graver than the one that was approved. Where nothing was known, nothing grave was approved.

    Args:
        found: the same plan, with more evidence.
        approved: what people saw.
    """
    return _gravity(found) > _gravity(approved)


def _gravity(plan: Plan) -> int:
    if plan.destructive:
        return _RISKS.index(MigrationRisk.DESTRUCTIVE)
    risks = {found.risk for found in those_of(MigrationFinding, plan.findings)}
    if plan.migrations and any(map(is_unknown, plan.findings)):
        risks.add(MigrationRisk.UNKNOWN)
    return max(map(_RISKS.index, risks), default=0)
