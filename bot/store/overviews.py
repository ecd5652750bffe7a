"""How targets stand, in a handful of short queries: the more a target has lived through, the same they cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from bot.domain.names import TargetName
from bot.domain.overview import RELEASING, TargetOverview
from bot.domain.run import ENDS, Run, RunState
from bot.store.locks import every_lock
from bot.store.rows import run_from_row
from bot.store.schema import runs
from bot.store.snapshots import unfinished_runs

_REMEMBERED = 200
"""So many of a target's latest runs in one state are searched for what made its commit live."""

_MAY_HAVE_RELEASED = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)

Latest = Mapping[TargetName, Mapping[RunState, int]]


def overviews(connection: Connection, targets: tuple[TargetName, ...]) -> tuple[TargetOverview, ...]:
    """Read how targets stand, in their order."""
    latest = _latest(connection)
    last = {name: max(latest[name].values()) for name in targets if latest.get(name)}
    released = {name: _release(connection, name, latest[name]) for name in last}
    ended = _without_steps(connection, {*last.values(), *released.values()})
    unfinished: dict[TargetName, list[Run]] = defaultdict(list)
    for run in unfinished_runs(connection):
        unfinished[run.request.target].append(run)
    locks = {lock.target: lock for lock in every_lock(connection)}
    return tuple(
        TargetOverview(
            name,
            tuple(unfinished[name]),
            ended.get(last.get(name, 0)),
            ended.get(released.get(name, 0)),
            locks.get(name),
        )
        for name in targets
    )


def _latest(connection: Connection) -> Latest:
    """Find each target's latest run in each state that is an end, by its sequence."""
    query = (
        select(runs.c.app, runs.c.environment, runs.c.state, func.max(runs.c.sequence))
        .where(runs.c.state.in_(sorted(ENDS)))
        .group_by(runs.c.app, runs.c.environment, runs.c.state)
    )
    found: dict[TargetName, dict[RunState, int]] = defaultdict(dict)
    for app, environment, state, sequence in connection.execute(query):
        found[TargetName(app, environment)][RunState(state)] = sequence
    return found


def _release(connection: Connection, target: TargetName, latest: Mapping[RunState, int]) -> int:
    """Find the latest run that had begun to change what is live, by its sequence; 0 where there is none."""
    action = func.json_extract(runs.c.request, "$.action")
    # SQLite gives the bare text, MariaDB the JSON.
    releasing = [form for wanted in sorted(RELEASING) for form in (wanted.value, f'"{wanted.value}"')]
    newest = 0
    for state in _MAY_HAVE_RELEASED:
        if latest.get(state, 0) <= newest:
            continue
        remembered = (
            select(runs.c.sequence, runs.c.change_started_at, action.label("action"))
            .where(runs.c.app == target.app, runs.c.environment == target.environment, runs.c.state == state.value)
            .order_by(runs.c.sequence.desc())
            .limit(_REMEMBERED)
            .subquery()
        )
        began = remembered.c.change_started_at.is_not(None)
        query = select(func.max(remembered.c.sequence)).where(began, remembered.c.action.in_(releasing))
        newest = max(newest, connection.execute(query).scalar_one() or 0)
    return newest


def _without_steps(connection: Connection, sequences: Iterable[int]) -> Mapping[int, Run]:
    rows = connection.execute(select(runs).where(runs.c.sequence.in_(sorted(sequences)))).mappings()
    return {row["sequence"]: run_from_row(row, (), (), 0) for row in rows}
