"""Bringing a database to the schema of this version, and saying no to any other."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.engine import Connection

from bot.store.errors import StoreError, StoreMissing

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK_SECONDS = 60


def configuration(connection: Connection) -> Config:
    """Give Alembic's configuration for a connection; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, where: str) -> None:
    """Bring a database to the newest schema; an empty one gets all of it.

    Args:
        connection: in a transaction.
        where: the store, without its password, for errors.

    Raises:
        StoreError: a newer version of the program made it.
    """
    config = configuration(connection)
    if connection.dialect.name == "sqlite":
        _upgrade(connection, config, where)
        return
    # DDL is not transactional there: two processes that start together go one after the other.
    if connection.execute(text("SELECT GET_LOCK('countersign_migration', :s)"), {"s": _LOCK_SECONDS}).scalar() != 1:
        raise StoreError("another process has been migrating the store for a minute", where, "look at that one first")
    try:
        _upgrade(connection, config, where)
    finally:
        connection.execute(text("SELECT RELEASE_LOCK('countersign_migration')"))


def require_current(connection: Connection, where: str) -> None:
    """Make sure that a database has the schema of this version.

    Raises:
        StoreMissing: there are no tables yet.
        StoreError: it is of another version.
    """
    scripts = ScriptDirectory.from_config(configuration(connection))
    found = _revision(connection)
    if found is None:
        raise StoreMissing("there is no store yet", where, "start the bot once: `countersign serve`")
    _refuse_newer(scripts, found, where)
    if found != scripts.get_current_head():
        raise StoreError("the store is of an older version", where, "start the bot once, which brings it up to date")


def _upgrade(connection: Connection, config: Config, where: str) -> None:
    scripts = ScriptDirectory.from_config(config)
    found = _revision(connection)
    _refuse_newer(scripts, found, where)
    if found != scripts.get_current_head():
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(scripts: ScriptDirectory, found: str | None, where: str) -> None:
    if found is None:
        return
    try:
        scripts.get_revision(found)
    except CommandError:
        raise StoreError(
            f"a newer version of Countersign made the store (schema {found}; this version knows up to "
            f"{scripts.get_current_head()})",
            where,
            "run the newer version, or put back a copy of the store from before the update",
        ) from None
