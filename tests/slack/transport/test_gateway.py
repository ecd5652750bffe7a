"""What the Web API's answers mean: each failure is refused, busy or uncertain, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.playground.faults import CallFault, FaultEffect
from bot.slack.render.markup import Markup
from bot.slack.render.message import text_message
from bot.slack.transport.gateway import (
    Gateway,
    SharedFile,
    SlackBusyError,
    SlackRefusedError,
    SlackUncertainError,
    build_client,
    open_session,
)
from bot.slack.transport.turns import Turns
from tests.slack.support.runs import OPS
from tests.slack.support.workspace import Workspace


class Answering:
    """A method of the SDK that Slack answers in one way."""

    __name__ = "auth_test"

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, Any]) -> None:
        self.response = SimpleNamespace(status_code=status, headers=headers, get=body.get)

    async def __call__(self, **_: Any) -> Any:
        raise SlackApiError("no", self.response)


class Hasty(Turns):
    """Turns that come at once, whatever Slack asks for."""

    def stop(self, method: str, seconds: float) -> None:
        """Wait for nothing."""


async def outcome(status: int, body: dict[str, Any], headers: dict[str, Any]) -> object:
    client: Any = SimpleNamespace(auth_test=Answering(status, body, headers))
    try:
        await Gateway(client, turns=Hasty()).identity()
    except SlackBusyError as busy:
        return busy.seconds
    except SlackRefusedError as refused:
        return refused.error
    except SlackUncertainError:
        return None
    return ""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30.0),
        ({"retry-after": ["30"]}, 30.0),
        ({}, 1.0),
        ({"Retry-After": ""}, 1.0),
        ({"Retry-After": []}, 1.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1.0),
        ({"Retry-After": "-5"}, 0.1),
        ({"Retry-After": "nan"}, 1.0),
        ({"Retry-After": "inf"}, 1.0),
        ({"Retry-After": "99999999"}, 600.0),
    ],
)
async def test_a_wait_is_always_one_that_ends(headers: dict[str, Any], seconds: float) -> None:
    for error in ("ratelimited", "rate_limited"):
        assert await outcome(429, {"error": error}, headers) == seconds
        assert await outcome(200, {"error": error}, headers) == seconds


@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (500, {}, None),
        (502, {}, None),
        (503, {"error": "service_unavailable"}, None),
        (200, {"error": "internal_error"}, None),
        (200, {"error": "fatal_error"}, None),
        (200, {"error": "request_timeout"}, None),
        (200, {"error": "an_error_of_tomorrow"}, "an_error_of_tomorrow"),
        (200, {}, "unknown_error"),
        (403, {"error": "team_access_not_granted"}, "team_access_not_granted"),
    ],
)
async def test_what_an_answer_means(status: int, body: dict[str, Any], means: str | None) -> None:
    assert await outcome(status, body, {}) == means


@pytest.mark.parametrize("effect", [FaultEffect.SERVER_ERROR, FaultEffect.RESET_BEFORE, FaultEffect.RESET_AFTER])
async def test_a_post_whose_answer_did_not_come_is_uncertain_and_not_repeated(
    workspace: Workspace, effect: FaultEffect
) -> None:
    workspace.server.faults.calls.append(CallFault("chat.postMessage", effect, 1))
    async with open_session() as session:
        gateway = Gateway(build_client("xoxb-playground", workspace.server.api_url, session))
        with pytest.raises(SlackUncertainError):
            await gateway.post(OPS, text_message(Markup("said")), None)
    assert workspace.calls("chat.postMessage") == 1


@pytest.mark.parametrize(
    ("url", "base", "is_own"),
    [
        ("https://files.slack.com/files-pri/T1-F1/plan.txt.sig", "https://slack.com/api/", True),
        ("https://slack.com.example.com/x", "https://slack.com/api/", False),
        ("https://notslack.com/x", "https://slack.com/api/", False),
        ("https://files.slack.com@example.com/x", "https://slack.com/api/", False),
        ("https://files.slack.com:8443/x", "https://slack.com/api/", False),
        ("http://files.slack.com/x", "https://slack.com/api/", False),
        ("http://169.254.169.254/latest", "https://slack.com/api/", False),
        ("", "https://slack.com/api/", False),
        ("http://127.0.0.1:81/files/x", "http://127.0.0.1:81/api/", True),
        ("http://127.0.0.1:82/files/x", "http://127.0.0.1:81/api/", False),
        ("https://files.slack.com/x", "http://127.0.0.1:81/api/", False),
    ],
)
async def test_the_token_goes_to_slack_alone(url: str, base: str, is_own: bool) -> None:
    async with open_session() as session:
        gateway = Gateway(build_client("xoxb-playground", base, session))
        asked: list[str] = []
        session.get = lambda url, **_: asked.append(url)  # type: ignore[assignment, method-assign] # nothing is sent
        with suppress(SlackRefusedError, AttributeError, TypeError):
            await gateway.content(SharedFile("plan.txt.sig", "U1", 10, url, frozenset()), 100)
    assert bool(asked) is is_own


async def test_a_file_is_read_with_the_token_and_no_further_than_asked(workspace: Workspace) -> None:
    shared = workspace.server.client_actions.share("U0BOB", (OPS, None), "x.sig", b"0123456789" * 10)
    (identifier,) = workspace.server.state.message(OPS, shared.ts).files
    async with open_session() as session:
        gateway = Gateway(build_client("xoxb-playground", workspace.server.api_url, session))
        file = await gateway.file(identifier)
        assert (file.name, file.user, file.size, file.threads) == ("x.sig", "U0BOB", 100, frozenset())
        assert await gateway.content(file, 64) == (b"0123456789" * 10)[:64]
        assert await gateway.content(file, 1000) == b"0123456789" * 10
        foreign = Gateway(build_client("xoxb-foreign", workspace.server.api_url, session))
        with pytest.raises(SlackRefusedError, match="302"):
            await foreign.content(file, 64)
