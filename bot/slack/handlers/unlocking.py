"""Taking a lock off: one's own at once, somebody else's only after a question, and then its owner is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.errors import Refused
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.runs.request import Origin
from bot.domain.secrets import Masker
from bot.slack.handlers.buttons import read_press
from bot.slack.ports import Front
from bot.slack.publish.lock_notifier import SlackHerald
from bot.slack.publish.replies import Answers
from bot.slack.render import markup
from bot.slack.render.message import Confirm, Message, actions, button, dangerous, message, saying, section
from bot.slack.render.text import Sentences
from bot.slack.transport.inbox import Received

UNLOCK = "ops_unlock"
_WORDS = 3


class Unlocking:
    """Answers `/ops unlock`, and the button that confirms it.

    Args:
        front: the engine.
        answers: tells people.
        herald: tells the owners of locks what the store has for them.
        sentences: of the language that is spoken.
        masker: of everything that leaves the program.
    """

    def __init__(
        self, front: Front, answers: Answers, herald: SlackHerald, sentences: Sentences, masker: Masker
    ) -> None:
        self._front = front
        self._answers = answers
        self._herald = herald
        self._sentences = sentences
        self._masker = masker

    async def answer(self, target: TargetName, origin: Origin) -> Message:
        """Take a lock off that is of who asks; ask back where it is somebody else's.

        Args:
            target: on which.
            origin: who asks, and where.

        Raises:
            Refused: who asks may not.
        """
        lock = await self._front.desk.lock_to_take_off(target, origin.user)
        if lock is None:
            return saying(self._sentences.say("ops.unlock.none", target=str(target)))
        if lock.owner != origin.user:
            return self._question(lock)
        return await self._taken_off(lock, origin.user, origin.channel)

    async def __call__(self, received: Received) -> None:
        """Handle a pressed button; others than this one are left alone."""
        press = read_press(received)
        if press is None or press.action != UNLOCK:
            return
        words = press.run.split()
        name = TargetName(words[0], words[1]) if len(words) == _WORDS and words[2].isdigit() else None
        if name is None or name not in self._front.operations.targets:
            return
        try:
            lock = await self._front.desk.lock_to_take_off(name, press.user)
            # Who confirmed has read of one lock: another one that was set meanwhile is asked about anew.
            if lock is None:
                told = saying(self._sentences.say("ops.unlock.none", target=str(name)))
            elif _stamp(lock) == words[2]:
                told = await self._taken_off(lock, press.user, press.channel)
            else:
                told = self._question(lock)
        except Refused as refused:
            told = saying(self._sentences.refusal(refused.problem))
        await self._answers.show(press.channel, press.user, told)

    async def _taken_off(self, lock: Lock, user: str, channel: str) -> Message:
        say = self._sentences.say
        if not await self._front.desk.unlock(lock, user, channel):
            return saying(say("ops.unlock.none", target=str(lock.target)))
        if lock.owner == user:
            return saying(say("ops.unlock.own", **self._of(lock)))
        self._herald.wake()
        return saying(say("ops.unlock.other", owner=markup.user(lock.owner), **self._of(lock)))

    def _question(self, lock: Lock) -> Message:
        say = self._sentences.say
        asked = say("ops.unlock.question", owner=markup.user(lock.owner), **self._of(lock))
        confirm = Confirm(
            say("confirm.unlock.title", target=str(lock.target)),
            say("confirm.unlock.text"),
            say("confirm.unlock.yes"),
            say("confirm.unlock.no"),
        )
        value = f"{lock.target.app} {lock.target.environment} {_stamp(lock)}"
        press = dangerous(button(UNLOCK, say("button.unlock"), value), confirm)
        blocks = (section(asked), actions("unlock_buttons", press))
        return message(asked, blocks, "countersign_ops", {"targets": [str(lock.target)], "locked": [str(lock.target)]})

    def _of(self, lock: Lock) -> dict[str, str]:
        since = markup.time_of_day(lock.since)
        return {"target": str(lock.target), "why": self._masker.mask(lock.reason), "since": since}


def _stamp(lock: Lock) -> str:
    """Give the instant of a lock in microseconds since 1970, which tells it from another one on the same target."""
    return str((lock.since - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1))
