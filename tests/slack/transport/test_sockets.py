"""The connections: two, waited for, watched, replaced, and gone when closed."""

from __future__ import annotations

import asyncio
import re

import pytest

from bot.playground.events.sockets import Disconnect, Outcome
from bot.playground.faults import CallFault, FaultEffect
from bot.slack import SlackLoginRefusedError
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
    monkeypatch.setattr(sockets, "_PONG_SECONDS", 2.5)
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


async def test_in_a_quiet_workspace_both_connections_stand(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pong is a sign of life: nothing else arrives for longer than a pong may take."""
    monkeypatch.setattr(sockets, "_PONG_SECONDS", 2.5)
    async with workspace.app() as app:
        before = workspace.calls("apps.connections.open")
        connections = app._sockets._connections
        first = [connection._ponged for connection in connections]
        await eventually(lambda: all(c._ponged > at + 4 for c, at in zip(connections, first, strict=True)), 15)
        assert workspace.calls("apps.connections.open") == before


async def test_connections_that_deliver_nothing_are_replaced_one_after_the_other(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(set(sockets._QUIET_SECONDS)) == len(sockets._QUIET_SECONDS)
    monkeypatch.setattr(sockets, "_QUIET_SECONDS", (2.0, 3600.0))
    async with workspace.app():
        before = workspace.calls("apps.connections.open")
        kept = workspace.server.sockets._sockets[1]
        await eventually(lambda: workspace.calls("apps.connections.open") > before, 10)
        assert kept in workspace.server.sockets._sockets


@pytest.mark.parametrize(
    "error", ["missing_scope", "invalid_auth", "not_allowed_token_type", "token_revoked", "link_disabled"]
)
async def test_an_app_token_that_never_will_work_ends_the_start_with_its_reason(
    workspace: Workspace, error: str
) -> None:
    workspace.server.faults.calls.append(CallFault("apps.connections.open", FaultEffect.ERROR, None, error=error))
    with pytest.raises(SlackLoginRefusedError, match=re.escape(f"(SLACK_APP_TOKEN): {error}")):
        async with workspace.app():
            pass


async def test_a_token_that_is_revoked_later_is_said_in_the_log_and_may_come_back(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_MAX_RETRY_SECONDS", 0.5)
    async with workspace.app() as app:
        workspace.server.faults.calls.append(
            CallFault("apps.connections.open", FaultEffect.ERROR, None, error="token_revoked")
        )
        workspace.server.sockets.drop_all()
        await eventually(lambda: "(SLACK_APP_TOKEN): token_revoked" in caplog.text, 10)
        workspace.server.faults.clear()
        await eventually(lambda: app.connected and workspace.server.sockets.count == 2, 10)


async def test_a_wait_that_is_longer_than_connecting_may_take_is_waited_out(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_CONNECT_SECONDS", 0.5)
    fault = CallFault("apps.connections.open", FaultEffect.RATE_LIMITED, 2, seconds=1.5)
    workspace.server.faults.calls.append(fault)
    async with workspace.app() as app:
        assert app.connected
    assert workspace.calls("apps.connections.open") <= 5
