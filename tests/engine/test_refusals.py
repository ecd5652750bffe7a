"""A refusal is on the record: who asked for what, and why it was not done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.errors import Problem, Reason, RefusedError
from bot.domain.runs.history import Entry, first_break
from bot.domain.runs.request import Decision, ListBackups, Origin
from tests.engine.support.world import SECRET, SmallWorld
from tests.support.examples import NAME, REQUEST

EVE = Origin("UMALLORY", "C0OPS", "button:9")


async def refusals(world: SmallWorld) -> list[Entry]:
    history = await world.store.history.all()
    assert first_break(history) is None
    return [record.entry for record in history if record.entry.event == "refused"]


async def test_a_request(world: SmallWorld) -> None:
    typed = f"/deploy compte production {SECRET.reveal()}"
    with pytest.raises(RefusedError):
        await world.engine.submit(replace(REQUEST, origin=EVE, typed=typed))
    [found] = await refusals(world)
    assert (found.run, found.actor) == ("", "UMALLORY")
    assert found.facts["reason"] == Reason.MEMBERSHIP_UNKNOWN
    assert found.facts["asked"] == "/deploy compte production ***"
    assert (found.facts["target"], found.facts["channel"]) == (str(NAME), "C0OPS")


async def test_a_request_from_a_channel_where_nobody_would_see_the_run(world: SmallWorld) -> None:
    world.people.left["C0OPS"] = Problem(Reason.NOT_IN_CHANNEL, {"channel": "C0OPS"})
    for ask in (world.engine.submit, world.engine.status_service.judge):
        with pytest.raises(RefusedError) as refused:
            await ask(REQUEST)
        assert refused.value.problem.reason is Reason.NOT_IN_CHANNEL
    assert await world.store.runs.recent(1) == ()
    assert [found.facts["reason"] for found in await refusals(world)] == ["not_in_channel", "not_in_channel"]


async def test_a_backup_of_a_schedule_is_made_though_nobody_would_see_it(world: SmallWorld) -> None:
    world.people.left["C0OPS"] = Problem(Reason.NOT_IN_CHANNEL, {"channel": "C0OPS"})
    await world.engine.submit_scheduled(REQUEST)
    assert len(await world.store.runs.recent(1)) == 1


async def test_a_request_that_only_reads(world: SmallWorld) -> None:
    with pytest.raises(RefusedError):
        await world.engine.backup_list(replace(REQUEST, options=ListBackups(), origin=EVE, typed="/backup list"))
    [found] = await refusals(world)
    assert (found.actor, found.facts["asked"]) == ("UMALLORY", "/backup list")


async def test_a_cancellation_and_a_decision(world: SmallWorld) -> None:
    run = await world.submit()
    with pytest.raises(RefusedError):
        await world.engine.cancel(run, "UMALLORY")
    with pytest.raises(RefusedError):
        await world.engine.decide(run, Decision.RETRY, EVE)
    told = [(found.run, found.actor, found.facts["asked"], found.facts["reason"]) for found in await refusals(world)]
    assert told == [
        (run, "UMALLORY", "cancel", "not_allowed"),
        (run, "UMALLORY", f"{Decision.RETRY} {run}", "move_not_legal"),
    ]


async def test_a_lock(world: SmallWorld) -> None:
    with pytest.raises(RefusedError):
        await world.engine.lock_service.lock(NAME, "mine", "UMALLORY")
    with pytest.raises(RefusedError):
        await world.engine.lock_service.lock_to_take_off(NAME, "UMALLORY")
    assert [(found.actor, found.facts["asked"], found.facts["target"]) for found in await refusals(world)] == [
        ("UMALLORY", "lock", str(NAME)),
        ("UMALLORY", "unlock", str(NAME)),
    ]


async def test_a_bot_that_is_being_stopped_judged_nobody(world: SmallWorld) -> None:
    await world.engine.drain()
    with pytest.raises(RefusedError):
        await world.engine.submit(REQUEST)
    assert await refusals(world) == []


async def test_what_brought_a_request_is_on_the_record(world: SmallWorld) -> None:
    await world.engine.submit(replace(REQUEST, origin=replace(REQUEST.origin, event="button:17")))
    requested = (await world.store.history.all())[0].entry
    assert requested.event == "requested"
    assert (requested.facts["by"], requested.facts["channel"]) == ("button", "C0OPS")
