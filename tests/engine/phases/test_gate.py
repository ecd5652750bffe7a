"""A request passes by what it was opened with and by today's rules, judged last, by what stands at that instant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import Reason
from bot.domain.notifications import events_of
from bot.domain.policies.people import People
from bot.domain.policies.policy import Policy, Requirement
from bot.domain.runs.approval import GateState
from bot.domain.runs.request import Action
from bot.domain.runs.run import ENDS as ENDED
from bot.domain.runs.run import RunState
from bot.domain.targets.host_identity import HostIdentity
from tests.engine.support.world import APPROVE, SmallWorld
from tests.support.examples import GATE, POLICY
from tests.support.polling import eventually

ENDS = (*ENDED, RunState.NEEDS_HUMAN)
BOB_ALONE = People(("releasers",), frozenset({"U0BOB"}))
EVE_ALONE = People(("releasers",), frozenset({"U0EVE"}))


async def opened(world: SmallWorld) -> str:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    return run


async def restarted(world: SmallWorld, policy: Policy) -> None:
    """A bot that starts again with another operations file."""
    await world.engine.drain()
    world.target = replace(world.target, policy=policy)
    await world.new_engine().start()


def changed(world: SmallWorld) -> bool:
    return bool({"maintenance-on", "checkout", "migrate"} & {key for key, _, _ in world.hosts.ledger})


async def votes(world: SmallWorld, run: str, count: int) -> None:
    async def there() -> bool:
        world.engine.wake(run)
        return sum(vote.counts for vote in (await world.run(run)).votes) == count

    await eventually(there, 10)


async def test_more_approvals_than_before_are_needed_once_the_policy_says_so(world: SmallWorld) -> None:
    run = await opened(world)
    await restarted(world, replace(POLICY, approve={"deploy": replace(GATE, count=2)}))
    world.people.said["U0BOB"] = APPROVE
    await votes(world, run, 1)
    waiting = await world.run(run)
    assert waiting.state is RunState.AWAITING_APPROVAL
    assert waiting.gate is not None
    assert waiting.gate.requirement.needed == 2
    assert "gate_tightened" in await world.events(run)
    world.people.said["U0EVE"] = APPROVE
    assert (await world.until(run, *ENDS)).state is RunState.SUCCEEDED


@pytest.mark.parametrize("sweeps", [0, 1, 2])
async def test_a_reaction_that_reaches_another_replica_is_read_at_the_next_sweep(
    world: SmallWorld, sweeps: int
) -> None:
    run = await opened(world)
    await waiting_again(world, run)
    for _ in range(sweeps):
        await world.engine.supervisor.sweep()
        await waiting_again(world, run)
    world.people.said["U0BOB"] = APPROVE
    await world.store.runs.touch(run)  # by the replica that Slack gave the event
    await world.engine.supervisor.sweep()

    async def passed() -> bool:
        return (await world.run(run)).state is not RunState.AWAITING_APPROVAL

    await eventually(passed, 15, what="the reaction is read before the next poll")


async def waiting_again(world: SmallWorld, run: str) -> None:
    """Wait until the reactions were read for everything that has woken the driver so far."""
    driver = world.engine.supervisor._driving[run].driver
    driver.reaction_heard()
    asked = world.people.asked
    await eventually(lambda: not driver.wake.is_set() and world.people.asked > asked, 10)
    await world.run(run)  # behind what the driver writes of it
    await asyncio.sleep(0)
    assert not driver.wake.is_set()


async def test_somebody_who_is_no_longer_named_opens_nothing(world: SmallWorld) -> None:
    run = await opened(world)
    await restarted(world, replace(POLICY, approve={"deploy": replace(GATE, eligible=EVE_ALONE)}))
    world.people.said["U0BOB"] = APPROVE
    await votes(world, run, 1)
    assert (await world.run(run)).state is RunState.AWAITING_APPROVAL
    world.people.said["U0EVE"] = APPROVE
    assert (await world.until(run, *ENDS)).state is RunState.SUCCEEDED


async def test_a_looser_policy_does_not_let_an_older_request_through(world: SmallWorld) -> None:
    world.target = replace(world.target, policy=replace(POLICY, approve={"deploy": replace(GATE, count=2)}))
    world.new_engine()
    run = await opened(world)
    await restarted(world, replace(POLICY, approve={"deploy": replace(GATE, count=1)}))
    world.people.said["U0BOB"] = APPROVE
    await votes(world, run, 1)
    assert (await world.run(run)).state is RunState.AWAITING_APPROVAL


async def test_a_requester_who_may_no_longer_ask_is_refused_at_the_last_instant(world: SmallWorld) -> None:
    run = await opened(world)
    await restarted(world, replace(POLICY, run={Action.DEPLOY: EVE_ALONE}))
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert (ended.state, ended.problem and ended.problem.reason) == (RunState.FAILED, Reason.NOT_ALLOWED)
    assert ended.gate is not None
    assert ended.gate.state is GateState.VOID
    assert not changed(world)


async def test_a_member_who_left_the_group_a_moment_ago_does_not_count(world: SmallWorld) -> None:
    run = await opened(world)
    groups: dict[str, frozenset[str]] = {}

    async def current(users: frozenset[str], asked: frozenset[str]) -> object:
        world.people.groups = groups
        return await world.people.roster(users, asked)

    world.people.current_roster = current  # type: ignore[method-assign, assignment]  # Slack's own answer, uncached
    world.people.said["U0EVE"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert (ended.state, changed(world)) == (RunState.FAILED, False)
    assert ended.problem is not None
    assert ended.problem.reason is Reason.REJECTED


async def test_a_reaction_that_is_withdrawn_while_the_hosts_are_read_stops_the_change(world: SmallWorld) -> None:
    run = await opened(world)
    identity = world.sight.identity

    async def withdrawn(name: str) -> HostIdentity:
        world.people.said.clear()
        return await identity(name)

    world.sight.identity = withdrawn  # type: ignore[method-assign]  # Bob takes it back meanwhile
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert (ended.state, changed(world)) == (RunState.FAILED, False)
    assert ended.problem is not None
    assert ended.problem.facts["withdrawn"] == "yes"
    assert await told_of(world, run) == ["approval.opened", "approval.void", "run.failed"]


async def test_a_reaction_that_is_withdrawn_before_the_first_step_that_destroys_stops_there(world: SmallWorld) -> None:
    run = await opened(world)
    world.hosts.at_start = lambda key: world.people.said.clear() if key == "checkout" else None
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.FAILED
    assert ended.problem is not None
    assert ended.problem.reason is Reason.REJECTED
    assert world.hosts.starts("migrate") == 0
    assert world.hosts.starts("maintenance-off") == 1, "what was taken down comes up again"
    assert ended.gate is not None
    assert ended.gate.state is GateState.VOID
    assert await told_of(world, run) == ["approval.opened", "approval.void", "run.failed"]


async def told_of(world: SmallWorld, run: str) -> list[str]:
    """Name what others hear of the gate, and of the end: that a run failed, they hear once."""
    events = [name for record in await world.store.history.of_run(run) for name in events_of(record)]
    return [name for name in events if name in {"approval.opened", "approval.void", "run.failed", "run.cancelled"}]


async def test_slack_that_does_not_answer_before_a_step_that_destroys_stops_it(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.phases.gate._PATIENCE_IN_CHANGE", timedelta(0))

    def silent(key: str) -> None:
        world.people.away = world.people.away or key == "checkout"

    run = await opened(world)
    world.hosts.at_start = silent
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert ended.problem is not None
    assert ended.problem.reason is Reason.APPROVAL_UNREADABLE
    assert world.hosts.starts("migrate") == 0


MOVED: dict[str, Callable[[HostIdentity], HostIdentity]] = {
    "address of web1": lambda was: replace(was, address="10.0.0.99"),
    "host key of web1": lambda was: replace(was, key="SHA256:another"),
    ".env on web1": lambda was: replace(was, env_sha256="f" * 64),
}


@pytest.mark.parametrize("fact", MOVED)
async def test_an_approval_is_for_one_host_and_its_environment(world: SmallWorld, fact: str) -> None:
    run = await opened(world)
    world.sight.identities["web1"] = MOVED[fact](await world.sight.identity("web1"))
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert ended.problem is not None
    assert (ended.problem.reason, list(ended.problem.facts)) == (Reason.MOVED, [fact])
    assert not changed(world)


@pytest.mark.parametrize("change", ["path", "database"])
async def test_an_approval_is_for_one_folder_and_one_database(world: SmallWorld, change: str) -> None:
    run = await opened(world)
    await world.engine.drain()
    database = world.target.database
    assert database is not None
    moved = {"path": "/srv/elsewhere"} if change == "path" else {"database": replace(database, name="another")}
    world.target = replace(world.target, **moved)  # type: ignore[arg-type]  # one of its fields
    await world.new_engine().start()
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert ended.problem is not None
    assert ended.problem.reason is Reason.MOVED
    assert change in ended.problem.facts


async def test_a_gate_that_an_earlier_version_opened_is_void(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("bot.domain.runs.basis.PLAN_FORMAT", "1")
        run = await opened(world)
        await world.engine.drain()
    await world.new_engine().start()
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert ended.problem is not None
    assert ended.problem.reason is Reason.OLDER_VERSION
    assert not changed(world)


ALSO = Requirement(1, EVE_ALONE, timedelta(minutes=30), allow_requester=False)
BOTH = replace(GATE, also=ALSO)


@pytest.mark.parametrize(
    ("one", "other", "implied"),
    [
        (GATE, GATE, True),
        (replace(GATE, count=2), GATE, True),
        (GATE, replace(GATE, count=2), False),
        (replace(GATE, eligible=BOB_ALONE), replace(GATE, eligible=EVE_ALONE), False),
        (replace(GATE, allow_requester=True), GATE, False),
        (BOTH, GATE, True),
        (BOTH, ALSO, True),
        (GATE, BOTH, False),
    ],
)
def test_what_one_requirement_says_of_another(one: Requirement, other: Requirement, implied: bool) -> None:
    assert one.implies(other) is implied
    assert one.and_also(other).implies(one)
    assert one.and_also(other).implies(other)
