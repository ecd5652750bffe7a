"""The demonstration plays itself: the engineer asks, the releaser countersigns, and everything that comes is told."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from bot.demo.operations import APP
from bot.demo.script import Script
from bot.demo.stage import Stage
from bot.demo.visitor import Room, Visitor, payload
from bot.demo.workspace import DEPLOY, ENGINEER, RELEASER

APPROVE = "white_check_mark"
_POLL = 0.05
_RUN_SECONDS = 90.0


@dataclass(frozen=True)
class Seen:
    """What the tour saw.

    Attributes:
        run: the run's ID.
        state: how it ended; empty if it did not within 90 seconds.
        planned: the commit that the plan names, in full.
        backup: the backup that the outcome names; empty if none.
        untouched: whether the host was as before when the approval was asked for.
        room: the channel at the end.
    """

    run: str
    state: str
    planned: str
    backup: str
    untouched: bool
    room: Room


class Tour:
    """Plays the first deploy.

    Args:
        stage: everything.
        visitor: acts for the people.
        script: tells the story.
    """

    def __init__(self, stage: Stage, visitor: Visitor, script: Script) -> None:
        self._stage = stage
        self._visitor = visitor
        self._script = script

    async def play(self) -> Seen:
        """Play until the run has ended and its log is in the thread.

        Raises:
            DemoError: the bot did not acknowledge the command.
        """
        before = await self._condition()
        self._script.begin()
        self._script.typed(ENGINEER, DEPLOY, await self._visitor.look())
        await self._visitor.type(ENGINEER, DEPLOY)
        untouched = False
        approved = False
        deadline = time.monotonic() + _RUN_SECONDS
        while True:
            room = await self._visitor.look()
            self._script.tell(room)
            request = room.newest("approval")
            if request is not None and not approved and _is_seeded(request):
                untouched = await self._condition() == before
                await self._visitor.react(RELEASER, request, APPROVE)
                self._script.reacted(RELEASER, "✅", room)
                approved = True
            if _is_over(room) or time.monotonic() > deadline:
                return _seen(room, untouched)
            await asyncio.sleep(_POLL)

    async def _condition(self) -> tuple[str, bool, dict[str, str]]:
        """What must be the same before the approval: the commit, maintenance, the table."""
        application = self._stage.application
        columns = await self._stage.database.columns(APP, "user_sessions")
        return await application.head(), application.is_down, columns


def _is_seeded(request: object) -> bool:
    """Whether the bot's own reactions stand under the request, as an invitation."""
    return isinstance(request, dict) and APPROVE in {item["name"] for item in request.get("reactions", ())}


def _is_over(room: Room) -> bool:
    run = room.runs()[-1] if room.runs() else ""
    return room.is_over(run) and bool(room.files(f"{run}.log"))


def _seen(room: Room, untouched: bool) -> Seen:  # noqa: FBT001 - a fact, not a switch
    run = room.runs()[-1] if room.runs() else ""
    plan, result = room.newest("plan", run), room.newest("result", run)
    told = payload(result) if result is not None else {}
    return Seen(
        run=run,
        state=str(told.get("state", "")),
        planned=str(payload(plan).get("sha", "")) if plan is not None else "",
        backup=str(told.get("backup", "")),
        untouched=untouched,
        room=room,
    )
