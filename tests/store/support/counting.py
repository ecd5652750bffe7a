"""Counting what a store asks of its database."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from bot.store import SqlStore
from bot.store.sql.pools import FilePool, ServerPool


@contextmanager
def counted(store: SqlStore) -> Iterator[Counter[str]]:
    """Count the commits and the statements of a store; one statement for many rows is one."""
    pool, counts = store._database._pool, Counter[str]()
    assert isinstance(pool, FilePool | ServerPool)
    engine = pool._engine if isinstance(pool, FilePool) else pool._engine.sync_engine

    def commit(*_: object) -> None:
        counts["commit"] += 1

    def execute(*_: object) -> None:
        counts["statement"] += 1

    event.listen(engine, "commit", commit)
    event.listen(engine, "before_cursor_execute", execute)
    try:
        yield counts
    finally:
        event.remove(engine, "commit", commit)
        event.remove(engine, "before_cursor_execute", execute)
