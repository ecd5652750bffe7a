"""Slack answers late, wrongly, twice or not at all; its sockets drop, stand still and are refused."""

import asyncio

from bot.demo.application.application import Application
from bot.demo.host.host import Host
from bot.playground.faults import CallFault, Effect
from tests.acceptance.support.outside import changes
from tests.acceptance.support.stage import RELEASER, Stage
from tests.support.polling import eventually

ONE_OF_EACH = [f"countersign_{kind}" for kind in ("approval", "plan", "progress", "result", "run")]


def told(stage: Stage) -> list[str]:
    return sorted(message["metadata"]["event_type"] for message in stage.messages())


async def test_whatever_the_web_api_answers_there_is_one_true_thread(
    stage: Stage, laravel: Application, ssh_host: Host
) -> None:
    faults = stage.playground.faults
    faults.calls = [
        CallFault("chat.postMessage", Effect.RESET_AFTER, 2),
        CallFault("chat.postMessage", Effect.RATE_LIMITED, 2, seconds=1),
        CallFault("chat.postMessage", Effect.SERVER_ERROR, 1),
        CallFault("chat.update", Effect.SERVER_ERROR, 2),
        CallFault("chat.update", Effect.RESET_AFTER, 1),
        CallFault("reactions.get", Effect.SERVER_ERROR, 1),
        CallFault("reactions.add", Effect.RESET_AFTER, 1),
        CallFault("users.info", Effect.SERVER_ERROR, 1),
        CallFault("files.completeUploadExternal", Effect.RESET_AFTER, 1),
    ]
    faults.set({"duplicate": True, "event_delay": 0.1, "event_shuffle": 0.4})
    run = await stage.ask()
    request = await stage.gate(run)
    # taken back and given again: the events overtake one another
    stage.react(request)
    stage.unreact(request)
    stage.react(request)
    assert await stage.end(run) == "succeeded"
    await eventually(lambda: stage.files(), 30, what="the log file")
    assert told(stage) == ONE_OF_EACH
    assert set(changes(ssh_host).values()) == {1}
    assert {call.effect for call in faults.calls} <= {Effect.SERVER_ERROR}, "faults that nobody met"
    assert len(stage.files()) == 1


async def test_sockets_that_drop_are_refused_or_stand_still_lose_nothing_for_good(
    stage: Stage, laravel: Application, ssh_host: Host
) -> None:
    playground = stage.playground
    run = await stage.ask()
    request = await stage.gate(run)
    playground.faults.set({"refuse_sockets": True})
    playground.sockets.drop_all()
    await eventually(lambda: playground.sockets.count == 0)
    # nobody hears of it
    stage.react(request)
    await asyncio.sleep(5)
    playground.faults.clear()
    await eventually(lambda: playground.sockets.count >= 1, 30, what="a new socket")
    assert await stage.end(run) == "succeeded"
    assert told(stage) == ONE_OF_EACH


async def test_a_reaction_of_which_no_event_tells_counts_all_the_same(
    stage: Stage, laravel: Application, ssh_host: Host
) -> None:
    run = await stage.ask()
    request = await stage.gate(run)
    stage.playground.sockets.make_zombies()
    stage.react(request)
    assert await stage.end(run) == "succeeded"
    assert set(changes(ssh_host).values()) == {1}


async def test_a_reaction_that_comes_before_the_bot_knows_its_own_message(stage: Stage, laravel: Application) -> None:
    stage.playground.faults.calls = [CallFault("chat.postMessage", Effect.HANG, None, seconds=0.7)]
    run = await stage.ask()
    await eventually(lambda: stage.messages("approval", run), 60, what="a request to approve")
    stage.react(stage.messages("approval", run)[-1])
    assert await stage.end(run) == "succeeded"
    assert told(stage) == ONE_OF_EACH


async def test_one_command_that_is_delivered_twice_is_one_run(stage: Stage, laravel: Application) -> None:
    stage.playground.faults.set({"duplicate": True, "event_shuffle": 0.3})
    run = await stage.ask()
    stage.react(await stage.gate(run), RELEASER, "x")
    assert await stage.end(run) == "rejected"
    assert len(await stage.bot.json("runs")) == 1
    assert len(stage.messages("card")) == 1
