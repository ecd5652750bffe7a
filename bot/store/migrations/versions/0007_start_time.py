"""When an approved run begins that waits for its time."""

from __future__ import annotations

import sqlalchemy as sa

from bot.store.migrations.missing import add_missing_column

revision = "0007"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, unless it is there."""
    add_missing_column("runs", sa.Column("starts_at", sa.BigInteger()))
