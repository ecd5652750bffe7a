"""Bringing a store on a server to the newest schema, by one process at a time.

`GET_LOCK` holds on one node of a cluster alone. A row with a unique key holds on all: the lease on this work is one of
those that replicas compete for anyway. Its table is made before all others.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial

import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable

from bot.store.lease import ProcessLease
from bot.store.schema import leader_leases as leases_table
from bot.store.sql import upgrade
from bot.store.sql.database import Database
from bot.store.sql.driver_errors import is_rival
from bot.store.sql.errors import StoreError
from bot.store.tables import leader_leases

_NAME = "migrate the store"
_PATIENCE_SECONDS = 60.0
"""How long another process may hold up a start."""

_UPGRADE_SECONDS = 600.0
_PAUSE_SECONDS = 0.25

_log = structlog.get_logger()


class OvertakenError(Exception):
    """The lease on the upgrade ran out, and another process has it now."""


async def bring_up(database: Database, where: str, process_lease: ProcessLease) -> None:
    """Bring a store on a server to the newest schema, or wait until another process has done it.

    Args:
        database: on the server.
        where: the store, without its password, for errors.
        process_lease: of this process.

    Raises:
        StoreError: the server cannot be used, a newer version made the store, or another process has been at it for
            too long.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    waits = False
    while not await _upgraded(database, where, process_lease):
        if time.monotonic() > until:
            raise StoreError("another process has been migrating the store for a minute", where, "look at that one")
        if not waits:
            _log.info("store_upgraded_elsewhere")
        waits = True
        await asyncio.sleep(_PAUSE_SECONDS)


async def _upgraded(database: Database, where: str, process_lease: ProcessLease) -> bool:
    """Upgrade where that is needed; False where another process is at it, and the store is to be looked at again."""
    owner, length = process_lease.owner, process_lease.lease
    try:
        if await database.prepare(partial(upgrade.is_current, where=where)):
            return True
        await database.prepare(_make_leases)
        if not await database.prepare(lambda connection: leader_leases.acquire(connection, _NAME, owner, length)):
            return False
        guard = partial(_require_mine, process_lease=process_lease)
        await database.prepare(partial(upgrade.upgrade, where=where, guard=guard), _UPGRADE_SECONDS)
        await database.prepare(lambda connection: leader_leases.release_owned(connection, owner))
    except OvertakenError:
        return False
    except StoreError as error:
        if not is_rival(error.__cause__):
            raise
        return False
    return True


def _make_leases(connection: Connection) -> None:
    connection.execute(CreateTable(leases_table, if_not_exists=True))


def _require_mine(connection: Connection, process_lease: ProcessLease) -> None:
    """Renew the lease on the upgrade, in the transaction that notes a migration.

    Raises:
        OvertakenError: another process has it.
    """
    if not leader_leases.renew(connection, _NAME, process_lease.owner, process_lease.lease):
        raise OvertakenError
