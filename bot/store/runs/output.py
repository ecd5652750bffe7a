"""The stored output of steps."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, select
from sqlalchemy.engine import Connection

from bot.engine.run_changes import Chunk
from bot.store.schema import output, output_tails, steps
from bot.store.sql.upserts import insert_missing, put_all

_TAIL_KEY = ("run", "step", "place", "attempt")


def insert(connection: Connection, chunks: Sequence[tuple[str, Chunk]]) -> None:
    """Insert pieces of output, each with the ID of its run; an existing one stays as it is."""
    insert_missing(connection, output, [_values(run, chunk) for run, chunk in chunks])


def replace_tails(connection: Connection, chunks: Sequence[tuple[str, Chunk]]) -> None:
    """Replace the last pieces of steps' outputs, each with the ID of its run."""
    put_all(connection, output_tails, _TAIL_KEY, [_values(run, chunk) for run, chunk in chunks])


def of_run(connection: Connection, run: str) -> tuple[Chunk, ...]:
    """Read the output of a run in the order of its steps, by place, attempt and offset."""
    query = select(steps.c.step, steps.c.place).where(steps.c.run == run).order_by(steps.c.position, steps.c.sequence)
    order: dict[tuple[str, str], int] = {}
    for step, place in connection.execute(query):
        order.setdefault((step, place), len(order))
    chunks = [*_chunks(connection, output, run), *_chunks(connection, output_tails, run)]
    chunks.sort(key=lambda c: (order.get((c.key, c.place), len(order)), c.key, c.place, c.attempt, c.offset))
    return tuple(chunks)


def _values(run: str, chunk: Chunk) -> dict[str, object]:
    return {
        "run": run,
        "step": chunk.key,
        "place": chunk.place,
        "attempt": chunk.attempt,
        "first_byte": chunk.offset,
        "data": chunk.data,
    }


def _chunks(connection: Connection, table: Table, run: str) -> list[Chunk]:
    columns = (table.c.step, table.c.place, table.c.attempt, table.c.first_byte, table.c.data)
    query = select(*columns).where(table.c.run == run)
    return [Chunk(*row) for row in connection.execute(query)]
