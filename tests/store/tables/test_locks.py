"""Locks and overviews: what the store promises, on SQLite and on MariaDB."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import create_engine, event, text

from bot.domain.backups.backup import PROOF_STEP, Proof
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock, LockNews, LockNotice
from bot.domain.runs.history import first_break
from bot.domain.runs.request import BackupOptions
from bot.domain.runs.run import RunState, StepState
from bot.domain.targets.dashboard import Viewer
from bot.domain.targets.overview import ProvenBackup
from bot.engine.run_changes import ChangeStarts, MoveTo, PlanIs, StepIs, StepsAdded
from bot.store import SqlStore, open_store
from tests.store.sql.test_engines import plain
from tests.store.support.samples import AT, HOUR, PLAN, claimed, entry, made, posted, request, running, step

TARGET = TargetName("compte", "production")
LOCK = Lock(TARGET, "U0AMELIE", "l'inventaire — 😀", AT)


async def test_a_lock_stands_until_it_is_taken_off(store: SqlStore) -> None:
    assert await store.locks.on_target(TARGET) is None
    assert await store.locks.lock(LOCK) == LOCK
    assert await store.locks.on_target(TARGET) == LOCK
    assert await store.locks.on_target(TargetName("compte", "staging")) is None
    assert not await store.locks.unlock(replace(LOCK, since=AT - HOUR), "U0BOB", AT, "C0OPS")
    assert not await store.locks.unlock(replace(LOCK, owner="U0BOB"), "U0BOB", AT, "C0OPS")
    assert await store.locks.all() == (LOCK,)
    assert await store.locks.unlock(LOCK, "U0BOB", AT, "C0OPS")
    assert await store.locks.on_target(TARGET) is None
    assert not await store.locks.unlock(LOCK, "U0BOB", AT, "C0OPS")
    assert await store.locks.all() == ()


async def test_the_first_of_many_locks_stays_and_all_are_told_of_it(store: SqlStore) -> None:
    wanted = [replace(LOCK, owner=f"U{number}") for number in range(20)]
    stands = await asyncio.gather(*(store.locks.lock(lock) for lock in wanted))
    assert len(set(stands)) == 1
    assert await store.locks.on_target(TARGET) == stands[0]


async def test_one_of_many_takes_it_off(store: SqlStore) -> None:
    await store.locks.lock(LOCK)
    gone = await asyncio.gather(*(store.locks.unlock(LOCK, f"U{number}", AT, "C0OPS") for number in range(20)))
    assert sorted(gone) == [False] * 19 + [True]


async def test_the_history_has_what_happened_once(store: SqlStore) -> None:
    await store.locks.lock(LOCK)
    await store.locks.lock(replace(LOCK, owner="U0BOB"))
    await store.locks.unlock(LOCK, "U0BOB", AT, "C0OPS")
    await store.locks.unlock(LOCK, "U0BOB", AT, "C0OPS")
    history = await store.history.all()
    told = [(record.entry.event, record.entry.actor, dict(record.entry.facts)) for record in history]
    target = str(TARGET)
    assert told == [
        ("locked", "U0AMELIE", {"target": target, "reason": LOCK.reason}),
        ("unlocked", "U0BOB", {"target": target, "owner": "U0AMELIE", "reason": LOCK.reason}),
    ]
    assert first_break(history) is None


async def test_that_its_owner_is_to_be_told_is_remembered_until_they_are(store: SqlStore) -> None:
    await store.locks.lock(LOCK)
    assert await store.locks.unlock(LOCK, LOCK.owner, AT, "C0OPS")
    assert await store.lock_notices.waiting() == ()
    await store.locks.lock(LOCK)
    gone = await asyncio.gather(*(store.locks.unlock(LOCK, "U0BOB", AT, "C0OPS") for _ in range(5)))
    assert sorted(gone) == [False] * 4 + [True]
    assert await store.lock_notices.ask_about(LOCK, AT + HOUR, "C0TEAM")
    assert not await store.lock_notices.ask_about(LOCK, AT + HOUR, "C0TEAM")
    off, stands = await store.lock_notices.waiting()
    assert off == LockNotice(off.number, LockNews.TAKEN_OFF, LOCK, "U0BOB", "C0OPS", AT)
    assert stands == LockNotice(stands.number, LockNews.STANDS, LOCK, "", "C0TEAM", AT + HOUR)
    await store.lock_notices.mark_intended(off)
    assert await store.lock_notices.waiting() == (replace(off, intended=True), stands)
    await store.lock_notices.remove(off)
    await store.lock_notices.remove(stands)
    assert await store.lock_notices.waiting() == ()
    # A number is never given twice: what stands in Slack is told apart by it.
    await store.lock_notices.ask_about(LOCK, AT + 2 * HOUR, "C0TEAM")
    [another] = await store.lock_notices.waiting()
    assert another.number > stands.number


async def ended(store: SqlStore, number: int, state: RunState, *, changed: bool = True) -> str:
    lease = await running(store, number)
    begun = (PlanIs(PLAN), ChangeStarts(AT)) if changed else ()
    last = (MoveTo(RunState.VERIFYING, AT), MoveTo(state, AT + timedelta(minutes=number)))
    return (await store.runs.write(lease, (*begun, *last))).id


async def test_an_overview_has_what_goes_on_what_was_last_and_what_is_live(store: SqlStore) -> None:
    nothing, other = await store.overviews.of_targets((TARGET, TargetName("other", "production")))
    assert (nothing.unfinished, nothing.last, nothing.release, nothing.lock) == ((), None, None, None)
    assert nothing.live == ""

    released = await ended(store, 1, RunState.SUCCEEDED)
    last = await ended(store, 2, RunState.FAILED, changed=False)
    going = await running(store, 3)
    waiting = await made(store, 4)
    elsewhere = await claimed(store, 5, "other")
    await store.locks.lock(LOCK)
    here, other = await store.overviews.of_targets((TARGET, TargetName("other", "production")))
    assert [run.id for run in here.unfinished] == [going.run, waiting.id]
    assert here.last is not None
    assert here.last.id == last
    assert here.release is not None
    assert here.release.id == released
    assert here.live == str(PLAN.sha)
    assert here.lock == LOCK
    assert [run.id for run in other.unfinished] == [elsewhere.run]
    assert (other.last, other.release, other.lock) == (None, None, None)


async def test_what_is_live_is_not_claimed_behind_a_failure(store: SqlStore) -> None:
    await ended(store, 1, RunState.SUCCEEDED)
    failed = await ended(store, 2, RunState.FAILED)
    [here] = await store.overviews.of_targets((TARGET,))
    assert here.live == ""
    assert here.in_doubt is not None
    assert here.in_doubt.id == failed


def set_back(url: str, revision: str) -> None:
    """Take out of a store what came after a revision."""
    engine = create_engine(plain(url))
    on = " ON runs" if engine.dialect.name != "sqlite" else ""
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE homes"))
        connection.execute(text("DROP TABLE lock_notices"))
        for index in ("ix_runs_app_environment_action_change_started_at", "ix_runs_app_environment_ended_at"):
            connection.execute(text(f"DROP INDEX {index}{on}"))
        connection.execute(text("ALTER TABLE runs DROP COLUMN action"))
        if revision < "0002":
            connection.execute(text("DROP TABLE locks"))
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    engine.dispose()


async def test_a_store_from_before_locks_is_brought_up_with_what_it_holds(url: str) -> None:
    async with open_store(url) as store:
        run = await made(store)
    set_back(url, "0001")
    async with open_store(url) as store:
        assert await store.locks.lock(LOCK) == LOCK
        assert await store.runs.get(run.id) == run


async def proven(store: SqlStore, number: int, proof: str) -> None:
    lease = await running(store, number)
    facts = {"backup": f"B-{number}", "proof": proof}
    at = AT + timedelta(minutes=number)
    row = step(PROOF_STEP, state=StepState.DONE, started_at=AT, ended_at=at, facts=facts)
    await store.runs.write(lease, (StepsAdded((row,)), StepIs(row), MoveTo(RunState.VERIFYING, AT)))
    await store.runs.write(lease, (MoveTo(RunState.SUCCEEDED, at),))


async def test_an_overview_has_the_backup_that_was_proven_last(store: SqlStore) -> None:
    await proven(store, 1, "proven")
    [here] = await store.overviews.of_targets((TARGET,))
    assert here.backup == ProvenBackup("B-1", Proof.PROVEN, AT + timedelta(minutes=1))
    await proven(store, 2, "checked")
    [here] = await store.overviews.of_targets((TARGET,))
    assert here.backup == ProvenBackup("B-2", Proof.CHECKED, AT + timedelta(minutes=2))


async def test_what_only_backs_up_made_nothing_live(store: SqlStore) -> None:
    released = await ended(store, 1, RunState.SUCCEEDED)
    backup = await store.runs.create(
        "R-000009", replace(request("Ev9"), options=BackupOptions()), AT, entry("R-000009")
    )
    lease = await store.leases.claim(backup.id, "host:1", HOUR)
    assert lease is not None
    assert await store.leases.admit(lease, AT)
    moves = (RunState.RUNNING, RunState.VERIFYING, RunState.SUCCEEDED)
    await store.runs.write(lease, (ChangeStarts(AT + HOUR), *(MoveTo(state, AT + HOUR) for state in moves)))
    [here] = await store.overviews.of_targets((TARGET,))
    assert here.release is not None
    assert here.release.id == released
    assert here.last is not None
    assert here.last.id == backup.id


async def test_more_targets_than_one_query_takes_are_read_in_their_order(store: SqlStore) -> None:
    names = tuple(TargetName(f"app{number}", "production") for number in range(250))
    await store.locks.lock(replace(LOCK, target=names[249]))
    read = await store.overviews.of_targets(names)
    assert tuple(overview.target for overview in read) == names
    assert [overview.target for overview in read if overview.lock] == [names[249]]


async def test_the_latest_runs_are_those_of_the_asked_targets(store: SqlStore) -> None:
    first = await made(store, 1)
    await made(store, 2, "other")
    third = await made(store, 3)
    assert [run.id for run in await store.overviews.latest_runs((TARGET,), 10)] == [third.id, first.id]
    assert [run.id for run in await store.overviews.latest_runs((TARGET,), 1)] == [third.id]
    assert await store.overviews.latest_runs((), 10) == ()


async def test_runs_of_a_store_from_before_are_found_by_what_they_did(url: str) -> None:
    async with open_store(url) as store:
        released = await ended(store, 1, RunState.SUCCEEDED)
    set_back(url, "0002")
    async with open_store(url) as store:
        [here] = await store.overviews.of_targets((TARGET,))
        assert here.release is not None
        assert here.release.id == released


async def test_no_query_of_an_overview_reads_every_run(sqlite_url: str) -> None:
    asked: dict[str, object] = {}
    async with open_store(sqlite_url) as store:
        await ended(store, 1, RunState.SUCCEEDED)

        def note(connection: object, cursor: object, statement: str, values: object, *rest: object) -> None:
            asked[statement] = values

        event.listen(store._database._pool._engine, "before_cursor_execute", note)
        await store.overviews.of_targets((TARGET, TargetName("other", "production")))
    connection = sqlite3.connect(plain(sqlite_url).removeprefix("sqlite:///"))
    plans = {
        statement: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
        for statement, values in asked.items()
        if statement.lstrip().upper().startswith("SELECT")
    }
    connection.close()
    assert len(plans) >= 4
    for statement, found in plans.items():
        assert not [step for step in found if step.startswith(("SCAN r", "SCAN s"))], statement


async def test_who_opened_the_home_and_what_they_chose_is_kept(store: SqlStore) -> None:
    await store.home_viewers.save(Viewer("U0AMELIE", "", AT))
    await store.home_viewers.save(Viewer("U0BOB", "app:compte", AT + HOUR))
    await store.home_viewers.save(Viewer("U0AMELIE", "all", AT + HOUR * 2))
    assert await store.home_viewers.opened_since(AT) == (
        Viewer("U0AMELIE", "all", AT + HOUR * 2),
        Viewer("U0BOB", "app:compte", AT + HOUR),
    )
    assert [viewer.user for viewer in await store.home_viewers.opened_since(AT + HOUR * 2)] == ["U0AMELIE"]


async def test_the_cards_of_runs_are_read_together(store: SqlStore) -> None:
    for number in (1, 2):
        await store.messages.save(posted(f"R-{number}", ts=f"{number}.0"))
        await store.messages.save(posted(f"R-{number}", slot="plan", ts=f"{number}.1"))
    await store.messages.save(posted("R-3", ts=""))
    assert await store.messages.cards(frozenset({"R-1", "R-3", "R-9"})) == {"R-1": posted("R-1", ts="1.0")}
    assert await store.messages.cards(frozenset()) == {}
