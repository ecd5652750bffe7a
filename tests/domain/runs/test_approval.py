"""The gate's decision, as a table and as properties."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policies.people import ANYONE, Membership, People, Roster, membership
from bot.domain.policies.policy import Requirement
from bot.domain.runs.approval import GateState, Ignored, judge
from bot.domain.targets.target import Emoji, EmojiNames

YES, NO = frozenset({Emoji.APPROVE}), frozenset({Emoji.REJECT})
RELEASERS = People(("releasers",), frozenset({"UBOB", "UDBA"}), frozenset({"SREL"}))
ROSTER = Roster(
    members={"SREL": frozenset({"UEVE", "UGUEST"})},
    humans=frozenset({"UAMELIE", "UBOB", "UDBA", "UEVE"}),
    others=frozenset({"UGUEST", "UBOT"}),
)


def need(count: int, allow_requester: bool = False, people: People = RELEASERS) -> Requirement:
    return Requirement(count, people, timedelta(minutes=30), allow_requester)


@pytest.mark.parametrize(
    ("requirement", "reactions", "state", "ignored"),
    [
        (need(1), {}, GateState.OPEN, {}),
        (need(1), {"UBOB": YES}, GateState.APPROVED, {}),
        (need(1), {"UEVE": YES}, GateState.APPROVED, {}),
        (need(2), {"UBOB": YES}, GateState.OPEN, {}),
        (need(2), {"UBOB": YES, "UEVE": YES}, GateState.APPROVED, {}),
        (need(1), {"UAMELIE": YES}, GateState.OPEN, {"UAMELIE": Ignored.IS_REQUESTER}),
        (need(1, people=ANYONE), {"UAMELIE": YES}, GateState.OPEN, {"UAMELIE": Ignored.IS_REQUESTER}),
        (need(1, allow_requester=True, people=ANYONE), {"UAMELIE": YES}, GateState.APPROVED, {}),
        (need(1), {"UAMELIE": NO}, GateState.REJECTED, {}),
        (need(1), {"UBOB": NO}, GateState.REJECTED, {}),
        (need(1), {"UBOB": YES, "UDBA": NO}, GateState.REJECTED, {}),
        (need(1), {"UBOB": YES | NO}, GateState.OPEN, {"UBOB": Ignored.CONTRADICTS_ITSELF}),
        (need(1), {"UGUEST": YES}, GateState.OPEN, {"UGUEST": Ignored.NOT_A_MEMBER}),
        (need(1), {"UBOT": NO}, GateState.OPEN, {"UBOT": Ignored.NOT_A_MEMBER}),
        (need(1), {"UNEW": YES}, GateState.OPEN, {"UNEW": Ignored.NOT_ELIGIBLE}),
        (need(1, people=ANYONE), {"UNEW": YES}, GateState.OPEN, {"UNEW": Ignored.LOOKUP_FAILED}),
        (need(1), {"UBOB": frozenset()}, GateState.OPEN, {}),
    ],
)
def test_what_reactions_decide(
    requirement: Requirement, reactions: dict[str, frozenset[Emoji]], state: GateState, ignored: dict[str, Ignored]
) -> None:
    judgement = judge(requirement, "UAMELIE", reactions, ROSTER)
    assert judgement.state is state
    assert judgement.ignored == ignored


def test_a_group_that_could_not_be_looked_up_is_never_a_yes() -> None:
    nobody_known = Roster(humans=ROSTER.humans)
    assert membership("UEVE", RELEASERS, nobody_known) is Membership.UNKNOWN
    assert judge(need(1), "UAMELIE", {"UEVE": YES}, nobody_known).state is GateState.OPEN


users = st.sampled_from(["UAMELIE", "UBOB", "UDBA", "UEVE", "UGUEST", "UBOT", "UNEW"])


@given(st.dictionaries(users, st.sampled_from([YES, NO, YES | NO, frozenset()])), st.integers(1, 3), st.booleans())
def test_no_gate_opens_without_enough_different_eligible_people(
    reactions: dict[str, frozenset[Emoji]], count: int, allow_requester: bool
) -> None:
    judgement = judge(need(count, allow_requester), "UAMELIE", reactions, ROSTER)
    if judgement.state is GateState.APPROVED:
        allowed = {"UBOB", "UDBA", "UEVE"}
        assert set(judgement.approvers) <= allowed
        assert len(set(judgement.approvers)) >= count
        assert all(reactions[user] == YES for user in judgement.approvers)


@pytest.mark.parametrize(
    ("reaction", "meaning"),
    [
        ("white_check_mark", Emoji.APPROVE),
        ("+1", Emoji.APPROVE),
        ("thumbsup", Emoji.APPROVE),
        ("thumbsup::skin-tone-3", Emoji.APPROVE),
        ("+1::skin-tone-6", Emoji.APPROVE),
        ("x", Emoji.REJECT),
        ("-1", Emoji.REJECT),
        ("thumbsdown::skin-tone-2", Emoji.REJECT),
        ("eyes", None),
        ("", None),
    ],
)
def test_skin_tones_and_aliases_are_one_emoji(reaction: str, meaning: Emoji | None) -> None:
    assert EmojiNames().meaning(reaction) is meaning


def test_an_alias_in_the_file_counts_too() -> None:
    assert EmojiNames(approve=("thumbsup",)).meaning("+1") is Emoji.APPROVE
