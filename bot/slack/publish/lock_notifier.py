"""Notifies the owners of locks that a lock still stands, or that somebody took it off.

Notices are in the store until they are posted. The intent to post is committed before Slack is asked; where the answer
was lost, or the bot was killed in between, Slack is asked whether the notice is there before it is posted again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.background import RepeatedWork, backoff
from bot.domain.policies.lock import LockNews, LockNotice
from bot.slack.context import SlackContext
from bot.slack.render import markup
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, message, section
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError

_POLL_SECONDS = 3.0
"""Interval at which the store is read: only there are notices of other processes noticed."""

_RETRY_SECONDS = 2.0
_MAX_RETRY_SECONDS = 60.0
_MAX_LOOKS = 6
"""Searches without an answer after which a notice is posted without one: a server may not have the method."""

_LOOK_BACK = timedelta(hours=1)
"""How far before a notice its channel is searched for it: the clocks of Slack and of this machine may differ."""

_TYPE = "countersign_lock"

_log = logging.getLogger(__name__)


class LockNotifier:
    """Posts the notices that the store has for the owners of locks, each once.

    Without the leadership nothing is posted: another process does it.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._notices = context.lock_notices
        self._failed_looks = 0
        self._posting = RepeatedWork("lock-notices", self._post_all, interval=_POLL_SECONDS, failed=_not_posted)

    def start(self) -> None:
        """Begin with the notices that an earlier process left."""
        self._posting.start()

    def wake(self) -> None:
        """Read the store now: there may be a new notice. Returns at once."""
        self._posting.wake()

    async def aclose(self) -> None:
        """Stop. Notices that were not posted are posted at the next start."""
        await self._posting.aclose()

    async def _post_all(self) -> None:
        if not self._context.leadership.held:
            return
        for notice in await self._notices.waiting():
            await self._notify(notice)

    async def _notify(self, notice: LockNotice) -> None:
        if not notice.intended or not await self._is_posted(notice):
            await self._notices.mark_intended(notice)
            try:
                await self._context.gateway.post(notice.channel, self._message(notice), None)
            except SlackRefusedError as refused:
                # Slack would refuse the same notice again.
                _log.warning("the owner of a lock is not notified: %s", refused)
        await self._notices.remove(notice)

    async def _is_posted(self, notice: LockNotice) -> bool:
        """Search the channel for a notice whose answer was lost."""
        try:
            messages = await self._context.gateway.channel_messages(
                notice.channel, (notice.at - _LOOK_BACK).timestamp()
            )
        except SlackRefusedError as refused:
            _log.warning("cannot look whether the owner of a lock was notified: %s", refused)
            return False
        except SlackUncertainError:
            self._failed_looks += 1
            if self._failed_looks <= _MAX_LOOKS:
                raise
            self._failed_looks = 0
            return False
        self._failed_looks = 0
        return any(_is_notice(posted.get("metadata") or {}, notice) for posted in messages)

    def _message(self, notice: LockNotice) -> Message:
        text, lock = self._text(notice), notice.lock
        payload = {"target": str(lock.target), "owner": lock.owner, "notice": str(notice.number)}
        return message(text, (section(text),), _TYPE, payload)

    def _text(self, notice: LockNotice) -> Markup:
        lock, translator = notice.lock, self._context.translator
        values = {
            "owner": markup.user(lock.owner),
            "target": str(lock.target),
            "why": self._context.masker.mask(lock.reason),
            "since": translator.moment(lock.since),
        }
        match notice.news:
            case LockNews.STANDS:
                return translator.translate(
                    "lock.stands", app=lock.target.app, environment=lock.target.environment, **values
                )
            case LockNews.TAKEN_OFF:
                return translator.translate("lock.taken_off", by=markup.user(notice.by), **values)


def _not_posted(error: Exception, failures: int) -> float:
    match error:
        case SlackBusyError():
            return error.seconds
        case SlackUncertainError():
            _log.warning("the owner of a lock may not have been notified: %s", error)
        case _:
            _log.error("the owners of locks could not be notified", exc_info=error)
    return backoff(failures, first=_RETRY_SECONDS, longest=_MAX_RETRY_SECONDS)


def _is_notice(metadata: Mapping[str, Any], notice: LockNotice) -> bool:
    payload = metadata.get("event_payload") or {}
    return metadata.get("event_type") == _TYPE and payload.get("notice") == str(notice.number)
