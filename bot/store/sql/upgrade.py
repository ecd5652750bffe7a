"""Upgrading a database to the schema of this version, and refusing a newer one."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, String, Table, insert, inspect, text
from sqlalchemy.engine import Connection

from bot.domain.runs.history import GENESIS
from bot.store.schema import history_head, metadata
from bot.store.sql.errors import StoreError, StoreMissingError

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS = Path(__file__).parents[1] / "migrations"

Guard = Callable[[Connection], None]
"""Makes sure that this process still is the one that upgrades."""

# Alembic is imported where it has work to do: it loads every dialect that it knows, a fifth of a second and megabytes.


_BEFORE = re.compile(r"^down_revision\b[^=]*= \"(\w+)\"", re.MULTILINE)
"""The line by which a migration names the one before; that of the first one names none."""


@cache
def versions() -> tuple[str, ...]:
    """Give the schemas, oldest first: the migrations name the one before, as their numbers may be out of order."""
    after: dict[str | None, list[str]] = {}
    for path in (_SCRIPTS / "versions").glob("[0-9]*.py"):
        found = _BEFORE.search(path.read_text(encoding="utf-8"))
        after.setdefault(found[1] if found is not None else None, []).append(path.name.partition("_")[0])
    chain: list[str] = []
    while following := after.pop(chain[-1] if chain else None, []):
        chain += following
        if len(following) > 1:
            raise LookupError(f"migrations that follow the same one: {', '.join(sorted(following))}")
    return tuple(chain)


def head() -> str:
    """Give the newest schema."""
    return versions()[-1]


def configuration(connection: Connection) -> Config:
    """Give Alembic's configuration for a connection; there is no ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def is_current(connection: Connection, where: str) -> bool:
    """Say whether a database has the schema of this version, and not an older one or none.

    Raises:
        StoreError: a newer version of the program made it.
    """
    found = _revision(connection)
    if found is None or found == head():
        return found is not None
    _refuse_newer(connection, found, where)
    return False


def upgrade(connection: Connection, where: str, guard: Guard | None = None) -> None:
    """Bring a database to the newest schema; an empty one gets all of it.

    Args:
        connection: in a transaction.
        where: the store, without its password, for errors.
        guard: called after each migration, in the transaction that notes it; what it raises undoes that note.

    Raises:
        StoreError: a newer version of the program made it.
    """
    if is_current(connection, where):
        return
    if connection.dialect.name == "sqlite" and not inspect(connection).get_table_names():
        _make(connection)
    else:
        migrate(connection, guard)


def migrate(connection: Connection, guard: Guard | None = None) -> None:
    """Run the migrations that have not run.

    Args:
        connection: in a transaction.
        guard: as of `upgrade`.
    """
    from alembic import command
    from alembic.util import CommandError

    config = configuration(connection)
    config.attributes["guard"] = guard
    try:
        command.upgrade(config, "head")
    except CommandError:
        if guard is not None:
            guard(connection)  # where another process has migrated meanwhile, that is what is to be told
        raise


def _make(connection: Connection) -> None:
    """Make the newest schema in an empty file, as all migrations together would.

    It is one transaction, as SQLite's DDL is. Alembic would take a fifth of a second and ten megabytes for it.
    """
    metadata.create_all(connection)
    connection.execute(insert(history_head).values(id=1, sequence=0, hash=GENESIS))
    noted = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True, nullable=False))
    noted.create(connection)
    connection.execute(insert(noted).values(version_num=head()))


def require_current(connection: Connection, where: str) -> None:
    """Make sure that a database has the schema of this version.

    Raises:
        StoreMissingError: there are no tables yet.
        StoreError: it is of another version.
    """
    found = _revision(connection)
    if found is None:
        raise StoreMissingError("there is no store yet", where, "start the bot once: `countersign serve`")
    if not is_current(connection, where):
        raise StoreError("the store is of an older version", where, "start the bot once, which brings it up to date")


def _revision(connection: Connection) -> str | None:
    """Read which schema the database has, where Alembic keeps it."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _refuse_newer(connection: Connection, found: str, where: str) -> None:
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        ScriptDirectory.from_config(configuration(connection)).get_revision(found)
    except CommandError:
        raise StoreError(
            f"a newer version of Countersign made the store (schema {found}; this version knows up to {head()})",
            where,
            "run the newer version, or put back a copy of the store from before the update",
        ) from None
