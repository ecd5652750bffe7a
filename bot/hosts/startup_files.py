"""Which start-up file of an account keeps commands from running. It is read by SFTP, as no shell is to be had."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping

import asyncssh

from bot.domain.errors import RefusedError
from bot.hosts.connections import Connections

FILES = (".bashrc", ".bash_profile", ".profile", ".zshenv", ".zshrc", ".kshrc", ".cshrc", ".ssh/rc", ".ssh/environment")
"""What the usual shells, and sshd, read before a command."""

_SECONDS = 10.0
_MAX_CHARACTERS = 64 * 1024
_ENDS = re.compile(r"^[ \t]*(?:exit|logout|exec|return\s+[1-9]|set\s+-e\w*|kill)\b.*$", re.MULTILINE)


def suspects(files: Mapping[str, str]) -> tuple[str, ...]:
    """Name the lines that may end a shell before it runs a command: `~/.bashrc:3: exit 1`.

    Args:
        files: their texts by their names in the home.
    """
    return tuple(
        f"~/{name}:{text.count(chr(10), 0, found.start()) + 1}: {' '.join(found[0].split())[:60]}"
        for name, text in files.items()
        for found in _ENDS.finditer(text)
    )


async def read_startup_files(connections: Connections, host: str) -> Mapping[str, str]:
    """Read the start-up files of an account.

    Args:
        connections: to the hosts.
        host: its name.

    Returns:
        Their texts; empty where there is no SFTP either.
    """
    found: dict[str, str] = {}
    try:
        async with (
            asyncio.timeout(_SECONDS),
            connections.connection(host) as connection,
            connection.start_sftp_client() as sftp,
        ):
            for name in FILES:
                with contextlib.suppress(asyncssh.SFTPError):
                    async with sftp.open(name, "r", errors="replace") as file:
                        found[name] = str(await file.read(_MAX_CHARACTERS))
    except (TimeoutError, OSError, asyncssh.Error, RefusedError):
        return found
    return found
