"""What waits for whom."""

from dataclasses import replace

import pytest

from bot.domain.policies.people import NOBODY, People, Roster
from bot.domain.runs.approval import GateState
from bot.domain.runs.run import Run
from bot.domain.targets.dashboard import asked_people, people_of, waits_for
from tests.slack.support.runs import AMELIE, BOB, DIGEST, GATE, NOOR, RUNS, VOTE

WAITING = RUNS["awaiting_approval"]
ONCALL = People(("oncall",), groups=frozenset({"S0RELEASE"}))
ROSTER = Roster({"S0RELEASE": frozenset({NOOR})}, frozenset({AMELIE, BOB, NOOR}))
SELF = replace(GATE, requirement=replace(GATE.requirement, eligible=replace(GATE.requirement.eligible, anyone=True)))


@pytest.mark.parametrize(
    ("run", "user", "roster", "waits"),
    [
        (WAITING, BOB, ROSTER, True),
        (WAITING, NOOR, ROSTER, True),
        (WAITING, AMELIE, ROSTER, False),
        (WAITING, "U0GUEST", Roster({}, frozenset(), frozenset({"U0GUEST"})), False),
        (WAITING, NOOR, Roster({}, frozenset({NOOR})), False),
        (WAITING, BOB, Roster(), False),
        (replace(WAITING, votes=(VOTE,)), BOB, ROSTER, False),
        (replace(WAITING, votes=(replace(VOTE, counts=False),)), BOB, ROSTER, True),
        (replace(WAITING, votes=(replace(VOTE, digest="other"),)), BOB, ROSTER, True),
        (replace(WAITING, gate=replace(GATE, state=GateState.EXPIRED)), BOB, ROSTER, False),
        (replace(WAITING, gate=SELF), AMELIE, ROSTER, False),
        (
            replace(WAITING, gate=replace(SELF, requirement=replace(SELF.requirement, allow_requester=True))),
            AMELIE,
            ROSTER,
            True,
        ),
        (RUNS["needs_human"], NOOR, ROSTER, True),
        (RUNS["needs_human"], AMELIE, ROSTER, False),
        (RUNS["needs_human"], NOOR, Roster({}, frozenset({NOOR})), False),
        (RUNS["needs_human"], BOB, ROSTER, False),
        (RUNS["running"], BOB, ROSTER, False),
    ],
)
def test_who_is_waited_for(run: Run, user: str, roster: Roster, waits: bool) -> None:
    assert waits_for(run, user, roster, ONCALL) is waits


def test_those_who_may_be_waited_for_are_whom_the_open_gates_name_and_who_may_decide() -> None:
    held = RUNS["needs_human"]
    assert people_of(asked_people([WAITING, RUNS["running"], RUNS["succeeded"]], {}), ROSTER) == {BOB, NOOR}
    assert people_of(asked_people([RUNS["running"], held], {held.id: ONCALL}), ROSTER) == {NOOR}
    assert asked_people([RUNS["running"], held], {}) == NOBODY
    assert GATE.digest == DIGEST
