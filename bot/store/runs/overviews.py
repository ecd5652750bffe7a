"""Overviews of targets, in a few queries whose cost does not grow with the number of past runs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text, tuple_
from sqlalchemy.engine import Connection

from bot.domain.backups.backup import PROOF_STEP, Proof
from bot.domain.names import TargetName
from bot.domain.runs.maintenance import concerns_maintenance, was_down_before
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.overview import CHANGING, RELEASING, ProvenBackup, TargetOverview
from bot.store.rows import run_from_row
from bot.store.runs.queries import latest_changes, runs_awaiting_late_approval, unfinished_runs
from bot.store.schema import runs, steps
from bot.store.sql.timestamps import from_micros
from bot.store.tables.locks import all_locks

_MAX_CONCURRENT = 100
"""Targets a query. SQLite takes 500 parts of a UNION."""

_MAX_CHANGES = 5
"""Latest changes of a target that are read to tell since when its site is down."""

_LAST = """
    SELECT sequence FROM runs r WHERE r.app = t.app AND r.environment = t.environment AND r.ended_at IS NOT NULL
    ORDER BY r.ended_at DESC, r.sequence DESC LIMIT 1
"""
_RELEASE = """
    SELECT sequence FROM runs r WHERE r.app = t.app AND r.environment = t.environment AND r.action = '{action}'
    AND r.change_started_at IS NOT NULL AND r.ended_at IS NOT NULL
    ORDER BY r.change_started_at DESC, r.sequence DESC LIMIT 1
"""
_PROOF = """
    SELECT sequence FROM steps s WHERE s.app = t.app AND s.environment = t.environment AND s.step = '{step}'
    AND s.state = 'done' AND s.ended_at IS NOT NULL ORDER BY s.ended_at DESC, s.sequence DESC LIMIT 1
"""


@dataclass(frozen=True)
class _Latest:
    """Sequences of a target's latest rows; 0 where there is none.

    Args:
        last: the run that ended last.
        release: the run that last began to change what is live.
        change: the run that last began to change anything that the site needs.
        proof: the step that last proved a backup.
    """

    last: int
    release: int
    change: int
    proof: int


def of_targets(connection: Connection, targets: tuple[TargetName, ...]) -> tuple[TargetOverview, ...]:
    """Read overviews of targets, in their order."""
    latest: dict[TargetName, _Latest] = {}
    for start in range(0, len(targets), _MAX_CONCURRENT):
        latest |= _latest(connection, targets[start : start + _MAX_CONCURRENT])
    ended = _without_steps(
        connection,
        {number for found in latest.values() for number in (found.last, found.release, found.change)},
    )
    proofs = _proofs(connection, {found.proof for found in latest.values()})
    unfinished: dict[TargetName, list[Run]] = defaultdict(list)
    for run in unfinished_runs(connection):
        unfinished[run.request.target].append(run)
    late: dict[TargetName, list[Run]] = defaultdict(list)
    for run in runs_awaiting_late_approval(connection):
        late[run.request.target].append(run)
    locks = {lock.target: lock for lock in all_locks(connection)}
    return tuple(
        TargetOverview(
            name,
            tuple(unfinished[name]),
            ended.get(latest[name].last),
            ended.get(latest[name].release),
            locks.get(name),
            proofs.get(latest[name].proof),
            tuple(late[name]),
            _changed(connection, name, ended.get(latest[name].change)),
        )
        for name in targets
    )


def latest_runs(connection: Connection, targets: tuple[TargetName, ...], limit: int) -> tuple[Run, ...]:
    """Read the latest runs on some targets, newest first, without steps and votes."""
    names = [(name.app, name.environment) for name in targets]
    query = select(runs).where(tuple_(runs.c.app, runs.c.environment).in_(names))
    rows = connection.execute(query.order_by(runs.c.sequence.desc()).limit(limit)).mappings()
    return tuple(run_from_row(row, (), (), 0) for row in rows)


def releases(connection: Connection, target: TargetName, limit: int) -> tuple[Run, ...]:
    """Read the latest runs that ended and had begun to change what is live, newest first, without steps and votes."""
    query = select(runs).where(
        runs.c.app == target.app,
        runs.c.environment == target.environment,
        runs.c.action.in_(sorted(action.value for action in RELEASING)),
        runs.c.change_started_at.is_not(None),
        runs.c.ended_at.is_not(None),
    )
    rows = connection.execute(query.order_by(runs.c.change_started_at.desc()).limit(limit)).mappings()
    return tuple(run_from_row(row, (), (), 0) for row in rows)


def _latest(connection: Connection, targets: Sequence[TargetName]) -> dict[TargetName, _Latest]:
    named = " UNION ALL ".join(f"SELECT :a{n} AS app, :e{n} AS environment" for n in range(len(targets)))
    values = {f"a{n}": name.app for n, name in enumerate(targets)}
    values |= {f"e{n}": name.environment for n, name in enumerate(targets)}
    changes = sorted(CHANGING)
    begun = (f"({_RELEASE.format(action=action.value)})" for action in changes)
    # Each subquery reads one entry of an index; a query over all runs would read every run.
    asked = ", ".join((f"({_LAST})", *begun, f"({_PROOF.format(step=PROOF_STEP)})"))
    query = f"SELECT t.app, t.environment, {asked} FROM ({named}) t"  # noqa: S608 - constants; names are values
    rows = connection.execute(text(query), values)
    found: dict[TargetName, _Latest] = {}
    for app, environment, last, *begun_runs, proof in rows:
        numbers = {action: number or 0 for action, number in zip(changes, begun_runs, strict=True)}
        release = max(numbers[action] for action in RELEASING)
        found[TargetName(app, environment)] = _Latest(last or 0, release, max(numbers.values()), proof or 0)
    return found


def _changed(connection: Connection, target: TargetName, last: Run | None) -> tuple[Run, ...]:
    """Read the runs that tell since when the site is down; none where the last one cannot have left it so."""
    if last is None or not concerns_maintenance(last):
        return ()
    if last.state is RunState.SUCCEEDED and not was_down_before(last):
        return ()
    return latest_changes(connection, target, CHANGING, _MAX_CHANGES)


def _without_steps(connection: Connection, sequences: Iterable[int]) -> Mapping[int, Run]:
    rows = connection.execute(select(runs).where(runs.c.sequence.in_(sorted(sequences)))).mappings()
    return {row["sequence"]: run_from_row(row, (), (), 0) for row in rows}


def _proofs(connection: Connection, sequences: Iterable[int]) -> Mapping[int, ProvenBackup]:
    asked = select(steps.c.sequence, steps.c.facts, steps.c.ended_at).where(steps.c.sequence.in_(sorted(sequences)))
    found: dict[int, ProvenBackup] = {}
    for sequence, facts, ended in connection.execute(asked):
        facts_of_proof = json.loads(facts)
        if facts_of_proof.get("backup") and facts_of_proof.get("proof") in {proof.value for proof in Proof}:
            found[sequence] = ProvenBackup(facts_of_proof["backup"], Proof(facts_of_proof["proof"]), from_micros(ended))
    return found
