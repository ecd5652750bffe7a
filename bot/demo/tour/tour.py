"""The tour: the engineer types a deploy, the releaser approves it, and everything is printed as it appears."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bot.demo.environment import DemoEnvironment
from bot.demo.operations import APP
from bot.demo.tour.observation import TourObservation
from bot.demo.tour.transcript_printer import TranscriptPrinter
from bot.demo.tour.workspace_client import ChannelView, WorkspaceClient
from bot.demo.workspace import DEPLOY, ENGINEER, RELEASER

_APPROVE = "white_check_mark"
_POLL = 0.05
_RUN_SECONDS = 60.0
_LOG_SECONDS = 8.0
"""The log follows the outcome."""


class Tour:
    """Plays the first deploy.

    Args:
        demo: everything.
        client: acts for the people.
        printer: prints the conversation.
    """

    def __init__(self, demo: DemoEnvironment, client: WorkspaceClient, printer: TranscriptPrinter) -> None:
        self._demo = demo
        self._client = client
        self._printer = printer

    async def play(self) -> TourObservation:
        """Play until the run has ended and its log is in the thread, or too much time has passed.

        Raises:
            DemoError: the bot did not acknowledge the command.
        """
        before = await self._condition()
        self._printer.begin()
        self._printer.typed(ENGINEER, DEPLOY, await self._client.view())
        await self._client.type(ENGINEER, DEPLOY)
        channel = await self._follow(lambda channel: _is_asked(channel) or _is_over(channel), _RUN_SECONDS)
        asked = untouched = False
        request = channel.newest("approval")
        if request is not None and not _is_over(channel):
            asked, untouched = True, await self._condition() == before
            await self._client.react(RELEASER, request, _APPROVE)
            self._printer.reacted(RELEASER, "✅", channel)
        await self._follow(_is_over, _RUN_SECONDS)
        return TourObservation(asked, untouched, await self._follow(_has_log, _LOG_SECONDS))

    async def _follow(self, enough: Callable[[ChannelView], bool], seconds: float) -> ChannelView:
        """Print what is new until a condition holds or the time is over; give the channel as it is then."""
        deadline = time.monotonic() + seconds
        while True:
            channel = await self._client.view()
            self._printer.print_new(channel)
            if enough(channel) or time.monotonic() > deadline:
                return channel
            await asyncio.sleep(_POLL)

    async def _condition(self) -> tuple[str, bool, dict[str, str]]:
        """What must be the same before the approval: the commit, maintenance, the table."""
        application = self._demo.application
        columns = await self._demo.database.columns(APP, "user_sessions")
        return await application.head(), application.is_down, columns


def _is_asked(channel: ChannelView) -> bool:
    """Whether there is a request to approve, with the bot's own reactions under it as an invitation."""
    request = channel.newest("approval")
    return request is not None and _APPROVE in {item["name"] for item in request.get("reactions", ())}


def _is_over(channel: ChannelView) -> bool:
    return any(channel.is_over(run) for run in channel.runs())


def _has_log(channel: ChannelView) -> bool:
    return any(channel.files(f"{run}.log") for run in channel.runs())
