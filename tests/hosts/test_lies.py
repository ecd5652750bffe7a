"""Servers whose channels end without an exit status: whatever they said before, that is no success."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from bot.domain.shell import syntax
from bot.domain.targets.target import Host
from bot.engine.ports import Unknown
from bot.hosts.connections import Connections
from bot.hosts.runner import RetryLimits, Runner, ShellPerformer
from tests.hosts.support.jobs import QUICK, Kept, a_job, a_run


async def claim_success(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Say what the runner says of a success, and close without an exit status."""
    script = await process.stdin.read()
    nonce = re.search(rb"^nonce=(\w+)$", script, re.MULTILINE)
    if nonce is not None:
        process.stdout.write(nonce[1] + b"\n")
        for line in (b"hello", b"claimed", b"ended exit 0"):
            process.stderr.write(nonce[1] + b" " + line + b"\n")
    process.close()


@pytest.fixture
async def lying(tmp_path: Path) -> AsyncIterator[Host]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(tmp_path / "key"))
    (tmp_path / "authorized").write_bytes(key.export_public_key())
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[key],
        authorized_client_keys=str(tmp_path / "authorized"),
        process_factory=claim_success,
        encoding=None,
    )
    port = server.get_port()
    (tmp_path / "known").write_bytes(f"[127.0.0.1]:{port} ".encode() + key.export_public_key())
    async with server:
        yield Host("web1", "127.0.0.1", port, "deploy", str(tmp_path / "key"), str(tmp_path / "known"))


async def test_a_read_without_an_exit_status_is_unknown(lying: Host) -> None:
    async with Connections({"web1": lying}, QUICK) as connections:
        assert (await connections.read("web1", syntax("true"), 10)).exit_status is None


async def test_a_step_without_an_exit_status_of_its_channel_is_unknown(lying: Host) -> None:
    async with Connections({"web1": lying}, QUICK) as connections:
        performer = ShellPerformer(Runner(connections, RetryLimits(before=0.3, during=0.3, stopping=0)))
        assert isinstance(await performer.perform(a_job("true", run=a_run(), timeout=0), Kept()), Unknown)
