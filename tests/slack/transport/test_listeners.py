"""What no listener handles is acknowledged all the same."""

from __future__ import annotations

from bot.playground.events.sockets import Outcome
from tests.slack.support.runs import AMELIE
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually


async def test_everything_else_is_acknowledged(workspace: Workspace) -> None:
    async with workspace.app():
        payload = {
            "type": "shortcut",
            "callback_id": "x",
            "trigger_id": "1",
            "user": {"id": AMELIE},
            "team": {"id": "T"},
        }
        delivery = await workspace.server.sockets.deliver("interactive", payload, takes_response=False)
        assert delivery.outcome is Outcome.ACKED
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: AMELIE in workspace.server.state.homes)
