"""The tables, one schema for SQLite and for MySQL or MariaDB. `migrations/` brings a database to it.

Instants are microseconds since 1970 in UTC, as integers. Values of the domain that are only ever read whole are JSON
text.
No foreign keys: each write of a run goes through one guarded UPDATE of its row, which already orders them, and
on MySQL a foreign key would lock that row again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import LONGTEXT

from bot.store.sql.types import Bytes

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

# Binary collation: IDs that differ in case alone are different IDs.
OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}
NUMBERED = OPTIONS | {"sqlite_autoincrement": True}  # a sequence is never given twice

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
_LONG_TEXT = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_RUN = String(40)
_NAME = String(100)
_LONG_NAME = String(255)

inbox = Table(
    "inbox",
    metadata,
    Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
    Column("event", _LONG_NAME, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("body", _LONG_TEXT, nullable=False),
    # Which call recorded it: tells the one that was first from the others, even when its answer got lost.
    Column("receipt", String(32), nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    # Which process handles it, and until when that holds; null where anybody may.
    Column("owner", _LONG_NAME),
    Column("lease_until", BigInteger),
    UniqueConstraint("event"),
    Index(None, "settled_at", "sequence"),
    **NUMBERED,
)

runs = Table(
    "runs",
    metadata,
    Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", _RUN, nullable=False),
    Column("event", _LONG_NAME, nullable=False),
    Column("app", _NAME, nullable=False),
    Column("environment", _NAME, nullable=False),
    # The request's, where it can be asked for by index.
    Column("action", String(20), nullable=False, server_default=""),
    Column("request", _LONG_TEXT, nullable=False),
    Column("state", String(20), nullable=False),
    Column("plan", _LONG_TEXT),
    Column("gate", _LONG_TEXT),
    Column("problem", _LONG_TEXT),
    Column("facts", _LONG_TEXT, nullable=False),
    Column("nothing_to_do", Integer, nullable=False, default=0),
    Column("cancelled_by", _NAME, nullable=False, default=""),
    Column("cancelled_at", BigInteger),
    Column("waited", Integer, nullable=False, server_default="0"),
    # Whether its gate is still to be countersigned afterwards.
    Column("owes", Integer, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    Column("change_started_at", BigInteger),
    Column("ended_at", BigInteger),
    # Set once it is approved to begin at a time: it has no target before that.
    Column("starts_at", BigInteger),
    # What is seen of the target after it; the time while that goes on, null otherwise.
    Column("watching", _LONG_TEXT),
    Column("watched_until", BigInteger),
    Column("owner", _LONG_NAME),
    Column("token", BigInteger, nullable=False, default=0),
    Column("lease_until", BigInteger),
    # Raised by every write of the run's owner, so that a cluster sees it collide with a claim.
    Column("writes", BigInteger, nullable=False, default=0),
    Column("revision", BigInteger, nullable=False),
    Column("published_revision", BigInteger, nullable=False, default=0),
    # The oldest change that Slack was not told; null where it knows everything.
    Column("unpublished_since", BigInteger),
    UniqueConstraint("id"),
    UniqueConstraint("event"),
    Index(None, "state", "sequence"),
    Index(None, "app", "environment", "state", "sequence"),
    Index(None, "app", "environment", "action", "change_started_at"),
    Index(None, "app", "environment", "ended_at"),
    Index(None, "unpublished_since"),
    Index(None, "owes", "sequence"),
    Index(None, "watched_until"),
    **NUMBERED,
)

holds = Table(
    "holds",
    metadata,
    Column("app", _NAME, primary_key=True),
    Column("environment", _NAME, primary_key=True),
    Column("run", _RUN, nullable=False),
    UniqueConstraint("run"),
    **OPTIONS,
)

# What the console asks of the bot, until the bot has taken it.
cancel_requests = Table(
    "petitions",
    metadata,
    Column("run", _RUN, primary_key=True),
    Column("actor", _NAME, nullable=False),
    Column("at", BigInteger, nullable=False),
    **OPTIONS,
)

locks = Table(
    "locks",
    metadata,
    Column("app", _NAME, primary_key=True),
    Column("environment", _NAME, primary_key=True),
    Column("owner", _NAME, nullable=False),
    Column("reason", _LONG_TEXT, nullable=False),
    Column("since", BigInteger, nullable=False),
    **OPTIONS,
)

# What the owners of locks are still to be told.
lock_notices = Table(
    "lock_notices",
    metadata,
    Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
    Column("news", String(20), nullable=False),
    Column("app", _NAME, nullable=False),
    Column("environment", _NAME, nullable=False),
    Column("owner", _NAME, nullable=False),
    Column("reason", _LONG_TEXT, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("by", _NAME, nullable=False),
    Column("channel", _NAME, nullable=False),
    Column("at", BigInteger, nullable=False),
    # Whether Slack was asked to post it before, so that it may be there.
    Column("intended", Integer, nullable=False),
    **NUMBERED,
)

home_viewers = Table(
    "homes",
    metadata,
    Column("user", _NAME, primary_key=True),
    Column("chosen", _LONG_NAME, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    **OPTIONS,
)

steps = Table(
    "steps",
    metadata,
    Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
    Column("run", _RUN, nullable=False),
    Column("app", _NAME, nullable=False),
    Column("environment", _NAME, nullable=False),
    Column("position", Integer, nullable=False),
    Column("step", _NAME, nullable=False),
    Column("title", _LONG_TEXT, nullable=False),
    Column("phase", String(20), nullable=False),
    Column("risk", String(20), nullable=False),
    Column("place", _NAME, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("begun", Integer, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("exit_status", BigInteger),
    Column("problem", _LONG_TEXT),
    Column("taken_bytes", BigInteger, nullable=False),
    Column("tail", _LONG_TEXT, nullable=False),
    Column("facts", _LONG_TEXT, nullable=False),
    UniqueConstraint("run", "step", "place", "attempt"),
    Index(None, "app", "environment", "step", "state", "ended_at"),
    **NUMBERED,
)

votes = Table(
    "votes",
    metadata,
    Column("run", _RUN, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("user", _NAME, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("choice", String(20), nullable=False),
    Column("counts", Integer, nullable=False),
    Column("reason", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
    **OPTIONS,
)

# What people signed; none is ever removed.
signatures = Table(
    "signatures",
    metadata,
    Column("run", _RUN, primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("user", _NAME, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("armour", _LONG_TEXT, nullable=False),
    Column("public_key", _LONG_TEXT, nullable=False),
    Column("text_sha256", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    **OPTIONS,
)

messages = Table(
    "messages",
    metadata,
    Column("run", _RUN, primary_key=True),
    Column("slot", _LONG_NAME, primary_key=True),
    Column("channel", _NAME, nullable=False),
    Column("ts", String(40), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Index(None, "channel", "ts"),
    **OPTIONS,
)

output = Table(
    "output",
    metadata,
    Column("run", _RUN, primary_key=True),
    Column("step", _NAME, primary_key=True),
    Column("place", _NAME, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("first_byte", BigInteger, primary_key=True, autoincrement=False),
    Column("data", Bytes(), nullable=False),
    **OPTIONS,
)

output_tails = Table(
    "tails",
    metadata,
    Column("run", _RUN, primary_key=True),
    Column("step", _NAME, primary_key=True),
    Column("place", _NAME, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("first_byte", BigInteger, nullable=False),
    Column("data", Bytes(), nullable=False),
    **OPTIONS,
)

schedule_claims = Table(
    "firings",
    metadata,
    Column("schedule", _LONG_NAME, primary_key=True),
    Column("fires_at", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", _LONG_NAME, nullable=False),
    **OPTIONS,
)

# What one process at a time does for all that share the store.
leader_leases = Table(
    "duties",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("owner", _LONG_NAME),
    Column("lease_until", BigInteger),
    Column("position", BigInteger, nullable=False),
    **OPTIONS,
)

history = Table(
    "history",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("run", _RUN, nullable=False),
    Column("event", _NAME, nullable=False),
    Column("actor", _NAME, nullable=False),
    Column("facts", _LONG_TEXT, nullable=False),
    Column("before", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "run", "sequence"),
    **OPTIONS,
)

# One row: where the history ends. Its lock orders several writers, and it tells that records were cut off at the end.
history_head = Table(
    "chain",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    **OPTIONS,
)

# A row a transaction, on servers alone: tells whether a commit whose answer got lost took effect.
commit_markers = Table(
    "commits",
    metadata,
    Column("marker", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index(None, "at"),
    **OPTIONS,
)
