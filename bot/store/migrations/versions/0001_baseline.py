"""The baseline: every table of the first version."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from bot.store.migrations.missing import create_missing_index, create_missing_table

revision = "0001"
down_revision = None
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
_NUMBERED = _OPTIONS | {"sqlite_autoincrement": True}
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_BYTES = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
_GENESIS = "0" * 64


def upgrade() -> None:
    """Make the tables, and the end of a history that is still empty; what is there stays."""
    create_missing_table(
        "chain",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        **_OPTIONS,
    )
    create_missing_table(
        "commits",
        sa.Column("marker", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("marker"),
        **_OPTIONS,
    )
    create_missing_index("commits", ["at"])
    create_missing_table(
        "firings",
        sa.Column("schedule", sa.String(length=255), nullable=False),
        sa.Column("fires_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "fires_at"),
        **_OPTIONS,
    )
    create_missing_table(
        "history",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.Column("run", sa.String(length=40), nullable=False),
        sa.Column("event", sa.String(length=100), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("facts", _LONG_TEXT, nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        **_OPTIONS,
    )
    create_missing_index("history", ["run", "sequence"])
    create_missing_table(
        "holds",
        sa.Column("app", sa.String(length=100), nullable=False),
        sa.Column("environment", sa.String(length=100), nullable=False),
        sa.Column("run", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("app", "environment"),
        sa.UniqueConstraint("run", name=op.f("uq_holds_run")),
        **_OPTIONS,
    )
    create_missing_table(
        "inbox",
        sa.Column("sequence", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("event", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("body", _LONG_TEXT, nullable=False),
        sa.Column("receipt", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("event", name=op.f("uq_inbox_event")),
        **_NUMBERED,
    )
    create_missing_index("inbox", ["settled_at", "sequence"])
    create_missing_table(
        "messages",
        sa.Column("run", sa.String(length=40), nullable=False),
        sa.Column("slot", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("ts", sa.String(length=40), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("run", "slot"),
        **_OPTIONS,
    )
    create_missing_index("messages", ["channel", "ts"])
    create_missing_table(
        "output",
        sa.Column("run", sa.String(length=40), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_byte", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", _BYTES, nullable=False),
        sa.PrimaryKeyConstraint("run", "step", "place", "attempt", "first_byte"),
        **_OPTIONS,
    )
    create_missing_table(
        "runs",
        sa.Column("sequence", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("event", sa.String(length=255), nullable=False),
        sa.Column("app", sa.String(length=100), nullable=False),
        sa.Column("environment", sa.String(length=100), nullable=False),
        sa.Column("request", _LONG_TEXT, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("plan", _LONG_TEXT, nullable=True),
        sa.Column("gate", _LONG_TEXT, nullable=True),
        sa.Column("problem", _LONG_TEXT, nullable=True),
        sa.Column("facts", _LONG_TEXT, nullable=False),
        sa.Column("nothing_to_do", sa.Integer(), nullable=False),
        sa.Column("cancelled_by", sa.String(length=100), nullable=False),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("change_started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=255), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("writes", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("published_revision", sa.BigInteger(), nullable=False),
        sa.Column("unpublished_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("event", name=op.f("uq_runs_event")),
        sa.UniqueConstraint("id", name=op.f("uq_runs_id")),
        **_NUMBERED,
    )
    create_missing_index("runs", ["app", "environment", "state", "sequence"])
    create_missing_index("runs", ["state", "sequence"])
    create_missing_index("runs", ["unpublished_since"])
    create_missing_table(
        "steps",
        sa.Column("sequence", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("run", sa.String(length=40), nullable=False),
        sa.Column("app", sa.String(length=100), nullable=False),
        sa.Column("environment", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("title", _LONG_TEXT, nullable=False),
        sa.Column("phase", sa.String(length=20), nullable=False),
        sa.Column("risk", sa.String(length=20), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("begun", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("exit_status", sa.BigInteger(), nullable=True),
        sa.Column("problem", _LONG_TEXT, nullable=True),
        sa.Column("taken_bytes", sa.BigInteger(), nullable=False),
        sa.Column("tail", _LONG_TEXT, nullable=False),
        sa.Column("facts", _LONG_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("run", "step", "place", "attempt", name=op.f("uq_steps_run_step_place_attempt")),
        **_NUMBERED,
    )
    create_missing_index("steps", ["app", "environment", "step", "state", "ended_at"])
    create_missing_table(
        "tails",
        sa.Column("run", sa.String(length=40), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_byte", sa.BigInteger(), nullable=False),
        sa.Column("data", _BYTES, nullable=False),
        sa.PrimaryKeyConstraint("run", "step", "place", "attempt"),
        **_OPTIONS,
    )
    create_missing_table(
        "votes",
        sa.Column("run", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("choice", sa.String(length=20), nullable=False),
        sa.Column("counts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run", "position"),
        **_OPTIONS,
    )
    chain = sa.table("chain", sa.column("id"), sa.column("sequence"), sa.column("hash"))
    if op.get_bind().execute(sa.select(chain.c.id)).first() is None:
        op.bulk_insert(chain, [{"id": 1, "sequence": 0, "hash": _GENESIS}])
