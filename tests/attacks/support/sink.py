"""A server on loopback that counts who connects, and says what a careless client wants to hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass
class Sink:
    """Such a server.

    Args:
        port: on 127.0.0.1.
        connections: how many there were.
    """

    port: int
    connections: int = 0


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """Serve."""
    made = Sink(0)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
