"""The orders of `/ops`; none of them makes a run."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.names import TargetName


@dataclass(frozen=True)
class ShowStatus:
    """Show the status of targets.

    Args:
        targets: in the order to show them.
    """

    targets: tuple[TargetName, ...]


@dataclass(frozen=True)
class ShowHelp:
    """Show what the requester may do in this channel.

    Args:
        targets: those operated from the channel.
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
    """Lock a target.

    Args:
        target: to lock.
        reason: in the requester's words.
    """

    target: TargetName
    reason: str


@dataclass(frozen=True)
class TakeLockOff:
    """Remove the lock of a target.

    Args:
        target: to unlock.
    """

    target: TargetName


Order = ShowStatus | ShowHelp | CancelRun | SetLock | TakeLockOff
