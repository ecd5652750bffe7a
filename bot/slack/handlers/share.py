"""The button that shares a migration report with the channel."""

from __future__ import annotations

from bot.domain.errors import RefusedError
from bot.domain.names import TargetName
from bot.domain.runs.request import MigrateStatusOptions, Origin, Request
from bot.slack.context import SlackContext
from bot.slack.handlers.button_press import read_press
from bot.slack.render.cards.status.migration_report_card import SHARE, status_card
from bot.slack.transport.gateway import SlackRefusedError, SlackUncertainError
from bot.slack.transport.inbox import ReceivedEvent

_WORDS = 2


class ShareHandler:
    """Reads the report again and posts it, so that what is shared is up to date.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._engine = context.engine

    async def __call__(self, received: ReceivedEvent) -> None:
        """Handle a pressed button; others are left alone."""
        press = read_press(received)
        if press is None or press.action != SHARE:
            return
        words = press.value.split()
        name = TargetName(words[0], words[1]) if len(words) == _WORDS else None
        if name is None or name not in self._context.operations.targets:
            return
        origin = Origin(press.user, press.channel, press.event)
        request = Request(MigrateStatusOptions(), name, origin, f"/migrate-status {name}")
        try:
            report = await self._engine.migration_report(request)
            card = status_card(report, self._context.render_context(), shared_by=press.user)
            await self._context.gateway.post(press.channel, card, None)
        except RefusedError as refused:
            translator = await self._context.translator_for(press.user)
            await self._context.replies.send_text(press.sender, translator.refusal_text(refused.problem))
        except (SlackRefusedError, SlackUncertainError):
            # Not posted again: Slack may have it, and duplicates are worse than a lost post.
            return
