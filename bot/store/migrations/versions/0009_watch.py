"""What is seen of a target after a run that changed it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import LONGTEXT

from bot.store.migrations.missing import add_missing_column, create_missing_index

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the index, unless they are there."""
    add_missing_column("runs", sa.Column("watching", sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")))
    add_missing_column("runs", sa.Column("watched_until", sa.BigInteger()))
    create_missing_index("runs", ["watched_until"])
