"""The buttons below a list of backups: each asks for what can also be typed, and is judged like it."""

from __future__ import annotations

from bot.domain.errors import RefusedError
from bot.domain.runs.request import Origin
from bot.slack.context import SlackContext
from bot.slack.handlers.button_press import read_press
from bot.slack.render.cards.backups.backup_list_card import RESTORE, VERIFY
from bot.slack.transport.inbox import ReceivedEvent

_WORDS = {RESTORE: "restore", VERIFY: "verify"}
_COMMAND = "/backup"


class BackupButtonHandler:
    """Asks for a restore or a proof of one backup.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context

    async def __call__(self, received: ReceivedEvent) -> None:
        """Handle a pressed button; others are left alone."""
        press = read_press(received)
        spec = self._context.commands.get(_COMMAND)
        if press is None or press.action not in _WORDS or spec is None:
            return
        words = (_WORDS[press.action], *press.value.split())
        origin = Origin(press.user, press.channel, press.event)
        try:
            await self._context.engine.submit(spec.parse(words, origin, self._context.operations))
        except RefusedError as refused:
            translator = await self._context.translator_for(press.user)
            await self._context.replies.send_text(press.sender, translator.refusal_text(refused.problem))
