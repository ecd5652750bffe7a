"""In which channels the bot can post: known before a run is made, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.errors import Reason
from bot.slack.transport.channels import SlackChannels
from bot.slack.transport.gateway import BotIdentity, SlackBusyError, SlackRefusedError, SlackUncertainError

ALL = ("channels:read", "groups:read")


class FakeGateway:
    """Says one thing of every channel, and counts how often it is asked."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.asked = 0

    async def channel_info(self, channel: str) -> dict[str, Any]:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"id": channel, "name": "ops", **self.answer}


def channels(gateway: FakeGateway, *scopes: str) -> SlackChannels:
    return SlackChannels(gateway, lambda: BotIdentity(user="U0BOT", scopes=scopes))


@pytest.mark.parametrize(
    ("answer", "scopes", "reason"),
    [
        ({"is_member": True}, ALL, None),
        ({"is_member": False}, ALL, Reason.NOT_IN_CHANNEL),
        ({"is_member": True, "is_archived": True}, ALL, Reason.CHANNEL_ARCHIVED),
        ({}, ALL, None),
        (SlackRefusedError("channel_not_found"), ALL, Reason.NOT_IN_CHANNEL),
        (SlackRefusedError("channel_not_found"), (), None),
        # Without the scope Slack does not find a private channel that the bot is in either.
        (SlackRefusedError("channel_not_found"), ("channels:read",), None),
        (SlackRefusedError("missing_scope"), ("chat:write",), None),
        (SlackUncertainError("TimeoutError"), ALL, None),
        (SlackBusyError(3), ALL, None),
    ],
)
async def test_what_slack_says_of_a_channel(
    answer: dict[str, Any] | Exception, scopes: tuple[str, ...], reason: Reason | None
) -> None:
    found = await channels(FakeGateway(answer), *scopes).closed("C0OPS")
    assert (found.reason if found else None) == reason
    if found is not None:
        assert found.facts == {"channel": "C0OPS", "bot": "U0BOT"}


async def test_only_an_open_channel_is_believed_for_a_while_and_a_refusal_ends_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("bot.slack.transport.channels.time.monotonic", lambda: now)
    gateway = FakeGateway({"is_member": True})
    known = channels(gateway, *ALL)
    for now, asked in ((1000.0, 1), (1059.0, 1), (1061.0, 2)):  # noqa: B007 - read by the clock above
        assert await known.closed("C0OPS") is None
        assert gateway.asked == asked
    known.refused("C0OPS", "not_in_channel")
    gateway.answer = {"is_member": False}
    for asked in (3, 4):
        assert await known.closed("C0OPS") is not None
        assert gateway.asked == asked
    assert known.unreachable == {"C0OPS": "not_in_channel"}
    known.accepted("C0OPS")
    assert await known.closed("C0OPS") is None
    assert known.unreachable == {}
