"""The host, its processes or the bot are killed while a backup is proven in a private server.

After each: the backup is proven all the same, nothing of the private server is left, and the live server saw no copy.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable

import pytest

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import RECORDED, DemoHost
from tests.acceptance.backups.test_backup_ssh_faults import UNPACK, next_of
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.strikes import STRIKES, Strike
from tests.support.polling import eventually
from tests.support.sandboxes import private_servers, sandboxes


@pytest.fixture
async def ssh_host(new_host: Callable[..., Awaitable[DemoHost]]) -> DemoHost:
    """A host whose packer can be held."""
    return await new_host(recorded=(*RECORDED, "zstd"))


@pytest.mark.parametrize("strike", STRIKES)
@pytest.mark.parametrize("scratch", ["private", True])
async def test_a_private_proof_survives_and_leaves_nothing(
    scratch: object,
    strike: Strike,
    new_system: NewSystem,
    laravel_at_first: Application,
    ssh_host: DemoHost,
    mariadb: DatabaseServer,
) -> None:
    system = await new_system(scratch=scratch)
    await system.bot.start()
    since = mariadb.log_position()
    with contextlib.ExitStack() as proving:
        run = await system.ask("/backup compte production")
        await next_of(ssh_host, UNPACK)  # the one that looks at what is packed: the next one is the proof's
        proving.enter_context(ssh_host.commands.hold(UNPACK))
        await next_of(ssh_host, UNPACK, before=1)
        assert private_servers(ssh_host)
        assert sandboxes(ssh_host)
        await strike(system, ssh_host)
    assert await system.end(run) == "succeeded", system.result(run)
    backup = system.payload("result", run)["backup"]
    manifest = json.loads((laravel_at_first.backups / f"{backup}.json").read_text())
    assert manifest["proof"] == "proven"
    assert [one.text for one in mariadb.statements(since) if one.ran and one.text.startswith("CREATE DATABASE")] == []
    await eventually(lambda: private_servers(ssh_host) == [], 20, what="no private server is left")
    assert sandboxes(ssh_host) == []
