"""The gate, with votes, withdrawals, people, policies, restarts and cards in any order: `HISTORIES=3000` tries more.

The engine's own code of the gate and of the change drives one run after the other, kept in memory. Each step that
changes or destroys is held against a plain rule at the instant at which its intent is committed.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, ClassVar, get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from structlog.testing import capture_logs

from bot.domain.policies.people import ANYONE, NOBODY, People, Roster
from bot.domain.policies.policy import DESTRUCTIVE_MIGRATION, Policy, Requirement
from bot.domain.runs.acts import Act, Health
from bot.domain.runs.approval import GateState
from bot.domain.runs.basis import Basis
from bot.domain.runs.history import Entry
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.request import Action, DeployOptions, Origin, Request
from bot.domain.runs.run import Gate, Run, RunState, StepRow, StepState
from bot.domain.secrets import Masker
from bot.domain.targets.host_identity import HostIdentity
from bot.domain.targets.target import Emoji, Operations, Target
from bot.engine.context import EngineContext
from bot.engine.phases.change import change
from bot.engine.phases.gate import wait_at_gate
from bot.engine.phases.reading_times import OpenGates
from bot.engine.ports import Done, Job, Occasion, Outcome, Output, ReactionsUnavailableError
from bot.engine.run_changes import Change, ChangeStarts, GateIs, MoveTo, RunLease, StepIs, VotesAre
from bot.engine.run_session import RunSession
from tests.engine.support.world import Crash, Everyone, HeldClock
from tests.support.examples import NOON, OPERATIONS, TARGET

REQUESTER = "UANN"
USERS = ("UBEN", "UCAT", "UDAN", REQUESTER)
GROUPS = ("SLEADS", "SDBAS")
STEPS = (
    Step("change", "Change", Phase.CHANGE, ("web1",), Risk.CHANGES, 60, Health("https://example.com", 1)),
    Step("destroy", "Destroy", Phase.CHANGE, ("web1",), Risk.DESTROYS, 60, Health("https://example.com", 1)),
)

someone, group = st.sampled_from(USERS), st.sampled_from(GROUPS)
some = st.builds(People, st.just(("some",)), st.frozensets(someone, min_size=1), st.frozensets(group))
requirements = st.builds(
    Requirement, st.sampled_from([1, 1, 2]), st.just(ANYONE) | some, st.just(timedelta(days=9)), st.booleans()
)
policies = st.builds(
    lambda run, approve: Policy("some", run={Action.DEPLOY: run}, approve=approve),
    st.sampled_from([*[ANYONE] * 7, NOBODY]),
    st.fixed_dictionaries({"deploy": requirements}, optional={DESTRUCTIVE_MIGRATION: requirements}),
)


class Waits(Exception):  # noqa: N818 - a state of the run, not an error
    """Whoever drives the run would pause here."""


class Outside:
    """Slack, people and a host. What is known of people is remembered, except by who asks for those of now."""

    def __init__(self) -> None:
        self.said: dict[str, frozenset[Emoji]] = {}
        self.active = set(USERS)
        self.groups: dict[str, frozenset[str]] = {}
        self.away = False
        self.remember()

    def remember(self) -> None:
        self.remembered = (frozenset(self.active), dict(self.groups))

    async def reactions(self, run: Run, occasion: Occasion) -> Mapping[str, frozenset[Emoji]]:
        if self.away:
            raise ReactionsUnavailableError
        return dict(self.said)

    async def roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        active, members = self.remembered
        return Roster({one: members[one] for one in groups & members.keys()}, users & active, users - active)

    async def current_roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        members = {one: self.groups[one] for one in groups & self.groups.keys()}
        return Roster(members, users & self.active, users - self.active)

    async def zone(self, user: str) -> str:
        return ""


Event = Callable[[Outside], None]


def reacts(user: str, emoji: Emoji) -> Event:
    return lambda outside: outside.said.update({user: outside.said.get(user, frozenset()) ^ {emoji}})


def leaves_or_comes_back(user: str) -> Event:
    return lambda outside: outside.active.symmetric_difference_update({user})


def group_becomes(name: str, members: frozenset[str]) -> Event:
    return lambda outside: outside.groups.update({name: members})


def group_cannot_be_looked_up(name: str) -> Event:
    return lambda outside: outside.groups.__delitem__(name) if name in outside.groups else None


def the_card_is_posted_anew(outside: Outside) -> None:
    outside.said.clear()


def slack_goes_or_comes_back(outside: Outside) -> None:
    outside.away = not outside.away


events = st.one_of(
    st.builds(reacts, someone, st.sampled_from([Emoji.APPROVE, Emoji.APPROVE, Emoji.REJECT])),
    st.builds(leaves_or_comes_back, someone),
    st.builds(group_becomes, group, st.frozensets(someone)),
    st.builds(group_cannot_be_looked_up, group),
    st.just(the_card_is_posted_anew),
    st.just(slack_goes_or_comes_back),
)
a_moment = st.lists(events, max_size=2)


class Gates(RuleBasedStateMachine):
    """One run after the other, and what can happen while its gate is open, and behind it."""

    begun: ClassVar[Counter[Risk]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.clock = HeldClock(NOON)
        self.outside = Outside()
        self.number = 0
        self.dies_after = -1
        self.while_hosts_are_read: list[Event] = []
        self.while_it_changes: list[Event] = []

    @initialize(policy=policies, destructive=st.booleans())
    def begin(self, policy: Policy, destructive: bool) -> None:
        self.starts_with(policy)
        self.somebody_asks(destructive)

    # ── what happens ──

    def starts_with(self, policy: Policy) -> None:
        """The bot starts with an operations file."""
        target = replace(TARGET, policy=policy, database=None)
        unused: dict[str, Any] = dict.fromkeys((field.name for field in fields(EngineContext)), None)
        ports = {
            "runs": self,
            "locks": self,
            "operations": Operations(OPERATIONS.emoji, {}, OPERATIONS.hosts, {TARGET.name: target}),
            "recipes": {TARGET.name: "recipe"},
            "planner_for": lambda options: self,
            "performers": dict.fromkeys(get_args(Act), self),
            "target_reader": self,
            "reaction_reader": self.outside,
            "directory": self.outside,
            "run_observer": Everyone(),
            "open_gates": OpenGates(),
            "clock": self.clock,
            "masker": Masker(()),
        }
        self.session = RunSession(
            EngineContext(**(unused | ports)), RunLease("R-1", "bot", 1), target, asyncio.Event(), asyncio.Event()
        )
        self.session.pause = self.waits  # type: ignore[method-assign]  # the test says when time passes

    @rule(destructive=st.booleans())
    def somebody_asks(self, destructive: bool) -> None:
        """A run whose gate has just been opened, which is what planning does at its end."""
        self.number += 1
        request = Request(DeployOptions("main"), TARGET.name, Origin(REQUESTER, "C0OPS", f"Ev{self.number}"), "typed")
        policy = self.session.target.policy
        requirement = policy.gate(request, destructive=destructive)
        plan = Plan(request, STEPS, requirement, destructive=destructive)
        self.asked_with = self.asks(policy, plan)
        self.judged: set[str] = set()
        self.outside.said.clear()
        self.outside.away = False
        gate = Gate(GateState.OPEN, "digest", requirement, NOON, NOON + timedelta(days=9))
        rows = tuple(
            StepRow(number, one.key, one.title, one.phase, one.risk, "web1") for number, one in enumerate(STEPS)
        )
        self.run = Run("R-1", 1, request, RunState.AWAITING_APPROVAL, 1, NOON, plan=plan, gate=gate, steps=rows)
        plan_basis = self.drive(self.session.basis(plan, self.run))
        assert plan_basis is not None
        self.run = replace(self.run, plan=replace(plan, basis=plan_basis))

    @rule(moment=a_moment)
    def something_happens(self, moment: list[Event]) -> None:
        for event in moment:
            event(self.outside)
        self.goes_on()

    @rule(policy=policies, writes=st.integers(0, 8))
    def it_dies_and_starts_with_another_policy(self, policy: Policy, writes: int) -> None:
        self.dies_after = writes
        self.goes_on()
        self.starts_with(policy)

    @rule(approving=st.frozensets(someone, min_size=2), reading=a_moment, changing=a_moment)
    def some_approve(self, approving: frozenset[str], reading: list[Event], changing: list[Event]) -> None:
        self.outside.said.update(dict.fromkeys(approving, frozenset({Emoji.APPROVE})))
        self.while_hosts_are_read, self.while_it_changes = reading, changing
        self.goes_on()

    @rule(destructive=st.booleans(), policy=policies, approving=st.frozensets(someone, min_size=2), reading=a_moment)
    def the_policy_changes_while_somebody_waits(
        self, destructive: bool, policy: Policy, approving: frozenset[str], reading: list[Event]
    ) -> None:
        self.somebody_asks(destructive)
        self.starts_with(policy)
        self.some_approve(approving, reading, [])

    @rule()
    def what_was_remembered_of_people_is_forgotten(self) -> None:
        self.outside.remember()

    def goes_on(self) -> None:
        if self.run.state is RunState.AWAITING_APPROVAL:
            self.drive(wait_at_gate(self.session, self.run))
        if self.run.state is RunState.RUNNING:
            self.drive(change(self.session, self.run))
        self.dies_after = -1

    def drive(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return asyncio.run(work)
        except (Waits, Crash):
            return None

    async def waits(self, seconds: float) -> None:
        # A minute without Slack ends a change that has begun.
        self.clock.pass_by(seconds=seconds)
        if self.run.steps[0].state is StepState.PENDING:
            raise Waits

    # ── the store, the planner, the host ──

    async def get(self, run: str) -> Run:
        return self.run

    async def write(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...]) -> Run:
        if self.dies_after == 0:
            raise Crash
        self.dies_after -= 1
        for one in changes:
            match one:
                case MoveTo(state):
                    self.run = replace(self.run, state=state)
                case GateIs(gate):
                    self.run = replace(self.run, gate=gate)
                case VotesAre(votes):
                    self.run = replace(self.run, votes=votes)
                case StepIs(row):
                    if row.state is StepState.RUNNING and row.key not in self.judged:
                        self.judge(row)
                    steps = tuple(row if known.key == row.key else known for known in self.run.steps)
                    self.run = replace(self.run, steps=steps)
                case ChangeStarts(at):
                    self.run = replace(self.run, change_started_at=at)
        return self.run

    record = write

    async def on_target(self, target: object) -> None:
        return None

    def look(self, target: Target) -> Gates:
        return self

    def prepare(self, target: Target) -> None:
        return None

    async def identity(self, name: str) -> HostIdentity:
        while self.while_hosts_are_read:
            self.while_hosts_are_read.pop()(self.outside)
        return HostIdentity(name, "web1.example.com", 22, "deploy", "SHA256:key", "")

    async def basis(self, *parts: object) -> Basis:
        return Basis()

    async def perform(self, job: Job, output: Output) -> Outcome:
        while self.while_it_changes:
            self.while_it_changes.pop()(self.outside)
        return Done()

    # ── what must hold ──

    def judge(self, row: StepRow) -> None:
        """Judge a step by what stands now: nothing happens between the last reading and the intent."""
        self.judged.add(row.key)
        self.begun[row.risk] += 1
        policy, plan = self.session.target.policy, self.run.plan
        assert plan is not None
        assert not self.outside.away, f"{row.key} began though nobody could read the reactions"
        for asked in (self.asked_with, self.asks(policy, plan)):
            assert len(self.approving(asked)) >= asked.count, f"{row.key} began without its approvals"
        may = policy.run[Action.DEPLOY]
        assert row.risk is Risk.DESTROYS or REQUESTER in self.listed(may), f"{row.key} began for who may not ask"

    def asks(self, policy: Policy, plan: Plan) -> Requirement:
        usual = policy.approve["deploy"]
        return policy.approve.get(DESTRUCTIVE_MIGRATION, usual) if plan.destructive else usual

    def approving(self, asked: Requirement) -> set[str]:
        only = {user for user, emoji in self.outside.said.items() if emoji == {Emoji.APPROVE}}
        counted = only & self.listed(asked.eligible)
        return counted if asked.allow_requester else counted - {REQUESTER}

    def listed(self, people: People) -> set[str]:
        members = [self.outside.groups.get(name, frozenset()) for name in people.groups]
        named = set(USERS) if people.anyone else set(people.users).union(*members)
        return named & self.outside.active


def test_nothing_begins_but_by_what_was_asked_and_by_what_is_asked_now() -> None:
    Gates.begun.clear()
    how = settings(
        max_examples=int(os.environ.get("HISTORIES", "200")),
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    with capture_logs():
        run_state_machine_as_test(Gates, settings=how)
    assert min(Gates.begun[Risk.CHANGES], Gates.begun[Risk.DESTROYS]) > 8, "hardly anything began"
