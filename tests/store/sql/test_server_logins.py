"""Stores on servers that insist on TLS, offer none, or know a password beyond ASCII."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import URL, Connection

from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.store.sql.engines import owner_database, parse
from bot.store.sql.errors import StoreError
from tests.databases.server.test_tls import OFF, certificates
from tests.support.vendors import PROGRAMS

BEYOND_ASCII = "pâsswörd€🎉"


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["secure", "plain"])
async def server(request: pytest.FixtureRequest, servers_folder: Path) -> AsyncIterator[DatabaseServer]:
    """A server that takes nothing in the clear, and one that offers no TLS; `ca.pem` lies in its folder."""
    folder = servers_folder / f"store-{request.param}"
    folder.mkdir()
    certificates(folder, "127.0.0.1")
    options = [f"--ssl-{name}={folder / name}.pem" for name in ("ca", "cert", "key")]
    options = [*options, "--require-secure-transport=ON"] if request.param == "secure" else [OFF[PROGRAMS.vendor]]
    async with DatabaseServer(folder, options) as started:
        yield started


@pytest.fixture
async def made(server: DatabaseServer) -> AsyncIterator[DemoDatabase]:
    database = await server.create("store", password=BEYOND_ASCII)
    yield database
    await server.drop(database)


def _one(connection: Connection) -> object:
    return connection.exec_driver_sql("SELECT 1").scalar()


@pytest.mark.parametrize(
    ("tls", "opens"),
    [
        ({}, {"secure", "plain"}),
        ({"tls": "required"}, {"secure"}),
        ({"tls": "verify", "tls_ca": "ca.pem"}, {"secure"}),
        ({"tls": "verify"}, set()),
        ({"tls": "off"}, {"plain"}),
    ],
)
async def test_it_opens_where_the_server_does_what_the_url_asks(
    tls: dict[str, str], opens: set[str], made: DemoDatabase, server: DatabaseServer
) -> None:
    query = {name: str(server.folder / value) if name == "tls_ca" else value for name, value in tls.items()}
    url = URL.create("mysql+aiomysql", made.user, made.password, made.host, made.port, made.name, query)
    database = owner_database(parse(url.render_as_string(hide_password=False)))
    try:
        if server.folder.name.removeprefix("store-") in opens:
            assert await database.read(_one) == 1
        else:
            with pytest.raises(StoreError):
                await asyncio.wait_for(database.read(_one), 20)
    finally:
        await database.close()


def test_an_unknown_mode_is_told() -> None:
    with pytest.raises(StoreError, match="no TLS mode"):
        owner_database(parse("mysql+aiomysql://user:x@127.0.0.1/name?tls=maybe"))
