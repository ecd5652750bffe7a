import asyncio
import gc
import weakref
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.names import Sha
from bot.domain.runs.run import LEGAL, RunState, StepState
from bot.domain.store_counts import StoreCounts
from bot.engine.run_changes import ChangeStarts, FactsAre, GateIs, MoveTo, PlanIs, StepIs, StepsAdded, VotesAre
from bot.store import SqlStore
from bot.store.runs.update import predecessors
from tests.store.support.samples import (
    AT,
    GATE,
    HOUR,
    PLAN,
    PROBLEM,
    VOTE,
    claimed,
    done,
    entry,
    event,
    made,
    request,
    running,
    step,
)


async def test_a_new_run_waits_and_says_what_was_asked(store: SqlStore) -> None:
    run = await made(store)
    assert (run.id, run.state, run.request, run.created_at) == ("R-000001", RunState.QUEUED, request("EvR-000001"), AT)
    assert (run.revision, run.place_in_queue) == (1, 1)
    assert await store.runs.get("R-000001") == run
    assert await store.runs.get("R-999999") is None


async def test_everything_that_is_written_is_read_again(store: SqlStore) -> None:
    lease = await running(store)
    row = step(
        begun=True,
        state=StepState.FAILED,
        started_at=AT,
        ended_at=AT + HOUR,
        exit_status=255,
        problem=PROBLEM,
        offset=2**40,
        tail="é 😀\n",
        facts={"bytes": "12"},
    )
    written = await store.runs.write(
        lease,
        (
            PlanIs(PLAN),
            GateIs(GATE),
            VotesAre((VOTE,)),
            StepsAdded((row,)),
            ChangeStarts(AT),
            FactsAre({"sha": "a"}),
            FactsAre({"backup": "B-1"}),
            MoveTo(RunState.FAILED, AT + HOUR, PROBLEM, nothing_to_do=True),
        ),
    )
    assert written == await store.runs.get(lease.run)
    assert (written.plan, written.gate, written.votes, written.steps) == (PLAN, GATE, (VOTE,), (row,))
    assert (written.problem, written.ended_at, written.change_started_at) == (PROBLEM, AT + HOUR, AT)
    assert written.facts == {"sha": "a", "backup": "B-1"}
    assert written.nothing_to_do


async def test_one_event_makes_one_run_however_many_deliver_it(store: SqlStore) -> None:
    runs = await asyncio.gather(
        *(store.runs.create(f"R-{number:06}", request("Ev1"), AT, entry(f"R-{number:06}")) for number in range(20))
    )
    assert len({run.id for run in runs}) == 1
    assert len(await store.history.all()) == 1


async def test_an_id_is_never_given_to_two_runs(store: SqlStore) -> None:
    await made(store)
    with pytest.raises(ValueError, match="another run R-000001"):
        await store.runs.create("R-000001", request("another event"), AT, entry())
    assert len(await store.history.all()) == 1


async def test_recent_and_unfinished(store: SqlStore) -> None:
    for number in (1, 2, 3):
        await made(store, number)
    lease = await store.leases.claim("R-000002", "one", HOUR)
    assert lease is not None
    await store.runs.write(lease, (MoveTo(RunState.CANCELLED, AT),))
    assert [run.id for run in await store.runs.recent(2)] == ["R-000003", "R-000002"]
    unfinished = await store.runs.unfinished()
    assert [(each.run, each.state) for each in unfinished] == [
        ("R-000001", RunState.QUEUED),
        ("R-000003", RunState.QUEUED),
    ]
    run = await store.runs.get("R-000003")
    assert run is not None
    assert unfinished[1].revision == run.revision
    assert await store.runs.request_cancel("R-000003", "U0BOB", AT)
    assert [each.cancelled_by for each in await store.runs.unfinished()] == ["", "U0BOB"]
    sequences = [run.sequence for run in await store.runs.recent(9)]
    assert sequences == sorted(sequences, reverse=True)


@pytest.mark.parametrize("before", RunState)
@pytest.mark.parametrize("after", RunState)
def test_the_statement_lets_a_state_follow_only_its_legal_predecessors(before: RunState, after: RunState) -> None:
    assert (before.value in predecessors(after)) == (after in LEGAL[before])


