"""Tunnels through a host's SSH connection to addresses that only the host can reach."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncssh

from bot.domain.errors import Reason, RefusedError, problem
from bot.hosts.connections import Connections

LOOPBACK = "127.0.0.1"


class Tunnels:
    """Opens a tunnel for each use, because the connection below may have been replaced meanwhile.

    Args:
        connections: to the hosts.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @contextlib.asynccontextmanager
    async def open(self, via: str, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        """Listen on a free loopback port and forward each connection through a host.

        Args:
            via: name of the host through whose SSH connection it goes.
            host: address to reach, as seen from there.
            port: TCP port to reach, as seen from there.

        Yields:
            Address and port to connect to. Leaving stops listening. A connection to a port on which nobody listens
            over there is accepted here and closed at once.

        Raises:
            RefusedError: `host_unreachable`, `host_key_changed`, `host_login_refused`, of the host it goes through.
        """
        async with self._connections.connection(via) as connection:
            try:
                listener = await connection.forward_local_port(LOOPBACK, 0, host, port)
            except (asyncssh.Error, OSError) as error:
                through = self._connections.host(via)
                raise RefusedError(
                    problem(
                        Reason.HOST_UNREACHABLE,
                        host=via,
                        address=through.address,
                        port=str(through.port),
                        detail=f"no tunnel: {error}",
                    )
                ) from error
            try:
                yield LOOPBACK, listener.get_port()
            finally:
                listener.close()
                await listener.wait_closed()
