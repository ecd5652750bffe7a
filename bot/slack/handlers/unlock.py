"""Removing a lock: one's own at once, somebody else's after a confirmation that notifies its owner."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bot.domain.errors import RefusedError
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.runs.request import Origin
from bot.slack.context import SlackContext
from bot.slack.handlers.button_press import read_press
from bot.slack.publish.lock_notifier import LockNotifier
from bot.slack.render import markup
from bot.slack.render.message import (
    Confirmation,
    Message,
    actions,
    button,
    danger_button,
    message,
    section,
    text_message,
)
from bot.slack.render.text import Translator
from bot.slack.transport.inbox import ReceivedEvent

UNLOCK = "ops_unlock"
_WORDS = 3


class UnlockHandler:
    """Answers `/ops unlock`, and handles the button that confirms it.

    Args:
        context: what the conversation shares.
        lock_notifier: posts the notices to the owners of locks.
    """

    def __init__(self, context: SlackContext, lock_notifier: LockNotifier) -> None:
        self._context = context
        self._locks = context.engine.lock_service
        self._lock_notifier = lock_notifier

    async def answer(self, target: TargetName, origin: Origin, translator: Translator) -> Message:
        """Remove the lock of the person who asks; ask for confirmation where it is somebody else's.

        Args:
            target: whose lock to remove.
            origin: who asks, and where.
            translator: of that person.

        Raises:
            RefusedError: the person may not.
        """
        lock = await self._locks.lock_to_take_off(target, origin.user)
        if lock is None:
            return text_message(translator.translate("ops.unlock.none", target=str(target)))
        if lock.owner != origin.user:
            return _question(lock, self._values(lock, translator), translator)
        return await self._taken_off(lock, origin.user, origin.channel, translator)

    async def __call__(self, received: ReceivedEvent) -> None:
        """Handle a pressed button; others are left alone."""
        press = read_press(received)
        if press is None or press.action != UNLOCK:
            return
        words = press.value.split()
        name = TargetName(words[0], words[1]) if len(words) == _WORDS and words[2].isdigit() else None
        if name is None or name not in self._context.operations.targets:
            return
        translator = await self._context.translator_for(press.user)
        try:
            lock = await self._locks.lock_to_take_off(name, press.user)
            # The confirmation was for one lock: another one that was set meanwhile needs its own.
            if lock is None:
                reply = text_message(translator.translate("ops.unlock.none", target=str(name)))
            elif _stamp(lock) == words[2]:
                reply = await self._taken_off(lock, press.user, press.channel, translator)
            else:
                reply = _question(lock, self._values(lock, translator), translator)
        except RefusedError as refused:
            reply = text_message(translator.refusal_text(refused.problem))
        await self._context.replies.send(press.sender, reply)

    async def _taken_off(self, lock: Lock, user: str, channel: str, translator: Translator) -> Message:
        translate, values = translator.translate, self._values(lock, translator)
        if not await self._locks.unlock(lock, user, channel):
            return text_message(translate("ops.unlock.none", target=str(lock.target)))
        if lock.owner == user:
            return text_message(translate("ops.unlock.own", **values))
        self._lock_notifier.wake()
        return text_message(translate("ops.unlock.other", owner=markup.user(lock.owner), **values))

    def _values(self, lock: Lock, translator: Translator) -> dict[str, str]:
        since = translator.moment(lock.since)
        return {"target": str(lock.target), "why": self._context.masker.mask(lock.reason), "since": since}


def _stamp(lock: Lock) -> str:
    """Return the time of a lock in microseconds since 1970, which identifies it among locks on its target."""
    return str((lock.since - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1))


def _question(lock: Lock, values: Mapping[str, str], translator: Translator) -> Message:
    translate = translator.translate
    question = translate("ops.unlock.question", owner=markup.user(lock.owner), **values)
    confirm = Confirmation(
        translate("confirm.unlock.title", target=str(lock.target)),
        translate("confirm.unlock.text"),
        translate("confirm.unlock.yes"),
        translate("confirm.unlock.no"),
    )
    value = f"{lock.target.app} {lock.target.environment} {_stamp(lock)}"
    confirmed = danger_button(button(UNLOCK, translate("button.unlock"), value), confirm)
    blocks = (section(question), actions("unlock_buttons", confirmed))
    return message(question, blocks, "countersign_ops", {"targets": [str(lock.target)], "locked": [str(lock.target)]})
