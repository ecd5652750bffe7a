"""Slash commands: any of them, known or not; an unknown one is answered too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.domain.inbox import EventKind
from bot.slack.inbox import Inbox
from bot.slack.listeners.identity import interaction_identity


def register(app: AsyncApp, inbox: Inbox) -> None:
    """Register the middleware."""
    app.use(_Commands(inbox))


class _Commands(AsyncMiddleware):
    """Records commands, which acknowledges them; passes everything else on.

    Not a listener: bolt would collect every argument that one may ask for, twice, which takes as long as recording.

    Args:
        inbox: where they are recorded.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - bolt calls it so
    ) -> BoltResponse | None:
        """Record a command."""
        if "command" not in req.body:
            return await next()
        await self._inbox.receive(interaction_identity("command", req.body), EventKind.COMMAND, req.body)
        return BoltResponse(status=200, body="")
