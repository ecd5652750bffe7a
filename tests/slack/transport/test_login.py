"""Logging in: a token that Slack refuses ends the start."""

from __future__ import annotations

import pytest

from bot.playground.faults import CallFault, FaultEffect
from bot.slack import SlackLoginRefusedError
from tests.slack.support.workspace import Workspace


async def test_a_token_that_slack_refuses_is_said_so(workspace: Workspace) -> None:
    workspace.server.faults.calls.append(CallFault("auth.test", FaultEffect.ERROR, None, error="invalid_auth"))
    with pytest.raises(SlackLoginRefusedError, match="invalid_auth"):
        async with workspace.app():
            pass
