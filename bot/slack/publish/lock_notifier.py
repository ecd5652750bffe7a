"""Tells the owners of locks that a lock still stands, or that somebody took it off.

What they are to be told is in the store until they were. The intent to post is committed before Slack is asked; where
the answer was lost, or the bot was killed in between, Slack is asked whether it is there before it is posted again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.domain.policies.lock import LockNews, LockNotice
from bot.domain.secrets import Masker
from bot.engine.stores import LockNoticeStore
from bot.slack.ports import Leadership
from bot.slack.render import markup
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, message, section
from bot.slack.render.text import Translator
from bot.slack.transport.gateway import Gateway, SlackBusyError, SlackRefusedError, SlackUncertainError

_POLL_SECONDS = 3.0
"""How often the store is asked: what another process noted is seen there alone."""

_MAX_SECONDS = 60.0
_MAX_FAILURES = 6
"""After so many failures in a row a look without an answer holds nothing up: a server may not have the method."""

_LOOK_BACK = timedelta(hours=1)
"""How far before a notice its channel is searched for it: the clocks of Slack and of this machine may differ."""

_TYPE = "countersign_lock"

_log = logging.getLogger(__name__)


class LockNotifier:
    """Posts what the store has for the owners of locks, each once.

    Args:
        gateway: to Slack.
        notices: what is to be told.
        translator: of the language that is spoken.
        masker: of everything that leaves the program.
        duty: of telling Slack; without it nothing is told, as another process does.
    """

    def __init__(
        self, gateway: Gateway, notices: LockNoticeStore, translator: Translator, masker: Masker, duty: Leadership
    ) -> None:
        self._gateway = gateway
        self._notices = notices
        self._translator = translator
        self._masker = masker
        self._duty = duty
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._failures = 0

    def start(self) -> None:
        """Begin with what a process before this one left."""
        self._keeper = asyncio.create_task(self._keep(), name="herald")

    def wake(self) -> None:
        """Take note that there may be something to tell; returns at once."""
        self._wake.set()

    async def aclose(self) -> None:
        """End. What was not told is told at the next start."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def tell(self) -> None:
        """Tell all that there is to tell now.

        Raises:
            SlackBusyError, SlackUncertainError: the rest waits.
        """
        for notice in await self._notices.lock_notices():
            await self._tell(notice)

    async def _keep(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                if self._duty.held:
                    await self.tell()
                self._failures = 0
            except SlackBusyError as busy:
                await asyncio.sleep(busy.seconds)
            except SlackUncertainError as error:
                self._failures += 1
                _log.warning("the owner of a lock may not have been told: %s", error)
                await asyncio.sleep(min(2.0**self._failures, _MAX_SECONDS))
            except Exception:
                self._failures += 1
                _log.exception("the owners of locks could not be told")
                await asyncio.sleep(min(2.0**self._failures, _MAX_SECONDS))

    async def _tell(self, notice: LockNotice) -> None:
        if not notice.intended or not await self._is_there(notice):
            await self._notices.lock_notice_intended(notice)
            try:
                await self._gateway.post(notice.channel, self._message(notice), None)
            except SlackRefusedError as refused:
                # Asked again with the same, Slack would say the same.
                _log.warning("the owner of a lock is not told: %s", refused)
        await self._notices.lock_notice_told(notice)

    async def _is_there(self, notice: LockNotice) -> bool:
        """Look whether a notice whose answer was lost is in its channel."""
        try:
            said = await self._gateway.history(notice.channel, (notice.at - _LOOK_BACK).timestamp())
        except SlackRefusedError as refused:
            _log.warning("cannot look whether the owner of a lock was told: %s", refused)
            return False
        except SlackUncertainError:
            if self._failures < _MAX_FAILURES:
                raise
            return False
        return any(_is_it(found.get("metadata") or {}, notice) for found in said)

    def _message(self, notice: LockNotice) -> Message:
        text, lock = self._said(notice), notice.lock
        payload = {"target": str(lock.target), "owner": lock.owner, "notice": str(notice.number)}
        return message(text, (section(text),), _TYPE, payload)

    def _said(self, notice: LockNotice) -> Markup:
        lock, say = notice.lock, self._translator.say
        values = {
            "owner": markup.user(lock.owner),
            "target": str(lock.target),
            "why": self._masker.mask(lock.reason),
            "since": markup.time_of_day(lock.since),
        }
        match notice.news:
            case LockNews.STANDS:
                return say("lock.stands", app=lock.target.app, environment=lock.target.environment, **values)
            case LockNews.TAKEN_OFF:
                return say("lock.taken_off", by=markup.user(notice.by), **values)


def _is_it(metadata: Mapping[str, Any], notice: LockNotice) -> bool:
    said = metadata.get("event_payload") or {}
    return metadata.get("event_type") == _TYPE and said.get("notice") == str(notice.number)
