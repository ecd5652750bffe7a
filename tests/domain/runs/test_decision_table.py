"""Who counts, as one table over every kind of person, and what any set of reactions decides, against a plain rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policies.people import ANYONE, NOBODY, Membership, People, Roster, membership
from bot.domain.policies.policy import OVERRIDE, Policy, Requirement
from bot.domain.runs.approval import GateState, Ignored, Judgement, judge
from bot.domain.runs.plan_json import CODEC
from bot.domain.runs.request import (
    Action,
    DeployOptions,
    Origin,
    PolicyExceptions,
    Request,
    RequestOptions,
    RestoreBackup,
    RollbackOptions,
)
from bot.domain.targets.target import Emoji
from tests.support.examples import NAME


class Who(StrEnum):
    ACTIVE = "an active, full member"
    OTHER = "a guest, a bot, somebody deactivated or of another workspace"
    UNKNOWN = "somebody whom Slack did not tell of"


class Listed(StrEnum):
    BY_NAME = "by name"
    IN_GROUP = "in a group"
    OUTSIDE = "in no group of the list"
    GROUP_FAILED = "perhaps in a group that Slack did not tell of"
    ANYONE = "as anyone"
    NOT = "not at all"


USER = "UONE"
LISTS = {
    Listed.BY_NAME: People(("list",), frozenset({USER})),
    Listed.IN_GROUP: People(("list",), groups=frozenset({"SIN"})),
    Listed.OUTSIDE: People(("list",), frozenset({"UTWO"}), frozenset({"SOUT"})),
    Listed.GROUP_FAILED: People(("list",), groups=frozenset({"SFAILED", "SOUT"})),
    Listed.ANYONE: ANYONE,
    Listed.NOT: NOBODY,
}
TABLE = {
    Listed.BY_NAME: {Who.ACTIVE: Membership.YES, Who.UNKNOWN: Membership.UNKNOWN},
    Listed.IN_GROUP: {Who.ACTIVE: Membership.YES, Who.UNKNOWN: Membership.UNKNOWN},
    Listed.OUTSIDE: {Who.ACTIVE: Membership.NO, Who.UNKNOWN: Membership.NO},
    Listed.GROUP_FAILED: {Who.ACTIVE: Membership.UNKNOWN, Who.UNKNOWN: Membership.UNKNOWN},
    Listed.ANYONE: {Who.ACTIVE: Membership.YES, Who.UNKNOWN: Membership.UNKNOWN},
    Listed.NOT: {Who.ACTIVE: Membership.NO, Who.UNKNOWN: Membership.NO},
}
"""A guest, a bot, somebody deactivated or from elsewhere is never a yes, however they are listed."""


def roster(kinds: dict[str, Who], members: dict[str, frozenset[str]]) -> Roster:
    return Roster(
        members,
        frozenset(user for user, kind in kinds.items() if kind is Who.ACTIVE),
        frozenset(user for user, kind in kinds.items() if kind is Who.OTHER),
    )


@pytest.mark.parametrize(("listed", "who"), list(product(Listed, Who)))
def test_who_belongs_to_a_list(listed: Listed, who: Who) -> None:
    found = roster({USER: who}, {"SIN": frozenset({USER}), "SOUT": frozenset({"UTWO"})})
    assert membership(USER, LISTS[listed], found) is TABLE[listed].get(who, Membership.NO)


@pytest.mark.parametrize(
    ("listed", "who", "is_requester", "may_self"), list(product(Listed, Who, (False, True), (False, True)))
)
def test_an_approval_counts_only_from_who_belongs_and_did_not_ask(
    listed: Listed, who: Who, is_requester: bool, may_self: bool
) -> None:
    found = roster({USER: who}, {"SIN": frozenset({USER}), "SOUT": frozenset({"UTWO"})})
    needs = Requirement(1, LISTS[listed], timedelta(minutes=30), allow_requester=may_self)
    judged = judge(needs, USER if is_requester else "UASKER", {USER: frozenset({Emoji.APPROVE})}, found)
    belongs = TABLE[listed].get(who, Membership.NO) is Membership.YES
    counts = belongs and (may_self or not is_requester)
    assert judged.state is (GateState.APPROVED if counts else GateState.OPEN)
    assert judged.approvers == ((USER,) if counts else ())
    assert (USER in judged.ignored) is not counts


# ── any list, any look-up, any reactions ──

USERS = ("UA", "UB", "UC", "UD", "UE")
GROUPS = ("SX", "SY")
CHOICES = (frozenset(), frozenset({Emoji.APPROVE}), frozenset({Emoji.REJECT}), frozenset(Emoji))


@dataclass(frozen=True)
class Scene:
    """Everything a decision is made of.

    Args:
        needs: the requirement.
        kinds: who each user is.
        members: of the groups that Slack told of.
        said: what each user's emoji mean.
    """

    needs: Requirement
    kinds: dict[str, Who]
    members: dict[str, frozenset[str]]
    said: dict[str, frozenset[Emoji]]

    def judge(self) -> Judgement:
        return judge(self.needs, "UA", self.said, roster(self.kinds, self.members))


def some(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values))


people = st.builds(People, st.just(("list",)), some(USERS), some(GROUPS), st.booleans())
plain_needs = st.builds(
    Requirement, st.integers(1, 3), people, st.just(timedelta(minutes=30)), allow_requester=st.booleans()
)
needs = st.one_of(plain_needs, st.builds(lambda one, other: replace(one, also=other), plain_needs, plain_needs))
scenes = st.builds(
    Scene,
    needs,
    st.fixed_dictionaries({user: st.sampled_from(Who) for user in USERS}),
    st.dictionaries(st.sampled_from(GROUPS), some(USERS)),
    st.dictionaries(st.sampled_from(USERS), st.sampled_from(CHOICES)),
)


def able(scene: Scene, part: Requirement) -> set[str]:
    """The plain rule: active, and named, or in a group that was looked up, or anyone is meant; not who asked."""
    eligible = part.eligible
    listed = set(USERS) if eligible.anyone else set(eligible.users)
    for group in eligible.groups & scene.members.keys():
        listed |= scene.members[group]
    active = {user for user in listed if scene.kinds.get(user) is Who.ACTIVE}
    return active if part.allow_requester else active - {"UA"}


def decided(scene: Scene, part: Requirement) -> GateState:
    may = able(scene, part)
    only = {user: next(iter(said)) for user, said in scene.said.items() if len(said) == 1}
    asker_rejects = Emoji.REJECT in scene.said.get("UA", ()) and scene.kinds["UA"] is not Who.OTHER
    if asker_rejects or any(only.get(user) is Emoji.REJECT for user in may):
        return GateState.REJECTED
    enough = sum(only.get(user) is Emoji.APPROVE for user in may) >= part.count
    return GateState.APPROVED if enough else GateState.OPEN


@given(scenes)
def test_a_decision_is_what_the_plain_rule_says(scene: Scene) -> None:
    parts = [scene.needs, *([scene.needs.also] if scene.needs.also else [])]
    states = [decided(scene, part) for part in parts]
    expected = (
        GateState.REJECTED
        if GateState.REJECTED in states
        else GateState.APPROVED
        if set(states) == {GateState.APPROVED}
        else GateState.OPEN
    )
    judged = scene.judge()
    assert judged.state is expected
    spoke = {user for user, said in scene.said.items() if said}
    assert {*judged.approvers, *judged.rejecters, *judged.ignored} == spoke, "everybody who spoke is told of"
    assert not {*judged.approvers, *judged.rejecters} & judged.ignored.keys()


@given(scenes, st.sampled_from(USERS), st.sampled_from(CHOICES))
def test_what_one_person_says_never_makes_another_count(scene: Scene, user: str, choice: frozenset[Emoji]) -> None:
    other = replace(scene, said={**scene.said, user: choice})
    assert set(scene.judge().approvers) - {user} == set(other.judge().approvers) - {user}


@given(scenes, st.sampled_from(GROUPS))
def test_a_look_up_that_fails_never_makes_a_yes(scene: Scene, group: str) -> None:
    without = replace(scene, members={name: users for name, users in scene.members.items() if name != group})
    assert set(without.judge().approvers) <= set(scene.judge().approvers)
    nobody = replace(scene, kinds=dict.fromkeys(USERS, Who.UNKNOWN))
    assert nobody.judge().approvers == ()
    assert Ignored.NOT_A_MEMBER not in nobody.judge().ignored.values()


@given(scenes)
def test_a_requirement_that_is_stored_decides_the_same(scene: Scene) -> None:
    stored = CODEC.from_json(Requirement, CODEC.to_json(scene.needs))
    assert replace(scene, needs=stored).judge() == scene.judge()


# ── which requirement ──

keys = st.sampled_from([*(action.value for action in Action), "destructive-migration", OVERRIDE])
policies = st.builds(
    Policy,
    st.just("p"),
    approve=st.dictionaries(keys, plain_needs),
    emergency=st.one_of(st.none(), people),
)


EXCEPTIONS = PolicyExceptions(during_freeze="x")
DURING_FREEZE: dict[Action, RequestOptions] = {
    Action.DEPLOY: DeployOptions("main", exceptions=EXCEPTIONS),
    Action.ROLLBACK: RollbackOptions(exceptions=EXCEPTIONS),
    Action.RESTORE: RestoreBackup("B-1", EXCEPTIONS),
}


@given(policies, st.sampled_from([Action.DEPLOY, Action.ROLLBACK, Action.RESTORE]), st.booleans())
def test_an_exception_never_asks_for_nobody(policy: Policy, action: Action, destructive: bool) -> None:
    request = Request(DURING_FREEZE[action], NAME, Origin("UA", "C1", "E1"))
    if OVERRIDE in policy.approve:
        asked = policy.gate(request, destructive=destructive)
        assert replace(asked, also=None) == policy.approve[OVERRIDE]
        usual = policy.requirement(action, destructive)
        assert asked.also == (usual if destructive and not usual.needs_no_approval else None)
    owed = policy.afterwards(request, destructive=destructive)
    assert owed.needed >= 1
    assert not owed.allow_requester, "who broke the glass does not countersign it"


@given(policies, st.sampled_from(Action), st.booleans())
def test_who_may_approve_may_cancel_and_the_way_back_always_needs_somebody(
    policy: Policy, action: Action, destructive: bool
) -> None:
    asked = policy.requirement(action, destructive)
    may = policy.may_cancel(action, asked)
    assert asked.people.users <= may.users
    assert asked.people.groups <= may.groups
    assert (policy.emergency or NOBODY).users <= may.users
    if action in {Action.ROLLBACK, Action.RESTORE}:
        assert not asked.needs_no_approval
