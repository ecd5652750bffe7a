"""Events from Slack: recorded, acknowledged, handled, each once; being asked to wait uses up no attempt."""

from __future__ import annotations

import pytest

from bot.domain.inbox import EventKind
from bot.playground.events.sockets import Outcome
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
