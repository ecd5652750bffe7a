"""Where a stretch begins and ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.runs.acts import Health, Shell
from bot.domain.runs.journal_layout import STRETCH
from bot.domain.runs.plan import OnFailure, Phase, Risk, Step
from bot.domain.runs.run import Run, RunState, StepRow, StepState
from bot.domain.runs.stretches import LONGEST, checks_at_once, next_stretch, open_stretch
from bot.domain.shell import syntax
from tests.support.examples import NOON, REQUEST

PLAIN = Step("k", "a step", Phase.CHANGE, ("web1",), Risk.CHANGES, 60, Shell(syntax("true"), "/", None))
READS = replace(PLAIN, risk=Risk.READS)


def keyed(*steps: Step) -> tuple[Step, ...]:
    return tuple(replace(step, key=f"k{number}") for number, step in enumerate(steps))


def a_run(steps: tuple[Step, ...], *states: StepState) -> Run:
    """A run of which the first steps are in these states, the others pending."""
    every = (*states, *[StepState.PENDING] * (len(steps) - len(states)))
    rows = tuple(
        StepRow(number, step.key, step.title, step.phase, step.risk, place, state=state)
        for number, (step, state) in enumerate(zip(steps, every, strict=True))
        for place in step.places
    )
    return Run("R-1", 1, REQUEST, RunState.RUNNING, 1, NOON, steps=rows)


@pytest.mark.parametrize(
    ("steps", "together"),
    [
        ((PLAIN,), 1),
        ((PLAIN, PLAIN, PLAIN), 3),
        ((PLAIN,) * (LONGEST + 1), LONGEST),
        ((PLAIN, READS, PLAIN), 3),
        ((READS, READS), 2),
        # the reactions are read again before the first change
        ((READS, PLAIN), 1),
        ((READS, READS, PLAIN), 2),
        # what destroys or changes the schema begins alone, wherever it stands
        ((PLAIN, replace(PLAIN, risk=Risk.DESTROYS), PLAIN), 1),
        ((replace(PLAIN, risk=Risk.DESTROYS), PLAIN), 1),
        ((PLAIN, PLAIN, replace(PLAIN, schema=True)), 2),
        ((replace(PLAIN, schema=True), PLAIN), 1),
        # other places
        ((PLAIN, replace(PLAIN, hosts=("web2",)), PLAIN), 1),
        ((PLAIN, replace(PLAIN, hosts=("web1", "web2"))), 1),
        ((replace(PLAIN, hosts=("web1", "web2")), replace(PLAIN, hosts=("web1", "web2"))), 1),
        ((PLAIN, replace(PLAIN, hosts=())), 1),
        # no commands
        ((PLAIN, replace(PLAIN, act=Health("https://compte.example.com", 1))), 1),
        # a cancelled run goes on with what undoes
        ((PLAIN, PLAIN, replace(PLAIN, undoes="k0")), 2),
        ((replace(PLAIN, undoes="k1"), PLAIN), 1),
        # what the bot asks only when a step was not done
        ((PLAIN, replace(PLAIN, check=syntax("true")), replace(PLAIN, on_failure=OnFailure.HOLD), PLAIN), 4),
        ((PLAIN, replace(PLAIN, act=Shell(syntax("true"), "/", "a" * 40)), PLAIN), 3),
    ],
)
def test_how_many_steps_are_given_together(steps: tuple[Step, ...], together: int) -> None:
    left = keyed(*steps)
    assert next_stretch(left, a_run(left)) == left[:together]


def test_behind_a_change_reading_need_not_come_alone() -> None:
    steps = keyed(PLAIN, READS, PLAIN, PLAIN)
    assert next_stretch(steps[1:], a_run(steps, StepState.DONE)) == steps[1:]


@pytest.mark.parametrize("state", [state for state in StepState if state is not StepState.PENDING])
def test_a_step_that_was_begun_is_in_none(state: StepState) -> None:
    steps = keyed(PLAIN, PLAIN, PLAIN)
    assert next_stretch(steps, a_run(steps, state)) == steps[:1]
    assert next_stretch(steps, a_run(steps, StepState.PENDING, StepState.PENDING, state)) == steps[:2]


def test_open_is_what_was_given_and_not_heard_of() -> None:
    steps = keyed(*[PLAIN] * 5)
    run = a_run(steps, StepState.DONE, StepState.DONE, StepState.RUNNING)
    assert open_stretch(run) == ()
    head = replace(run.steps[1], facts={STRETCH: "k2 k3"})
    run = replace(run, steps=(run.steps[0], head, *run.steps[2:]))
    assert [row.key for row in open_stretch(run)] == ["k3"]


@pytest.mark.parametrize(
    ("places", "groups"),
    [
        ("", []),
        ("h", ["h"]),
        ("hbbbh", ["h", "bbb", "h"]),
        ("bbhhb", ["bb", "h", "h", "b"]),
    ],
)
def test_checks_of_the_bot_itself_wait_for_none_of_each_other(places: str, groups: list[str]) -> None:
    """Commands on hosts (h) are run alone and in order; what stands between them the bot (b) reads at once."""
    steps = keyed(*(replace(READS, hosts=("web1",) if place == "h" else ()) for place in places))
    found = checks_at_once(steps)
    assert ["".join("h" if step.hosts else "b" for step in group) for group in found] == groups
    assert tuple(step for group in found for step in group) == steps
