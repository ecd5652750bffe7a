"""Telling receivers: at least once, in order, after outages and restarts too; and never into a private network."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web

from bot.audit import forwarder as forwarding
from bot.audit.forwarder import Forwarder, FromNowOn, RecipientGoneError, TakenLaterError
from bot.audit.webhooks.http import Message, NotTakenError, PublicResolver, ReceiverConnection
from bot.audit.webhooks.recipient import WebhookRecipient, events_behind, lease_name
from bot.domain.notifications import EVENTS
from bot.domain.runs.history import Entry
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker, Secret
from bot.domain.targets.receiver import Receiver, ReceiverKind
from bot.store import SqlStore, open_store
from bot.store.leader_lease import LeaderLease
from tests.slack.support.runs import NEW, RUNS
from tests.store.support.samples import AT
from tests.support.polling import eventually

MASKER = Masker((Secret("hunter22"),))
TOKEN = "token-of-the-api"


class Listener:
    """A receiver on loopback that remembers what it was told, and answers as it is told to."""

    def __init__(self) -> None:
        self.told: list[tuple[web.Request, Any]] = []
        self.answers: list[web.Response] = []
        self.always: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [body["type"] for _, body in self.told]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.answers:
            return self.answers.pop(0)
        if self.always is not None:
            return await self.always(request)
        self.told.append((request, json.loads(body) if body else None))
        return web.json_response({"id": 42})


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", listener.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listener.port = runner.addresses[0][1]
    yield listener
    await runner.cleanup()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "_FIRST_BACKOFF_SECONDS", 0.02)
    monkeypatch.setattr(forwarding, "_MAX_BACKOFF_SECONDS", 0.05)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/store.db"


def hook(url: str, **changes: Any) -> Receiver:
    usual = Receiver(ReceiverKind.WEBHOOK, url, Secret(TOKEN), EVENTS, allow_private=True)
    return replace(usual, **changes)


class Runs:
    """Knows one deploy, whatever it is asked for."""

    async def get(self, run: str) -> Run | None:
        return replace(RUNS["succeeded"], id=run)


@asynccontextmanager
async def telling(store: SqlStore, receiver: Receiver, seconds: float = 5.0) -> AsyncIterator[Forwarder]:
    async with AsyncExitStack() as stack:
        lease = await stack.enter_async_context(LeaderLease(store, lease_name(receiver)))
        recipient = WebhookRecipient(receiver, Runs(), ReceiverConnection(receiver, seconds), MASKER)
        told = Forwarder(store.history, FromNowOn(lease, store.history), recipient, "a test", interval=0.05)
        yield await stack.enter_async_context(told)


async def happens(store: SqlStore, *events: str, **facts: str) -> None:
    for event in events:
        await store.history.append((Entry("R-1", event, "U0BOB", facts),), AT)


async def settled(told: Forwarder) -> None:
    async def is_zero() -> bool:
        return await told.behind() == 0

    await eventually(is_zero)


async def test_what_happens_is_told_in_order_and_nothing_of_before(url: str, listener: Listener) -> None:
    async with open_store(url) as store:
        await happens(store, "requested", "run_failed")
        async with telling(store, hook(listener.url)) as told:
            await settled(told)
            await happens(store, "requested", "step_done", "gate_opened", "gate_approved", typed="x hunter22")
            await happens(store, "run_succeeded")
            await settled(told)
    wanted = ["run.requested", "approval.opened", "approval.approved", "run.started", "run.succeeded"]
    assert listener.types == wanted
    assert "hunter22" not in json.dumps([body for _, body in listener.told])
    request, body = listener.told[0]
    assert request.headers["webhook-id"] == body["id"]
    assert request.headers["webhook-signature"].startswith("v1,")
    assert request.content_type == "application/json"


async def test_only_the_wanted_events_of_the_wanted_apps(url: str, listener: Listener) -> None:
    async with open_store(url) as store, AsyncExitStack() as stack:
        some = await stack.enter_async_context(telling(store, hook(listener.url, events=("run.failed",))))
        other = await stack.enter_async_context(telling(store, hook(f"{listener.url}/other", apps=("shop",))))
        await asyncio.gather(settled(some), settled(other))
        await happens(store, "requested", "gate_void", "run_succeeded")
        await asyncio.gather(settled(some), settled(other))
    assert listener.types == ["run.failed"]


async def test_after_an_outage_everything_comes_in_order(url: str, listener: Listener) -> None:
    async with open_store(url) as store:
        receiver = hook(listener.url)
        async with telling(store, receiver) as told:
            await settled(told)
            listener.answers = [web.Response(status=status) for status in (500, 302, 404, 400, 429)]
            await happens(store, "requested", "run_failed")
            await settled(told)
    assert listener.types == ["run.requested", "run.failed"]


async def test_a_receiver_that_is_down_while_the_bot_stops_and_starts(url: str, listener: Listener) -> None:
    receiver, port = hook(listener.url), listener.port
    async with open_store(url) as store:
        nowhere = replace(receiver, url=f"http://127.0.0.1:{port}/hook")
        listener.always = _never

        async with telling(store, nowhere, seconds=0.05):
            await happens(store, "requested")
        async with telling(store, nowhere, seconds=0.05) as told:
            await happens(store, "run_failed")
            assert await told.behind() >= 1
        position = await store.leader_leases.position(lease_name(receiver))
        assert (await events_behind(store.history, receiver, position - 1))[0] >= 1
        listener.always = None
        async with telling(store, nowhere) as told:
            await settled(told)
    assert listener.types[-1] == "run.failed"
    assert listener.types in (["run.failed"], ["run.requested", "run.failed"])


async def _never(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


async def test_a_first_event_is_not_lost_by_a_restart(url: str, listener: Listener) -> None:
    """The position is stored before there is a record: 0 is where a history begins, too."""
    receiver = hook(listener.url)
    async with open_store(url) as store:
        async with telling(store, receiver) as told:
            await settled(told)
        await happens(store, "requested")
        async with telling(store, receiver) as told:
            await settled(told)
    assert listener.types == ["run.requested"]


async def test_one_that_was_told_and_not_noted_comes_again_as_the_same(url: str, listener: Listener) -> None:
    receiver = hook(listener.url)
    async with open_store(url) as store:
        async with telling(store, receiver) as told:
            await settled(told)
            await happens(store, "requested")
            await settled(told)
        position = await store.leader_leases.position(lease_name(receiver))
        async with LeaderLease(store, lease_name(receiver)) as lease:
            await lease.advance(position - 1)
        async with telling(store, receiver) as told:
            await settled(told)
    (one, again) = (body for _, body in listener.told)
    assert one == again


async def test_a_receiver_that_is_gone_is_asked_no_more_and_that_is_said(url: str, listener: Listener) -> None:
    with structlog.testing.capture_logs() as logs:
        async with open_store(url) as store, telling(store, hook(listener.url)) as told:
            await settled(told)
            listener.answers = [web.Response(status=410)]
            await happens(store, "requested", "run_failed")
            await eventually(lambda: any(log["event"] == "recipient_gone" for log in logs))
            assert await told.behind() == 2
    assert listener.told == []


async def test_it_waits_as_long_as_it_is_asked_to(listener: Listener) -> None:
    listener.answers = [web.Response(status=503, headers={"Retry-After": "7"})]
    connection = ReceiverConnection(hook(listener.url))
    with pytest.raises(TakenLaterError) as asked:
        await connection.send(Message("POST", listener.url, {}))
    await connection.close()
    assert asked.value.again_in == 7


@pytest.mark.parametrize(
    ("status", "error"), [(410, RecipientGoneError), (301, NotTakenError), (199 + 200, NotTakenError)]
)
async def test_only_2xx_is_delivered(status: int, error: type[Exception], listener: Listener) -> None:
    listener.answers = [web.Response(status=status, headers={"Location": listener.url})]
    connection = ReceiverConnection(hook(listener.url))
    with pytest.raises(error):
        await connection.send(Message("POST", listener.url, {}))
    await connection.close()
    assert listener.told == []


async def test_a_slow_receiver_and_one_that_is_not_there(listener: Listener, unused_tcp_port: int) -> None:
    listener.always = _never
    for url in (listener.url, f"http://127.0.0.1:{unused_tcp_port}/"):
        connection = ReceiverConnection(hook(url), seconds=0.05)
        with pytest.raises(NotTakenError, match=r"no answer within 0\.05 seconds|no connection"):
            await connection.send(Message("POST", url, {}))
        await connection.close()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "10.0.0.5", "169.254.169.254", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "0.0.0.0"]
)
async def test_a_private_address_is_refused_before_anything_is_sent(host: str, listener: Listener) -> None:
    url = f"http://{host}:{listener.port}/"
    connection = ReceiverConnection(hook(url, allow_private=False))
    with pytest.raises(NotTakenError, match="private network"):
        await connection.send(Message("POST", url, {}))
    await connection.close()
    assert listener.told == []


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("93.184.215.14", "192.168.1.1"), ("::ffff:10.0.0.1",)],
    ids=["one", "among", "mapped"],
)
async def test_a_name_that_leads_into_a_private_network_is_refused(
    addresses: tuple[str, ...], listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, listener.port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    url = f"http://hooks.example.com:{listener.port}/"
    connection = ReceiverConnection(hook(url, allow_private=False))
    with pytest.raises(NotTakenError, match="private network"):
        await connection.send(Message("POST", url, {}))
    await connection.close()
    assert listener.told == []


async def test_what_was_checked_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that says something else when it is asked again is not asked again."""
    asked: list[str] = []

    async def resolve(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        address = "192.0.0.9" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    (found,) = await PublicResolver().resolve("hooks.example.com", 443)
    assert (found["host"], found["flags"] & socket.AI_NUMERICHOST) == ("192.0.0.9", socket.AI_NUMERICHOST)


MARK = {"task": "deploy", "environment": "production"}


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (
            ReceiverKind.SENTRY,
            [
                ("POST", "/hook/releases/", {"version": NEW, "projects": ["compte"]}),
                ("POST", f"/hook/releases/{NEW}/deploys/", {"environment": "production", "name": "R-1"}),
            ],
        ),
        (
            ReceiverKind.GRAFANA,
            [
                (
                    "POST",
                    "/hook/api/annotations",
                    {"tags": ["countersign", "deploy", "compte", "production", "succeeded"]},
                )
            ],
        ),
        (
            ReceiverKind.GITHUB,
            [
                ("GET", f"/hook/deployments?sha={NEW}&task=deploy&per_page=100", {}),
                ("POST", "/hook/deployments", {**MARK, "ref": NEW, "required_contexts": [], "auto_merge": False}),
                ("POST", "/hook/deployments/42/statuses", {"state": "success", "environment": "production"}),
            ],
        ),
    ],
)
async def test_marks_of_deploys(
    kind: ReceiverKind, sent: list[tuple[str, str, dict[str, Any]]], url: str, listener: Listener
) -> None:
    receiver = hook(listener.url, kind=kind, events=("run.succeeded", "run.failed"))
    async with open_store(url) as store, telling(store, receiver) as told:
        await settled(told)
        await happens(store, "requested", "nothing_to_do", "run_succeeded")
        await settled(told)
    assert [(request.method, request.path_qs) for request, _ in listener.told] == [(way, path) for way, path, _ in sent]
    for (request, body), (_, _, wanted) in zip(listener.told, sent, strict=True):
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert wanted.items() <= (body or {}).items()


