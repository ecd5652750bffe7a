"""The button that shares an answer with the channel."""

from __future__ import annotations

from bot.domain.errors import Refused
from bot.domain.names import TargetName
from bot.domain.runs.request import Action, Origin, Request
from bot.slack.handlers.buttons import read_press
from bot.slack.ports import Front
from bot.slack.publish.replies import Answers
from bot.slack.render.cards.status.migration_report_card import SHARE, status_card
from bot.slack.render.text import Sentences
from bot.slack.transport.gateway import Gateway, SlackRefused, SlackUncertain
from bot.slack.transport.inbox import Received

_WORDS = 2


class ShareHandler:
    """Reads a status again and posts it in the channel, so that what is shared is true when it is shared.

    Args:
        front: the engine.
        gateway: to Slack.
        answers: tells people what was wrong.
        sentences: of the language that is spoken.
    """

    def __init__(self, front: Front, gateway: Gateway, answers: Answers, sentences: Sentences) -> None:
        self._front = front
        self._gateway = gateway
        self._answers = answers
        self._sentences = sentences

    async def __call__(self, received: Received) -> None:
        """Handle a pressed button; others than this one are left alone."""
        press = read_press(received)
        if press is None or press.action != SHARE:
            return
        words = press.run.split()
        name = TargetName(words[0], words[1]) if len(words) == _WORDS else None
        if name is None or name not in self._front.operations.targets:
            return
        origin = Origin(press.user, press.channel, press.event)
        request = Request(Action.MIGRATE_STATUS, name, origin, {}, f"/migrate-status {name}")
        try:
            card = status_card(await self._front.standing(request), self._sentences, shared_by=press.user)
            await self._gateway.post(press.channel, card, None)
        except Refused as refused:
            await self._answers.answer(press.channel, press.user, self._sentences.refusal(refused.problem))
        except (SlackRefused, SlackUncertain):
            # Not posted again: Slack may have it, and a second one would be noise.
            return
