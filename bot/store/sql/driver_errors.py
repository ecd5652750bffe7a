"""What an error of the database means: whether the same may be tried again, and what a person is told."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from bot.store.sql.errors import StoreError, StoreMissingError

_DUPLICATE = 1062
_TRY_AGAIN = frozenset(
    {
        1020,  # the record has changed since it was read (MariaDB with snapshot isolation)
        1205,  # waited too long for a lock
        1213,  # chosen to end a deadlock, or refused by the other nodes of a cluster
    }
)
_CONNECTION_LOST = frozenset({1047, 1053, 1180, 1927, 2003, 2006, 2013, 2014, 2055})

_RIVAL = _TRY_AGAIN | {
    1047,  # the node of a cluster is not ready
    1050,  # the table is there
    1060,  # the column is there
    1061,  # the index is there
    _DUPLICATE,
    1146,  # no such table: seen on a node that has not made it yet
    1180,  # the commit collided with another node's
    1412,  # the table was changed meanwhile
    2006,  # the connection was ended: a node of a cluster that does so when it is put out
    2013,
}


def _code(error: DBAPIError) -> int:
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0


def _sqlite_code(error: DBAPIError) -> int:
    return int(getattr(error.orig, "sqlite_errorcode", 0) or 0)


def is_duplicate(error: IntegrityError) -> bool:
    """Say whether a row was refused because its key is there already."""
    return _code(error) == _DUPLICATE or _sqlite_code(error) in {
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    }


def is_passing(error: SQLAlchemyError) -> bool:
    """Say whether the whole transaction may be tried again: nothing is wrong with what it asked."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or _code(error) in _TRY_AGAIN | _CONNECTION_LOST:
        return True
    return _sqlite_code(error) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_rival(error: BaseException | None) -> bool:
    """Say whether another process that changes the schema at the same time can be what is met."""
    return isinstance(error, DBAPIError) and _code(error) in _RIVAL


_MEANINGS = {
    1044: ("the user may not use this database", "grant it all rights on this database"),
    1045: ("the database refused the login", "check user and password in STORE_URL"),
    1049: ("there is no such database", "create it, empty, and grant the user all rights on it"),
    1142: ("the user lacks a right on this database", "grant it all rights on this database"),
    2003: ("the database server cannot be reached", "check host and port in STORE_URL, and that the server is up"),
    2005: ("the database server's name is not known", "check the host in STORE_URL"),
}

_SQLITE_MEANINGS = {
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "check that the folder exists and may be written"),
    sqlite3.SQLITE_NOTADB: ("the file is not an SQLite database", "name another file in STORE_URL"),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", "put back a copy of it; do not edit it while the bot runs"),
    sqlite3.SQLITE_READONLY: ("the file may not be written", "check the permissions of the file and its folder"),
    sqlite3.SQLITE_FULL: ("the disk is full", "free space where the file lies"),
    sqlite3.SQLITE_IOERR: ("the disk reported an error", "check the disk where the file lies"),
    sqlite3.SQLITE_BUSY: ("another program keeps the file locked", "end whatever has it open"),
}


def explained(error: SQLAlchemyError, where: str) -> StoreError:
    """Turn an error of the database into one for people.

    Args:
        error: as SQLAlchemy raised it.
        where: the store, without its password.
    """
    if isinstance(error, DBAPIError):
        if (meaning := _MEANINGS.get(_code(error))) is not None:
            kind = StoreMissingError if _code(error) == 1049 else StoreError
            return kind(meaning[0], where, meaning[1])
        if (meaning := _SQLITE_MEANINGS.get(_sqlite_code(error) & 0xFF)) is not None:
            return StoreError(meaning[0], where, meaning[1])
        return StoreError(f"the database reported: {error.orig}", where, "see its own log")
    return StoreError(f"the database could not be used: {error}", where, "check STORE_URL")
