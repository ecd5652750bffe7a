"""What the database account lacks for the steps of a plan, said while nothing has been done yet."""

from __future__ import annotations

from bot.domain.errors import RefusedError
from bot.domain.runs.acts import Dump, Migrate
from bot.domain.runs.findings import LacksPrivileges
from bot.domain.runs.plan import Step
from bot.domain.targets.look import Look
from bot.domain.targets.privileges import Capability, MissingPrivilege

_MOST = 6


async def lacking_privileges(steps: tuple[Step, ...], look: Look) -> tuple[LacksPrivileges, ...]:
    """Say which privileges the database account lacks for the steps of a plan.

    A database that does not answer now may answer its host when the step runs, and else fails it: that is no reason to
    refuse the plan.

    Args:
        steps: of the plan.
        look: reads what the account lacks.
    """
    if not _needed(steps):
        return ()
    try:
        missing = await look.missing_privileges()
    except RefusedError:
        return ()
    return lacks_for(steps, missing)


def lacks_for(steps: tuple[Step, ...], missing: tuple[MissingPrivilege, ...]) -> tuple[LacksPrivileges, ...]:
    """Say which of the privileges that an account lacks the steps of a plan need.

    Args:
        steps: of the plan.
        missing: as just read.
    """
    needed = _needed(steps)
    lacks = [f"{one.privilege} ON {one.on}" for one in missing if one.capability in needed]
    more = ("…",) if len(lacks) > _MOST else ()
    return (LacksPrivileges((*lacks[:_MOST], *more)),) if lacks else ()


def _needed(steps: tuple[Step, ...]) -> frozenset[Capability]:
    return frozenset(need for step in steps if (need := _NEEDS.get(type(step.act))) is not None)


_NEEDS = {Dump: Capability.BACKUP, Migrate: Capability.LOOK}
"""A migration is watched for locks that hold it up."""