async def test_an_illegal_move_writes_nothing(store: SqlStore) -> None:
    lease = await running(store)
    before = await store.runs.get(lease.run)
    with pytest.raises(ValueError, match="cannot go from running to planning"):
        await store.runs.write(lease, (FactsAre({"a": "b"}), MoveTo(RunState.PLANNING, AT)), (entry(event="lost"),))
    assert await store.runs.get(lease.run) == before
    assert [record.entry.event for record in await store.history.all()] == ["requested"]


async def test_nothing_leaves_an_end(store: SqlStore) -> None:
    lease = await running(store)
    await store.runs.write(lease, (MoveTo(RunState.FAILED, AT, PROBLEM),))
    with pytest.raises(ValueError, match="cannot go from failed"):
        await store.runs.write(lease, (MoveTo(RunState.RUNNING, AT),))


async def test_a_move_to_the_same_state_is_none(store: SqlStore) -> None:
    lease = await running(store)
    await store.runs.write(lease, (MoveTo(RunState.FAILED, AT, PROBLEM),))
    again = await store.runs.write(lease, (MoveTo(RunState.FAILED, AT + HOUR),))
    assert (again.ended_at, again.problem) == (AT, PROBLEM)


async def test_a_decision_takes_the_problem_away(store: SqlStore) -> None:
    lease = await running(store)
    assert (await store.runs.write(lease, (MoveTo(RunState.NEEDS_HUMAN, AT, PROBLEM),))).problem == PROBLEM
    assert (await store.runs.write(lease, (MoveTo(RunState.RUNNING, AT),))).problem is None


async def test_every_change_raises_the_revision(store: SqlStore) -> None:
    lease = await running(store)
    first = await store.runs.write(lease, (FactsAre({"a": "1"}),))
    second = await store.runs.write(lease, (FactsAre({"a": "2"}),))
    assert second.revision > first.revision


async def test_the_first_change_starts_once(store: SqlStore) -> None:
    lease = await running(store)
    await store.runs.write(lease, (ChangeStarts(AT),))
    assert (await store.runs.write(lease, (ChangeStarts(AT + HOUR),))).change_started_at == AT


async def test_steps_come_by_position_with_places_in_the_order_they_came(store: SqlStore) -> None:
    lease = await running(store)
    await store.runs.write(lease, (StepsAdded((step("b", "web2", 1), step("b", "web1", 1), step("a", "web9", 0))),))
    run = await store.runs.write(lease, (StepIs(step("b", "web2", 1, attempt=2, state=StepState.RUNNING)),))
    assert [(row.key, row.place, row.attempt) for row in run.steps] == [
        ("a", "web9", 1),
        ("b", "web2", 2),
        ("b", "web1", 1),
    ]


async def test_adding_steps_again_leaves_those_that_are_there(store: SqlStore) -> None:
    lease = await running(store)
    await store.runs.write(lease, (StepsAdded((step(),)), StepIs(step(state=StepState.DONE))))
    run = await store.runs.write(lease, (StepsAdded((step(), step("up", position=1), step("up", position=1))),))
    assert [(row.key, row.state) for row in run.steps] == [("migrate", StepState.DONE), ("up", StepState.PENDING)]


async def test_votes_are_replaced(store: SqlStore) -> None:
    lease = await running(store)
    other = replace(VOTE, user="U0DBA", counts=False, reason="not_eligible")
    await store.runs.write(lease, (VotesAre((VOTE, other)),))
    assert (await store.runs.write(lease, (VotesAre((other,)),))).votes == (other,)
    assert (await store.runs.write(lease, (VotesAre(()),))).votes == ()


async def test_only_the_first_wish_to_cancel_counts(store: SqlStore) -> None:
    lease = await running(store)
    assert await store.runs.request_cancel(lease.run, "U0BOB", AT)
    assert not await store.runs.request_cancel(lease.run, "U0AMELIE", AT)
    run = await store.runs.get(lease.run)
    assert run is not None
    assert run.cancelled_by == "U0BOB"
    await store.runs.write(lease, (MoveTo(RunState.CANCELLED, AT),))
    other = await running(store, 2)
    await store.runs.write(other, (MoveTo(RunState.SUCCEEDED, AT),))
    assert not await store.runs.request_cancel(other.run, "U0BOB", AT)
    assert not await store.runs.request_cancel("R-999999", "U0BOB", AT)


