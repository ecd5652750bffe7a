"""Whom a request to approve and its reminders call: everybody in the end, and nobody without need."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.policies.people import ANYONE, People
from bot.domain.runs.reminders import due, next_moment
from bot.domain.runs.run import Gate, Run
from bot.slack.render.message import Message
from bot.slack.render.run_messages import render
from tests.slack.support.limits import mentioned
from tests.slack.support.runs import AMELIE, RUNS, ctx

TWELVE = frozenset(f"U0PERSON{letter}" for letter in "ABCDEFGHIJKL")


def waiting(people: People, *, allow_requester: bool = False) -> Run:
    """A run that waits for people, and was not reminded yet."""
    run = RUNS["awaiting_approval"]
    assert run.gate is not None
    requirement = replace(run.gate.requirement, eligible=people, allow_requester=allow_requester, also=None)
    return replace(run, gate=replace(run.gate, requirement=requirement, reminded_at=None))


def gate_of(run: Run) -> Gate:
    assert run.gate is not None
    return run.gate


def reminders(run: Run, how_many: int) -> list[Message]:
    """The reminders of a run, as each one is when it is due."""
    found = []
    gate = gate_of(run)
    at = gate.opened_at
    for _ in range(how_many):
        at = next_moment(gate, at)
        assert at is not None
        assert due(gate, at) == at
        gate = replace(gate, reminded_at=at)
        slots = render(replace(run, gate=gate), ctx(at))
        found += [message for slot, message in slots.items() if slot.startswith("reminder:")]
    return found


def users(message: Message) -> set[str]:
    return {mention.removeprefix("@") for mention in mentioned(message)}


def test_everybody_is_called_before_a_request_expires() -> None:
    run = waiting(People(("many",), TWELVE))
    request = render(run, ctx())["approval"]
    first, last = reminders(run, 2)
    assert users(request) == set(sorted(TWELVE)[:5])
    assert "7 more" in request.text
    assert users(first) == set(sorted(TWELVE)[5:10])
    assert users(last) == TWELVE


def test_the_reminders_of_an_emergency_call_one_after_the_other_and_begin_again() -> None:
    run = waiting(People(("many",), TWELVE))
    gate = replace(gate_of(run), afterwards=True, expires_at=gate_of(run).opened_at + timedelta(days=1))
    called = [users(message) for message in reminders(replace(run, gate=gate), 3)]
    everybody = sorted(TWELVE)
    assert called == [set(everybody[5:10]), set(everybody[10:]), set(everybody[:5])]


def test_a_short_list_is_called_each_time() -> None:
    run = waiting(People(("few",), frozenset({"U0BOB"}), frozenset({"S0RELEASE"})))
    for message in (render(run, ctx())["approval"], *reminders(run, 2)):
        assert mentioned(message) == {"@U0BOB", "!subteam^S0RELEASE"}


@pytest.mark.parametrize("slot", ["approval", "reminder"])
def test_a_gate_of_anyone_calls_who_asked_or_is_shown_in_the_channel(slot: str) -> None:
    def shown(run: Run) -> Message:
        return render(run, ctx())["approval"] if slot == "approval" else reminders(run, 1)[0]

    theirs = shown(waiting(ANYONE, allow_requester=True))
    assert (mentioned(theirs), theirs.announced) == ({f"@{AMELIE}"}, False)
    others = shown(waiting(ANYONE))
    assert (mentioned(others), others.announced) == (set(), True)
    named = shown(waiting(People(("few",), frozenset({"U0BOB"}))))
    assert not named.announced
