"""The configured database is held against the one in which the live framework says that it runs migrations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.findings import OtherServer, those_of
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import Action, BackupOptions, Request
from bot.domain.targets.look import CommandOutput
from bot.recipes.load import load_recipe
from commands.backup import Backup
from commands.deploy import Deploy
from commands.migrate_status import MigrateStatus
from commands.rollback import Rollback
from tests.commands.test_migrator import RAN, Asked, said
from tests.support.examples import DATABASE, NAME, ORIGIN, PLAIN, RUN, TARGET

RECIPES = {NAME: load_recipe("laravel", Path())}
SERVER, OTHER = "db1:3306 /var/lib/mysql/", "db2:3306 /var/lib/mysql/"
CONFIGURED = replace(DATABASE, name="compte", server=SERVER)


def uses(
    name: str = "compte",
    server: str = SERVER,
    driver: str = "mysql",
    others: tuple[str, ...] = (),
    **of: tuple[str, ...],
) -> Asked:
    """Give a look at an application that uses a database."""
    answer = said(**of)
    used = {"is": "database", "driver": driver, "others": others, "name": name, "server": server}
    head, _, rest = answer.output.partition("\n")
    text = "\n".join((head, json.dumps(used, separators=(",", ":")), rest))
    return Asked(CommandOutput(0, text, ""), database=CONFIGURED)


async def plan(look: Asked) -> Plan:
    made = await Deploy(RECIPES).plan(RUN, TARGET, look)
    assert isinstance(made, Plan)
    return made


async def test_what_the_application_uses_is_planned_for() -> None:
    made = await plan(uses())
    assert those_of(OtherServer, made.findings) == ()


@pytest.mark.parametrize(
    ("look", "used"),
    [
        (uses("compte_prod"), "compte_prod"),
        (uses("/srv/compte.sqlite", "", "sqlite"), "/srv/compte.sqlite (sqlite)"),
        (uses("compte", "", "pgsql"), "compte (pgsql)"),
        (uses(server=OTHER, ran=(RAN, "2025_02_02_000000_more")), f"compte on {OTHER}"),
        (uses("compte", ran=()), f"compte on {SERVER}"),
    ],
    ids=["name", "sqlite", "postgresql", "more-migrations", "fewer"],
)  # fmt: skip
async def test_another_database_is_refused_whatever_is_asked(look: Asked, used: str) -> None:
    rollback = replace(RUN, request=Request(PLAIN[Action.ROLLBACK], NAME, ORIGIN, "/rollback compte production"))
    for planning in (
        plan(look),
        Rollback(RECIPES).plan(rollback, TARGET, look),
        MigrateStatus(RECIPES).status(TARGET, look),
    ):
        with pytest.raises(RefusedError) as refusal:
            await planning
        found = refusal.value.problem
        assert (found.reason, found.facts["used"]) == (Reason.DATABASE_DIFFERS, used)
        assert found.facts["configured"].startswith("compte")


async def test_another_server_with_the_same_migrations_is_shown_to_approvers() -> None:
    made = await plan(uses(server=OTHER))
    assert those_of(OtherServer, made.findings) == (OtherServer(OTHER, SERVER),)


@pytest.mark.parametrize(
    ("look", "refused"),
    [
        (uses(), False),
        (uses("compte_prod"), True),
        (uses("main", others=("Compte",)), False),
        (Asked(said(status=255), database=CONFIGURED), False),
    ],
    ids=["its-own", "another", "a-second-connection", "cannot-be-asked"],
)
async def test_a_backup_is_of_a_database_that_the_application_knows(look: Asked, refused: bool) -> None:
    asked = replace(RUN, request=Request(BackupOptions(()), NAME, ORIGIN, "/backup compte production"))
    if not refused:
        assert isinstance(await Backup(RECIPES).plan(asked, TARGET, look), Plan)
        return
    with pytest.raises(RefusedError) as refusal:
        await Backup(RECIPES).plan(asked, TARGET, look)
    assert refusal.value.problem.reason is Reason.DATABASE_DIFFERS
