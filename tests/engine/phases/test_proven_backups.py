"""No gate without a proven backup where the policy asks for one, and people are called when none is young enough."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.backups.backup import BackupInfo, BackupList, Proof, Purpose
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.policies.people import People
from bot.domain.policies.policy import BackupBefore
from bot.domain.runs.findings import ReliedOnBackup, those_of
from bot.domain.runs.request import Action, BackupOptions, OverdueBackup, Request
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.target import Backups
from bot.engine.jobs.backup_age import OverdueWatch
from tests.engine.support.world import APPROVE, SmallWorld, small_world
from tests.support.examples import NAME, NOON, ORIGIN, POLICY, TARGET

KEPT = BackupInfo(
    "B-20261116-AAAAAA", "R-AAAAAA", Purpose.SCHEDULED, NOON - timedelta(hours=3), "compte", "10.11", ("users",), (),
    1000, "a" * 64, Proof.PROVEN, NOON - timedelta(minutes=6), 40,
)  # fmt: skip
CAREFUL = replace(
    TARGET,
    policy=replace(
        POLICY, require_proven_backup=timedelta(hours=24), backup_before={Action.DEPLOY: BackupBefore.NEVER}
    ),
    backups=Backups("/var/backups/compte", alert=People(("dbas",), frozenset({"U0DBA"})), max_age=timedelta(hours=26)),
)


def older(**span: float) -> BackupInfo:
    return replace(KEPT, started=NOON - timedelta(**span))


@pytest.fixture
async def careful(tmp_path: Path) -> AsyncIterator[SmallWorld]:
    async with small_world(tmp_path, CAREFUL) as made:
        yield made


def shelve(world: SmallWorld, *kept: BackupInfo) -> None:
    world.sight.backup_list = BackupList(NAME.app, NAME.environment, kept)


async def test_one_dated_in_the_future_opens_no_gate(careful: SmallWorld) -> None:
    ahead = replace(KEPT, started=NOON + timedelta(days=26700))
    shelve(careful, ahead, older(hours=25))
    careful.sight.backup_list = replace(careful.sight.backup_list, future_dated=frozenset({ahead.backup}))
    await careful.until(await careful.submit(), RunState.FAILED)


@pytest.mark.parametrize(
    "kept",
    [
        (),
        (older(hours=25),),
        (replace(KEPT, proof=Proof.CHECKED),),
        (replace(KEPT, proof=Proof.REFUTED),),
        (replace(KEPT, chosen=("users",)),),  # of one table: one cannot go back to it
    ],
)
async def test_the_gate_stays_shut_without_one(careful: SmallWorld, kept: tuple[BackupInfo, ...]) -> None:
    shelve(careful, *kept)
    ended = await careful.until(await careful.submit(), RunState.FAILED)
    assert ended.gate is None
    assert ended.problem is not None
    assert ended.problem.reason is Reason.NO_PROVEN_BACKUP
    newest = kept[0].backup if kept and kept[0].proof is Proof.PROVEN and not kept[0].chosen else ""
    assert (ended.problem.facts["backup"], ended.problem.facts["action"]) == (newest, "deploy")


async def test_who_approves_sees_the_one_that_is_relied_on(careful: SmallWorld) -> None:
    shelve(careful, KEPT)
    waiting = await careful.until(await careful.submit(), RunState.AWAITING_APPROVAL)
    assert waiting.plan is not None
    [found] = those_of(ReliedOnBackup, waiting.plan.findings)
    assert KEPT.proven_at is not None
    assert found == ReliedOnBackup(KEPT.backup, KEPT.started, KEPT.proven_at, 40)


async def test_one_that_grew_too_old_while_people_waited_voids_the_approval(careful: SmallWorld) -> None:
    shelve(careful, older(hours=23, minutes=50))
    run = await careful.submit()
    await careful.until(run, RunState.AWAITING_APPROVAL)
    careful.clock.pass_by(minutes=20)
    careful.people.said = {"U0BOB": APPROVE}
    ended = await careful.until(run, RunState.FAILED)
    assert ended.problem is not None
    assert ended.problem.reason is Reason.NO_PROVEN_BACKUP
    assert careful.hosts.starts("checkout") == 0


async def test_one_that_is_gone_voids_it_too(careful: SmallWorld) -> None:
    shelve(careful, KEPT)
    run = await careful.submit()
    await careful.until(run, RunState.AWAITING_APPROVAL)
    shelve(careful)
    careful.people.said = {"U0BOB": APPROVE}
    assert (await careful.until(run, RunState.FAILED)).change_started_at is not None
    assert careful.hosts.starts("checkout") == 0


async def test_where_there_is_no_database_there_is_nothing_to_prove(tmp_path: Path) -> None:
    async with small_world(tmp_path, replace(CAREFUL, database=None, backups=None)) as world:
        await world.until(await world.submit(), RunState.AWAITING_APPROVAL)


@pytest.fixture
def watch(careful: SmallWorld) -> OverdueWatch:
    return OverdueWatch(careful.engine, careful.store.runs, careful, careful.clock, {NAME: CAREFUL})


async def called(world: SmallWorld) -> list[Run]:
    runs = [run for run in await world.store.runs.recent(20) if isinstance(run.request.options, OverdueBackup)]
    return [await world.until(run.id, RunState.FAILED) for run in reversed(runs)]


async def test_while_one_is_young_enough_nobody_is_called(careful: SmallWorld, watch: OverdueWatch) -> None:
    shelve(careful, older(hours=25))
    await watch.tick()
    assert await called(careful) == []


async def test_people_are_called_once_and_again_when_as_much_time_has_passed(
    careful: SmallWorld, watch: OverdueWatch
) -> None:
    shelve(careful, older(hours=27))
    other = OverdueWatch(careful.engine, careful.store.runs, careful, careful.clock, {NAME: CAREFUL})
    for _ in range(3):
        await watch.tick()
        await other.tick()
        careful.clock.pass_by(minutes=5)
    [run] = await called(careful)
    assert run.problem is not None
    assert run.problem.reason is Reason.NO_PROVEN_BACKUP
    assert (run.problem.facts["backup"], run.problem.facts["within"]) == (KEPT.backup, str(26 * 3600))
    assert (run.request.origin.user, run.request.origin.channel) == ("schedule", "C0OPS")
    careful.clock.pass_by(hours=26)
    await watch.tick()
    assert len(await called(careful)) == 2
    shelve(careful, replace(KEPT, started=careful.clock.now()))
    careful.clock.pass_by(hours=25)
    await watch.tick()
    assert len(await called(careful)) == 2


async def test_where_there_is_none_at_all_people_are_called(careful: SmallWorld, watch: OverdueWatch) -> None:
    await watch.tick()
    await watch.tick()
    [run] = await called(careful)
    assert run.problem is not None
    assert run.problem.facts["backup"] == ""


async def test_a_run_that_holds_the_target_does_not_hold_up_the_call(careful: SmallWorld, watch: OverdueWatch) -> None:
    shelve(careful, KEPT)
    await careful.until(await careful.submit(), RunState.AWAITING_APPROVAL)
    shelve(careful)
    await watch.tick()
    assert len(await called(careful)) == 1


async def test_nobody_is_called_while_a_backup_is_being_made(careful: SmallWorld, watch: OverdueWatch) -> None:
    shelve(careful, KEPT)
    await careful.until(await careful.submit(), RunState.AWAITING_APPROVAL)  # it holds the target
    shelve(careful)
    asked = replace(ORIGIN, event="Ev2", user="schedule")
    await careful.engine.submit_scheduled(Request(BackupOptions(), NAME, asked))
    await watch.tick()
    assert await called(careful) == []
    careful.clock.pass_by(hours=1)
    await watch.tick()
    assert len(await called(careful)) == 1, "it takes too long"


async def test_a_host_that_cannot_be_read_calls_nobody(careful: SmallWorld) -> None:
    class Blind:
        def look(self, target: object) -> "Blind":
            return self

        def prepare(self, target: object) -> None:
            return None

        async def backups(self) -> BackupList:
            raise RefusedError(problem(Reason.HOST_UNREACHABLE, host="web1"))

    await OverdueWatch(careful.engine, careful.store.runs, Blind(), careful.clock, {NAME: CAREFUL}).tick()
    assert await called(careful) == []
