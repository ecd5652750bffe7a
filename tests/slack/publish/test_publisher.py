"""What goes out: Slack agrees with the store, whatever Slack does meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.inbox import MessageState
from bot.domain.runs.run import RunState, StepState
from bot.engine.ports import Occasion
from bot.engine.run_changes import Chunk
from bot.playground.faults import CallFault, FaultEffect
from bot.slack.publish import run_sync
from tests.slack.support.runs import AMELIE, BEHIND_GATE, BOB, OPS, PASSWORD, RUNS, rows, run
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually

RUN = "R-7K3F9Q"


async def test_the_thread_stands_in_order_under_one_card(workspace: Workspace) -> None:
    workspace.engine.outputs[RUN] = (Chunk("migrate", "web1", 1, 0, f"{PASSWORD}\nDONE\n".encode()),)
    async with workspace.app():
        for name in ("queued", "preparing", "awaiting_approval", "running", "succeeded"):
            workspace.engine.put(RUNS[name])
            await eventually(lambda name=name: _card(workspace)["state"] == RUNS[name].state.value)
        await eventually(lambda: workspace.server.state.files)
        await eventually(lambda: workspace.messages.published[RUN] == workspace.engine.runs[RUN].revision)
    assert len(workspace.channel()) == 1
    assert [(item.metadata or {}).get("event_type", "file") for item in workspace.thread()] == [
        "countersign_progress",
        "countersign_plan",
        "countersign_approval",
        "countersign_result",
        "file",
    ]
    (file,) = workspace.server.state.files.values()
    assert file.name == "R-7K3F9Q.log"
    assert "Migrate the database on web1" in file.content.decode()
    assert "***\nDONE" in file.content.decode()


async def test_many_changes_are_few_edits_and_the_last_one_is_shown(workspace: Workspace) -> None:
    async with workspace.app():
        for number in range(60):
            row = {"state": StepState.RUNNING, "tail": f"line {number}"}
            workspace.engine.put(run(RunState.RUNNING, steps=rows(5, **row), **BEHIND_GATE))
            await asyncio.sleep(0.02)
        workspace.engine.put(RUNS["succeeded"])
        await eventually(lambda: _card(workspace)["state"] == "succeeded")
        await eventually(lambda: workspace.messages.published[RUN] == workspace.engine.runs[RUN].revision)
    assert workspace.calls("chat.update") <= 10
    (progress,) = workspace.by_type("countersign_progress")
    assert {step["state"] for step in progress.metadata["event_payload"]["steps"]} == {"done"}


async def test_what_did_not_change_is_not_sent_again(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["awaiting_approval"])
    async with workspace.app() as app:
        await app._publisher.drain(5)
        before = workspace.calls("chat.update") + workspace.calls("chat.postMessage")
    async with workspace.app() as app:
        app._publisher.run_changed(RUN)
        await app._publisher.drain(5)
    assert workspace.calls("chat.update") + workspace.calls("chat.postMessage") == before


@pytest.mark.parametrize("slot", ["card", "approval", "result"])
async def test_a_crash_between_the_post_and_its_commit_makes_no_second_message(workspace: Workspace, slot: str) -> None:
    workspace.engine.put(RUNS["succeeded"])
    workspace.messages.dies_after_post = slot
    async with workspace.app():
        await eventually(
            lambda: (row := workspace.messages.rows.get((RUN, slot))) and row.state is MessageState.INTENDED
        )
        await eventually(lambda: RUN not in workspace.engine.app._publisher._changes)
    workspace.messages.dies_after_post = None
    async with workspace.app():
        await eventually(lambda: workspace.messages.published.get(RUN))
    kinds = [item.metadata["event_type"] for item in [*workspace.channel(), *workspace.thread()] if item.metadata]
    assert sorted(kinds) == sorted(set(kinds))


async def test_a_crash_where_slack_lets_nobody_look_posts_again(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["awaiting_approval"])
    workspace.messages.dies_after_post = "card"
    async with workspace.app():
        await eventually(lambda: RUN not in workspace.engine.app._publisher._changes)
    workspace.messages.dies_after_post = None
    workspace.server.faults.calls.append(
        CallFault("conversations.history", FaultEffect.ERROR, None, error="missing_scope")
    )
    async with workspace.app():
        await eventually(lambda: workspace.messages.published.get(RUN))
    assert len(workspace.by_type("countersign_run")) == 2
    assert all(item.thread_ts == workspace.channel()[1].ts for item in workspace.thread())


@pytest.mark.parametrize("effect", list(FaultEffect))
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "reactions.add"])
async def test_whatever_slack_does_once_the_thread_is_whole_and_single(
    workspace: Workspace, method: str, effect: FaultEffect
) -> None:
    workspace.server.faults.calls.append(CallFault(method, effect, 1, seconds=0.2))
    async with workspace.app():
        workspace.engine.put(RUNS["awaiting_approval"])
        await eventually(lambda: workspace.messages.published.get(RUN) == 1, 15)
        workspace.engine.put(RUNS["running"])
        await eventually(lambda: workspace.messages.published.get(RUN) == 2, 15)
    kinds = [item.metadata["event_type"] for item in [*workspace.channel(), *workspace.thread()]]
    assert sorted(kinds) == ["countersign_approval", "countersign_plan", "countersign_progress", "countersign_run"]
    assert _card(workspace)["state"] == "running"


@pytest.mark.parametrize("effect", list(FaultEffect))
async def test_the_log_is_one_file_whatever_slack_does_once(workspace: Workspace, effect: FaultEffect) -> None:
    workspace.engine.outputs[RUN] = (Chunk("migrate", "web1", 1, 0, b"DONE\n"),)
    workspace.engine.put(RUNS["succeeded"])
    error = "internal_error" if effect is FaultEffect.ERROR else ""
    workspace.server.faults.calls.append(CallFault("files.completeUploadExternal", effect, 1, seconds=0.2, error=error))
    async with workspace.app():
        await eventually(lambda: workspace.messages.published.get(RUN), 15)
    assert sum(len(item.files) for item in workspace.thread()) == 1


async def test_an_outage_costs_freshness_and_nothing_else(workspace: Workspace) -> None:
    async with workspace.app() as app:
        workspace.server.faults.calls.append(CallFault("*", FaultEffect.SERVER_ERROR, None))
        for name in ("queued", "awaiting_approval", "running", "succeeded"):
            workspace.engine.put(RUNS[name])
        await eventually(lambda: workspace.calls("conversations.history") >= 2)
        workspace.server.faults.clear()
        await eventually(lambda: app.unsynced_runs == 0, 20)
    assert _card(workspace)["state"] == "succeeded"
    kinds = [item.metadata["event_type"] for item in [*workspace.channel(), *workspace.thread()]]
    assert len(kinds) == len(set(kinds)) == 5


async def test_elapsed_times_move_on_while_nothing_else_changes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_sync, "BEAT_SECONDS", 1.0)
    started = datetime.now(UTC) - timedelta(seconds=100)
    steps = tuple(
        replace(row, started_at=started) if row.state is StepState.RUNNING else row for row in RUNS["running"].steps
    )
    workspace.engine.put(replace(RUNS["running"], steps=steps))
    async with workspace.app():
        await eventually(lambda: workspace.messages.published.get(RUN))
        first = str(workspace.channel()[0].blocks)
        await eventually(lambda: str(workspace.channel()[0].blocks) != first)


async def test_one_run_that_slack_refuses_holds_up_no_other(workspace: Workspace) -> None:
    elsewhere = replace(RUNS["queued"].request, origin=replace(RUNS["queued"].request.origin, channel="C0GENERAL"))
    async with workspace.app() as app:
        workspace.engine.put(replace(RUNS["queued"], id="R-000002", request=elsewhere))
        workspace.engine.put(RUNS["queued"])
        await eventually(lambda: workspace.messages.published.get(RUN))
        assert app.unsynced_runs == 1
        conversation = workspace.server.state.conversation("C0GENERAL")
        conversation.members.append("U0COUNTER") if isinstance(
            conversation.members, list
        ) else conversation.members.add("U0COUNTER")
        await eventually(lambda: workspace.messages.published.get("R-000002"), 15)


async def test_the_approval_is_seeded_and_a_deleted_one_is_posted_anew(workspace: Workspace) -> None:
    workspace.engine.put(RUNS["awaiting_approval"])
    async with workspace.app() as app:
        await eventually(lambda: workspace.messages.published.get(RUN))
        (approval,) = workspace.by_type("countersign_approval")
        assert approval.reactions == {"white_check_mark": ["U0COUNTER"], "x": ["U0COUNTER"]}
        workspace.server.state.delete(approval)
        assert await app.reaction_reader.reactions(RUNS["awaiting_approval"], Occasion.EVENT) == {}
        (anew,) = await eventually(
            lambda: [item for item in workspace.by_type("countersign_approval") if item is not approval]
        )
        await eventually(lambda: set(anew.reactions) == {"white_check_mark", "x"})


async def test_somebody_whose_emoji_does_not_count_is_told_why_once(workspace: Workspace) -> None:
    async with workspace.app() as app:
        workspace.engine.put(RUNS["ignored_vote"])
        await eventually(lambda: workspace.whispers(AMELIE))
        workspace.engine.put(RUNS["ignored_vote"])
        await app._publisher.drain(5)
    async with workspace.app() as app:
        app._publisher.run_changed(RUN)
        await app._publisher.drain(5)
    assert len(workspace.whispers(AMELIE)) == 1
    assert "somebody else has to countersign" in workspace.whispers(AMELIE)[0]


async def test_slacks_rate_limits_are_kept(workspace: Workspace) -> None:
    workspace.server.faults.rate_limits = True
    async with workspace.app():
        workspace.engine.put(RUNS["awaiting_approval"])
        await eventually(lambda: workspace.messages.published.get(RUN) == 1, 20)
        workspace.engine.put(RUNS["succeeded"])
        await eventually(lambda: workspace.messages.published.get(RUN) == 2, 20)
    assert _card(workspace)["state"] == "succeeded"
    assert len(workspace.by_type("countersign_result")) == 1


async def test_a_drained_room_has_told_everything(workspace: Workspace) -> None:
    async with workspace.app() as app:
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        await app.drain(5)
        assert app.unsynced_runs == 0
        assert not app.connected
        assert len(workspace.channel()) == 1


def _card(workspace: Workspace) -> dict[str, str]:
    cards = workspace.by_type("countersign_run")
    return cards[0].metadata["event_payload"] if cards else {"state": ""}


async def test_who_lacks_the_duty_tells_nothing_and_who_takes_it_tells_all(workspace: Workspace) -> None:
    workspace.leadership.held = False
    async with workspace.app() as app:
        workspace.engine.put(RUNS["running"])
        assert await app._publisher.drain(5)
        assert workspace.calls("chat.postMessage") == 0
        workspace.leadership.held = True
        await eventually(lambda: _card(workspace)["state"] == "running")
        workspace.leadership.held = False
        await eventually(lambda: app.run_observer.run_changed(RUN) or not app._publisher.unsynced_runs)
        workspace.engine.put(RUNS["succeeded"])
        assert await app._publisher.drain(5)
        assert _card(workspace)["state"] == "running"


async def test_a_request_says_whom_it_cannot_call(workspace: Workspace) -> None:
    workspace.server.state.conversation(OPS).members.remove(BOB)
    async with workspace.app():
        workspace.engine.put(RUNS["awaiting_approval"])
        await eventually(lambda: workspace.messages.published.get(RUN))
    (approval,) = workspace.by_type("countersign_approval")
    assert "Not in this channel, so not notified: Bob." in approval.text


async def test_who_is_absent_is_not_guessed_without_the_scopes(workspace: Workspace) -> None:
    workspace.server.state.conversation(OPS).members.remove(BOB)
    workspace.server.faults.calls.append(
        CallFault("conversations.members", FaultEffect.ERROR, None, error="missing_scope")
    )
    async with workspace.app():
        workspace.engine.put(RUNS["awaiting_approval"])
        await eventually(lambda: workspace.messages.published.get(RUN))
    (approval,) = workspace.by_type("countersign_approval")
    assert "Not in this channel" not in approval.text
