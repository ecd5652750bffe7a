"""Leases on runs, cancellation, and admission of runs to their targets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from bot.domain.runs.history import Entry
from bot.domain.runs.run import RunState
from bot.engine.run_changes import LeaseLostError, RunLease
from bot.store.history import log
from bot.store.runs.queries import UNFINISHED
from bot.store.schema import holds, runs
from bot.store.sql.driver_errors import is_duplicate
from bot.store.sql.timestamps import database_now, length_micros, to_micros


def is_latest(lease: RunLease) -> ColumnElement[bool]:
    """Give the condition that a lease is still its run's latest."""
    return and_(runs.c.id == lease.run, runs.c.token == lease.token, runs.c.owner == lease.owner)


def guard(connection: Connection, lease: RunLease) -> None:
    """Make sure, until the transaction ends, that a lease is its run's latest.

    This writes, so that on a cluster, where a lock holds on one node alone, it collides with a claim made elsewhere.

    Raises:
        LeaseLostError: it is not.
    """
    _guarded(connection, lease, {})


def guard_changes(connection: Connection, lease: RunLease, count: int) -> None:
    """As `guard`, and note how often the run has changed.

    Raises:
        LeaseLostError: it is not.
    """
    _guarded(connection, lease, _changed(count) if count else {})


def _guarded(connection: Connection, lease: RunLease, values: Mapping[str, Any]) -> None:
    guarded = update(runs).where(is_latest(lease)).values(writes=runs.c.writes + 1, **values)
    if connection.execute(guarded).rowcount != 1:
        raise LeaseLostError(f"{lease.run}: token {lease.token} of {lease.owner} is not the latest")


def claim(connection: Connection, run: str, owner: str, length: timedelta) -> RunLease | None:
    """Claim a run without an owner, or whose lease has run out, by one guarded UPDATE that raises its token."""
    free = or_(runs.c.owner.is_(None), runs.c.lease_until < database_now())
    claimed = connection.execute(
        update(runs)
        .where(runs.c.id == run, free)
        .values(owner=owner, token=runs.c.token + 1, lease_until=database_now() + length_micros(length))
    )
    if claimed.rowcount != 1:
        return None
    return RunLease(run, owner, connection.execute(select(runs.c.token).where(runs.c.id == run)).scalar_one())


def renew(connection: Connection, leases: tuple[RunLease, ...], length: timedelta) -> frozenset[RunLease]:
    """Renew leases with one statement; give those that are lost, as another owner has claimed the run."""
    held = tuple_(runs.c.id, runs.c.owner, runs.c.token).in_([(each.run, each.owner, each.token) for each in leases])
    ours = and_(runs.c.id.in_([each.run for each in leases]), held)
    until = database_now() + length_micros(length)
    renewed = connection.execute(update(runs).where(ours).values(writes=runs.c.writes + 1, lease_until=until))
    if renewed.rowcount == len(leases):
        return frozenset()
    still = {RunLease(*row) for row in connection.execute(select(runs.c.id, runs.c.owner, runs.c.token).where(ours))}
    return frozenset(leases) - still


def release(connection: Connection, lease: RunLease) -> None:
    """Release a lease; one that was lost stays as it is."""
    connection.execute(update(runs).where(is_latest(lease)).values(owner=None, lease_until=None))


def release_all(connection: Connection) -> None:
    """Release every lease, for a process that has the store for itself."""
    connection.execute(update(runs).where(runs.c.owner.is_not(None)).values(owner=None, lease_until=None))


def admit(connection: Connection, lease: RunLease, now: datetime) -> bool:
    """Let a queued run begin planning if it is the first on its target; or its change, where it waited for this time.

    Raises:
        LeaseLostError: another owner has claimed the run.
    """
    guard(connection, lease)
    columns = (runs.c.sequence, runs.c.app, runs.c.environment, runs.c.state, runs.c.starts_at)
    run = connection.execute(select(*columns).where(runs.c.id == lease.run)).one()
    holder = select(holds.c.run).where(holds.c.app == run.app, holds.c.environment == run.environment)
    if run.state != RunState.QUEUED.value:
        return connection.execute(holder).scalar_one_or_none() == lease.run
    if run.starts_at is not None and run.starts_at > to_micros(now):
        return False
    earlier = select(func.count()).where(
        runs.c.app == run.app,
        runs.c.environment == run.environment,
        runs.c.sequence < run.sequence,
        runs.c.state.in_(UNFINISHED),
        or_(
            runs.c.state != RunState.QUEUED.value,
            runs.c.starts_at.is_(None),
            runs.c.starts_at <= to_micros(now),
        ),
    )
    if connection.execute(earlier).scalar_one():
        return _note_waiting(connection, lease)
    try:
        connection.execute(insert(holds).values(app=run.app, environment=run.environment, run=lease.run))
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        if connection.execute(holder).scalar_one_or_none() != lease.run:
            return _note_waiting(connection, lease)
    if run.starts_at is None:
        begun: dict[str, Any] = {"state": RunState.PLANNING.value}
    else:
        begun = {"state": RunState.RUNNING.value, "change_started_at": to_micros(now)}
    connection.execute(update(runs).where(is_latest(lease)).values(**begun))
    note_changed(connection, lease.run)
    note_queue_moved(connection, run.app, run.environment)
    if run.starts_at is not None:
        log.append(connection, (Entry(lease.run, "time_reached", "bot", {}),), now)
    return True


def _note_waiting(connection: Connection, lease: RunLease) -> bool:
    """Note that a run had to wait for another."""
    connection.execute(update(runs).where(is_latest(lease), runs.c.waited == 0).values(waited=1))
    return False


def request_cancel(connection: Connection, run: str, user: str, at: datetime) -> bool:
    """Note and record that a user wants a run cancelled; False where it has ended or somebody else was first."""
    noted = connection.execute(
        update(runs)
        .where(runs.c.id == run, runs.c.cancelled_by == "", runs.c.state.in_(UNFINISHED))
        .values(cancelled_by=user, cancelled_at=to_micros(at))
    )
    if noted.rowcount != 1:
        return False
    note_changed(connection, run)
    state = connection.execute(select(runs.c.state).where(runs.c.id == run)).scalar_one()
    log.append(connection, (Entry(run, "cancel_requested", user, {"state": state}),), at)
    return True


def touch(connection: Connection, run: str) -> None:
    """Raise the revision of a run that waits at its gate, or for its time, so that its driver reads the reactions."""
    approved = and_(runs.c.state == RunState.QUEUED.value, runs.c.starts_at.is_not(None))
    waits = or_(runs.c.state == RunState.AWAITING_APPROVAL.value, approved)
    _note_change(connection, and_(runs.c.id == run, waits))


def free_target(connection: Connection, run: str) -> None:
    """Free the target of a run."""
    connection.execute(delete(holds).where(holds.c.run == run))


def note_changed(connection: Connection, run: str) -> None:
    """Note that a run has changed."""
    _note_change(connection, runs.c.id == run)


def note_queue_moved(connection: Connection, app: str, environment: str) -> None:
    """Note that the runs in a target's queue have moved."""
    waiting = and_(runs.c.app == app, runs.c.environment == environment, runs.c.state == RunState.QUEUED.value)
    _note_change(connection, waiting)


def _note_change(connection: Connection, condition: ColumnElement[bool]) -> None:
    connection.execute(update(runs).where(condition).values(**_changed()))


def _changed(count: int = 1) -> dict[str, Any]:
    return {
        "revision": runs.c.revision + count,
        "unpublished_since": func.coalesce(runs.c.unpublished_since, database_now()),
    }
