"""What the owners of locks are told: each once, whatever happens in between."""

from __future__ import annotations

import pytest

from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock, LockNews
from bot.playground.faults import CallFault, FaultEffect
from bot.slack.publish import lock_notifier
from tests.slack.support.runs import AMELIE, AT, BOB
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually

LOCK = Lock(TargetName("compte", "production"), AMELIE, "inventory, hunter2-very-secret", AT)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_notifier, "_POLL_SECONDS", 0.05)


def told(workspace: Workspace) -> list[str]:
    return [item.text for item in workspace.by_type("countersign_lock")]


async def until_told(workspace: Workspace) -> None:
    await eventually(lambda: not workspace.notices.rows, what="nothing is left to be told")


async def test_the_owner_is_told_what_became_of_their_lock(workspace: Workspace) -> None:
    workspace.notices.add(LockNews.STANDS, LOCK)
    workspace.notices.add(LockNews.TAKEN_OFF, LOCK, BOB)
    async with workspace.app():
        await until_told(workspace)
    stands, off = told(workspace)
    assert "<@U0AMELIE>: your lock on *compte production* is still set, since" in stands
    assert "Is it still needed? `/ops unlock compte production` removes it" in stands
    assert "<@U0AMELIE>: <@U0BOB> removed your lock on *compte production*" in off


async def test_one_that_slack_already_has_is_not_posted_again(workspace: Workspace) -> None:
    workspace.notices.add(LockNews.TAKEN_OFF, LOCK, BOB)
    [first] = workspace.notices.rows.values()
    async with workspace.app():
        await until_told(workspace)
    # As a process leaves it that was killed between Slack's answer and its own note.
    await workspace.notices.mark_intended(first)
    workspace.notices.add(LockNews.TAKEN_OFF, LOCK, BOB)
    async with workspace.app():
        await until_told(workspace)
    assert len(told(workspace)) == 2


@pytest.mark.parametrize(
    "effect", [FaultEffect.RESET_AFTER, FaultEffect.RESET_BEFORE, FaultEffect.SERVER_ERROR, FaultEffect.RATE_LIMITED]
)
async def test_an_answer_that_is_lost_is_looked_for(workspace: Workspace, effect: FaultEffect) -> None:
    workspace.server.faults.calls.append(CallFault("chat.postMessage", effect, seconds=0.2))
    workspace.notices.add(LockNews.TAKEN_OFF, LOCK, BOB)
    async with workspace.app():
        await until_told(workspace)
    assert len(told(workspace)) == 1


async def test_a_channel_that_refuses_holds_up_no_other(workspace: Workspace) -> None:
    workspace.server.faults.calls.append(CallFault("chat.postMessage", FaultEffect.ERROR, error="is_archived"))
    workspace.notices.add(LockNews.STANDS, LOCK)
    workspace.notices.add(LockNews.TAKEN_OFF, LOCK, BOB)
    async with workspace.app():
        await until_told(workspace)
    assert len(told(workspace)) == 1


async def test_who_does_not_have_the_duty_tells_nothing(workspace: Workspace) -> None:
    workspace.leadership.held = False
    workspace.notices.add(LockNews.STANDS, LOCK)
    async with workspace.app() as app:
        app._lock_notifier.wake()
        await eventually(lambda: not app._lock_notifier._posting._woken.is_set())
        assert told(workspace) == []
        assert workspace.notices.rows
        workspace.leadership.held = True
        await until_told(workspace)
    assert len(told(workspace)) == 1
