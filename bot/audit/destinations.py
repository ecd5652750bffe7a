"""Destinations of the history: a file, this machine's syslog, a syslog server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bot.config.settings import AuditForward, ForwardToFile, ForwardToServer, ForwardToSocket

_PRIORITY = 13 * 8 + 5
"""Facility "log audit", severity "notice" (RFC 5424, 6.2.1)."""

_PROGRAM = "countersign"
_PRIVATE_FILE = 0o600
_TIMEOUT_SECONDS = 10.0


class Destination(Protocol):
    """Takes lines of the history."""

    uncertain_lines: int
    """Maximum latest lines that may be lost when the connection breaks, although `take` returned."""

    async def take(self, lines: Sequence[str]) -> None:
        """Write lines; when this returns they are as durable as the destination makes them.

        Raises:
            OSError: it cannot take them now.
        """
        ...

    async def close(self) -> None:
        """Close it; the next line opens it again."""
        ...


def destination_of(where: AuditForward) -> Destination:
    """Give the destination that a setting names; nothing is opened yet."""
    match where:
        case ForwardToFile(path):
            return FileDestination(path)
        case ForwardToSocket(path):
            return SocketDestination(path)
        case ForwardToServer(host, port):
            return ServerDestination(host, port)


class FileDestination:
    """Appends to a file, which is made readable by its owner alone; it may be moved away at any time.

    Args:
        path: of the file.
    """

    uncertain_lines = 0

    def __init__(self, path: Path) -> None:
        self._path = path

    async def take(self, lines: Sequence[str]) -> None:
        """Append lines, and return when they are on the disk."""
        await asyncio.to_thread(self._append, "".join(f"{line}\n" for line in lines).encode())

    async def close(self) -> None:
        """It is closed after every append."""

    def _append(self, text: bytes) -> None:
        # Opened each time, so that logs can be rotated without a signal.
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _PRIVATE_FILE)
        try:
            size = os.lseek(descriptor, 0, os.SEEK_END)
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                text = b"\n" + text  # half a line of a crash or a full disk; the whole one follows
            while text:
                text = text[os.write(descriptor, text) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class SocketDestination:
    """Sends to the syslog of this machine, a datagram a line.

    Args:
        path: of its socket.
    """

    uncertain_lines = 0

    def __init__(self, path: Path) -> None:
        self._path = path

    async def take(self, lines: Sequence[str]) -> None:
        """Hand lines to the syslog; it takes each whole or not at all."""
        await asyncio.to_thread(
            self._send, [f"<{_PRIORITY}>{_PROGRAM}[{os.getpid()}]: {line}".encode() for line in lines]
        )

    async def close(self) -> None:
        """It is closed after every line."""

    def _send(self, datagrams: Sequence[bytes]) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.settimeout(_TIMEOUT_SECONDS)
            connection.connect(str(self._path))
            for datagram in datagrams:
                connection.send(datagram)


class ServerDestination:
    """Sends to a syslog server over TCP: RFC 5424, counted octets (RFC 6587, 3.4.1).

    Syslog has no acknowledgement: what was on its way when the connection broke off is sent again on the next one.

    Args:
        host: name or IP address.
        port: TCP port.
    """

    uncertain_lines = 200

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def take(self, lines: Sequence[str]) -> None:
        """Send lines, and return when the operating system has taken them."""
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            if self._reader is None or self._writer is None:
                self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
            if self._reader.at_eof() or self._writer.is_closing():
                raise ConnectionResetError("the syslog server closed the connection")
            self._writer.write(b"".join(_framed(line) for line in lines))
            await self._writer.drain()

    async def close(self) -> None:
        """Close the connection."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _framed(line: str) -> bytes:
    # The byte order mark declares the message as UTF-8 (RFC 5424, 6.4).
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = f"<{_PRIORITY}>1 {at} {socket.gethostname()} {_PROGRAM} {os.getpid()} history - "
    message = head.encode() + b"\xef\xbb\xbf" + line.encode()
    return f"{len(message)} ".encode() + message
