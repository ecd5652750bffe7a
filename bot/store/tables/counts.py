"""Counting what the store holds; by indexes, so that it costs the same with ten runs and with ten thousand."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from bot.domain.runs.run import RunState
from bot.domain.store_counts import StoreCounts
from bot.store.history.log import head
from bot.store.rows import gate_from_text
from bot.store.schema import inbox, runs


def count(connection: Connection) -> StoreCounts:
    """Count runs, open gates, waiting events and records of history."""
    counted = connection.execute(select(runs.c.state, func.count()).group_by(runs.c.state))
    waiting = select(runs.c.gate).where(runs.c.state == RunState.AWAITING_APPROVAL.value, runs.c.gate.is_not(None))
    gates = (gate_from_text(text) for text in connection.execute(waiting).scalars())
    events = select(func.count()).select_from(inbox).where(inbox.c.settled_at.is_(None))
    return StoreCounts(
        runs={RunState(state): int(number) for state, number in counted},
        gates=tuple(gate.opened_at for gate in gates if gate is not None),
        events=int(connection.execute(events).scalar_one()),
        records=head(connection).sequence,
    )
