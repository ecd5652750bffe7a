"""What comes in: recorded, acknowledged, handled, each once. Against the real slack-bolt client and the playground."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.runs.request import DeployOptions
from bot.engine.run_changes import Chunk
from bot.playground.client.client_actions import Click
from bot.playground.events.sockets import Outcome
from bot.playground.faults import CallFault, Effect
from tests.slack.support.fake_engine import Workspace
from tests.slack.support.runs import AMELIE, BOB, OPS, RUNS
from tests.support.polling import eventually


async def test_a_command_becomes_one_run_and_is_acknowledged_with_nothing(world: Workspace) -> None:
    async with world.room():
        delivery = await world.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        assert (delivery.outcome, delivery.payload) == (Outcome.ACKED, {})
        await eventually(lambda: world.channel())
    assert [request.origin.user for request in world.front.submitted] == [AMELIE]
    assert len(world.channel()) == 1


async def test_what_is_delivered_twice_has_one_effect(world: Workspace) -> None:
    world.server.faults.duplicate = True
    async with world.room():
        await world.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        await eventually(lambda: world.inbox.settled)
        await eventually(lambda: world.server.sockets.busy == 0)
    assert len(world.front.submitted) == 1
    assert len(world.channel()) == 1


async def test_what_could_not_be_recorded_is_not_acknowledged(world: Workspace) -> None:
    world.server.faults.ack_seconds = 0.3
    async with world.room():
        world.inbox.broken = True
        delivery = await world.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        assert delivery.outcome is Outcome.TIMED_OUT
        world.inbox.broken = False
        delivery = await world.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        assert delivery.outcome is Outcome.ACKED


async def test_an_event_that_could_not_be_recorded_is_sent_again_and_then_counts(world: Workspace) -> None:
    world.server.faults.ack_seconds = 0.3
    world.front.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with world.room():
        approval = await _approval(world)
        world.front.nudged.clear()
        world.inbox.broken = True
        world.server.client_actions.react(BOB, OPS, approval.ts, "white_check_mark")
        await eventually(lambda: world.server.sockets.busy)
        world.inbox.broken = False
        await eventually(lambda: world.front.nudged)


async def test_what_was_recorded_before_a_crash_is_handled_at_the_next_start(world: Workspace) -> None:
    async with world.room() as room:
        await room._worker.aclose()
        await world.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
    assert world.front.submitted == []
    async with world.room():
        await eventually(lambda: world.channel())
    assert len(world.front.submitted) == 1


async def test_a_command_that_waited_too_long_is_answered_and_not_done(world: Workspace) -> None:
    world.clock.held = datetime.now(UTC) - timedelta(hours=1)
    async with world.room() as room:
        await room._worker.aclose()
        await world.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
    world.clock.held = None
    async with world.room():
        await eventually(lambda: world.whispers(AMELIE))
    assert world.front.submitted == []
    assert "Nothing was started" in world.whispers(AMELIE)[0]


async def test_bad_words_are_answered_to_the_person_alone(world: Workspace) -> None:
    async with world.room():
        await world.server.client_actions.command(AMELIE, OPS, "/deploy comte production")
        await eventually(lambda: world.whispers(AMELIE))
    assert world.whispers(AMELIE) == [
        "There is no app `comte`.\nDid you mean `compte`? The apps here: compte.\nNothing was started."
    ]
    assert world.channel() == []


async def test_a_refusal_of_the_engine_arrives_even_where_the_response_url_fails(world: Workspace) -> None:
    world.front.refuses = RefusedError(problem(Reason.NOT_ALLOWED, action="deploy", people="engineers"))
    world.server.faults.calls.append(CallFault("response_url", Effect.SERVER_ERROR))
    async with world.room():
        await world.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        await eventually(lambda: world.whispers(AMELIE))
    assert world.whispers(AMELIE) == ["You may not deploy here.\nWho may: engineers.\nNothing was done."]


async def test_words_missing_open_a_form_whose_errors_stand_at_the_field(world: Workspace) -> None:
    async with world.room():
        await world.server.client_actions.command(AMELIE, OPS, "/deploy")
        views = world.server.state.views
        view = await eventually(lambda: [item for item in views.values() if item.content.get("submit")])
        filled = {"target": {"target": "compte staging"}, "ref": {"ref": "a..b"}}
        errors = await world.server.client_actions.submit(AMELIE, view[0].id, filled)
        assert set(errors) == {"ref"}
        assert "a..b cannot be a branch" in errors["ref"]
        assert world.front.submitted == []
        filled["ref"]["ref"] = "v2.4.0"
        filled["options"] = {"options": ["--dry-run"]}
        assert await world.server.client_actions.submit(AMELIE, view[0].id, filled) == {}
        await eventually(lambda: world.channel())
    (request,) = world.front.submitted
    assert (str(request.target), request.options) == ("compte staging", DeployOptions("v2.4.0", dry_run=True))
    assert (request.origin.user, request.origin.channel) == (AMELIE, OPS)


async def test_a_reaction_nudges_its_run(world: Workspace) -> None:
    world.front.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with world.room():
        approval = await _approval(world)
        world.front.nudged.clear()
        world.server.client_actions.react(BOB, OPS, approval.ts, "thumbsup::skin-tone-3")
        await eventually(lambda: world.front.nudged == ["R-7K3F9Q"])
        world.server.client_actions.unreact(BOB, OPS, approval.ts, "thumbsup::skin-tone-3")
        await eventually(lambda: world.front.nudged == ["R-7K3F9Q"] * 2)


async def test_a_reaction_to_a_message_whose_ts_is_not_stored_yet_nudges_all_that_wait_in_the_channel(
    world: Workspace,
) -> None:
    world.front.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    elsewhere = replace(RUNS["awaiting_approval"].request, origin=replace(RUNS["queued"].request.origin, channel="C0X"))
    async with world.room():
        await _approval(world)
        world.front.runs["R-000002"] = replace(RUNS["awaiting_approval"], id="R-000002", request=elsewhere)
        world.front.nudged.clear()
        posted = world.server.client_actions.write(BOB, OPS, "hello")
        world.server.client_actions.react(BOB, OPS, posted.ts, "white_check_mark")
        await eventually(lambda: world.front.nudged == ["R-7K3F9Q"])


async def test_own_seeds_are_no_events_and_no_votes(world: Workspace) -> None:
    world.front.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with world.room() as room:
        approval = await _approval(world)
        await eventually(lambda: set(approval.reactions) == {"white_check_mark", "x"})
        assert await room.reaction_reader.reactions(RUNS["awaiting_approval"]) == {}
        world.server.client_actions.react(BOB, OPS, approval.ts, "thumbsup::skin-tone-3")
        votes = await room.reaction_reader.reactions(RUNS["awaiting_approval"])
        assert {user: {str(meaning) for meaning in found} for user, found in votes.items()} == {BOB: {"approve"}}


async def test_buttons(world: Workspace) -> None:
    world.front.runs["R-7K3F9Q"] = RUNS["moved"]
    text = b"one\ntwo <!channel> hunter2-production\n"
    world.front.outputs["R-7K3F9Q"] = (Chunk("fetch", "web1", 1, 0, text),)
    async with world.room():
        (card,) = await eventually(lambda: world.by_type("countersign_run"))
        await world.server.client_actions.click(BOB, OPS, card.ts, Click("run_log"))
        await eventually(lambda: world.whispers(BOB))
        assert "two &lt;!channel&gt; ***" in world.whispers(BOB)[0]
        await world.server.client_actions.click(BOB, OPS, card.ts, Click("run_retry"))
        await eventually(lambda: world.front.submitted)
        assert world.front.submitted[0].origin.user == BOB
        assert world.front.submitted[0].target == RUNS["moved"].request.target
        assert world.front.submitted[0].origin.event != RUNS["moved"].request.origin.event


async def test_cancel_and_its_refusal(world: Workspace) -> None:
    world.front.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with world.room():
        (card,) = await eventually(lambda: world.by_type("countersign_run"))
        await world.server.client_actions.click(AMELIE, OPS, card.ts, Click("run_cancel"))
        await eventually(lambda: world.front.cancelled == [("R-7K3F9Q", AMELIE)])
        world.front.refuses = RefusedError(problem(Reason.NOT_ALLOWED, action="cancel", people="releasers"))
        await world.server.client_actions.click(BOB, OPS, card.ts, Click("run_cancel"))
        await eventually(lambda: world.whispers(BOB))
    assert "You may not cancel here." in world.whispers(BOB)[0]


async def test_a_run_whose_target_is_gone_cannot_be_retried(world: Workspace) -> None:
    gone = replace(RUNS["moved"].request, target=TargetName("old", "production"))
    world.front.runs["R-7K3F9Q"] = replace(RUNS["moved"], request=gone)
    async with world.room():
        (card,) = await eventually(lambda: world.by_type("countersign_run"))
        await world.server.client_actions.click(BOB, OPS, card.ts, Click("run_retry"))
        await eventually(lambda: world.whispers(BOB))
    assert "`old` has no environment `production`" in world.whispers(BOB)[0]
    assert world.front.submitted == []


async def test_a_command_that_fails_inside_is_settled_and_said_so(world: Workspace) -> None:
    async def fails(request: object) -> None:
        raise RuntimeError(str(request))

    world.front.submit = fails
    async with world.room() as room:
        room._worker._pause = 0.01
        await world.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        await eventually(lambda: world.inbox.settled)
    assert "something went wrong inside me" in world.whispers(AMELIE)[0]


async def test_everything_else_is_acknowledged(world: Workspace) -> None:
    async with world.room():
        payload = {
            "type": "shortcut",
            "callback_id": "x",
            "trigger_id": "1",
            "user": {"id": AMELIE},
            "team": {"id": "T"},
        }
        delivery = await world.server.sockets.deliver("interactive", payload, takes_response=False)
        assert delivery.outcome is Outcome.ACKED
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: AMELIE in world.server.state.homes)


async def test_reactions_made_while_nothing_was_connected_are_read_when_it_is_again(world: Workspace) -> None:
    world.front.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with world.room() as room:
        await _approval(world)
        world.front.nudged.clear()
        world.server.sockets.drop_all()
        await eventually(lambda: world.front.nudged and world.server.sockets.count == 2)
        await eventually(lambda: room.connected)


async def _approval(world: Workspace):
    (approval,) = await eventually(lambda: world.by_type("countersign_approval"))
    await eventually(lambda: world.messages.rows["R-7K3F9Q", "approval"].ts)
    return approval
