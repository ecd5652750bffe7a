"""What `countersign doctor` finds out about Slack."""

from __future__ import annotations

from bot.domain.secrets import Secret
from bot.slack.doctor import check_scopes, check_tokens
from bot.slack.manifest import REQUIRED, SCOPES
from tests.slack.support.workspace import Workspace


async def test_doctor(workspace: Workspace) -> None:
    found = await check_tokens(Secret("xoxb-playground"), Secret("xapp-playground"), workspace.server.api_url)
    assert {item.check: item.ok for item in found} == {
        "Slack bot token": True,
        "Slack scopes": True,
        "Slack app token": True,
    }
    found = await check_tokens(Secret("xoxb-wrong"), Secret("xapp-playground"), workspace.server.api_url)
    assert [item.ok for item in found] == [False]
    assert "xoxb-wrong" not in str(found)
    found = await check_tokens(Secret("xoxb-playground"), Secret("xapp-wrong"), workspace.server.api_url)
    assert [item.ok for item in found if item.check == "Slack app token"] == [False]


def test_a_missing_scope_is_named_with_what_it_is_for() -> None:
    (found,) = check_scopes(set(SCOPES) - {"reactions:read"})
    assert not found.ok
    assert "reactions:read" in found.detail
    assert "approves" in found.detail
    assert all(item.ok for item in check_scopes(REQUIRED))
