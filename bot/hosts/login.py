"""Making one SSH connection, with its failures as reasons."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.targets.target import Host
from bot.hosts.known_hosts import KnownHostsError, is_listed, known_hosts_file, read_known_hosts


@dataclass(frozen=True)
class Jump:
    """The connection through which another one is made, opened by ourselves.

    With OpenSSH's ProxyJump neither the keys nor the known hosts given here would apply to the jump.
    """

    connection: asyncssh.SSHClientConnection


async def log_in(
    host: Host,
    *,
    jump: Jump | None,
    timeout: float,  # noqa: ASYNC109 - the limit of the whole login, which asyncssh splits in two
    keepalive_interval: float,
    keepalive_count: int,
) -> asyncssh.SSHClientConnection:
    """Connect to a host and log in. Its key is always checked against the file of known hosts.

    Args:
        host: where, and as whom.
        jump: through which connection; None is directly.
        timeout: seconds for all of it.
        keepalive_interval: seconds between questions whether the host is still there.
        keepalive_count: unanswered questions after which the connection counts as dead.

    Returns:
        The connection, which the caller closes.

    Raises:
        RefusedError: `host_unreachable`, `host_key_changed` (its fact `known` says whether the file of known hosts has
            another key for it or none), `host_login_refused`.
    """
    known_hosts = known_hosts_file(host)
    try:
        known = await asyncio.to_thread(read_known_hosts, known_hosts)
    except KnownHostsError as error:
        raise RefusedError(_key_problem(host, known_hosts, "no", str(error))) from error
    key = await asyncio.to_thread(_read_key, host)
    try:
        async with asyncio.timeout(timeout):
            return await asyncssh.connect(
                host.address,
                host.port,
                username=host.user,
                known_hosts=known.keys,
                # A configured key is the only one offered, because an agent's other keys would use up the attempts.
                client_keys=() if key is None else [key],
                agent_path=() if key is None else None,
                config=None,
                # The fastest with AES instructions, for dumps of many GiB.
                encryption_algs="^aes128-gcm@openssh.com,aes256-gcm@openssh.com",
                tunnel=() if jump is None else jump.connection,
                keepalive_interval=keepalive_interval,
                keepalive_count_max=keepalive_count,
                connect_timeout=timeout,
                login_timeout=timeout,
            )
    except asyncssh.HostKeyNotVerifiable as error:
        listed = "yes" if is_listed(known, host) else "no"
        raise RefusedError(_key_problem(host, known_hosts, listed, str(error))) from error
    except asyncssh.PermissionDenied as error:
        raise RefusedError(_login_problem(host, str(error))) from error
    except TimeoutError as error:
        raise RefusedError(_unreachable(host, f"no answer within {timeout:g} s")) from error
    except (asyncssh.Error, OSError) as error:
        raise RefusedError(_unreachable(host, str(error) or type(error).__name__)) from error


_KEYS_TO_COMPARE = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""Kinds of host keys in the order of OpenSSH's client; asyncssh's own begins with RSA."""


async def presented_key(host: Host, *, jump: Jump | None, timeout: float) -> asyncssh.SSHKey:  # noqa: ASYNC109
    """Ask a host for its key without logging in, for a person to compare its fingerprint.

    Of several keys it is the one that OpenSSH's own client shows.

    Args:
        host: where.
        jump: through which connection; None is directly.
        timeout: seconds for all of it.

    Raises:
        RefusedError: `host_unreachable`.
    """
    try:
        async with asyncio.timeout(timeout):
            key = await asyncssh.get_server_host_key(
                host.address,
                host.port,
                tunnel=() if jump is None else jump.connection,
                server_host_key_algs=_KEYS_TO_COMPARE,
                config=None,
            )
    except TimeoutError as error:
        raise RefusedError(_unreachable(host, f"no answer within {timeout:g} s")) from error
    except (asyncssh.Error, OSError) as error:
        raise RefusedError(_unreachable(host, str(error) or type(error).__name__)) from error
    if key is None:
        raise RefusedError(_unreachable(host, "it shows no key"))
    return key


def _read_key(host: Host) -> asyncssh.SSHKey | None:
    if host.key is None:
        return None
    try:
        return asyncssh.read_private_key(str(Path(host.key).expanduser()))
    except (OSError, ValueError) as error:
        raise RefusedError(_login_problem(host, f"the key {host.key} cannot be used: {error}")) from error


def _unreachable(host: Host, detail: str) -> Problem:
    return problem(Reason.HOST_UNREACHABLE, host=host.name, address=host.address, port=str(host.port), detail=detail)


def _login_problem(host: Host, detail: str) -> Problem:
    return problem(
        Reason.HOST_LOGIN_REFUSED,
        host=host.name,
        address=host.address,
        port=str(host.port),
        user=host.user,
        detail=detail,
    )


def _key_problem(host: Host, path: Path, known: str, detail: str) -> Problem:
    return problem(
        Reason.HOST_KEY_CHANGED,
        host=host.name,
        address=host.address,
        port=str(host.port),
        known_hosts=str(path),
        known=known,
        detail=detail,
    )