async def test_a_deployment_that_is_there_is_not_made_again(url: str, listener: Listener) -> None:
    async def known(request: web.Request) -> web.StreamResponse:
        listener.told.append((request, None))
        if request.method == "GET":
            return web.json_response([{"id": 7, "payload": ""}, {"id": 8, "payload": {"run": "R-1"}}])
        return web.json_response({"id": 1}, status=201)

    listener.always = known
    receiver = hook(listener.url, kind=ReceiverKind.GITHUB, events=("run.failed",))
    async with open_store(url) as store, telling(store, receiver) as told:
        await settled(told)
        await happens(store, "run_failed")
        await settled(told)
    assert [request.path for request, _ in listener.told] == ["/hook/deployments", "/hook/deployments/8/statuses"]


async def test_a_mark_that_is_refused_for_good_does_not_hold_up_the_next(url: str, listener: Listener) -> None:
    receiver = hook(listener.url, kind=ReceiverKind.GRAFANA, events=("run.succeeded", "run.failed"))
    async with open_store(url) as store, telling(store, receiver) as told:
        await settled(told)
        listener.answers = [web.Response(status=422), web.Response(status=401)]
        await happens(store, "run_succeeded", "run_failed")
        await settled(told)
    assert [body["tags"][-1] for _, body in listener.told] == ["failed"]


class Elsewhere:
    """A cursor whose lease another replica holds."""

    held = False

    def __init__(self) -> None:
        self.stored = 1

    async def position(self) -> int:
        return self.stored

    async def advance(self, position: int) -> bool:
        self.stored = position
        return False


async def test_a_replica_without_the_lease_tells_nothing(url: str, listener: Listener) -> None:
    receiver = hook(listener.url)
    async with open_store(url) as store, telling(store, receiver) as told:
        await settled(told)
        recipient = WebhookRecipient(receiver, Runs(), ReceiverConnection(receiver), MASKER)
        cursor = Elsewhere()
        async with Forwarder(store.history, FromNowOn(cursor, store.history), recipient, "idle", interval=0.01):
            await happens(store, "requested")
            await settled(told)
    assert listener.types == ["run.requested"]
    assert cursor.stored == 1
