"""A script that a step runs on a host."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.secrets import Secret
from bot.domain.shell import Command


@dataclass(frozen=True)
class HostScript:
    """A script, its private files, and the bytes that the bot transfers while it runs.

    Args:
        command: for POSIX sh; holds no secret.
        files: contents of the job's private files, by name.
        transfer: reads from the script's pipe or writes into it; None where the host needs nothing of the bot.
    """

    command: Command
    files: Mapping[str, Secret]
    transfer: Callable[[], Coroutine[Any, Any, object]] | None = None
