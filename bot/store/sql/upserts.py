"""Inserting rows that may exist already, which each dialect writes in its own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Insert a row, or give the one with its primary key these values."""
    keys = [column.name for column in table.primary_key.columns]
    if connection.dialect.name == "sqlite":
        own = sqlite.insert(table).values(**row)
        values = {name: own.excluded[name] for name in row if name not in keys}
        connection.execute(own.on_conflict_do_update(index_elements=keys, set_=values))
    else:
        theirs = mysql.insert(table).values(**row)
        values = {name: theirs.inserted[name] for name in row if name not in keys}
        connection.execute(theirs.on_duplicate_key_update(values))
