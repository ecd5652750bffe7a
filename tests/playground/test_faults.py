"""Faults of the Web API, and the log of calls."""

import time
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground import RunningPlayground
from bot.playground.rate_limits import RateLimits, Tier
from tests.playground.conftest import AMELIE, OPS, Person


async def texts(client: AsyncWebClient) -> list[str]:
    history = await client.conversations_history(channel=OPS)
    return [message["text"] for message in history["messages"]][::-1]


async def add(person: Person, **fault: Any) -> None:
    assert (await person.does("faults/calls", **fault))["ok"] is True


async def test_the_next_calls_are_told_to_wait(server: RunningPlayground, client: AsyncWebClient, bob: Person) -> None:
    await add(bob, method="chat.postMessage", effect="ratelimited", times=2, seconds=7)
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=OPS, text="x")
        assert (caught.value.response.status_code, caught.value.response["error"]) == (429, "ratelimited")
        assert caught.value.response.headers["Retry-After"] == "7"
    await client.chat_postMessage(channel=OPS, text="third")
    assert await texts(client) == ["third"]


async def test_the_clients_own_retry_gets_through(
    server: RunningPlayground, client: AsyncWebClient, bob: Person
) -> None:
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
    await add(bob, method="*", effect="ratelimited", times=1, seconds=0)
    await client.chat_postMessage(channel=OPS, text="x")
    assert await texts(client) == ["x"]


@pytest.mark.parametrize(
    ("effect", "is_there"),
    [("reset_before", False), ("reset_after", True), ("http_500", False)],
)
async def test_a_call_that_breaks_either_did_it_or_did_not(
    client: AsyncWebClient, bob: Person, effect: str, is_there: bool
) -> None:
    client.retry_handlers.clear()
    await add(bob, method="chat.postMessage", effect=effect)
    with pytest.raises((SlackApiError, aiohttp.ClientError)):
        await client.chat_postMessage(channel=OPS, text="x")
    assert await texts(client) == (["x"] if is_there else [])


async def test_the_clients_default_retry_posts_twice_when_the_answer_is_lost(
    client: AsyncWebClient, bob: Person
) -> None:
    await add(bob, method="chat.postMessage", effect="reset_after")
    await client.chat_postMessage(channel=OPS, text="x")
    assert await texts(client) == ["x", "x"]


async def test_an_error_of_any_name(client: AsyncWebClient, bob: Person) -> None:
    await add(bob, method="auth.test", effect="error", error="account_inactive", times=None)
    for _ in range(2):
        with pytest.raises(SlackApiError, match="account_inactive"):
            await client.auth_test()


async def test_late_answers(server: RunningPlayground, client: AsyncWebClient) -> None:
    server.faults.api_latency = 0.2
    start = time.monotonic()
    await client.auth_test()
    assert time.monotonic() - start >= 0.2


async def test_rate_limits_are_off_until_switched_on(server: RunningPlayground, client: AsyncWebClient) -> None:
    for number in range(8):
        await client.chat_postMessage(channel=OPS, text=str(number))
    server.faults.rate_limits = True
    for number in range(5):
        await client.chat_postMessage(channel=OPS, text=str(number))
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=OPS, text="one too many")
    assert caught.value.response["error"] == "ratelimited"
    assert int(caught.value.response.headers["Retry-After"]) >= 1


def test_a_tier_counts_its_minute() -> None:
    limits = RateLimits()
    waits = [limits.wait("reactions.add", OPS, Tier.THREE, float(second)) for second in range(51)]
    assert waits == [0] * 50 + [10]
    assert limits.wait("reactions.add", OPS, Tier.THREE, 60.5) == 0


def test_posting_is_counted_by_channel() -> None:
    limits = RateLimits()
    assert [limits.wait("chat.postMessage", "C1", Tier.POSTING, 0.0) for _ in range(6)] == [0, 0, 0, 0, 0, 5]
    assert limits.wait("chat.postMessage", "C2", Tier.POSTING, 0.0) == 0


def test_posting_is_counted_in_the_whole_workspace_too() -> None:
    limits = RateLimits()
    waits = [limits.wait("chat.postMessage", f"C{number}", Tier.POSTING, 0.0) for number in range(301)]
    assert waits == [0] * 300 + [60]
    assert limits.wait("chat.postMessage", "C300", Tier.POSTING, 60.0) == 0


async def test_calls_are_counted_without_tokens(
    server: RunningPlayground, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    await client.chat_postMessage(channel=OPS, text="x")
    with pytest.raises(SlackApiError):
        await client.chat_update(channel=OPS, ts="1.2", text="x")
    async with session.get(f"{server.url}playground/calls") as answer:
        calls = (await answer.json())["calls"]
    assert [(call["method"], call["ok"], call["error"]) for call in calls] == [
        ("chat.postMessage", True, None),
        ("chat.update", False, "message_not_found"),
    ]
    assert "xoxb" not in str(calls)
    async with session.delete(f"{server.url}playground/calls") as answer:
        assert answer.status == 200
    async with session.get(f"{server.url}playground/calls?method=chat.update") as answer:
        assert (await answer.json())["count"] == 0


BAD = [
    ("faults", {"nonsense": 1}, "nonsense: unknown"),
    ("faults", {"duplicate": 1}, "duplicate: must be true or false"),
    ("faults", {"api_latency": -1}, "api_latency: must be a number of seconds"),
    ("faults/calls", {"method": "x", "effect": "boom"}, "effect: 'boom' is unknown"),
    ("faults/calls", {"effect": "http_500"}, "method: name a Web API method"),
    ("sockets/disconnect", {"reason": "x"}, "reason: must be one of warning"),
    ("react", {"user": "U0NONE", "channel": OPS, "ts": "1.1", "name": "x"}, "there is no person 'U0NONE'"),
    ("react", {"user": AMELIE, "channel": "C0X", "ts": "1.1", "name": "x"}, "there is no channel 'C0X'"),
    ("react", {"user": AMELIE, "channel": OPS, "ts": "1.1", "name": "x"}, "there is no message '1.1'"),
    ("message", {"user": AMELIE, "channel": OPS, "text": " "}, "there is nothing to send"),
    ("command", {"user": AMELIE, "channel": OPS}, "text: must be a text"),
]


@pytest.mark.parametrize(("path", "body", "sentence"), BAD)
async def test_what_cannot_be_done_is_said(
    server: RunningPlayground, session: aiohttp.ClientSession, path: str, body: dict[str, Any], sentence: str
) -> None:
    before = server.faults.to_json()
    async with session.post(f"{server.url}playground/{path}", json=body) as answer:
        assert answer.status == 400
        assert sentence in (await answer.json())["error"]
    assert server.faults.to_json() == before


async def test_a_foreign_form_cannot_act(server: RunningPlayground, session: aiohttp.ClientSession) -> None:
    body = '{"user": "U0BOB", "channel": "C0OPS", "text": "x"}'
    async with session.post(
        f"{server.url}playground/message", data=body, headers={"Content-Type": "text/plain"}
    ) as answer:
        assert answer.status == 415
    assert server.state.conversation(OPS).messages == {}
