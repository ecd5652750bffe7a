"""What `/ops` can be told: orders across commands, of which none is a run."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.names import TargetName


@dataclass(frozen=True)
class ShowStatus:
    """Show how targets stand.

    Args:
        targets: which, in order.
    """

    targets: tuple[TargetName, ...]


@dataclass(frozen=True)
class ShowHelp:
    """Show what who asks may do in this channel.

    Args:
        targets: what is operated from it.
    """

    targets: tuple[TargetName, ...]


@dataclass(frozen=True)
class CancelRun:
    """Cancel a run.

    Args:
        run: its ID.
    """

    run: str


@dataclass(frozen=True)
class SetLock:
    """Keep a target as it is.

    Args:
        target: which.
        reason: in the words of who asks.
    """

    target: TargetName
    reason: str


@dataclass(frozen=True)
class TakeLockOff:
    """Let a target be changed again.

    Args:
        target: which.
    """

    target: TargetName


Order = ShowStatus | ShowHelp | CancelRun | SetLock | TakeLockOff
