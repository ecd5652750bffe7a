"""A channel to `sh`: sending a script, reading its output, and detecting a lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import asyncssh

_BLOCK = 256 * 1024
_LONGEST_NOISE = 64 * 1024

_One = TypeVar("_One")
_Other = TypeVar("_Other")


class ConnectionCutError(Exception):
    """The connection was lost; what was sent may or may not have had its effect."""


def send_script(process: asyncssh.SSHClientProcess[bytes], script: bytes) -> None:
    """Send a whole script to `sh`.

    Raises:
        ConnectionCutError: the connection is lost.
    """
    try:
        process.stdin.write(script)
        process.stdin.write_eof()
    except (asyncssh.Error, OSError) as error:
        raise ConnectionCutError(str(error) or type(error).__name__) from error


async def hear(reader: asyncssh.SSHReader[bytes], word: str) -> tuple[bool, bytes]:
    """Read until a shell says a word that it was told to say, on a line of its own.

    Args:
        reader: of its standard output.
        word: random, so that nothing else says it.

    Returns:
        Whether it did, and what was printed before, as a login shell's start-up files may do.
    """
    noise = b""
    try:
        while len(noise) < _LONGEST_NOISE:
            line = await reader.readline()
            # It may follow other output without a line end.
            if line.endswith(f"{word}\n".encode()):
                return True, noise
            if not line:
                break
            noise += line
    except (asyncssh.Error, OSError):
        pass
    return False, noise


async def read_block(reader: asyncssh.SSHReader[bytes]) -> bytes:
    """Read what is available on a channel, at most 256 KiB; nothing at its end.

    The end may also be that of the connection: only the exit status says that it was not.

    Raises:
        ConnectionCutError: the connection is lost.
    """
    try:
        return await reader.read(_BLOCK)
    except (asyncssh.Error, OSError) as error:
        raise ConnectionCutError(str(error) or type(error).__name__) from error


async def run_both(
    one: Coroutine[object, object, _One], other: Coroutine[object, object, _Other]
) -> tuple[_One, _Other]:
    """Run both; if one fails, cancel the other and raise the error unchanged."""
    first, second = asyncio.create_task(one), asyncio.create_task(other)
    try:
        done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
        return first.result(), second.result()
    finally:
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


async def read_bounded(reader: asyncssh.SSHReader[bytes], limit: int) -> tuple[bytes, bool]:
    """Read to the end; return the first bytes, and whether there were more."""
    content = bytearray()
    more = False
    while chunk := await read_block(reader):
        room = limit - len(content)
        content += chunk[:room]
        more = more or len(chunk) > room
    return bytes(content), more
