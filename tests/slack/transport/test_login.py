"""Logging in: a token that Slack refuses ends the start; what passes is waited out, with its reason."""

from __future__ import annotations

import pytest

from bot.playground.faults import CallFault, FaultEffect
from bot.slack import SlackLoginRefusedError
from bot.slack.transport import sockets
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually


async def test_a_token_that_slack_refuses_is_said_so(workspace: Workspace) -> None:
    workspace.server.faults.calls.append(CallFault("auth.test", FaultEffect.ERROR, None, error="invalid_auth"))
    with pytest.raises(SlackLoginRefusedError, match="invalid_auth"):
        async with workspace.app():
            pass


@pytest.mark.parametrize("error", ["org_login_required", "team_added_to_org", "an_error_of_tomorrow", "internal_error"])
async def test_what_passes_is_waited_out_and_said(
    workspace: Workspace, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A workspace that moves to an organisation is there again afterwards: no token is wrong."""
    workspace.server.faults.calls.append(CallFault("auth.test", FaultEffect.ERROR, 1, error=error))
    async with workspace.app() as app:
        assert app.connected
    assert error in caplog.text


async def test_a_token_that_is_refused_later_is_called_refused(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_PROBE_SECONDS", 0.2)
    async with workspace.app():
        workspace.server.faults.calls.append(CallFault("auth.test", FaultEffect.ERROR, None, error="token_revoked"))
        await eventually(lambda: "Slack refuses the bot's token: token_revoked" in caplog.text)
