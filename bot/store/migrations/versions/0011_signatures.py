"""Signatures of plans."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import LONGTEXT

from bot.store.migrations.missing import create_missing_table

revision = "0011"
down_revision = "0006"
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
    """Make the table, unless it is there."""
    long_text = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")
    create_missing_table(
        "signatures",
        sa.Column("run", sa.String(length=40), primary_key=True),
        sa.Column("sha256", sa.String(length=64), primary_key=True),
        sa.Column("user", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("armour", long_text, nullable=False),
        sa.Column("public_key", long_text, nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        **_OPTIONS,
    )
