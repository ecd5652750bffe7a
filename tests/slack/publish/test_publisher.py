"""What goes out: Slack agrees with the store, whatever Slack does meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.inbox import MessageState
from bot.domain.runs.run import RunState, StepState
from bot.engine.run_changes import Chunk
from bot.playground.faults import CallFault, Effect
from bot.slack.publish import run_sync
from tests.slack.support.fake_engine import Workspace
from tests.slack.support.runs import AMELIE, BEHIND_GATE, OPS, PASSWORD, RUNS, rows, run
from tests.support.polling import eventually

RUN = "R-7K3F9Q"


async def test_the_thread_stands_in_order_under_one_card(world: Workspace) -> None:
    world.front.outputs[RUN] = (Chunk("migrate", "web1", 1, 0, f"{PASSWORD}\nDONE\n".encode()),)
    async with world.room():
        for name in ("queued", "preparing", "awaiting_approval", "running", "succeeded"):
            world.front.put(RUNS[name])
            await eventually(lambda name=name: _card(world)["state"] == RUNS[name].state.value)
        await eventually(lambda: world.server.state.files)
        await eventually(lambda: world.messages.published[RUN] == world.front.runs[RUN].revision)
    assert len(world.channel()) == 1
    assert [(item.metadata or {}).get("event_type", "file") for item in world.thread()] == [
        "countersign_progress",
        "countersign_plan",
        "countersign_approval",
        "countersign_result",
        "file",
    ]
    (file,) = world.server.state.files.values()
    assert file.name == "R-7K3F9Q.log"
    assert "Migrate the database on web1" in file.content.decode()
    assert "***\nDONE" in file.content.decode()


async def test_many_changes_are_few_edits_and_the_last_one_is_shown(world: Workspace) -> None:
    async with world.room():
        for number in range(60):
            row = {"state": StepState.RUNNING, "tail": f"line {number}"}
            world.front.put(run(RunState.RUNNING, steps=rows(5, **row), **BEHIND_GATE))
            await asyncio.sleep(0.02)
        world.front.put(RUNS["succeeded"])
        await eventually(lambda: _card(world)["state"] == "succeeded")
        await eventually(lambda: world.messages.published[RUN] == world.front.runs[RUN].revision)
    assert world.calls("chat.update") <= 10
    (progress,) = world.by_type("countersign_progress")
    assert {step["state"] for step in progress.metadata["event_payload"]["steps"]} == {"done"}


async def test_what_did_not_change_is_not_sent_again(world: Workspace) -> None:
    world.front.put(RUNS["awaiting_approval"])
    async with world.room() as room:
        await room._publisher.drain(5)
        before = world.calls("chat.update") + world.calls("chat.postMessage")
    async with world.room() as room:
        room._publisher.run_changed(RUN)
        await room._publisher.drain(5)
    assert world.calls("chat.update") + world.calls("chat.postMessage") == before


@pytest.mark.parametrize("slot", ["card", "approval", "result"])
async def test_a_crash_between_the_post_and_its_commit_makes_no_second_message(world: Workspace, slot: str) -> None:
    world.front.put(RUNS["succeeded"])
    world.messages.dies_after_post = slot
    async with world.room():
        await eventually(lambda: (row := world.messages.rows.get((RUN, slot))) and row.state is MessageState.INTENDED)
        await eventually(lambda: RUN not in world.front.room._publisher._changes)
    world.messages.dies_after_post = None
    async with world.room():
        await eventually(lambda: world.messages.published.get(RUN))
    kinds = [item.metadata["event_type"] for item in [*world.channel(), *world.thread()] if item.metadata]
    assert sorted(kinds) == sorted(set(kinds))


async def test_a_crash_where_slack_lets_nobody_look_posts_again(world: Workspace) -> None:
    world.front.put(RUNS["awaiting_approval"])
    world.messages.dies_after_post = "card"
    async with world.room():
        await eventually(lambda: RUN not in world.front.room._publisher._changes)
    world.messages.dies_after_post = None
    world.server.faults.calls.append(CallFault("conversations.history", Effect.ERROR, None, error="missing_scope"))
    async with world.room():
        await eventually(lambda: world.messages.published.get(RUN))
    assert len(world.by_type("countersign_run")) == 2
    assert all(item.thread_ts == world.channel()[1].ts for item in world.thread())


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "reactions.add"])
async def test_whatever_slack_does_once_the_thread_is_whole_and_single(
    world: Workspace, method: str, effect: Effect
) -> None:
    world.server.faults.calls.append(CallFault(method, effect, 1, seconds=0.2))
    async with world.room():
        world.front.put(RUNS["awaiting_approval"])
        await eventually(lambda: world.messages.published.get(RUN) == 1, 15)
        world.front.put(RUNS["running"])
        await eventually(lambda: world.messages.published.get(RUN) == 2, 15)
    kinds = [item.metadata["event_type"] for item in [*world.channel(), *world.thread()]]
    assert sorted(kinds) == ["countersign_approval", "countersign_plan", "countersign_progress", "countersign_run"]
    assert _card(world)["state"] == "running"


@pytest.mark.parametrize("effect", list(Effect))
async def test_the_log_is_one_file_whatever_slack_does_once(world: Workspace, effect: Effect) -> None:
    world.front.outputs[RUN] = (Chunk("migrate", "web1", 1, 0, b"DONE\n"),)
    world.front.put(RUNS["succeeded"])
    error = "internal_error" if effect is Effect.ERROR else ""
    world.server.faults.calls.append(CallFault("files.completeUploadExternal", effect, 1, seconds=0.2, error=error))
    async with world.room():
        await eventually(lambda: world.messages.published.get(RUN), 15)
    assert sum(len(item.files) for item in world.thread()) == 1


async def test_an_outage_costs_freshness_and_nothing_else(world: Workspace) -> None:
    async with world.room() as room:
        world.server.faults.calls.append(CallFault("*", Effect.SERVER_ERROR, None))
        for name in ("queued", "awaiting_approval", "running", "succeeded"):
            world.front.put(RUNS[name])
        await eventually(lambda: world.calls("conversations.history") >= 2)
        world.server.faults.clear()
        await eventually(lambda: room.behind == 0, 20)
    assert _card(world)["state"] == "succeeded"
    kinds = [item.metadata["event_type"] for item in [*world.channel(), *world.thread()]]
    assert len(kinds) == len(set(kinds)) == 5


async def test_elapsed_times_move_on_while_nothing_else_changes(
    world: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_sync, "BEAT_SECONDS", 1.0)
    started = datetime.now(UTC) - timedelta(seconds=100)
    steps = tuple(
        replace(row, started_at=started) if row.state is StepState.RUNNING else row for row in RUNS["running"].steps
    )
    world.front.put(replace(RUNS["running"], steps=steps))
    async with world.room():
        await eventually(lambda: world.messages.published.get(RUN))
        first = str(world.channel()[0].blocks)
        await eventually(lambda: str(world.channel()[0].blocks) != first)


async def test_one_run_that_slack_refuses_holds_up_no_other(world: Workspace) -> None:
    elsewhere = replace(RUNS["queued"].request, origin=replace(RUNS["queued"].request.origin, channel="C0GENERAL"))
    async with world.room() as room:
        world.front.put(replace(RUNS["queued"], id="R-000002", request=elsewhere))
        world.front.put(RUNS["queued"])
        await eventually(lambda: world.messages.published.get(RUN))
        assert room.behind == 1
        conversation = world.server.state.conversation("C0GENERAL")
        conversation.members.append("U0COUNTER") if isinstance(
            conversation.members, list
        ) else conversation.members.add("U0COUNTER")
        await eventually(lambda: world.messages.published.get("R-000002"), 15)


async def test_the_approval_is_seeded_and_a_deleted_one_is_posted_anew(world: Workspace) -> None:
    world.front.put(RUNS["awaiting_approval"])
    async with world.room() as room:
        await eventually(lambda: world.messages.published.get(RUN))
        (approval,) = world.by_type("countersign_approval")
        assert approval.reactions == {"white_check_mark": ["U0COUNTER"], "x": ["U0COUNTER"]}
        world.server.state.delete(approval)
        assert await room.reaction_reader.reactions(RUNS["awaiting_approval"]) == {}
        (anew,) = await eventually(
            lambda: [item for item in world.by_type("countersign_approval") if item is not approval]
        )
        await eventually(lambda: set(anew.reactions) == {"white_check_mark", "x"})


async def test_somebody_whose_emoji_does_not_count_is_told_why_once(world: Workspace) -> None:
    async with world.room() as room:
        world.front.put(RUNS["ignored_vote"])
        await eventually(lambda: world.whispers(AMELIE))
        world.front.put(RUNS["ignored_vote"])
        await room._publisher.drain(5)
    async with world.room() as room:
        room._publisher.run_changed(RUN)
        await room._publisher.drain(5)
    assert len(world.whispers(AMELIE)) == 1
    assert "somebody else must countersign" in world.whispers(AMELIE)[0]


async def test_slacks_rate_limits_are_kept(world: Workspace) -> None:
    world.server.faults.rate_limits = True
    async with world.room():
        world.front.put(RUNS["awaiting_approval"])
        await eventually(lambda: world.messages.published.get(RUN) == 1, 20)
        world.front.put(RUNS["succeeded"])
        await eventually(lambda: world.messages.published.get(RUN) == 2, 20)
    assert _card(world)["state"] == "succeeded"
    assert len(world.by_type("countersign_result")) == 1


async def test_a_drained_room_has_told_everything(world: Workspace) -> None:
    async with world.room() as room:
        await world.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        await room.drain(5)
        assert room.behind == 0
        assert not room.connected
        assert len(world.channel()) == 1


def _card(world: Workspace) -> dict[str, str]:
    cards = world.by_type("countersign_run")
    return cards[0].metadata["event_payload"] if cards else {"state": ""}


async def test_who_lacks_the_duty_tells_nothing_and_who_takes_it_tells_all(world: Workspace) -> None:
    world.telling.held = False
    async with world.room() as room:
        world.front.put(RUNS["running"])
        assert await room._publisher.drain(5)
        assert world.calls("chat.postMessage") == 0
        world.telling.held = True
        await eventually(lambda: _card(world)["state"] == "running")
        world.telling.held = False
        await eventually(lambda: room.run_observer.run_changed(RUN) or not room._publisher.behind)
        world.front.put(RUNS["succeeded"])
        assert await room._publisher.drain(5)
        assert _card(world)["state"] == "running"
