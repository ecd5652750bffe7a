"""Socket Mode, with the real bolt client."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground import RunningPlayground
from tests.playground.conftest import AMELIE, APP_TOKEN, BOB, OPS, Person, connected, new_app, until


async def open_socket(server: RunningPlayground, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    """A client that answers nothing by itself."""
    client = AsyncWebClient(base_url=server.api_url)
    url = (await client.apps_connections_open(app_token=APP_TOKEN))["url"]
    socket = await session.ws_connect(url)
    assert (await socket.receive_json(timeout=5))["type"] == "hello"
    return socket


async def post(server: RunningPlayground, client: AsyncWebClient) -> str:
    return str((await client.chat_postMessage(channel=OPS, text="card"))["ts"])


async def test_a_command_reaches_the_app_and_its_answer_the_person(server: RunningPlayground, amelie: Person) -> None:
    app, got = new_app(server), []

    @app.command("/deploy")
    async def deploy(ack: Any, body: dict[str, Any]) -> None:
        got.append(body)
        await ack("the plan is being made")

    async with connected(app):
        answer = await amelie.does("command", channel=OPS, text="/deploy compte  production --dry-run")
    assert answer == {"ok": True, "outcome": "acked"}
    assert got[0]["text"] == "compte  production --dry-run"
    assert (got[0]["user_id"], got[0]["channel_name"], got[0]["command"]) == (AMELIE, "ops", "/deploy")
    assert await amelie.ephemerals() == ["the plan is being made"]


async def test_with_no_socket_a_command_fails_for_good(server: RunningPlayground, amelie: Person) -> None:
    assert (await amelie.does("command", channel=OPS, text="/deploy"))["outcome"] == "no_socket"
    assert await amelie.ephemerals() == ['/deploy failed with the error "dispatch_failed"']


async def test_a_command_without_an_ack_times_out_and_is_not_repeated(
    server: RunningPlayground, session: aiohttp.ClientSession, amelie: Person
) -> None:
    server.faults.ack_seconds = 0.1
    socket = await open_socket(server, session)
    assert (await amelie.does("command", channel=OPS, text="/deploy"))["outcome"] == "timed_out"
    assert await amelie.ephemerals() == ['/deploy failed with the error "operation_timeout"']
    assert (await socket.receive_json(timeout=5))["type"] == "slash_commands"
    await amelie.does("home")
    assert (await socket.receive_json(timeout=5))["payload"]["event"]["type"] == "app_home_opened"


async def test_an_unknown_command_never_reaches_the_app(server: RunningPlayground, amelie: Person) -> None:
    await amelie.does("command", channel=OPS, text="/explode now")
    assert "/explode is not a valid command" in (await amelie.ephemerals())[0]


async def test_unacknowledged_events_come_again_with_the_same_event_id(
    server: RunningPlayground, session: aiohttp.ClientSession, client: AsyncWebClient, bob: Person
) -> None:
    server.faults.ack_seconds = 0.1
    ts = await post(server, client)
    socket = await open_socket(server, session)
    await bob.does("react", channel=OPS, ts=ts, name="white_check_mark")
    envelopes = [await socket.receive_json(timeout=5) for _ in range(4)]
    assert [(item["retry_attempt"], item["retry_reason"]) for item in envelopes] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len({item["payload"]["event_id"] for item in envelopes}) == 1
    assert len({item["envelope_id"] for item in envelopes}) == 4
    await until(lambda: server.sockets.lost_events == 1, "the event is given up")


async def test_an_acknowledged_event_comes_once(
    server: RunningPlayground, session: aiohttp.ClientSession, client: AsyncWebClient, bob: Person
) -> None:
    ts = await post(server, client)
    socket = await open_socket(server, session)
    await bob.does("react", channel=OPS, ts=ts, name="thumbsup::skin-tone-3")
    envelope = await socket.receive_json(timeout=5)
    await socket.send_json({"envelope_id": envelope["envelope_id"]})
    await until(lambda: server.sockets.busy == 0, "nothing more is on its way")
    assert server.sockets.lost_events == 0
    event = envelope["payload"]["event"]
    assert (event["user"], event["reaction"], event["item"]["ts"]) == (BOB, "+1::skin-tone-3", ts)
    assert envelope["payload"]["authorizations"][0]["user_id"] == "U0COUNTER"


async def test_events_without_a_socket_are_lost(server: RunningPlayground, client: AsyncWebClient, bob: Person) -> None:
    ts = await post(server, client)
    await bob.does("react", channel=OPS, ts=ts, name="x")
    await until(lambda: server.sockets.lost_events == 1, "the event is lost")
    assert (await client.reactions_get(channel=OPS, timestamp=ts))["message"]["reactions"][0]["users"] == [BOB]


async def test_the_bots_own_reactions_come_back_to_it(server: RunningPlayground, client: AsyncWebClient) -> None:
    # As the bot must: a reaction of its own is an event like any other.
    app, got = AsyncApp(client=client, process_before_response=True, ignoring_self_events_enabled=False), []

    @app.event("reaction_added")
    async def added(event: dict[str, Any]) -> None:
        got.append((event["user"], event["reaction"]))

    @app.event("reaction_removed")
    async def removed(event: dict[str, Any]) -> None:
        got.append(("removed", event["reaction"]))

    async with connected(app):
        ts = await post(server, client)
        await client.reactions_add(channel=OPS, timestamp=ts, name="white_check_mark")
        await client.reactions_remove(channel=OPS, timestamp=ts, name="white_check_mark")
        await until(lambda: len(got) == 2, "both events")
    assert sorted(got) == [("U0COUNTER", "white_check_mark"), ("removed", "white_check_mark")]


async def test_events_of_channels_without_the_bot_are_not_sent(
    server: RunningPlayground, session: aiohttp.ClientSession, amelie: Person
) -> None:
    socket = await open_socket(server, session)
    written = await amelie.does("message", channel="C0GENERAL", text="hi")
    await amelie.does("react", channel="C0GENERAL", ts=written["ts"], name="eyes")
    await amelie.does("home")
    assert (await socket.receive_json(timeout=5))["payload"]["event"]["type"] == "app_home_opened"


async def test_a_url_works_once_and_the_eleventh_socket_is_refused(
    server: RunningPlayground, session: aiohttp.ClientSession
) -> None:
    client = AsyncWebClient(base_url=server.api_url)
    url = (await client.apps_connections_open(app_token=APP_TOKEN))["url"]
    sockets = [await session.ws_connect(url)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(url)
    assert caught.value.status == 404
    sockets += [await open_socket(server, session) for _ in range(9)]
    eleventh = await session.ws_connect((await client.apps_connections_open(app_token=APP_TOKEN))["url"])
    assert (await eleventh.receive_json(timeout=5))["reason"] == "too_many_websockets"
    assert server.sockets.count == len(sockets) == 10


async def test_payloads_go_to_any_one_of_the_sockets(
    server: RunningPlayground, session: aiohttp.ClientSession, amelie: Person
) -> None:
    sockets = [await open_socket(server, session) for _ in range(2)]
    counts = [0, 0]

    async def answer(index: int) -> None:
        async for message in sockets[index]:
            counts[index] += 1
            await sockets[index].send_json({"envelope_id": json.loads(message.data)["envelope_id"]})

    tasks = [asyncio.create_task(answer(index)) for index in range(2)]
    for _ in range(40):
        await amelie.does("command", channel=OPS, text="/ops")
    for task in tasks:
        task.cancel()
    assert sum(counts) == 40
    assert min(counts) > 0


async def test_the_client_comes_back_after_a_drop_a_refresh_and_refusals(
    server: RunningPlayground, amelie: Person
) -> None:
    app = new_app(server)

    @app.command("/ops")
    async def ops(ack: Any) -> None:
        await ack()

    async def answered() -> bool:
        return (await amelie.does("command", channel=OPS, text="/ops"))["outcome"] == "acked"

    async with connected(app):
        assert await answered()
        assert (await amelie.does("sockets/drop"))["sockets"] == 1
        await until(answered, "the client is back after a drop")
        await amelie.does("sockets/disconnect", reason="refresh_requested")
        await until(answered, "the client is back after a refresh")
        server.faults.refuse_sockets = True
        await amelie.does("sockets/drop")
        await until(lambda: server.sockets.count == 0, "nothing is connected")
        server.faults.refuse_sockets = False
        await until(answered, "the client is back after refusals")


async def test_a_zombie_stays_connected_and_hears_nothing(
    server: RunningPlayground, session: aiohttp.ClientSession, amelie: Person
) -> None:
    server.faults.ack_seconds = 0.1
    socket = await open_socket(server, session)
    await amelie.does("sockets/zombie")
    assert (await amelie.does("command", channel=OPS, text="/ops"))["outcome"] == "timed_out"
    await socket.ping()
    assert not socket.closed
    fresh = await open_socket(server, session)
    await socket.close()
    await until(lambda: server.sockets.count == 1, "the zombie is gone")
    await amelie.does("home")
    assert (await fresh.receive_json(timeout=5))["type"] == "events_api"


async def test_duplicates(server: RunningPlayground, session: aiohttp.ClientSession, amelie: Person) -> None:
    socket = await open_socket(server, session)
    server.faults.duplicate = True
    await amelie.does("home")
    events = [await socket.receive_json(timeout=5) for _ in range(2)]
    assert events[0]["payload"]["event_id"] == events[1]["payload"]["event_id"]
    assert events[0]["envelope_id"] != events[1]["envelope_id"]
    for event in events:
        await socket.send_json({"envelope_id": event["envelope_id"]})
    await until(lambda: server.sockets.busy == 0, "both are acknowledged")
    server.faults.ack_seconds = 0.1
    await amelie.does("command", channel=OPS, text="/ops")
    commands = [await socket.receive_json(timeout=5) for _ in range(2)]
    assert commands[0]["envelope_id"] == commands[1]["envelope_id"]


async def test_shuffled_events_all_arrive(server: RunningPlayground, client: AsyncWebClient, bob: Person) -> None:
    app, got = new_app(server), []

    @app.event("reaction_added")
    async def added(event: dict[str, Any]) -> None:
        got.append(event["reaction"])

    names = ["eyes", "x", "tada", "rocket", "fire", "lock", "key", "mag", "bulb", "bell", "one", "two"]
    server.faults.event_shuffle = 0.3
    async with connected(app):
        ts = await post(server, client)
        for name in names:
            await bob.does("react", channel=OPS, ts=ts, name=name)
        await until(lambda: len(got) == len(names), "all events")
    assert sorted(got) == sorted(names)
    assert got != names
