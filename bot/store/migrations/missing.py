"""Making what is not there yet.

On a server each change of the schema is committed by itself. An upgrade may have been cut short between any two of
them, so that the next one meets a part of what it is to make.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op


def create_missing_table(name: str, *columns: sa.schema.SchemaItem, **options: Any) -> None:
    """Create a table unless it is there.

    Args:
        name: of the table.
        columns: and constraints.
        options: of the table, by dialect.
    """
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *columns, **options)


def create_missing_index(table: str, columns: list[str]) -> None:
    """Create an index unless it is there.

    Args:
        table: its table.
        columns: its columns, which give it its name.
    """
    name = f"ix_{table}_{'_'.join(columns)}"
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(op.f(name), table, columns)


def add_missing_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column unless it is there.

    Args:
        table: its table.
        column: as it is to be.
    """
    if column.name not in {known["name"] for known in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)
