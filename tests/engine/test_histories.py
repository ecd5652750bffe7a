"""Runs, locks, votes and the clock in any order: the real engine and the real store, in memory, over many histories.

No change starts without its quorum, no two runs hold one target, every wait ends or is seen; whatever is asked, locked,
frozen, cancelled, voted, taken back, looked up in vain or killed in between. `HISTORIES=3000` tries that many.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast, get_args

import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Select, create_engine, delete, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.policies.freeze import Freeze, WeekTime
from bot.domain.policies.people import People, Roster
from bot.domain.policies.policy import OVERRIDE, Policy, Requirement
from bot.domain.runs.acts import Act, Health
from bot.domain.runs.approval import GateState
from bot.domain.runs.basis import Basis
from bot.domain.runs.decisions import legal_decisions
from bot.domain.runs.history import GENESIS, first_break
from bot.domain.runs.history_check import disagreements
from bot.domain.runs.plan import NothingToDo, Phase, Plan, Risk, Step
from bot.domain.runs.request import Action, Decision, DeployOptions, Origin, PolicyExceptions, Request
from bot.domain.runs.run import ENDS, Run, RunState
from bot.domain.secrets import Masker
from bot.domain.targets.host_identity import HostIdentity
from bot.domain.targets.look import Look
from bot.domain.targets.target import Emoji, Operations, Target
from bot.engine.context import EngineContext
from bot.engine.engine import Engine
from bot.engine.lease_keeper import LeaseKeeper
from bot.engine.phases.reading_times import OpenGates
from bot.engine.ports import (
    Done,
    Effect,
    Ending,
    Failed,
    Job,
    NotStarted,
    Occasion,
    Outcome,
    Output,
    ReactionsUnavailableError,
    Unknown,
)
from bot.engine.run_driver import RunDriver
from bot.engine.run_session import RunSession
from bot.store.lease import ProcessLease
from bot.store.runs import leases
from bot.store.runs.queries import UNFINISHED
from bot.store.schema import history_head, metadata, runs
from bot.store.sql.database import Database
from bot.store.sql.priority import Priority
from bot.store.store import SqlStore
from tests.engine.support.world import Crash, Everyone, Faulty, HeldClock, store_parts
from tests.support.examples import OPERATIONS, TARGET

T = TypeVar("T")

GOING = tuple(state for state in RunState if state not in {*ENDS, RunState.NEEDS_HUMAN})

USERS = ("UANN", "UBEN", "UCAT", "UDAN")
GUARDED, FREE = TargetName("shop", "production"), TargetName("shop", "staging")
SYLVESTER = datetime(2026, 12, 31, 20, 0, tzinfo=UTC)  # a Thursday; the freezes go over the end of the year
HALF_AN_HOUR = timedelta(minutes=30)

ENGINEERS = People(("engineers",), frozenset({"UANN", "UBEN"}), frozenset({"SMORE"}))
LEADS = People(("leads",), frozenset({"UCAT"}), frozenset({"SLEADS"}))
DBAS = People(("dbas",), frozenset({"UDAN", "UBEN"}))
STRICT = Policy(
    "strict",
    run={Action.DEPLOY: ENGINEERS},
    approve={
        "deploy": Requirement(1, People(("any",), frozenset(USERS)), HALF_AN_HOUR, allow_requester=False),
        "destructive-migration": Requirement(2, DBAS, timedelta(hours=2), allow_requester=True),
        OVERRIDE: Requirement(1, LEADS, HALF_AN_HOUR, allow_requester=False),
    },
    freezes=(
        Freeze(WeekTime((3 * 24 + 22) * 60), WeekTime((4 * 24 + 1) * 60), "Europe/Paris", "every Thursday night"),
        Freeze(WeekTime(4 * 24 * 60), WeekTime((4 * 24 + 2) * 60), "UTC", "and then"),
    ),
    emergency=People(("oncall",), frozenset({"UBEN"})),
)
OPEN = Policy("open", run={Action.DEPLOY: ENGINEERS})


class InMemory:
    """Stands for `Database` (bot.store.sql.database): one transaction at a time, in memory."""

    def __init__(self) -> None:
        engine = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False, "isolation_level": None}
        )
        self.connection = engine.connect()
        metadata.create_all(self.connection)
        self.connection.commit()

    async def read(self, work: Callable[[Connection], T]) -> T:
        with self.connection.begin():
            return work(self.connection)

    async def write(self, work: Callable[[Connection], T], urgency: Priority = Priority.WORKING) -> T:
        with self.connection.begin():
            return work(self.connection)

    def rows(self, query: Select[Any]) -> list[tuple[Any, ...]]:
        """Read beside the store, which takes ten times as long."""
        with self.connection.begin():
            return [tuple(row) for row in self.connection.execute(query)]

    def wipe(self) -> None:
        for table in metadata.sorted_tables:
            self.connection.execute(delete(table))
        self.connection.execute(insert(history_head).values(id=1, sequence=0, hash=GENESIS))
        self.connection.commit()


class Waits(Exception):  # noqa: N818 - a state of the run, not an error
    """The run waits: whoever drives it would pause here."""


async def waits(session: RunSession, seconds: float) -> None:
    raise Waits


class StillEngine(Engine):
    """An engine whose runs go on when the test says so."""

    def __init__(self, context: EngineContext) -> None:
        super().__init__(context)
        self.supervisor.drive = lambda run: None


class Planned:
    """Plans one step that reads and one that changes; the ref `drop` destroys data."""

    async def check_names(self, request: Request, target: Target, look: Look) -> None:
        return

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        return ()

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        act = Health("https://example.com", 1)
        steps = (
            Step("look", "Look", Phase.PREPARE, ("web1",), Risk.READS, 60, act),
            Step("change", "Change", Phase.CHANGE, ("web1",), Risk.CHANGES, 60, act),
        )
        destructive = isinstance(run.request.options, DeployOptions) and run.request.options.ref == "drop"
        return Plan(run.request, steps, target.policy.requirement(Action.DEPLOY), destructive=destructive)

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Basis:
        return Basis()

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        return ()


class Outside:
    """People, Slack and hosts as they are now; a change that begins is judged here, by a plain rule."""

    def __init__(self) -> None:
        self.said: dict[str, dict[str, frozenset[Emoji]]] = {}
        self.active = set(USERS)
        self.groups: dict[str, frozenset[str]] = {}
        self.away = False
        self.ending = "done"
        self.journal: dict[tuple[str, str, int], Outcome] = {}
        self.judge: Callable[[Job], Coroutine[Any, Any, None]] | None = None

    async def reactions(self, run: Run, occasion: Occasion) -> Mapping[str, frozenset[Emoji]]:
        if self.away:
            raise ReactionsUnavailableError
        return dict(self.said.get(run.id, {}))

    async def roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        known = {group: self.groups[group] for group in groups if group in self.groups}
        return Roster(known, users & self.active, users - self.active)

    async def current_roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        return await self.roster(users, groups)

    async def zone(self, user: str) -> str:
        return ""

    async def closed(self, channel: str) -> None:
        return None

    def look(self, target: Target) -> Any:
        return self

    def prepare(self, target: Target) -> None:
        return None

    async def identity(self, name: str) -> HostIdentity:
        return HostIdentity(name, "web1.example.com", 22, "deploy", "SHA256:key", "")

    async def perform(self, job: Job, output: Output) -> Outcome:
        identity = (job.run, job.step.key, job.attempt)
        if identity not in self.journal:
            if job.step.phase is Phase.CHANGE and self.judge is not None:
                await self.judge(job)
            ways: dict[str, Outcome] = {
                "done": Done(),
                "failed": Failed(problem(Reason.EXIT_STATUS), 1),
                "unknown": Unknown(problem(Reason.OUTCOME_UNKNOWN)),
                "not started": NotStarted(problem(Reason.NEVER_STARTED)),
            }
            self.journal[identity] = ways[self.ending]
        return await self.resume(job, output)

    async def resume(self, job: Job, output: Output) -> Outcome:
        identity = (job.run, job.step.key, job.attempt)
        if identity not in self.journal:
            return Unknown(problem(Reason.OUTCOME_UNKNOWN))
        await output.begun()
        return self.journal[identity]

    async def check(self, job: Job) -> Effect:
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        return Ending.GONE


MEMORY: list[InMemory] = []

ASKED = (
    st.sampled_from([GUARDED, FREE]),
    st.sampled_from(["UANN", "UBEN", "UBEN", "UCAT"]),
    st.sampled_from(["main", "main", "drop"]),
    st.sampled_from(["", "", "", "during_freeze", "emergency"]),
)
"""What somebody may ask: where, who, which ref, with which exception."""


class Histories(RuleBasedStateMachine):
    """Everything that people, time and bad luck can do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = HeldClock(SYLVESTER)
        self.outside = Outside()
        self.outside.judge = self.judge_change
        self.dies_after = -1
        self.dies_behind_the_gate = False
        self.number = 0
        self.changed: list[str] = []
        self.pausing, RunSession.pause = RunSession.pause, waits
        structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())

    @initialize(asked=st.lists(st.tuples(*ASKED), min_size=1, max_size=5))
    def begin(self, asked: list[tuple[TargetName, str, str, str]]) -> None:
        if not MEMORY:
            MEMORY.append(InMemory())
        MEMORY[0].wipe()
        self.store = SqlStore(cast("Database", MEMORY[0]), self.clock, ProcessLease("bot", None), "memory")
        self.targets = {
            GUARDED: replace(TARGET, name=GUARDED, policy=STRICT, database=None),
            FREE: replace(TARGET, name=FREE, policy=OPEN, database=None),
        }
        self.world: EngineContext = EngineContext(**self.ports())
        self.engine = StillEngine(self.world)
        for words in asked:
            self.ask(*words)

    def ports(self) -> dict[str, Any]:
        kinds: tuple[type[Act], ...] = get_args(Act)
        store: Any = Faulty(self.store, self.write)
        unused: dict[str, Any] = dict.fromkeys((field.name for field in fields(EngineContext)), None)
        return unused | {
            **store_parts(store),
            "operations": Operations(OPERATIONS.emoji, {}, OPERATIONS.hosts, self.targets),
            "recipes": dict.fromkeys(self.targets, "recipe"),
            "planner_for": lambda options: Planned(),
            "performers": dict.fromkeys(kinds, self.outside),
            "target_reader": self.outside,
            "reaction_reader": self.outside,
            "directory": self.outside,
            "channels": self.outside,
            "run_observer": Everyone(),
            "open_gates": OpenGates(),
            "clock": self.clock,
            "masker": Masker(()),
            "owner": "bot",
        }

    def write(self, what: str) -> None:
        if self.dies_after == 0:
            raise Crash
        self.dies_after -= 1
        if self.dies_behind_the_gate and what == "after write" and self.known(RunState.RUNNING):
            self.dies_behind_the_gate = False
            raise Crash

    def do(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do something; the process may die over it, and is then started anew."""
        try:
            return self.loop.run_until_complete(work)
        except (Waits, RefusedError):
            return None
        except Crash:
            self.dies_after = -1
            self.loop.run_until_complete(MEMORY[0].write(leases.release_all))
            self.engine = StillEngine(self.world)
            return None
        finally:
            self.dies_after = -1
            self.dies_behind_the_gate = False

    def see(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def runs(self) -> list[Run]:
        return list(reversed(self.see(self.store.runs.recent(200))))

    def known(self, *states: RunState) -> list[str]:
        """Name the runs in some states, oldest first, without what the store does for it: it is asked very often."""
        query = select(runs.c.id).where(runs.c.state.in_(states)).order_by(runs.c.sequence)
        return [run for (run,) in MEMORY[0].rows(query)]

    def chosen(self, number: int, *states: RunState) -> str:
        """Choose a run, of those that go on if there are any; empty where there is none."""
        found = self.known(*(states or GOING)) or self.known(*RunState)
        return found[number % len(found)] if found else ""

    # ── what happens ──

    @rule(words=st.tuples(*ASKED))
    def somebody_asks(self, words: tuple[TargetName, str, str, str]) -> None:
        self.ask(*words)

    def ask(self, name: TargetName, user: str, ref: str, exception: str) -> None:
        self.number += 1
        options = DeployOptions(ref, exceptions=PolicyExceptions(**({exception: "why"} if exception else {})))
        origin = Origin(user, "C0OPS", f"Ev{self.number}")
        made = self.do(self.engine.submit(Request(options, name, origin, "typed")))
        if made is not None and self.number % 3:
            self.drive(made.id)

    @rule(number=st.integers(0, 9), user=st.sampled_from(USERS), emoji=st.sampled_from(Emoji))
    def somebody_reacts(self, number: int, user: str, emoji: Emoji) -> None:
        run = self.chosen(number)
        if run:
            said = self.outside.said.setdefault(run, {})
            said[user] = said.get(user, frozenset()) ^ {emoji}
            self.drive(run)

    @rule(number=st.integers(0, 9), user=st.sampled_from(USERS))
    def somebody_approves_and_it_goes_on(self, number: int, user: str) -> None:
        run = self.chosen(number, RunState.AWAITING_APPROVAL)
        if run:
            self.outside.said.setdefault(run, {})[user] = frozenset({Emoji.APPROVE})
            self.drive(run)
            self.every_run_goes_on()

    @rule(number=st.integers(0, 9), user=st.sampled_from(USERS), taken_back=st.booleans())
    def the_bot_dies_right_behind_an_approval(self, number: int, user: str, taken_back: bool) -> None:
        run = self.chosen(number, RunState.AWAITING_APPROVAL)
        if run:
            self.outside.said.setdefault(run, {})[user] = frozenset({Emoji.APPROVE})
            self.dies_behind_the_gate = True
            self.drive(run)
            if taken_back:
                self.outside.said[run] = {}
            self.drive(run)

    @rule(user=st.sampled_from(USERS))
    def somebody_leaves_or_comes_back(self, user: str) -> None:
        self.outside.active ^= {user}

    @rule(
        group=st.sampled_from(["SMORE", "SLEADS"]),
        members=st.one_of(st.none(), st.frozensets(st.sampled_from(USERS))),
    )
    def a_group_changes_or_cannot_be_looked_up(self, group: str, members: frozenset[str] | None) -> None:
        self.outside.groups.pop(group, None)
        if members is not None:
            self.outside.groups[group] = members

    @rule(name=st.sampled_from([GUARDED, FREE]), user=st.sampled_from(["UANN", "UBEN"]))
    def somebody_locks(self, name: TargetName, user: str) -> None:
        self.do(self.engine.lock_service.lock(name, "why", user))
        self.every_run_goes_on()

    @rule(name=st.sampled_from([GUARDED, FREE]), user=st.sampled_from(USERS))
    def somebody_unlocks(self, name: TargetName, user: str) -> None:
        lock = self.do(self.engine.lock_service.lock_to_take_off(name, user))
        if lock is not None:
            self.do(self.engine.lock_service.unlock(lock, user, "C0OPS"))

    @rule(number=st.integers(0, 9), user=st.sampled_from(USERS))
    def somebody_cancels(self, number: int, user: str) -> None:
        run = self.chosen(number)
        if run:
            self.do(self.engine.cancel(run, user))

    @rule(number=st.integers(0, 9), user=st.sampled_from(USERS), decision=st.sampled_from(Decision))
    def somebody_decides(self, number: int, user: str, decision: Decision) -> None:
        held = self.known(RunState.NEEDS_HUMAN)
        if held:
            self.number += 1
            origin = Origin(user, "C0OPS", f"Ev{self.number}")
            self.do(self.engine.decide(held[number % len(held)], decision, origin))

    @rule(minutes=st.sampled_from([1, 10, 16, 28, 31, 70, 300, 24 * 60, 3 * 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.clock.pass_by(minutes=minutes)

    @rule(ending=st.sampled_from(["done", "done", "failed", "unknown", "not started", "no slack"]))
    def hosts_and_slack_are_so(self, ending: str) -> None:
        self.outside.away = ending == "no slack"
        self.outside.ending = ending if ending != "no slack" else "done"

    @rule()
    def every_run_goes_on(self) -> None:
        for run in self.known(*GOING):
            self.drive(run)

    @rule(number=st.integers(0, 9), writes=st.integers(0, 30))
    def the_bot_dies_while_a_run_goes_on(self, number: int, writes: int) -> None:
        unfinished = self.known(*GOING)
        if unfinished:
            self.dies_after = writes
            self.drive(unfinished[number % len(unfinished)])

    @rule(writes=st.one_of(st.just(-1), st.integers(0, 6)))
    def what_is_owed_is_looked_after(self, writes: int) -> None:
        self.dies_after = writes
        self.do(self.engine.supervisor._late_approvals.look(frozenset()))
        owed = {run.id for run in self.runs() if run.gate is not None and run.gate.owed}
        assert set(self.see(self.store.runs.awaiting_late_approval())) == owed
        shown = self.see(self.store.overviews.of_targets((GUARDED, FREE)))
        assert {run.id for overview in shown for run in overview.owed} == owed

    def drive(self, run: str) -> None:
        if run in self.known(*GOING):
            self.do(RunDriver(self.world, run).drive(LeaseKeeper(self.world.leases)))

    # ── what must hold ──

    async def judge_change(self, job: Job) -> None:
        """Judge a change at the instant at which it begins."""
        run = await self.store.runs.get(job.run)
        assert run is not None
        assert run.plan is not None
        assert run.gate is not None
        self.changed.append(run.id)
        policy, request, now = self.targets[run.request.target].policy, run.request, self.clock.now()
        others = [await self.store.runs.get(each.run) for each in await self.store.runs.unfinished()]
        holding = [o for o in others if o and o.request.target == run.request.target and o.state is not RunState.QUEUED]
        assert [holder.id for holder in holding] == [run.id], "two runs hold one target"
        before = None if request.resumes is None else await self.store.runs.get(request.resumes.run)
        goes_on = before is not None and before.problem is not None and before.problem.facts.get("successor") == run.id
        assert goes_on or await self.store.locks.on_target(run.request.target) is None, "a change began under a lock"
        if request.emergency is not None:
            assert run.gate.owed
            return
        frozen = policy.frozen_at(Action.DEPLOY, now) is not None
        assert goes_on or not frozen or request.during_freeze is not None, "a change began in a freeze"
        if policy.approve:
            assert now < run.gate.expires_at, "an approval that had expired was used"
            assert not self.outside.away, "a change began though nobody could read the reactions"
            destructive = run.plan.destructive
            usual = policy.approve["destructive-migration" if destructive else "deploy"]
            wanted = [policy.approve[OVERRIDE]] if request.during_freeze is not None else [usual]
            wanted += [usual] if request.during_freeze is not None and destructive else []
            for part in wanted:
                assert len(self.approving(run, part)) >= part.count, "a change began without its quorum"

    def approving(self, run: Run, part: Requirement) -> set[str]:
        """The plain rule: active, in the list as it can be looked up now, not who asked, approving and nothing else."""
        listed = set(part.eligible.users)
        for group in part.eligible.groups:
            listed |= self.outside.groups.get(group, frozenset())
        said = self.outside.said.get(run.id, {})
        fit = {user for user in listed & self.outside.active if said.get(user) == {Emoji.APPROVE}}
        return fit if part.allow_requester else fit - {run.request.origin.user}

    @invariant()
    def one_run_has_a_target_and_the_others_know_their_place(self) -> None:
        if not hasattr(self, "store"):
            return
        columns = (runs.c.id, runs.c.environment, runs.c.state)
        going = select(*columns).where(runs.c.state.in_(UNFINISHED)).order_by(runs.c.sequence)
        found = MEMORY[0].rows(going)
        for environment in {environment for _, environment, _ in found}:
            here = [(run, state) for run, of, state in found if of == environment]
            queued = [run for run, state in here if state == RunState.QUEUED]
            assert len(here) - len(queued) <= 1, "two runs hold one target"
            places = [self.see(self.store.runs.get(run)) for run in queued]
            assert [run.place_in_queue for run in places if run] == list(range(1, len(queued) + 1))

    def teardown(self) -> None:
        try:
            if hasattr(self, "store"):
                self.every_wait_ends()
        finally:
            RunSession.pause = self.pausing
            structlog.reset_defaults()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()

    def every_wait_ends(self) -> None:
        """With nobody doing anything any more, every run ends or waits for a person whom it has told."""
        self.outside.away = False
        for minutes in (16, 12, 125) * 12:
            held = {environment for (environment,) in MEMORY[0].rows(_first(RunState.NEEDS_HUMAN))}
            first: dict[str, str] = {}
            for run, environment in MEMORY[0].rows(_going()):
                first.setdefault(environment, run)
            for environment in held:
                first.pop(environment, None)
            if not first:
                break
            for run in first.values():
                self.drive(run)
            self.clock.pass_by(minutes=minutes)
        else:
            raise AssertionError(f"these wait for ever: {first}")
        history = self.see(self.store.history.all())
        assert first_break(history) is None
        for run in self.runs():
            records = [record for record in history if record.entry.run == run.id]
            assert disagreements(run, records) == ()
            events = [record.entry.event for record in records]
            assert events.count("gate_reminded") <= 2
            assert run.state is not RunState.NEEDS_HUMAN or legal_decisions(run)
            if run.state is RunState.EXPIRED:
                assert run.gate is not None
                assert run.gate.state is GateState.EXPIRED
                assert run.id not in self.changed
            if run.id in self.changed:
                assert {"gate_approved", "gate_waived", "glass_broken"} & set(events)
            if run.state in {RunState.REJECTED, RunState.EXPIRED}:
                assert run.id not in self.changed, "what nobody approved was changed"


def _going() -> Select[Any]:
    """Ask for the runs that have not ended and wait for nobody, oldest first."""
    return select(runs.c.id, runs.c.environment).where(runs.c.state.in_(GOING)).order_by(runs.c.sequence)


def _first(state: RunState) -> Select[Any]:
    return select(runs.c.environment).where(runs.c.state == state)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=int(os.environ.get("HISTORIES", "30")),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
