"""Leaves Slack to other replicas while this one can take nothing in."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Protocol, Self

from bot.background import RepeatedWork

_RETRY_SECONDS = 1.0
_GRACE_SECONDS = 5.0
"""How long a store may be silent before Slack is left.

A Galera cluster whose node hangs is silent on all others until it has put that node out, by default after 5 s.
"""

_log = logging.getLogger(__name__)


class Conversation(Protocol):
    """The connections to Slack."""

    async def leave(self) -> None:
        """Close them."""
        ...

    async def come_back(self) -> None:
        """Make them again."""
        ...


class SharedStore(Protocol):
    """The store, as far as it decides whether this replica can be of use."""

    @property
    def answers(self) -> bool:
        """Whether it answers."""
        ...

    @property
    def others_live(self) -> bool:
        """Whether other replicas lived when it last answered."""
        ...


class Presence:
    """Closes the connections to Slack while the store is silent and there are other replicas, as a context manager.

    Slack gives each event to any connection: one whose replica cannot record it would swallow its share. A replica
    that is alone stays, and says of each command that it could not be taken in.

    Args:
        slack: connected.
        store: of this replica.
    """

    def __init__(self, slack: Conversation, store: SharedStore) -> None:
        self._slack = slack
        self._store = store
        self._away = False
        self._answered = time.monotonic()
        self._work = RepeatedWork("presence", self._decide, interval=_RETRY_SECONDS, failed=_undecided)

    async def __aenter__(self) -> Self:
        """Begin to decide."""
        self._work.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; the connections stay as they are."""
        await self._work.aclose()

    def store_changed(self) -> None:
        """Decide anew; returns at once."""
        self._work.wake()

    async def _decide(self) -> None:
        if self._store.answers:
            self._answered = time.monotonic()
        silent = time.monotonic() - self._answered >= _GRACE_SECONDS and not self._store.answers
        useless = silent and self._store.others_live
        if useless == self._away:
            return
        if useless:
            await self._slack.leave()
        else:
            await self._slack.come_back()
        self._away = useless
        _log.info("left Slack to the other replicas" if useless else "connecting to Slack again")


def _undecided(error: Exception, failures: int) -> float:
    _log.error("cannot leave Slack or come back", exc_info=error, extra={"times": failures})
    return _RETRY_SECONDS
