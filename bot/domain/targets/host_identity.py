"""Which host an approval is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HostIdentity:
    """Which host an approval is for.

    Args:
        host: its name.
        address: that the bot connects to.
        port: of SSH there.
        user: whom it logs in as.
        key: fingerprint of the host's key, `SHA256:…`.
        env_sha256: of the `.env` file in the target's path; empty where there is none.
    """

    host: str
    address: str
    port: int
    user: str
    key: str
    env_sha256: str
