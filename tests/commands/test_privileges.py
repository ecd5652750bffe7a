"""What a plan says of privileges that the database account lacks for its own steps."""

from __future__ import annotations

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Direction, Dump, Migrate
from bot.domain.runs.findings import LacksPrivileges
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.shell import Command
from bot.domain.targets.privileges import Capability, MissingPrivilege
from commands.privileges import lacking_privileges
from tests.support.examples import Sight

LACKS = (
    MissingPrivilege(Capability.LOOK, "PROCESS", "*.*", "to see the sessions of others"),
    MissingPrivilege(Capability.BACKUP, "TRIGGER", "`compte`.*"),
    MissingPrivilege(Capability.BACKUP, "EVENT", "`compte`.*"),
    MissingPrivilege(Capability.RESTORE, "DROP", "`compte`.*"),
)
DUMP = Step("backup", "Back up", Phase.PREPARE, ("web1",), Risk.READS, 60, Dump("B-AAAAAA"))
MIGRATE = Step(
    "migrate",
    "Migrate",
    Phase.CHANGE,
    ("web1",),
    Risk.DESTROYS,
    60,
    Migrate(Command(()), Command(()), "/var/www", "0" * 40, (), (), Direction.UP, "migrations"),
)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), ()),
        ((DUMP,), (LacksPrivileges(("TRIGGER ON `compte`.*", "EVENT ON `compte`.*")),)),
        ((MIGRATE,), (LacksPrivileges(("PROCESS ON *.*",)),)),
        ((DUMP, MIGRATE), (LacksPrivileges(("PROCESS ON *.*", "TRIGGER ON `compte`.*", "EVENT ON `compte`.*")),)),
    ],
)
async def test_what_the_account_lacks_for_the_steps_is_said(
    steps: tuple[Step, ...], said: tuple[LacksPrivileges, ...]
) -> None:
    look = Sight()
    look.missing = LACKS
    assert await lacking_privileges(steps, look) == said


async def test_what_nothing_is_lacking_for_is_not_spoken_of() -> None:
    assert await lacking_privileges((DUMP, MIGRATE), Sight()) == ()


async def test_many_are_not_all_named() -> None:
    look = Sight()
    look.missing = tuple(MissingPrivilege(Capability.BACKUP, f"P{n}", "*.*") for n in range(9))
    [found] = await lacking_privileges((DUMP,), look)
    assert found.lacks[-1] == "…"


class Unreachable(Sight):
    """A look at a database that does not answer."""

    async def missing_privileges(self) -> tuple[MissingPrivilege, ...]:
        raise RefusedError(problem(Reason.DATABASE_UNREACHABLE))


async def test_a_database_that_does_not_answer_refuses_no_plan() -> None:
    assert await lacking_privileges((DUMP,), Unreachable()) == ()
