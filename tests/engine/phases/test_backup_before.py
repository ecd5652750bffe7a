"""An approval stands on the backup that the run made before its gate, too."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.backups.backup import BackupInfo, BackupList, Proof, Purpose
from bot.domain.errors import Reason
from bot.domain.runs.run import RunState
from bot.engine.ports import Done
from tests.engine.support.world import APPROVE, SmallWorld, small_world
from tests.support.examples import NAME, NOON

MADE = BackupInfo(
    "B-20261116-AAAAAA", "R-AAAAAA", Purpose.BEFORE, NOON, "compte", "10.11", ("users",), (), 1000, "a" * 64,
    Proof.CHECKED, None, None,
)  # fmt: skip


def shelve(world: SmallWorld, *kept: BackupInfo) -> None:
    world.sight.backup_list = BackupList(NAME.app, NAME.environment, kept)


async def asks(world: SmallWorld) -> str:
    """Ask for a deploy that makes a backup before its gate; give the run, which waits there."""
    world.hosts.script["backup"] = Done({"backup": MADE.backup, "sha256": MADE.sha256})
    shelve(world, MADE)
    run = await world.submit()
    waiting = await world.until(run, RunState.AWAITING_APPROVAL)
    assert waiting.plan is not None
    assert waiting.rows("backup")
    return run


async def test_while_it_is_there_the_change_begins(tmp_path: Path) -> None:
    async with small_world(tmp_path) as world:
        run = await asks(world)
        world.people.said = {"U0BOB": APPROVE}
        await world.until(run, RunState.SUCCEEDED)


@pytest.mark.parametrize(
    "left", [(), (replace(MADE, sha256="b" * 64),), (replace(MADE, proof=Proof.DAMAGED),)], ids=["gone", "other", "bad"]
)
async def test_where_it_is_not_the_approval_is_void(left: tuple[BackupInfo, ...], tmp_path: Path) -> None:
    async with small_world(tmp_path) as world:
        run = await asks(world)
        shelve(world, *left)
        world.people.said = {"U0BOB": APPROVE}
        ended = await world.until(run, RunState.FAILED)
        assert ended.problem is not None
        assert ended.problem.reason is Reason.MOVED
        assert ended.problem.facts["backup"] == f"{MADE.backup} → nothing"
        assert world.hosts.starts("checkout") == 0
