"""The demonstration plays itself: the engineer asks, the releaser countersigns, and everything that comes is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bot.demo.environment import DemoEnvironment
from bot.demo.operations import APP
from bot.demo.tour.narrator import Narrator
from bot.demo.tour.observed import TourObservation
from bot.demo.tour.visitor import ChannelView, Visitor
from bot.demo.workspace import DEPLOY, ENGINEER, RELEASER

_APPROVE = "white_check_mark"
_POLL = 0.05
_RUN_SECONDS = 60.0
_LOG_SECONDS = 8.0
"""The log follows the outcome."""


class Tour:
    """Plays the first deploy.

    Args:
        stage: everything.
        visitor: acts for the people.
        narrator: tells the story.
    """

    def __init__(self, stage: DemoEnvironment, visitor: Visitor, narrator: Narrator) -> None:
        self._stage = stage
        self._visitor = visitor
        self._script = narrator

    async def play(self) -> TourObservation:
        """Play until the run has ended and its log is in the thread, or too much time has passed.

        Raises:
            DemoError: the bot did not acknowledge the command.
        """
        before = await self._condition()
        self._script.begin()
        self._script.typed(ENGINEER, DEPLOY, await self._visitor.look())
        await self._visitor.type(ENGINEER, DEPLOY)
        room = await self._follow(lambda room: _is_asked(room) or _is_over(room), _RUN_SECONDS)
        asked = untouched = False
        request = room.newest("approval")
        if request is not None and not _is_over(room):
            asked, untouched = True, await self._condition() == before
            await self._visitor.react(RELEASER, request, _APPROVE)
            self._script.reacted(RELEASER, "✅", room)
        await self._follow(_is_over, _RUN_SECONDS)
        return TourObservation(asked, untouched, await self._follow(_has_log, _LOG_SECONDS))

    async def _follow(self, enough: Callable[[ChannelView], bool], seconds: float) -> ChannelView:
        """Tell what comes until it is enough or the time is over, and give the channel as it is then."""
        deadline = time.monotonic() + seconds
        while True:
            room = await self._visitor.look()
            self._script.tell(room)
            if enough(room) or time.monotonic() > deadline:
                return room
            await asyncio.sleep(_POLL)

    async def _condition(self) -> tuple[str, bool, dict[str, str]]:
        """What must be the same before the approval: the commit, maintenance, the table."""
        application = self._stage.application
        columns = await self._stage.database.columns(APP, "user_sessions")
        return await application.head(), application.is_down, columns


def _is_asked(room: ChannelView) -> bool:
    """Whether there is a request to approve, with the bot's own reactions under it as an invitation."""
    request = room.newest("approval")
    return request is not None and _APPROVE in {item["name"] for item in request.get("reactions", ())}


def _is_over(room: ChannelView) -> bool:
    return any(room.is_over(run) for run in room.runs())


def _has_log(room: ChannelView) -> bool:
    return any(room.files(f"{run}.log") for run in room.runs())
