"""What Slack refuses: it goes with less, holds up nothing else, and people are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.names import TargetName
from bot.domain.policies.people import People
from bot.domain.runs.request import SCHEDULE, Origin
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.target import Backups, Keep, Operations
from bot.playground.faults import CallFault, FaultEffect
from bot.slack.publish import run_sync
from bot.slack.publish.delivery import lesser
from bot.slack.render.message import message, section
from tests.slack.support.runs import AMELIE, BOB, OPERATIONS, OPS, RUNS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually

RUN = "R-7K3F9Q"


def refuse(workspace: Workspace, method: str, error: str, times: int | None = None) -> None:
    workspace.server.faults.calls.append(CallFault(method, FaultEffect.ERROR, times, error=error))


def direct(workspace: Workspace, user: str) -> list[str]:
    return [item.text for item in workspace.server.state.conversation(user).messages.values()]


def texts_of(workspace: Workspace, channel: str = OPS) -> list[str]:
    return [item.text for item in workspace.server.state.conversation(channel).messages.values()]


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_too_long"])
async def test_refused_blocks_go_as_text_and_the_card_is_in_sync(workspace: Workspace, error: str) -> None:
    refuse(workspace, "chat.postMessage", error, 1)
    async with workspace.app():
        workspace.engine.put(RUNS["queued"])
        await eventually(lambda: workspace.messages.published.get(RUN))
    (card,) = workspace.by_type("countersign_run")
    assert card.blocks is None
    assert "compte production" in card.text


@pytest.mark.parametrize("error", ["metadata_too_large", "invalid_metadata_schema", "invalid_arguments"])
async def test_refused_metadata_cost_no_message_of_the_thread(workspace: Workspace, error: str) -> None:
    refuse(workspace, "chat.postMessage", error, 1)
    async with workspace.app():
        workspace.engine.put(RUNS["awaiting_approval"])
        await eventually(lambda: workspace.messages.published.get(RUN))
    (card,) = workspace.channel()
    assert card.metadata is None
    assert card.blocks
    assert [item.metadata["event_type"] for item in workspace.thread()] == [
        "countersign_progress",
        "countersign_plan",
        "countersign_approval",
    ]


@pytest.mark.parametrize("error", ["ratelimited", "rate_limited"])
async def test_both_names_of_a_rate_limit_are_waited_out(workspace: Workspace, error: str) -> None:
    refuse(workspace, "chat.postMessage", error, 1)
    async with workspace.app():
        workspace.engine.put(RUNS["queued"])
        await eventually(lambda: workspace.messages.published.get(RUN))
    assert len(workspace.by_type("countersign_run")) == 1
    assert not [slot for _, slot in workspace.messages.rows if slot.startswith("undelivered")]


def test_what_no_less_would_help_is_sent_once() -> None:
    full = message("said", (section("said"),), "countersign_run", {"run": RUN, "pending": ["a"]})
    assert lesser(full, "not_in_channel") == ()
    assert [(part.event_type, len(part.blocks)) for part in lesser(full, "invalid_arguments")] == [
        ("countersign_run", 1),
        ("", 1),
        ("countersign_run", 0),
        ("", 0),
    ]


def test_lists_of_texts_become_lists_of_objects_where_slack_refuses_them() -> None:
    full = message("said", (section("said"),), "countersign_plan", {"pending": ["a", "b"], "steps": [{"key": "x"}]})
    payload: Any = lesser(full, "invalid_metadata_schema")[0].payload
    assert payload == {"pending": [{"name": "a"}, {"name": "b"}], "steps": [{"key": "x"}]}


async def test_one_refused_message_holds_up_no_other_and_the_thread_says_so(workspace: Workspace) -> None:
    """The plan is refused in every form; the request to approve behind it is posted all the same."""
    async with workspace.app():
        workspace.engine.put(RUNS["preparing"])
        await eventually(lambda: workspace.messages.published.get(RUN))
        refuse(workspace, "chat.postMessage", "restricted_action", 1)
        workspace.engine.put(RUNS["awaiting_approval"])
        (approval,) = await eventually(lambda: workspace.by_type("countersign_approval"))
        await eventually(lambda: approval.reactions)
        told = [text for text in texts_of(workspace) if "I could not post the plan" in text]
        assert len(told) == 1
        assert "restricted_action" in told[0]
        await eventually(lambda: workspace.by_type("countersign_plan"))
        await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("not_in_channel", "/invite"),
        ("channel_not_found", "/invite"),
        ("is_archived", "Unarchive it"),
        ("restricted_action_read_only_channel", "countersign runs show"),
    ],
)
async def test_a_run_that_cannot_be_told_in_its_channel_is_told_to_who_asked(
    workspace: Workspace, error: str, advice: str
) -> None:
    refuse(workspace, "chat.postMessage", error, 1)
    async with workspace.app() as app:
        workspace.engine.put(RUNS["queued"])
        (told,) = await eventually(lambda: direct(workspace, AMELIE))
        assert app.unreachable_channels == {OPS: error}
        await eventually(lambda: workspace.messages.published.get(RUN), 15)
        assert app.unreachable_channels == {}
    assert RUN in told
    assert error in told
    assert advice in told
    assert len(workspace.by_type("countersign_run")) == 1


def scheduled() -> Run:
    """A scheduled backup that failed, of a target with two channels and somebody to alert."""
    request = replace(RUNS["failed_early"].request, origin=Origin(SCHEDULE, "C0GENERAL", "schedule:x"))
    return replace(RUNS["failed_early"], request=request)


async def test_a_scheduled_run_that_cannot_be_told_is_told_where_it_can_be(workspace: Workspace) -> None:
    name = TargetName("compte", "production")
    alert = People(("dbas",), frozenset({BOB}), frozenset({"S0RELEASE"}))
    backups = Backups("/var/backups", Keep(1, 1, 1), alert=alert)
    target = replace(OPERATIONS.targets[name], channels=("C0GENERAL", OPS), backups=backups)
    workspace.engine.operations = replace(OPERATIONS, targets={**OPERATIONS.targets, name: target})
    assert isinstance(workspace.engine.operations, Operations)
    async with workspace.app():
        workspace.engine.put(scheduled())
        (told,) = await eventually(lambda: direct(workspace, BOB))
        (elsewhere,) = await eventually(lambda: texts_of(workspace))
        await eventually(lambda: any(slot.startswith("undelivered:") for _, slot in workspace.messages.rows))
    assert "not_in_channel" in told
    assert "<!subteam^S0RELEASE>" in elsewhere
    assert "<#C0GENERAL>" in elsewhere


async def test_a_card_that_cannot_be_edited_is_posted_once_more_and_then_told_in_the_thread(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_sync, "EDIT_SECONDS", 0.0)
    refuse(workspace, "chat.update", "edit_window_closed")
    async with workspace.app():
        for number, name in enumerate(("queued", "preparing", "awaiting_approval", "running", "succeeded"), start=1):
            workspace.engine.put(RUNS[name])
            await eventually(lambda number=number: workspace.messages.published.get(RUN) == number, 15)
    assert len(workspace.by_type("countersign_run")) == 2
    assert len(workspace.by_type("countersign_approval")) == 1, "its reactions count"
    lines = [item.text for item in workspace.thread() if item.metadata is None]
    assert any(line.startswith("Deploy compte production: done") for line in lines)
    assert len(lines) == len(set(lines))


async def test_a_deleted_card_with_replies_is_posted_anew_and_what_follows_stands_below_it(
    workspace: Workspace,
) -> None:
    """Slack leaves a tombstone there, which takes no replies."""
    async with workspace.app():
        workspace.engine.put(RUNS["preparing"])
        await eventually(lambda: workspace.messages.published.get(RUN))
        (card,) = workspace.channel()
        workspace.server.state.delete(card)
        workspace.engine.put(RUNS["awaiting_approval"])
        await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision)
    _, anew = workspace.channel()
    (approval,) = workspace.by_type("countersign_approval")
    assert approval.thread_ts == anew.ts
    assert direct(workspace, AMELIE) == []


async def test_a_deleted_card_is_posted_anew_and_its_reply_stands_below_it(workspace: Workspace) -> None:
    async with workspace.app():
        workspace.engine.put(RUNS["queued"])
        await eventually(lambda: workspace.messages.published.get(RUN))
        (card,) = workspace.channel()
        workspace.server.state.delete(card)
        # Only a reply is new: nothing but Slack's answer says that the card is gone.
        workspace.engine.put(replace(RUNS["queued"], waited=True, state=RunState.QUEUED))
        workspace.engine.put(RUNS["preparing"])
        await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision)
    (anew,) = workspace.channel()
    assert anew.ts != card.ts
    assert workspace.thread()
    assert {item.thread_ts for item in workspace.thread()} == {anew.ts}
