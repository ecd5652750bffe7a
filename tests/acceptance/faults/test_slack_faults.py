"""Slack answers late, wrongly, twice or not at all; its sockets drop, stand still and are refused."""

import asyncio

from bot.demo.application.application import Application
from bot.demo.host.host import DemoHost
from bot.playground.faults import CallFault, FaultEffect
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import RELEASER, System
from tests.support.polling import eventually

ONE_OF_EACH = [f"countersign_{kind}" for kind in ("approval", "plan", "progress", "result", "run")]


def told(system: System) -> list[str]:
    return sorted(message["metadata"]["event_type"] for message in system.messages())


async def test_whatever_the_web_api_answers_there_is_one_true_thread(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    faults = system.playground.faults
    faults.calls = [
        CallFault("chat.postMessage", FaultEffect.RESET_AFTER, 2),
        CallFault("chat.postMessage", FaultEffect.RATE_LIMITED, 2, seconds=1),
        CallFault("chat.postMessage", FaultEffect.SERVER_ERROR, 1),
        CallFault("chat.update", FaultEffect.SERVER_ERROR, 2),
        CallFault("chat.update", FaultEffect.RESET_AFTER, 1),
        CallFault("reactions.get", FaultEffect.SERVER_ERROR, 1),
        CallFault("reactions.add", FaultEffect.RESET_AFTER, 1),
        CallFault("users.info", FaultEffect.SERVER_ERROR, 1),
        CallFault("files.completeUploadExternal", FaultEffect.RESET_AFTER, 1),
    ]
    faults.set({"duplicate": True, "event_delay": 0.1, "event_shuffle": 0.4})
    run = await system.ask()
    request = await system.gate(run)
    # taken back and given again: the events overtake one another
    system.react(request)
    system.unreact(request)
    system.react(request)
    assert await system.end(run) == "succeeded"
    await eventually(lambda: system.files(), 30, what="the log file")
    assert told(system) == ONE_OF_EACH
    assert set(changes(ssh_host).values()) == {1}
    assert {call.effect for call in faults.calls} <= {FaultEffect.SERVER_ERROR}, "faults that nobody met"
    assert len(system.files()) == 1


async def test_sockets_that_drop_are_refused_or_stand_still_lose_nothing_for_good(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    playground = system.playground
    run = await system.ask()
    request = await system.gate(run)
    playground.faults.set({"refuse_sockets": True})
    playground.sockets.drop_all()
    await eventually(lambda: playground.sockets.count == 0)
    # nobody hears of it
    system.react(request)
    await asyncio.sleep(5)
    playground.faults.clear()
    await eventually(lambda: playground.sockets.count >= 1, 30, what="a new socket")
    assert await system.end(run) == "succeeded"
    assert told(system) == ONE_OF_EACH


async def test_a_reaction_of_which_no_event_tells_counts_all_the_same(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    run = await system.ask()
    request = await system.gate(run)
    system.playground.sockets.make_zombies()
    system.react(request)
    assert await system.end(run) == "succeeded"
    assert set(changes(ssh_host).values()) == {1}


async def test_a_reaction_that_comes_before_the_bot_knows_its_own_message(system: System, laravel: Application) -> None:
    system.playground.faults.calls = [CallFault("chat.postMessage", FaultEffect.HANG, None, seconds=0.7)]
    run = await system.ask()
    await eventually(lambda: system.messages("approval", run), 60, what="a request to approve")
    system.react(system.messages("approval", run)[-1])
    assert await system.end(run) == "succeeded"
    assert told(system) == ONE_OF_EACH


async def test_one_command_that_is_delivered_twice_is_one_run(system: System, laravel: Application) -> None:
    system.playground.faults.set({"duplicate": True, "event_shuffle": 0.3})
    run = await system.ask()
    system.react(await system.gate(run), RELEASER, "x")
    assert await system.end(run) == "rejected"
    assert len(await system.bot.json("runs")) == 1
    assert len(system.messages("card")) == 1
