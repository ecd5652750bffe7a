"""Many people at once, with Slack's rate limits on: every command answered, every card right, no vote lost."""

from __future__ import annotations

import asyncio
from collections import Counter

from bot.demo.application.application import Application
from bot.store.history.verify import first_broken
from tests.acceptance.support.system import DBA, ENGINEER, ONCALL, RELEASER, System
from tests.support.polling import eventually

PEOPLE = (ENGINEER, RELEASER, ONCALL, DBA)
EMOJI = ("eyes", "tada", "heart", "+1", "white_check_mark")
COMMANDS = ("/ops status", "/ops help", "/deploy nosuch production", "/backup list nosuch production")


async def test_two_hundred_commands_and_five_hundred_reactions(system: System, laravel: Application) -> None:
    system.playground.faults.rate_limits = True
    run = await system.ask()
    gate = await system.gate(run)
    before = {person: len(system.ephemerals(person)) for person in PEOPLE}
    asked: Counter[str] = Counter()

    async def commands(person: str) -> None:
        for number in range(49):
            await system.type(COMMANDS[number % len(COMMANDS)], person)
            asked[person] += 1

    async def reactions() -> None:
        # Whoever may not approve reacts and takes it back; the one who may comes and goes, and stays at the end.
        for number in range(100):
            for person in (ENGINEER, DBA):
                system.react(gate, person, EMOJI[number % len(EMOJI)])
                system.unreact(gate, person, EMOJI[number % len(EMOJI)])
            system.react(gate, ONCALL, "eyes")
            system.unreact(gate, ONCALL, "eyes")
            await asyncio.sleep(0)

    behind = system.type("/deploy compte production --dry-run", ENGINEER)
    await asyncio.gather(reactions(), behind, *(commands(person) for person in PEOPLE))
    system.react(gate, RELEASER)

    runs = await system.runs(2)
    assert [await system.end(each, 180) for each in runs] == ["succeeded"] * 2
    for person in PEOPLE:
        wanted = before[person] + asked[person]
        await eventually(lambda person=person, wanted=wanted: len(_answers(system, person)) >= wanted, 120)  # type: ignore[misc]  # bound now
        assert len(_answers(system, person)) == wanted, person
    approval = system.payload("approval", run)
    assert (approval["state"], approval["given"]) == ("approved", 1)
    for each in runs:
        [result] = system.messages("result", each)
        assert result["text"]
        assert f"<@{ENGINEER}>" in system.result(each), "who asked is told once, in the outcome"
        assert system.payload("card", each)["state"] == "succeeded"
    async with system.bot.store() as store:
        assert await store.inbox.waiting(10) == ()
        assert await first_broken(store.history) is None


def _answers(system: System, person: str) -> list[str]:
    """Give what one person was answered; that their emoji do not count is told beside it."""
    return [text for text in system.ephemerals(person) if "not count" not in text]
