"""How the way to a database server is encrypted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TlsMode(StrEnum):
    """Whether TLS is used."""

    OFF = "off"
    PREFERRED = "preferred"
    """Where the server offers it; its certificate is not checked."""
    REQUIRED = "required"
    """Always; the certificate is not checked."""
    VERIFY = "verify"
    """Always, and the certificate is of an authority that is trusted, for the server's address."""


@dataclass(frozen=True)
class Tls:
    """TLS with a server.

    Args:
        mode: whether it is used.
        ca: certificates of the authorities that are trusted (PEM), with `VERIFY`; None for those of the system.
    """

    mode: TlsMode = TlsMode.PREFERRED
    ca: str | None = None
