"""Proving backups in a private server that the bot sends: kept elsewhere than on the host, or encrypted there."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import RECORDED, DemoHost
from bot.domain.runs.acts import Dump
from bot.domain.secrets import Secret
from bot.domain.targets.target import Backups
from tests.databases.support.contents import databases_beside
from tests.databases.support.local import KeptOutput, stand_in
from tests.databases.support.rooms import BACKUP, FILE, Room, kept_in
from tests.databases.support.steps import done
from tests.support.polling import eventually
from tests.support.sandboxes import private_servers, sandboxes

UNPACK = "zstd -q -d"


@pytest.fixture
async def ssh_host(new_host: Callable[..., Awaitable[DemoHost]]) -> DemoHost:
    """A host whose packer can be held."""
    return await new_host(recorded=(*RECORDED, "zstd"))


@pytest.fixture
def no_sandbox(ssh_host: DemoHost) -> Iterator[None]:
    """A host that forbids its account what a sandbox needs."""
    stand_in(ssh_host.commands.bin, "bwrap", "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
    yield
    (ssh_host.commands.bin / "bwrap").unlink()


@pytest.mark.usefixtures("filled")
async def test_one_that_is_kept_elsewhere_is_proven(room: Room, mariadb: DatabaseServer, ssh_host: DemoHost) -> None:
    await room.dumped()
    since = mariadb.log_position()
    facts = done(await room.proved_privately(or_beside=True))
    assert facts["proof"] == "proven"
    assert (await room.manifest())["proof"] == "proven"
    assert [one.text for one in mariadb.statements(since) if one.ran and "CREATE DATABASE" in one.text] == []
    assert sandboxes(ssh_host) == []


@pytest.mark.usefixtures("filled")
async def test_one_that_a_host_keeps_encrypted_is_proven(in_directory: Room, tmp_path: Path) -> None:
    room, identity = in_directory, pyrage.x25519.Identity.generate()
    kept = Backups(str(tmp_path / "on host"), encrypt_to=str(identity.to_public()), identity=Secret(str(identity)))
    room.target = replace(room.target, backups=kept)
    done(await room.dumping.perform(room.job(Dump(BACKUP)), KeptOutput()))
    assert done(await room.proved_privately())["proof"] == "proven"
    assert (await room.manifest())["proof"] == "proven"
    assert await kept_in(room) == [f"{BACKUP}.json", f"{FILE}.age"]


@pytest.mark.usefixtures("filled", "no_sandbox")
async def test_without_a_sandbox_it_is_proven_beside_or_not_at_all(in_directory: Room, mariadb: DatabaseServer) -> None:
    room = in_directory
    await room.dumped()
    facts = done(await room.proved_privately())
    assert (facts["proof"], facts["unprovable"]) == ("checked", "namespaces")
    assert "No permissions to create new namespace" in facts["unprovable_detail"]
    facts = done(await room.proved_privately(or_beside=True))
    assert (facts["proof"], facts.get("unprovable")) == ("proven", None)
    assert await databases_beside(mariadb, room.target) == []


@pytest.mark.usefixtures("filled")
async def test_a_private_server_that_dies_half_way_refutes_nothing(
    in_directory: Room, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    room = in_directory
    await room.dumped()
    with ssh_host.commands.hold(UNPACK):
        before = len(ssh_host.commands.ran(UNPACK))
        proving = asyncio.create_task(room.proved_privately(or_beside=True))
        await eventually(lambda: len(ssh_host.commands.ran(UNPACK)) > before, 30, what="the proof unpacks")
        [server] = private_servers(ssh_host)
        os.kill(server, signal.SIGKILL)
    facts = done(await proving)
    assert (facts["proof"], facts["unprovable"]) == ("checked", "lost"), "what was sent cannot be had again"
    assert (await room.manifest())["proof"] == "checked"
    assert await databases_beside(mariadb, room.target) == []
    assert sandboxes(ssh_host) == []
