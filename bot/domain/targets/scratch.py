"""Where copies of a database may live: for rehearsals, and for proving backups. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.secrets import Secret


@dataclass(frozen=True)
class ScratchPrivate:
    """A throwaway server of the bot's own on the first host (`scratch: private`)."""


@dataclass(frozen=True)
class ScratchBeside:
    """The same; where it cannot be had, databases `NAME_countersign_*` at the live server (`scratch: true`).

    The live server never gets a copy that unapproved code can reach.
    """


@dataclass(frozen=True)
class ScratchServer:
    """Another server, with an account that reaches nothing live.

    Args:
        host: address as seen from the target's first host.
        port: TCP port.
        user: who may create and drop databases `NAME_countersign_*` there.
        password: of the user.
    """

    host: str
    port: int
    user: str
    password: Secret


@dataclass(frozen=True)
class ScratchNone:
    """Nowhere (`scratch: false`): nothing is rehearsed, and no backup is proven."""


Scratch = ScratchPrivate | ScratchBeside | ScratchServer | ScratchNone
"""Where copies may live."""
