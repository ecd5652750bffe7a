"""What was recorded is handled, also when Slack asks to wait for longer than a failure is tried again."""

from __future__ import annotations

import pytest

from bot.domain.inbox import EventKind
from bot.slack.transport.gateway import SlackBusyError
from bot.slack.transport.inbox import Inbox, InboxWorker, Received
from tests.slack.support.fake_engine import FakeClock, MemoryInbox


@pytest.mark.parametrize(
    ("error", "times", "handled"),
    [(SlackBusyError(0.001), 20, True), (ValueError("no"), 4, True), (ValueError("no"), 5, False)],
)
async def test_waiting_for_slack_is_no_failure(error: Exception, times: int, handled: bool) -> None:
    store, left = MemoryInbox(), times
    failed: list[str] = []

    async def handle(received: Received) -> None:
        nonlocal left
        if left:
            left -= 1
            raise error

    async def told(kind: EventKind, received: Received) -> None:
        failed.append(received.id)

    inbox = Inbox(store, FakeClock())
    worker = InboxWorker(inbox, store, {EventKind.COMMAND: handle}, told, pause=0.001)
    worker.start()
    await inbox.receive("command:1", EventKind.COMMAND, {})
    assert await worker.drain(20)
    await worker.aclose()
    assert (left == 0, failed) == (True, [] if handled else ["command:1"])
