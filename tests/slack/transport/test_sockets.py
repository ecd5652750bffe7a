"""The connections: two, waited for, watched, replaced, and gone when closed."""

from __future__ import annotations

import asyncio

import pytest

from bot.playground.events.sockets import Disconnect, Outcome
from bot.slack.transport import sockets
from tests.slack.support.runs import AMELIE, OPS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually


async def test_two_stand_and_none_is_left_behind(workspace: Workspace) -> None:
    before = asyncio.all_tasks()
    async with workspace.app() as app:
        assert workspace.server.sockets.count == 2
        assert app.connected
    await eventually(lambda: workspace.server.sockets.count == 0)
    left = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not {name for name in left if "socket" in name or "publish" in name or name == "inbox"}
    assert not [task for task in asyncio.all_tasks() - before if "slack_sdk" in repr(task)]


async def test_the_start_waits_until_slack_lets_us_in(workspace: Workspace) -> None:
    workspace.server.faults.refuse_sockets = True

    async def let_in() -> None:
        await eventually(lambda: workspace.calls("apps.connections.open") >= 2)
        workspace.server.faults.refuse_sockets = False

    letting = asyncio.create_task(let_in())
    async with workspace.app() as app:
        assert app.connected
    await letting


@pytest.mark.parametrize("reason", [Disconnect.REFRESH, Disconnect.LINK_DISABLED])
async def test_an_announced_end_is_survived_without_losing_commands(workspace: Workspace, reason: Disconnect) -> None:
    async with workspace.app():
        await workspace.server.sockets.disconnect(reason)
        await eventually(lambda: workspace.server.sockets.count == 2 and workspace.server.sockets.busy == 0)
        for _ in range(5):
            delivery = await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
            assert delivery.outcome is Outcome.ACKED


async def test_a_connection_that_delivers_nothing_is_replaced(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_SILENT_SECONDS", 1.5)
    async with workspace.app():
        workspace.server.sockets.make_zombies()
        await eventually(lambda: not any(socket.zombie for socket in workspace.server.sockets._sockets), 10)
        await eventually(lambda: workspace.server.sockets.count == 2)
        delivery = await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        assert delivery.outcome is Outcome.ACKED


async def test_a_lost_connection_is_told_and_found_again(workspace: Workspace) -> None:
    async with workspace.app() as app:
        workspace.server.faults.refuse_sockets = True
        workspace.server.sockets.drop_all()
        await eventually(lambda: not app.connected)
        workspace.server.faults.refuse_sockets = False
        await eventually(lambda: app.connected and workspace.server.sockets.count == 2)
