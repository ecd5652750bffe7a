"""The keys of hosts: shown for a person to compare, and added to the file of known hosts when somebody did."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bot.console.first_setup.questions import Questions
from bot.console.output import print_text
from bot.domain.targets.target import Host
from bot.hosts.connections import Connections
from bot.hosts.known_hosts import KnownHostsError, add_key, is_listed, known_hosts_file, read_known_hosts
from bot.hosts.login import Jump, presented_key

_SECONDS = 15.0


class NotTrustedError(Exception):
    """Nobody said that the key of a host is right; the message says how."""


async def make_known(
    connections: Connections, host: Host, expected: Sequence[str], questions: Questions, console: Console
) -> None:
    """See to it that a host's key is in its file of known hosts.

    A key that is there is not touched: whether the host still has it is found out by the login.

    Args:
        connections: to the hosts; the one through which this one is reached is known already.
        host: whose key.
        expected: fingerprints that somebody gave beforehand.
        questions: asks whether the fingerprint is right.
        console: where it is shown.

    Raises:
        NotTrustedError: it was not confirmed, or the file cannot be used.
        RefusedError: the host cannot be reached.
    """
    path = known_hosts_file(host)
    if await asyncio.to_thread(_is_known, path, host):
        return
    if host.jump is None:
        key = await presented_key(host, jump=None, timeout=_SECONDS)
    else:
        async with connections.connection(host.jump) as connection:
            key = await presented_key(host, jump=Jump(connection), timeout=_SECONDS)
    fingerprint = str(key.get_fingerprint("sha256"))
    print_text(console, f"{host.address}:{host.port} shows the key {fingerprint} ({key.get_algorithm()})")
    print_text(console, f"Compare it with what the host itself says: ssh-keygen -lf {_file_of(key.get_algorithm())}")
    if expected and fingerprint not in expected:
        raise NotTrustedError(f"{host.address}: the key is another one than --fingerprint says")
    if not expected and not questions.agree("Is it the same?"):
        raise NotTrustedError(
            f"{host.address}: the key was not confirmed; compare it, and answer yes or give --fingerprint {fingerprint}"
        )
    try:
        await asyncio.to_thread(add_key, path, host, key)
    except OSError as error:
        raise NotTrustedError(f"{path} cannot be written: {error.strerror}") from None
    print_text(console, f"Added to {path}.")


def _file_of(algorithm: str) -> str:
    """Name the file in which OpenSSH's server keeps a key of this kind."""
    kind = algorithm.removeprefix("ssh-").partition("-")[0]
    return f"/etc/ssh/ssh_host_{kind}_key.pub"


def _is_known(path: Path, host: Host) -> bool:
    try:
        return path.exists() and is_listed(read_known_hosts(path), host)
    except KnownHostsError as error:
        raise NotTrustedError(f"{path}: {error}") from None
