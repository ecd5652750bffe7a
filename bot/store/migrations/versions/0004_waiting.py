"""Runs that waited for another, runs that are to be countersigned afterwards, and what the console asks for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bot.store.migrations.missing import add_missing_column, create_missing_index, create_missing_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Make the columns, the index and the table; what is there stays."""
    add_missing_column("runs", sa.Column("waited", sa.Integer, nullable=False, server_default="0"))
    add_missing_column("runs", sa.Column("owes", sa.Integer, nullable=False, server_default="0"))
    create_missing_index("runs", ["owes", "sequence"])
    create_missing_table(
        "petitions",
        sa.Column("run", sa.String(40), primary_key=True),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        **_OPTIONS,
    )
