"""Watches whether the store answers, and logs it once when it stops and once when it answers again."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from bot.background import RepeatedWork
from bot.store.sql.database import Database

_INTERVAL_SECONDS = 1.0
_ANSWER_SECONDS = 1.0
_SILENCE_SECONDS = 3.0
"""Without an answer, after which the store counts as gone. A cluster that loses a node is shorter without one."""

_log = structlog.get_logger()


class StoreWatch:
    """Asks the store every second whether it answers, as an async context manager.

    Args:
        database: of the store.
        where: the store, without its password.
    """

    def __init__(self, database: Database, where: str) -> None:
        self.answers = True
        """Whether the store answered lately."""
        self._database = database
        self._where = where
        self._answered = time.monotonic()
        self._stopped = 0.0
        self._changed: list[Callable[[], None]] = []
        self._asking = RepeatedWork(
            "watch the store", self._ask, interval=_INTERVAL_SECONDS, failed=self._silent, at_least=_INTERVAL_SECONDS
        )

    def call_on_change(self, changed: Callable[[], None]) -> None:
        """Set what is called whenever `answers` has changed."""
        self._changed.append(changed)

    async def __aenter__(self) -> Self:
        """Begin to ask."""
        self._asking.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ask no more."""
        await self._asking.aclose()

    async def _ask(self) -> None:
        await self._database.ping(_ANSWER_SECONDS)
        self._answered = time.monotonic()
        if not self.answers:
            _log.info("store_answers_again", store=self._where, after_seconds=round(self._answered - self._stopped))
            self._set(answers=True)

    def _silent(self, error: Exception, failures: int) -> float:
        if self.answers and time.monotonic() - self._answered >= _SILENCE_SECONDS:
            self._stopped = self._answered
            why = "no answer" if isinstance(error, TimeoutError) else _first_line(error)
            _log.error("store_does_not_answer", store=self._where, times=failures, why=why)
            self._set(answers=False)
        return _INTERVAL_SECONDS

    def _set(self, *, answers: bool) -> None:
        self.answers = answers
        for changed in self._changed:
            changed()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
