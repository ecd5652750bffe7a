"""What several processes on one store divide among them: who handles an event, and who has which duty."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bot.store.migrations.missing import add_missing_column, create_missing_table

revision = "0005"
down_revision = "0004"
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
    """Add the columns, make the table; what is there stays."""
    add_missing_column("inbox", sa.Column("owner", sa.String(length=255)))
    add_missing_column("inbox", sa.Column("lease_until", sa.BigInteger()))
    create_missing_table(
        "duties",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("owner", sa.String(length=255)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        **_OPTIONS,
    )
