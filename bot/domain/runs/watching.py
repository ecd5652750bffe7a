"""What the watch of a target after a run has seen, and whether it goes on. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.json_codec import stored

GAP = timedelta(minutes=2)
"""A watch that ends later than this after its time was interrupted: the bot was down."""


class Watched(StrEnum):
    """One thing that is looked at."""

    LOG = "log"
    HEALTH = "health"
    COMMAND = "command"


class WatchState(StrEnum):
    """How a watch stands."""

    WATCHING = "watching"
    OVER = "over"
    """Its time has passed, and nothing crossed the line."""
    CROSSED = "crossed"
    SUPERSEDED = "superseded"
    """Another run began to change the target."""


@dataclass(frozen=True)
class Sighting:
    """What one look at one thing came to.

    Args:
        what: the thing.
        crossed: whether it crosses the line; None where it could not be read, which is never taken for good.
        detail: what was found, or why it could not be read.
    """

    what: Watched
    crossed: bool | None
    detail: str = ""


@dataclass(frozen=True)
class Watching:
    """The watch after a run.

    Args:
        until: when it ends by itself.
        state: of it.
        ended_at: when it ended; None while it goes on.
        crossed: what crossed the line.
        unread: the things that could not be read at some time, each once, as they were first.
        successor: the run that began to change the target; empty where none did.
    """

    until: datetime
    state: WatchState = WatchState.WATCHING
    ended_at: datetime | None = field(default=None, metadata=stored(optional=True))
    crossed: tuple[Sighting, ...] = field(default=(), metadata=stored(optional=True))
    unread: tuple[Sighting, ...] = field(default=(), metadata=stored(optional=True))
    successor: str = field(default="", metadata=stored(optional=True))

    @property
    def had_a_gap(self) -> bool:
        """Whether nobody looked when its time was over."""
        return self.ended_at is not None and self.ended_at - self.until > GAP

    def seen(self, sightings: tuple[Sighting, ...], now: datetime) -> Watching:
        """Give the watch after a look.

        Args:
            sightings: of each thing.
            now: with a time zone.
        """
        known = {one.what for one in self.unread}
        unread = (*self.unread, *(one for one in sightings if one.crossed is None and one.what not in known))
        crossed = tuple(one for one in sightings if one.crossed)
        if crossed:
            return replace(self, state=WatchState.CROSSED, ended_at=now, crossed=crossed, unread=unread)
        if now >= self.until:
            return replace(self, state=WatchState.OVER, ended_at=now, unread=unread)
        return replace(self, unread=unread)

    def superseded(self, run: str, now: datetime) -> Watching:
        """Give the watch after another run began to change the target.

        Args:
            run: its ID.
            now: with a time zone.
        """
        return replace(self, state=WatchState.SUPERSEDED, ended_at=now, successor=run)
