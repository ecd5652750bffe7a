"""The names that a rehearsal in a sandbox has at a scratch server, which nothing else has there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_KIND = "_countersign_sandbox_"


@dataclass(frozen=True)
class ScratchNames:
    """What a run makes there; beside these there may be others with an ending: `_e`, `_b`, `_t`.

    Args:
        database: the copy.
        account: of the commit's code.
    """

    database: str
    account: str


def scratch_names(live: str, run: str) -> ScratchNames:
    """Give the names of a run.

    Args:
        live: the live database.
        run: ID of the run.
    """
    own = re.sub(r"[^a-z0-9]", "", run.lower().removeprefix("r-"))
    return ScratchNames(f"{live}{_KIND}{own}", f"countersign_{own}")


def is_of_sandbox(name: str, live: str) -> bool:
    """Whether a database is one of a rehearsal in a sandbox.

    Args:
        name: of it.
        live: the live database that it stands for.
    """
    return name.startswith(f"{live}{_KIND}")
