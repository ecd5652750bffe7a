"""Starting on a server: one process at a time makes the tables, and a server that says nothing is told of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from sqlalchemy import Connection, text

from bot.demo.host.tcp_proxy import TcpProxy
from bot.store import StoreError, open_readonly, open_store
from bot.store.bring_up import OvertakenError, _make_leases, _require_mine
from bot.store.lease import SHARED_LEASE, ProcessLease
from bot.store.sql import database, upgrade
from tests.store.sql.test_interrupted_upgrades import require_whole, server_engine

pytestmark = pytest.mark.xdist_group("mariadb")

MINE = ProcessLease("mine", SHARED_LEASE)


def leased(url: str, owner: str, lease_until: str) -> None:
    """Let a process have the lease on the upgrade of a store that is still empty."""
    with server_engine(url).begin() as connection:
        _make_leases(connection)
        row = f"('migrate the store', :owner, {lease_until}, 0)"
        connection.execute(text(f"REPLACE INTO duties VALUES {row}"), {"owner": owner})


@pytest.mark.parametrize("owner", ["another", None])
def test_a_process_that_was_overtaken_notes_no_migration(mariadb_url: str, owner: str) -> None:
    leased(mariadb_url, owner, "NULL")
    engine = server_engine(mariadb_url)
    guard = partial(_require_mine, process_lease=MINE)
    with pytest.raises(OvertakenError), engine.begin() as connection:
        upgrade.upgrade(connection, "the store", guard)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == []
        assert not upgrade.is_current(connection, "the store")


def test_a_process_whose_notes_another_has_written_is_overtaken(mariadb_url: str) -> None:
    leased(mariadb_url, "mine", "NULL")
    engine = server_engine(mariadb_url)

    def guard(connection: Connection) -> None:
        _require_mine(connection, MINE)
        connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": upgrade.head()})
        connection.execute(text("UPDATE duties SET owner = NULL"))  # the other one has done the rest

    with pytest.raises(OvertakenError), engine.begin() as connection:
        upgrade.upgrade(connection, "the store", guard)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [upgrade.head()]


async def test_a_start_waits_for_the_one_that_upgrades_and_takes_over_when_its_lease_runs_out(mariadb_url: str) -> None:
    leased(mariadb_url, "another", "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) + 1000000")
    async with open_store(mariadb_url) as store:
        assert await store.runs.recent(1) == ()
    require_whole(server_engine(mariadb_url))


async def test_beside_a_frozen_server_a_start_says_so(
    mariadb_url: str, new_wire: Callable[[int], Awaitable[TcpProxy]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = mariadb_url.split("@")[1].split("/")[0]
    wire = await new_wire(int(address.split(":")[1]))
    url = mariadb_url.replace(address, f"{wire.address}:{wire.port}")
    wire.freeze()
    monkeypatch.setattr(database, "ANSWER_SECONDS", 0.5)
    for opened in (open_store, open_readonly):
        with pytest.raises(StoreError, match=r"has not answered .*check that it is up"):
            async with asyncio.timeout(20), opened(url):
                pass
