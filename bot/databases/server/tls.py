"""TLS with a database server: the context of a connection, and the connection that insists on it."""

from __future__ import annotations

import ssl
from typing import Any

import aiomysql

from bot.domain.targets.tls import Tls, TlsMode

_OFFERS_TLS = 1 << 11
"""Bit of the server's capabilities (MySQL Internals Manual, "Capability Flags")."""

NO_TLS_OFFERED = 2026
"""The client library's number for what is wrong with TLS (CR_SSL_CONNECTION_ERROR)."""


class _NamedContext(ssl.SSLContext):
    """Checks a certificate against the server's own address, which a tunnel hides.

    Attributes:
        address: of the server.
    """

    address = ""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """As `ssl.SSLContext`, for that address."""
        return super().wrap_bio(*args, **{**options, "server_hostname": self.address})


def tls_context(tls: Tls, address: str) -> ssl.SSLContext | None:
    """Make the context of a connection.

    Args:
        tls: what is asked for.
        address: of the server, as the operations file has it.

    Returns:
        None where there shall be none.

    Raises:
        ssl.SSLError: the certificates cannot be read.
    """
    if tls.mode is TlsMode.OFF:
        return None
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.address = address
    if tls.mode is TlsMode.VERIFY:
        if tls.ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cadata=tls.ca)
        return context
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class PreferringConnection(aiomysql.Connection):  # type: ignore[misc] # the library has no types
    """A connection that goes without TLS where the server offers none; the library would announce it all the same."""

    async def _request_authentication(self) -> None:
        if not self.server_capabilities & _OFFERS_TLS:
            self._without_tls()
        await super()._request_authentication()

    def _without_tls(self) -> None:
        self.client_flag &= ~_OFFERS_TLS


class InsistingConnection(PreferringConnection):
    """A connection that sends no password to a server that offers no TLS."""

    def _without_tls(self) -> None:
        raise aiomysql.OperationalError(NO_TLS_OFFERED, "TLS is asked for, and the server offers none")
