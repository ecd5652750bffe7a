"""Tells people in a channel what belongs to no run: that a lock still stands, that it was taken off."""

from __future__ import annotations

import asyncio
import logging

from bot.domain.lock import Lock
from bot.domain.secrets import Masker
from bot.slack import markup
from bot.slack.gateway import Gateway, SlackBusy, SlackRefused, SlackUncertain
from bot.slack.markup import Markup
from bot.slack.message import message, section
from bot.slack.sentences import Sentences

_MOST_TRIES = 5

_log = logging.getLogger(__name__)


class SlackHerald:
    """Implements `bot.engine.lock_reminders.Herald`.

    Args:
        gateway: to Slack.
        sentences: of the language that is spoken.
        masker: of everything that leaves the program.
    """

    def __init__(self, gateway: Gateway, sentences: Sentences, masker: Masker) -> None:
        self._gateway = gateway
        self._sentences = sentences
        self._masker = masker

    async def lock_stands(self, lock: Lock, channel: str) -> None:
        """Ask the owner of a lock whether it is still needed."""
        owner = markup.user(lock.owner)
        name = {"app": lock.target.app, "environment": lock.target.environment}
        await self._post(channel, lock, self._sentences.say("lock.stands", owner=owner, **name, **self._of(lock)))

    async def lock_taken_off(self, lock: Lock, by: str, channel: str) -> None:
        """Tell the owner of a lock who took it off."""
        owner = markup.user(lock.owner)
        told = self._sentences.say("lock.taken_off", owner=owner, by=markup.user(by), **self._of(lock))
        await self._post(channel, lock, told)

    def _of(self, lock: Lock) -> dict[str, str]:
        since = markup.time_of_day(lock.since)
        return {"target": str(lock.target), "why": self._masker.mask(lock.reason), "since": since}

    async def _post(self, channel: str, lock: Lock, text: Markup) -> None:
        posted = message(text, (section(text),), "countersign_lock", {"target": str(lock.target), "owner": lock.owner})
        for _ in range(_MOST_TRIES):
            try:
                await self._gateway.post(channel, posted, None)
            except SlackBusy as busy:
                await asyncio.sleep(busy.seconds)
            except (SlackRefused, SlackUncertain) as error:
                # Not posted again: Slack may have it, and a second one would be noise.
                _log.warning("the owner of a lock may not have been told: %s", error)
                return
            else:
                return
