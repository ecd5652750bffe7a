"""`rehearsal: after-approval`: rehearsed behind the gate, and back to it with what is worse than was approved."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import Reason, problem
from bot.domain.policies.people import People as Eligible
from bot.domain.policies.policy import Policy, Requirement
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.approval import GateState
from bot.domain.runs.findings import MigrationFinding, NotRehearsed, NotRehearsedReason, Rehearsed, SchemaChange
from bot.domain.runs.history_check import disagreements
from bot.domain.runs.migration_risk import MigrationRisk
from bot.domain.runs.plan import Phase
from bot.domain.runs.plan_json import FINDINGS, findings_to_text, plan_digest
from bot.domain.runs.run import ENDS, Run, RunState, StepState
from bot.domain.secrets import Secret
from bot.domain.targets.scratch import ScratchServer
from bot.domain.targets.target import Database, Emoji, Target
from bot.engine.ports import Done, Failed, Occasion, Outcome
from tests.engine.support.world import APPROVE, REJECT, Faulty, Hosts, People, SmallWorld, small_world
from tests.engine.test_crashes import Deaths
from tests.support.examples import POLICY, TARGET
from tests.support.polling import eventually

DONE = (*ENDS, RunState.NEEDS_HUMAN)
TWO = Requirement(2, Eligible(("releasers",), frozenset({"U0BOB", "U0EVE"})), timedelta(minutes=30), False)
SERVER = ScratchServer("10.0.0.9", 3306, "rehearsal", Secret("battery staple"))
DATABASE = Database("web1", "127.0.0.1", 3306, "compte", "compte", Secret("correct horse"), scratch=SERVER)
LATER = replace(
    POLICY,
    approve={**POLICY.approve, "destructive-migration": TWO},
    rehearsal=RehearsalMode.AFTER_APPROVAL,
)
SCHEMA = SchemaChange("users", ("- users.fax text NULL",), "users.id int NOT NULL")


def target(policy: Policy = LATER) -> Target:
    return replace(TARGET, database=DATABASE, policy=policy)


def finds(risk: MigrationRisk) -> Outcome:
    return Done({FINDINGS: findings_to_text((Rehearsed(migrations=1), MigrationFinding("x", risk), SCHEMA))})


@dataclass
class Readers(People):
    """People who react to one request of a run, and not to another: by its number, from 1."""

    by_request: dict[int, dict[str, frozenset[Emoji]]] = field(default_factory=dict)

    async def reactions(self, run: Run, occasion: Occasion) -> Mapping[str, frozenset[Emoji]]:
        assert run.gate is not None
        return dict(self.by_request.get(1 + len(run.gate.earlier), {}))


class Later:
    """A world with such a policy."""

    def __init__(self, world: SmallWorld) -> None:
        self.world = world
        self.people = Readers()
        world.people = self.people
        world.new_engine()

    def approve(self, request: int, *users: str) -> None:
        self.people.by_request[request] = dict.fromkeys(users, APPROVE)

    async def at_gate(self, run: str, request: int) -> Run:
        async def there() -> Run | None:
            self.world.engine.wake(run)
            found = await self.world.run(run)
            waits = found.state is RunState.AWAITING_APPROVAL and found.gate is not None
            return found if waits and found.gate and 1 + len(found.gate.earlier) == request else None

        return await eventually(there, 30)


@pytest.fixture
async def later(tmp_path: Path) -> AsyncIterator[Later]:
    async with small_world(tmp_path, target()) as made:
        yield Later(made)
        for stored in await made.store.history.stored_runs_after(0, 1000):
            assert stored.run is not None
            assert disagreements(stored.run, stored.records) == ()


async def test_nothing_of_the_commit_is_run_before_the_approval(later: Later) -> None:
    run = await later.world.submit()
    waiting = await later.at_gate(run, 1)
    assert later.world.hosts.starts("rehearse") == 0
    assert waiting.plan is not None
    assert waiting.gate is not None
    assert waiting.gate.requirement == POLICY.approve["deploy"]
    assert [step.key for step in waiting.plan.of(Phase.REHEARSAL)] == ["rehearse"]
    assert [found.reason for found in waiting.plan.findings if isinstance(found, NotRehearsed)] == [
        NotRehearsedReason.AFTER_APPROVAL
    ]


async def test_what_is_as_harmless_as_was_thought_goes_on(later: Later) -> None:
    later.world.hosts.script["rehearse"] = finds(MigrationRisk.SAFE)
    run = await later.world.submit()
    approved = await later.at_gate(run, 1)
    later.approve(1, "U0BOB")
    ended = await later.world.until(run, *DONE)
    assert ended.state is RunState.SUCCEEDED
    assert ended.plan == approved.plan, "what was approved is what ran"
    keys = [key for key, _, _ in later.world.hosts.ledger]
    assert keys.index("rehearse") < keys.index("maintenance-on")
    assert later.world.hosts.starts("rehearse") == 1


@pytest.mark.parametrize(
    ("risk", "needed"),
    [(MigrationRisk.DESTRUCTIVE, 2), (MigrationRisk.UNKNOWN, 2), (MigrationRisk.BLOCKING, 1), (MigrationRisk.SLOW, 1)],
)
async def test_what_is_worse_goes_back_to_the_gate(later: Later, risk: MigrationRisk, needed: int) -> None:
    later.world.hosts.script["rehearse"] = finds(risk)
    run = await later.world.submit()
    first = await later.at_gate(run, 1)
    later.approve(1, "U0BOB", "U0EVE")
    waiting = await later.at_gate(run, 2)
    assert first.gate is not None
    assert waiting.gate is not None
    assert waiting.plan is not None
    assert waiting.gate.requirement.needed == needed
    assert waiting.gate.digest == plan_digest(waiting.plan) != first.gate.digest
    assert waiting.gate.earlier[0].digest == first.gate.digest
    assert SCHEMA in waiting.plan.findings
    assert not waiting.plan.awaits_rehearsal
    assert waiting.change_started_at is None
    assert [row.state for row in waiting.rows("maintenance-on")] == [StepState.PENDING] * len(target().hosts)
    # Those who approved the first request have said nothing of this one.
    await later.world.engine.drain()
    await later.world.new_engine().start()
    assert (await later.at_gate(run, 2)).votes == ()
    later.approve(2, *("U0BOB", "U0EVE")[:needed])
    ended = await later.world.until(run, *DONE)
    assert ended.state is RunState.SUCCEEDED
    assert later.world.hosts.starts("rehearse") == 1
    assert Counter(key for key, _, _ in later.world.hosts.ledger)["migrate"] == 1
    events = await later.world.events(run)
    assert (events.count("gate_opened"), events.count("gate_approved")) == (2, 2)


async def test_one_of_two_is_not_enough_the_second_time(later: Later) -> None:
    later.world.hosts.script["rehearse"] = finds(MigrationRisk.DESTRUCTIVE)
    run = await later.world.submit()
    later.approve(1, "U0BOB")
    await later.at_gate(run, 2)
    later.approve(2, "U0EVE")

    async def voted() -> bool:
        later.world.engine.wake(run)
        return len((await later.world.run(run)).votes) == 1

    await eventually(voted, 10)
    assert (await later.world.run(run)).state is RunState.AWAITING_APPROVAL
    assert later.world.hosts.starts("maintenance-on") == 0


async def test_a_second_request_can_be_rejected(later: Later) -> None:
    later.world.hosts.script["rehearse"] = finds(MigrationRisk.DESTRUCTIVE)
    run = await later.world.submit()
    later.approve(1, "U0BOB")
    await later.at_gate(run, 2)
    later.people.by_request[2] = {"U0EVE": REJECT}
    ended = await later.world.until(run, *DONE)
    assert ended.state is RunState.REJECTED
    assert later.world.hosts.starts("maintenance-on") == 0


async def test_a_rehearsal_that_fails_ends_the_run_and_nothing_was_changed(later: Later) -> None:
    later.world.hosts.script["rehearse"] = Failed(problem(Reason.REHEARSAL_FAILED, migration="x", error="1062"))
    run = await later.world.submit()
    later.approve(1, "U0BOB")
    ended = await later.world.until(run, *DONE)
    assert ended.state is RunState.FAILED
    assert ended.problem is not None
    assert ended.problem.reason is Reason.REHEARSAL_FAILED
    assert not ended.changed_anything
    assert later.world.hosts.starts("maintenance-on") == 0


async def test_a_run_is_cancelled_while_it_is_rehearsed(later: Later) -> None:
    later.world.hosts.blocked["rehearse"] = asyncio.Event()
    run = await later.world.submit()
    later.approve(1, "U0BOB")
    await eventually(lambda: later.world.hosts.starts("rehearse") == 1, 10)
    await later.world.engine.cancel(run, "U0AMELIE")
    ended = await later.world.until(run, *DONE)
    assert ended.state is RunState.CANCELLED
    assert "rehearse" in later.world.hosts.ended
    assert later.world.hosts.starts("maintenance-on") == 0


async def test_an_approval_that_is_withdrawn_during_the_rehearsal_changes_nothing(later: Later) -> None:
    gate = later.world.hosts.blocked["rehearse"] = asyncio.Event()
    later.world.hosts.script["rehearse"] = finds(MigrationRisk.SAFE)
    run = await later.world.submit()
    later.approve(1, "U0BOB")
    await eventually(lambda: later.world.hosts.starts("rehearse") == 1, 10)
    later.approve(1)
    gate.set()
    ended = await later.world.until(run, *DONE)
    assert ended.state is RunState.FAILED
    assert ended.gate is not None
    assert ended.gate.state is GateState.VOID
    assert later.world.hosts.starts("maintenance-on") == 0


async def test_a_long_rehearsal_does_not_let_an_approval_expire_that_was_in_time(later: Later) -> None:
    gate = later.world.hosts.blocked["rehearse"] = asyncio.Event()
    later.world.hosts.script["rehearse"] = finds(MigrationRisk.SAFE)
    run = await later.world.submit()
    later.approve(1, "U0BOB")
    await eventually(lambda: later.world.hosts.starts("rehearse") == 1, 10)
    later.world.clock.pass_by(minutes=31)
    gate.set()
    assert (await later.world.until(run, *DONE)).state is RunState.SUCCEEDED


async def test_a_policy_that_asks_nobody_has_no_gate_to_go_back_to(tmp_path: Path) -> None:
    nobody = replace(LATER, approve={})
    async with small_world(tmp_path, target(nobody)) as world:
        later = Later(world)
        world.hosts.script["rehearse"] = finds(MigrationRisk.DESTRUCTIVE)
        run = await world.submit()
        assert (await world.until(run, *DONE)).state is RunState.SUCCEEDED
        assert later.world.hosts.starts("rehearse") == 1


async def test_a_policy_that_asks_only_for_what_destroys_asks_then(tmp_path: Path) -> None:
    strict = replace(LATER, approve={"destructive-migration": TWO})
    async with small_world(tmp_path, target(strict)) as world:
        later = Later(world)
        world.hosts.script["rehearse"] = finds(MigrationRisk.DESTRUCTIVE)
        run = await world.submit()
        waiting = await later.at_gate(run, 2)
        assert waiting.gate is not None
        assert waiting.gate.earlier[0].needed == 0
        assert world.hosts.starts("maintenance-on") == 0
        later.approve(2, "U0BOB", "U0EVE")
        assert (await world.until(run, *DONE)).state is RunState.SUCCEEDED


# ── crashes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def live(folder: Path, deaths: Deaths) -> SmallWorld:
    """Play a deploy that goes back to its gate, in as many lives as it takes."""
    hosts = Hosts(script={"rehearse": finds(MigrationRisk.DESTRUCTIVE)})
    people = Readers(by_request={1: {"U0BOB": APPROVE}, 2: {"U0BOB": APPROVE, "U0EVE": APPROVE}})
    while True:
        deaths.died.clear()
        async with small_world(folder, target()) as world:
            world.hosts, world.people = hosts, people
            hosts.at_start = lambda key: deaths(f"start {key}")
            engine = world.new_engine(Faulty(world.store, deaths))
            try:
                await engine.start()
                run = await world.submit()
                await eventually(lambda world=world, run=run: _over(world, deaths, run), 20)
            except BaseException as error:
                if not deaths.died.is_set():
                    raise
                if isinstance(error, (KeyboardInterrupt, SystemExit)):
                    raise
                continue
            finally:
                await engine.drain()
            if not deaths.died.is_set():
                await judge(world, run)
                return world


async def _over(world: SmallWorld, deaths: Deaths, run: str) -> bool:
    world.engine.wake(run)
    return deaths.died.is_set() or (await world.run(run)).state in DONE


async def judge(world: SmallWorld, run: str) -> None:
    ended = await world.run(run)
    assert ended.state is RunState.SUCCEEDED, ended.problem
    assert ended.gate is not None
    assert [(passed.needed, passed.approvers) for passed in ended.gate.earlier] == [(1, ("U0BOB",))]
    starts = Counter((key, place) for key, place, _ in world.hosts.ledger)
    assert set(starts.values()) == {1}, starts
    for stored in await world.store.history.stored_runs_after(0, 10):
        assert stored.run is not None
        assert disagreements(stored.run, stored.records) == ()


SLICES = 4


@pytest.mark.parametrize("part", range(SLICES))
async def test_it_may_die_at_any_point_from_before_the_rehearsal_to_the_first_change(tmp_path: Path, part: int) -> None:
    deaths = Deaths()
    await live(tmp_path / "whole", deaths)
    first, last = deaths.names.index("start rehearse") - 8, deaths.names.index("start maintenance-on") + 4
    for point in range(first + part, last, SLICES):
        await live(tmp_path / str(point), Deaths(point))
