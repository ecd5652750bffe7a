"""The file of known hosts: the keys in it, the lines that cannot be read, and a key that is added to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from bot.domain.targets.target import Host

DEFAULT_KNOWN_HOSTS = "~/.ssh/known_hosts"


@dataclass(frozen=True)
class BrokenLine:
    """A line that cannot be read.

    Args:
        number: 1 for the first.
        detail: what is wrong with it.
    """

    number: int
    detail: str


@dataclass(frozen=True)
class KnownHosts:
    """What a file of known hosts says.

    Args:
        keys: as asyncssh takes them.
        broken: the lines that do not count.
    """

    keys: asyncssh.SSHKnownHosts
    broken: tuple[BrokenLine, ...] = ()


class KnownHostsError(Exception):
    """The file cannot be used; the message says why."""


def known_hosts_file(host: Host) -> Path:
    """Give the file in which a host's key is looked up."""
    return Path(os.path.expanduser(host.known_hosts or DEFAULT_KNOWN_HOSTS))  # noqa: PTH111 - no I/O


def read_known_hosts(path: Path) -> KnownHosts:
    """Read a file of known hosts. A line that cannot be read takes nothing from the others.

    Args:
        path: of the file.

    Raises:
        KnownHostsError: it cannot be read, or a line that revokes a key cannot: nobody knows then which key counts.
    """
    try:
        text = path.read_text(errors="surrogateescape")
    except OSError as error:
        raise KnownHostsError(f"the file of known hosts cannot be read: {error.strerror}") from None
    found, broken = asyncssh.import_known_hosts(""), []
    for number, line in enumerate(text.split("\n"), start=1):
        detail = _load(found, line.strip())
        if detail and line.lstrip().startswith("@revoked"):
            raise KnownHostsError(
                f"line {number} of the file of known hosts revokes a key and cannot be read: {detail}"
            )
        if detail:
            broken.append(BrokenLine(number, detail))
    return KnownHosts(found, tuple(broken))


def _load(found: asyncssh.SSHKnownHosts, line: str) -> str:
    """Add a line; says what is wrong with it."""
    if not line or line.startswith("#"):
        return ""
    words = line.split()
    needed = 4 if line.startswith("@") else 3
    if len(words) < needed:
        return "it has no host, kind of key and key"
    if line.startswith("@") and words[0] not in {"@cert-authority", "@revoked"}:
        return f"it begins with {words[0][:20]}, which is neither @cert-authority nor @revoked"
    try:
        asyncssh.import_public_key(" ".join(words[needed - 2 : needed]))
    except (ValueError, asyncssh.KeyImportError):
        return "its key is cut off, or of an unknown kind"
    try:
        found.load(line)
    except ValueError:
        return "its host cannot be read"
    return ""


def is_listed(known: KnownHosts, host: Host) -> bool:
    """Whether a file has any key for a host."""
    return any(known.keys.match(host.address, "", host.port))


def name_in_file(host: Host) -> str:
    """Give the name under which a host stands in the file."""
    return host.address if host.port == 22 else f"[{host.address}]:{host.port}"


def add_key(path: Path, host: Host, key: asyncssh.SSHKey) -> None:
    """Add the key of a host to the file, which is made where it is not there.

    Args:
        path: of the file.
        host: whose key.
        key: that somebody compared.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kind, data = key.export_public_key("openssh").decode().split()[:2]
    line = f"{name_in_file(host)} {kind} {data}\n"
    before = path.read_bytes() if path.exists() else b""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
        file.write((b"\n" if before and not before.endswith(b"\n") else b"") + line.encode())
