"""The button that shares an answer with the channel."""

from __future__ import annotations

from bot.domain.errors import RefusedError
from bot.domain.names import TargetName
from bot.domain.runs.request import MigrateStatusOptions, Origin, Request
from bot.slack.handlers.buttons import read_press
from bot.slack.ports import EngineApi
from bot.slack.publish.replies import Answers
from bot.slack.render.cards.status.migration_report_card import SHARE, status_card
from bot.slack.render.text import Translator
from bot.slack.transport.gateway import Gateway, SlackRefusedError, SlackUncertainError
from bot.slack.transport.inbox import Received

_WORDS = 2


class ShareHandler:
    """Reads a status again and posts it in the channel, so that what is shared is true when it is shared.

    Args:
        engine: the engine.
        gateway: to Slack.
        answers: tells people what was wrong.
        translator: of the language that is spoken.
    """

    def __init__(self, engine: EngineApi, gateway: Gateway, answers: Answers, translator: Translator) -> None:
        self._engine = engine
        self._gateway = gateway
        self._answers = answers
        self._translator = translator

    async def __call__(self, received: Received) -> None:
        """Handle a pressed button; others than this one are left alone."""
        press = read_press(received)
        if press is None or press.action != SHARE:
            return
        words = press.run.split()
        name = TargetName(words[0], words[1]) if len(words) == _WORDS else None
        if name is None or name not in self._engine.operations.targets:
            return
        origin = Origin(press.user, press.channel, press.event)
        request = Request(MigrateStatusOptions(), name, origin, f"/migrate-status {name}")
        try:
            card = status_card(await self._engine.migration_report(request), self._translator, shared_by=press.user)
            await self._gateway.post(press.channel, card, None)
        except RefusedError as refused:
            await self._answers.answer(press.channel, press.user, self._translator.refusal(refused.problem))
        except (SlackRefusedError, SlackUncertainError):
            # Not posted again: Slack may have it, and a second one would be noise.
            return
