"""Inserting rows that may exist already, which each dialect writes in its own way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Connection

Rows = Sequence[Mapping[str, Any]]


def insert_missing(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert the rows whose keys are not there; the others stay as they are."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)
    else:
        # Not INSERT IGNORE, which would also hide a text that was cut off.
        own = table.primary_key.columns[0]
        connection.execute(mysql.insert(table).on_duplicate_key_update({own.name: own}), rows)


def put(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or give the one with its primary key these values, which may be expressions."""
    keys = [column.name for column in table.primary_key.columns]
    connection.execute(_upsert(connection, table, keys, row).values(**row))


def put_all(connection: Connection, table: Table, keys: Sequence[str], rows: Rows) -> None:
    """Insert rows, or give those that are there these values, in one statement.

    Args:
        connection: in a transaction.
        table: of the rows.
        keys: the columns by which a row is known, which are unique together.
        rows: of plain values, with the same columns each; of two with the same key the later one counts.
    """
    if rows:
        connection.execute(_upsert(connection, table, keys, rows[0]), rows)


def _upsert(
    connection: Connection, table: Table, keys: Sequence[str], columns: Iterable[str]
) -> sqlite.Insert | mysql.Insert:
    changed = [name for name in columns if name not in keys]
    if connection.dialect.name == "sqlite":
        own = sqlite.insert(table)
        return own.on_conflict_do_update(index_elements=keys, set_={name: own.excluded[name] for name in changed})
    theirs = mysql.insert(table)
    return theirs.on_duplicate_key_update({name: theirs.inserted[name] for name in changed})