async def test_step_seconds_are_those_of_the_target_newest_first(store: SqlStore) -> None:
    for number, app in ((1, "compte"), (2, "other"), (3, "compte")):
        lease = await running(store, number, app)
        await store.runs.write(lease, (StepsAdded((done(number, number + 0.5), step("up", position=1))),))
        await store.runs.write(lease, (MoveTo(RunState.SUCCEEDED, AT),))
    assert await store.runs.step_seconds("compte", "production", "migrate", 5) == (3.5, 1.5)
    assert await store.runs.step_seconds("compte", "production", "migrate", 1) == (3.5,)
    assert await store.runs.step_seconds("compte", "staging", "migrate", 5) == ()


async def test_runs_on_one_target_go_one_at_a_time_in_their_order(store: SqlStore) -> None:
    first, second, third = [await claimed(store, number) for number in (1, 2, 3)]
    elsewhere = await claimed(store, 4, "other")

    async def places() -> list[int]:
        return [run.place_in_queue for run in reversed(await store.runs.recent(3 + 1))]

    assert await places() == [1, 2, 3, 1]
    assert not await store.leases.admit(second, AT)
    assert await store.leases.admit(first, AT)
    assert await store.leases.admit(first, AT), "doing it again after a crash is no refusal"
    assert await store.leases.admit(elsewhere, AT)
    assert await places() == [0, 1, 2, 0]
    assert not await store.leases.admit(second, AT)
    await store.runs.write(first, (MoveTo(RunState.FAILED, AT, PROBLEM),))
    assert not await store.leases.admit(third, AT)
    await store.runs.write(second, (MoveTo(RunState.CANCELLED, AT),))
    assert await places() == [0, 0, 1, 0]
    assert await store.leases.admit(third, AT)


async def test_who_moves_up_in_the_queue_is_told(store: SqlStore) -> None:
    first, second = await claimed(store, 1), await claimed(store, 2)
    for run in await store.runs.recent(9):
        await store.messages.mark_published(run.id, run.revision)
    assert await store.leases.admit(first, AT)
    assert set(await store.messages.unpublished()) == {first.run, second.run}


async def test_one_of_many_that_race_for_a_target_is_admitted(store: SqlStore) -> None:
    leases = [await claimed(store, number) for number in range(1, 9)]
    admitted = await asyncio.gather(*(store.leases.admit(lease, AT) for lease in reversed(leases)))
    assert sum(admitted) == 1
    assert admitted[-1], "the oldest"


async def test_a_run_that_waits_for_a_person_keeps_its_target(store: SqlStore) -> None:
    first = await running(store, 1)
    second = await claimed(store, 2)
    await store.runs.write(first, (MoveTo(RunState.NEEDS_HUMAN, AT, PROBLEM),))
    assert not await store.leases.admit(second, AT)


async def test_a_firing_is_claimed_once(store: SqlStore) -> None:
    won = await asyncio.gather(
        *(store.schedule_claims.claim("compte production backup", AT, f"p{n}") for n in range(10))
    )
    assert sum(won) == 1
    assert await store.schedule_claims.claim("compte production backup", AT + timedelta(days=1), "p1")


async def test_how_much_there_is_of_everything(store: SqlStore) -> None:
    assert await store.counts() == StoreCounts({}, (), 0, 0)
    await made(store, 1)
    await running(store, 2, "other")
    await store.inbox.receive(event(1))
    await store.inbox.receive(event(2))
    await store.inbox.settle("Ev1")
    found = await store.counts()
    assert found.runs == {RunState.QUEUED: 1, RunState.RUNNING: 1}
    assert (found.events, found.records) == (1, len(await store.history.all()))


async def test_the_plans_of_runs_that_are_driven_are_parsed_once_and_kept_no_longer(store: SqlStore) -> None:
    driven = []
    for number in range(1, 13):
        lease = await running(store, number, f"app{number}")
        plan = replace(PLAN, sha=Sha(f"{number:040x}"))
        driven.append(await store.runs.write(lease, (PlanIs(plan),)))
    again = [await store.runs.get(run.id) for run in driven]
    assert all(before.plan is after.plan for before, after in zip(driven, again, strict=True) if after is not None)
    weakly = [weakref.ref(run.plan) for run in driven if run.plan is not None]
    del driven, again
    gc.collect()
    assert sum(1 for plan in weakly if plan() is not None) <= 8, "the latest few"
