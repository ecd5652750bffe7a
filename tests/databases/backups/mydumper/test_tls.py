"""The way of mydumper and myloader to a server, encrypted as the operations file asks for it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.targets.target import Target
from bot.domain.targets.tls import Tls, TlsMode
from tests.databases.backups.mydumper.large import CONTENTS, FILE, PLAIN, left_in, made, proven
from tests.databases.server.test_tls import certificates
from tests.databases.support.contents import execute
from tests.databases.support.local import LocalHost
from tests.databases.support.steps import BACKUP


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secure_server(servers_folder: Path) -> AsyncIterator[tuple[DatabaseServer, str]]:
    """A server that offers TLS, and the certificate of its authority."""
    folder = servers_folder / "secure-large"
    folder.mkdir()
    ca = certificates(folder, "127.0.0.1")
    async with DatabaseServer(
        folder, [f"--ssl-{name}={folder / name}.pem" for name in ("ca", "cert", "key")]
    ) as server:
        yield server, ca


@pytest.fixture
async def secure(secure_server: tuple[DatabaseServer, str]) -> AsyncIterator[DemoDatabase]:
    """A large database whose account may log in with TLS alone."""
    server, _ = secure_server
    database = await server.create("secure_large")
    await execute(database, *CONTENTS)
    await server.query(f"GRANT RELOAD, PROCESS, REPLICATION CLIENT ON *.* TO `{database.user}`@`%`")
    await server.query(f"ALTER USER `{database.user}`@`%` REQUIRE SSL")
    yield database
    await server.drop(database)


@pytest.mark.parametrize(
    ("mode", "made_by"), [(TlsMode.PREFERRED, FILE), (TlsMode.REQUIRED, FILE), (TlsMode.VERIFY, PLAIN)]
)
async def test_what_is_asked_for_holds_for_them_too(
    mode: TlsMode,
    made_by: str,
    secure: DemoDatabase,
    secure_server: tuple[DatabaseServer, str],
    target_of: Callable[..., Target],
    host: LocalHost,
    folder: Path,
) -> None:
    tls = Tls(mode, secure_server[1] if mode is TlsMode.VERIFY else None)
    target = target_of(secure, scratch=True, tls=tls)
    assert target.backups is not None
    target = replace(target, backups=replace(target.backups, mydumper_from=0))
    _, told = await made(host, target)
    assert left_in(folder) == {made_by, f"{BACKUP}.json"}, told
    await proven(host, target)
