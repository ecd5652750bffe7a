"""What App Home and `/ops status` ask of runs, by index; and who opened the App Home."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from bot.store.migrations.missing import add_missing_column, create_missing_index, create_missing_table

revision = "0003"
down_revision = "0002"
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
    """Add the column and fill it, make the indexes and the table; what is there stays."""
    add_missing_column("runs", sa.Column("action", sa.String(length=20), nullable=False, server_default=""))
    action = "json_extract(request, '$.action')"
    # SQLite gives the bare text, MySQL and MariaDB the JSON.
    bare = action if op.get_bind().dialect.name == "sqlite" else f"JSON_UNQUOTE({action})"
    op.execute(f"UPDATE runs SET action = {bare} WHERE action = ''")  # noqa: S608 - one of the two lines above
    create_missing_index("runs", ["app", "environment", "action", "change_started_at"])
    create_missing_index("runs", ["app", "environment", "ended_at"])
    create_missing_table(
        "homes",
        sa.Column("user", sa.String(length=100), nullable=False),
        sa.Column("chosen", sa.String(length=255), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user"),
        **_OPTIONS,
    )
