"""Timestamps as the store writes them, and the clock of the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Write an instant, which must have a time zone, as microseconds since 1970 in UTC."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Read an instant, in UTC."""
    return _EPOCH + micros * _MICROSECOND


def optional_micros(at: datetime | None) -> int | None:
    """Write an instant that may be missing."""
    return None if at is None else to_micros(at)


def optional_instant(micros: int | None) -> datetime | None:
    """Read an instant that may be missing."""
    return None if micros is None else from_micros(micros)


def length_micros(length: timedelta) -> int:
    """Write a length of time as microseconds."""
    return length // _MICROSECOND


def rfc3339(at: datetime) -> str:
    """Write an instant as the history has it: RFC 3339 in UTC, with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class database_now(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it becomes
    """The database's clock, in microseconds since 1970 in UTC. Leases are measured on it alone."""

    type = BigInteger()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _sqlite_now(element: Any, compiler: Any, **options: Any) -> str:
    del element, compiler, options
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(database_now, "mysql")
@compiles(database_now, "mariadb")
def _mysql_now(element: Any, compiler: Any, **options: Any) -> str:
    del element, compiler, options
    return "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))"
