"""Runs that waited for another, runs that are to be countersigned afterwards, and what the console asks for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

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
    """Make the columns and the table, those that are not there: a server may have been killed half-way."""
    inspector = sa.inspect(op.get_bind())
    known = {column["name"] for column in inspector.get_columns("runs")}
    for name in {"waited", "owes"} - known:
        op.add_column("runs", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    if "ix_runs_owes_sequence" not in {index["name"] for index in inspector.get_indexes("runs")}:
        op.create_index("ix_runs_owes_sequence", "runs", ["owes", "sequence"])
    if not inspector.has_table("petitions"):
        op.create_table(
            "petitions",
            sa.Column("run", sa.String(40), primary_key=True),
            sa.Column("actor", sa.String(100), nullable=False),
            sa.Column("at", sa.BigInteger, nullable=False),
            **_OPTIONS,
        )
