"""A replica whose store is silent leaves Slack to the others; one that is alone stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.playground.events.sockets import Outcome
from bot.slack import Presence, SlackApp
from bot.slack.transport import presence as presence_module
from tests.slack.support.runs import AMELIE, OPS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually


@dataclass
class Store:
    answers: bool = True
    others_live: bool = True


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_module, "_GRACE_SECONDS", 0.0)


@pytest.fixture
async def app(workspace: Workspace) -> AsyncIterator[SlackApp]:
    async with workspace.app() as made:
        yield made


async def test_it_leaves_while_the_store_is_silent_and_comes_back_by_itself(
    workspace: Workspace, app: SlackApp
) -> None:
    store = Store()
    async with Presence(app, store) as presence:
        for _ in range(2):
            store.answers = False
            presence.store_changed()
            await eventually(lambda: workspace.server.sockets.count == 0 and not app.connected)
            store.answers = True
            presence.store_changed()
            await eventually(lambda: workspace.server.sockets.count == 2 and app.connected)
    delivery = await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
    assert delivery.outcome is Outcome.ACKED


async def test_one_that_is_alone_stays_to_say_that_it_takes_nothing_in(workspace: Workspace, app: SlackApp) -> None:
    store = Store(answers=False, others_live=False)
    presence = Presence(app, store)
    await presence._decide()
    assert workspace.server.sockets.count == 2
    store.others_live = True
    await presence._decide()
    await eventually(lambda: workspace.server.sockets.count == 0)


async def test_what_was_closed_for_good_does_not_come_back(workspace: Workspace, app: SlackApp) -> None:
    store = Store(answers=False)
    presence = Presence(app, store)
    await presence._decide()
    await app.drain()
    opened = workspace.calls("apps.connections.open")
    store.answers = True
    await presence._decide()
    assert all(watch._task is None or watch._task.done() for watch in app._sockets._watches)
    assert workspace.calls("apps.connections.open") == opened


async def test_a_store_that_is_silent_for_a_moment_is_waited_for(
    workspace: Workspace, app: SlackApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_module, "_GRACE_SECONDS", 3600.0)
    store = Store(answers=False)
    presence = Presence(app, store)
    await presence._decide()
    assert workspace.server.sockets.count == 2
    monkeypatch.setattr(presence_module, "_GRACE_SECONDS", 0.0)
    await presence._decide()
    await eventually(lambda: workspace.server.sockets.count == 0)
