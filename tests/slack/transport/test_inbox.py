"""Events from Slack: recorded, acknowledged, handled, each once; being asked to wait uses up no attempt."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.inbox import Event, EventKind
from bot.playground.events.sockets import Outcome
from bot.slack.transport import inbox as inbox_module
from bot.slack.transport.gateway import SlackBusyError
from bot.slack.transport.inbox import EventRecorder, InboxWorker, ReceivedEvent
from tests.slack.support.fakes import FakeClock
from tests.slack.support.memory_stores import MemoryInbox
from tests.slack.support.runs import AMELIE, BOB, OPS, RUNS
from tests.slack.support.workspace import Workspace, posted_approval
from tests.support.polling import eventually


async def test_what_is_delivered_twice_has_one_effect(workspace: Workspace) -> None:
    workspace.server.faults.duplicate = True
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        await eventually(lambda: workspace.inbox.settled)
        await eventually(lambda: workspace.server.sockets.busy == 0)
    assert len(workspace.engine.submitted) == 1
    assert len(workspace.channel()) == 1


async def test_what_could_not_be_recorded_is_not_acknowledged(workspace: Workspace) -> None:
    workspace.server.faults.ack_seconds = 0.3
    async with workspace.app():
        workspace.inbox.broken = True
        delivery = await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        assert delivery.outcome is Outcome.TIMED_OUT
        workspace.inbox.broken = False
        delivery = await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        assert delivery.outcome is Outcome.ACKED


async def test_an_event_that_could_not_be_recorded_is_sent_again_and_then_counts(workspace: Workspace) -> None:
    workspace.server.faults.ack_seconds = 0.3
    workspace.engine.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with workspace.app():
        approval = await posted_approval(workspace)
        workspace.engine.woken.clear()
        workspace.inbox.broken = True
        workspace.server.client_actions.react(BOB, OPS, approval.ts, "white_check_mark")
        await eventually(lambda: workspace.server.sockets.busy)
        workspace.inbox.broken = False
        await eventually(lambda: workspace.engine.woken)


async def test_what_was_recorded_before_a_crash_is_handled_at_the_next_start(workspace: Workspace) -> None:
    async with workspace.app() as app:
        await app._worker.aclose()
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
    assert workspace.engine.submitted == []
    async with workspace.app():
        await eventually(lambda: workspace.channel())
    assert len(workspace.engine.submitted) == 1


@pytest.mark.parametrize(
    ("error", "times", "handled"),
    [(SlackBusyError(0.001), 20, True), (ValueError("no"), 4, True), (ValueError("no"), 5, False)],
)
async def test_waiting_for_slack_is_no_failure(error: Exception, times: int, handled: bool) -> None:
    store, left = MemoryInbox(), times
    failed: list[str] = []

    async def handle(received: ReceivedEvent) -> None:
        nonlocal left
        if left:
            left -= 1
            raise error

    async def told(kind: EventKind, received: ReceivedEvent) -> None:
        failed.append(received.id)

    inbox = EventRecorder(store, FakeClock())
    worker = InboxWorker(inbox, store, {EventKind.COMMAND: handle}, told, pause=0.001)
    worker.start()
    await inbox.receive("command:1", EventKind.COMMAND, {})
    assert await worker.drain(20)
    await worker.aclose()
    assert (left == 0, failed) == (True, [] if handled else ["command:1"])


class LateInbox(MemoryInbox):
    """An inbox whose commits take effect though nobody waits for them any more."""

    async def receive(self, event: Event, seconds: float | None = None) -> bool:
        await asyncio.sleep(0)
        return await asyncio.shield(asyncio.ensure_future(super().receive(event, seconds)))


class ShownInbox(MemoryInbox):
    """An inbox that has an event before it answers."""

    async def receive(self, event: Event, seconds: float | None = None) -> bool:
        self.events.setdefault(event.id, event)
        await self.answers.wait()
        return True


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.transport.inbox._PROMPT_SECONDS", dict.fromkeys(inbox_module._PROMPT_SECONDS, 0.05))
    monkeypatch.setattr("bot.slack.transport.inbox._POLL_SECONDS", 0.02)


@pytest.mark.parametrize("kind", list(EventKind))
@pytest.mark.parametrize("inbox", [LateInbox, ShownInbox])
async def test_what_slack_has_called_failed_is_not_done_when_the_store_answers_again(
    impatient: None, inbox: type[MemoryInbox], kind: EventKind
) -> None:
    store, handled = inbox(), []

    async def handle(received: ReceivedEvent) -> None:
        handled.append(received.id)

    recorder = EventRecorder(store, FakeClock())
    worker = InboxWorker(recorder, store, dict.fromkeys(EventKind, handle), failed=None)
    worker.start()
    try:
        store.answers.clear()
        recording = asyncio.create_task(recorder.receive("one", kind, {}))
        sent_again = kind not in inbox_module._PROMPT_SECONDS
        if not sent_again:
            await asyncio.wait({recording})
        looks = store.looks
        await eventually(lambda: store.looks > looks + 1)
        assert handled == []
        store.answers.set()
        await asyncio.wait({recording})
        await eventually(lambda: "one" in store.settled)
        assert handled == (["one"] if sent_again else [])
        assert isinstance(recording.exception(), TimeoutError) is not sent_again
    finally:
        await worker.aclose()


async def test_who_typed_a_command_that_was_not_taken_in_is_told(workspace: Workspace) -> None:
    workspace.server.faults.ack_seconds = 3.0
    async with workspace.app():
        workspace.inbox.answers.clear()
        delivery = await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte <production>")
        assert delivery.outcome is Outcome.TIMED_OUT
        told = await eventually(
            lambda: "".join(text for text in workspace.whispers(AMELIE) if "could not accept" in text)
        )
        workspace.inbox.answers.set()
    assert "could not accept `/deploy compte &lt;production&gt;`" in told
    assert "Nothing was started" in told
    assert workspace.engine.submitted == []
    assert workspace.calls("response_url") == 1
