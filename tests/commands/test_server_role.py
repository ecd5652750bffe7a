"""What changes a database is not planned for a server that refuses writes; of a replica it is said how far it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.findings import OnReplica, those_of
from bot.domain.runs.plan import NothingToDo, Plan
from bot.domain.runs.request import BackupOptions, DeployOptions
from bot.domain.targets.look import DatabaseFacts, HiddenReplication, Primary, Replication
from bot.recipes.load import load_recipe
from commands.backup import Backup
from commands.deploy import Deploy
from tests.commands import test_backup_drop_old as drop_old
from tests.commands import test_backup_restore as restore
from tests.commands import test_rollback as rollback
from tests.support.examples import DATABASE, NAME, REQUEST, RUN, TARGET, Sight

RECIPES = {NAME: load_recipe("laravel", Path())}
PRIMARY = Primary("db1:3306", 7)
REFUSES = Replication(primaries=(PRIMARY,), read_only="super_read_only")

Planning = Callable[[Replication], Awaitable[Plan | NothingToDo]]


def at(replication: Replication, facts: DatabaseFacts = DATABASE) -> DatabaseFacts:
    return replace(facts, replication=replication)


async def deploy(replication: Replication, *, migrate: bool = True) -> Plan | NothingToDo:
    run = replace(RUN, request=replace(REQUEST, options=DeployOptions("main", migrate=migrate)))
    return await Deploy(RECIPES).plan(run, TARGET, Sight(database=at(replication)))


async def roll_back(replication: Replication, **options: str) -> Plan | NothingToDo:
    look = rollback.Past(rollback.GOOD)
    look.facts = at(replication, look.facts)
    return await rollback.planned(look, **options)


async def put_back(replication: Replication) -> Plan | NothingToDo:
    look = restore.sight()
    look.facts = at(replication)
    return await restore.planned(look)


async def drop(replication: Replication) -> Plan | NothingToDo:
    look = drop_old.sight(drop_old.OLD)
    look.facts = at(replication)
    return await drop_old.planned(drop_old.asked(), look)


async def back_up(replication: Replication) -> Plan | NothingToDo:
    run = replace(RUN, request=replace(REQUEST, options=BackupOptions(())))
    return await Backup(RECIPES).plan(run, TARGET, Sight(database=at(replication)))


@pytest.mark.parametrize("planning", [deploy, roll_back, put_back, drop])
async def test_what_changes_the_database_is_refused_where_the_server_refuses_it(planning: Planning) -> None:
    with pytest.raises(RefusedError) as refusal:
        await planning(REFUSES)
    found = refusal.value.problem
    assert found.reason is Reason.DATABASE_READ_ONLY
    assert (found.facts["setting"], found.facts["primary"]) == ("super_read_only", "db1:3306")
    assert isinstance(await planning(Replication()), Plan)


@pytest.mark.parametrize(
    "planning",
    [
        lambda replication: deploy(replication, migrate=False),
        lambda replication: roll_back(replication, code="yes"),
        back_up,
    ],
    ids=["deploy", "rollback", "backup"],
)
async def test_what_does_not_change_it_is_planned_all_the_same(planning: Planning) -> None:
    assert isinstance(await planning(REFUSES), Plan)


async def test_a_server_that_refuses_writes_since_the_approval_is_told_before_the_first_change() -> None:
    plan = await deploy(Replication())
    assert isinstance(plan, Plan)
    with pytest.raises(RefusedError) as refusal:
        await Deploy(RECIPES).basis(plan, RUN, TARGET, Sight(database=at(REFUSES)))
    assert refusal.value.problem.reason is Reason.DATABASE_READ_ONLY


STOPPED = Primary("db1:3306", None, "Duplicate entry '1'")


@pytest.mark.parametrize("planning", [deploy, roll_back, put_back, back_up])
@pytest.mark.parametrize(
    ("replication", "said"),
    [
        (Replication(primaries=(PRIMARY,)), (OnReplica("db1:3306", 7),)),
        (Replication(primaries=(STOPPED,)), (OnReplica("db1:3306", None, "Duplicate entry '1'"),)),
        (Replication(hidden={HiddenReplication.LAG: "SLAVE MONITOR"}), (OnReplica("", privilege="SLAVE MONITOR"),)),
        (Replication(hidden={HiddenReplication.PRIMARY: "REPLICATION CLIENT"}), ()),
        (Replication(), ()),
    ],
    ids=["behind", "stopped", "lag-hidden", "role-hidden", "none"],
)
async def test_of_a_replica_it_is_said_how_far_it_is(
    planning: Planning, replication: Replication, said: tuple[OnReplica, ...]
) -> None:
    plan = await planning(replication)
    assert isinstance(plan, Plan)
    assert those_of(OnReplica, plan.findings) == said


async def test_of_a_deploy_that_neither_migrates_nor_backs_up_it_is_not_said() -> None:
    plan = await deploy(Replication(primaries=(PRIMARY,)), migrate=False)
    assert isinstance(plan, Plan)
    assert those_of(OnReplica, plan.findings) == ()


async def test_a_backup_is_planned_although_the_bot_cannot_reach_the_database() -> None:
    class Silent(Sight):
        async def database(self, table: str | None) -> DatabaseFacts:
            raise RefusedError(problem(Reason.DATABASE_UNREACHABLE, database="compte"))

    run = replace(RUN, request=replace(REQUEST, options=BackupOptions(())))
    assert isinstance(await Backup(RECIPES).plan(run, TARGET, Silent()), Plan)
