"""What the engine decides against is on the record too: who asked for what, and why it was not done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.history import Entry
from bot.domain.runs.request import Request
from bot.engine.context import EngineContext
from bot.engine.log_history import log_entry

NOT_DECIDED = frozenset({Reason.DRAINING})
"""Nobody judged anything: the same is done when it is asked again."""


class HasContext(Protocol):
    """Something that works with the engine's ports."""

    @property
    def _context(self) -> EngineContext: ...


Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])


def request_on_record(method: Method) -> Method:
    """Make a method that answers a request, its one argument, write its refusals into the history."""

    @wraps(method)
    async def answered(self: HasContext, request: Request) -> Any:
        origin = request.origin
        async with on_record(
            self._context, origin.user, request.typed, channel=origin.channel, target=str(request.target)
        ):
            return await method(self, request)

    return cast("Method", answered)


@asynccontextmanager
async def on_record(context: EngineContext, actor: str, asked: str, run: str = "", **about: str) -> AsyncIterator[None]:
    """Write a refusal within the block into the history, and pass it on.

    Args:
        context: the engine's ports.
        actor: Slack's ID of who asked.
        asked: for what, in their own words where there are some.
        run: the run that it was about; empty where it is about none.
        **about: what else it was about.
    """
    try:
        yield
    except RefusedError as refusal:
        found = refusal.problem
        if found.reason not in NOT_DECIDED:
            facts = {**found.facts, **about, "asked": asked, "reason": found.reason.value}
            told = {name: context.masker.mask(value) for name, value in facts.items() if value}
            entry = Entry(run, "refused", actor, told)
            await context.history.append((entry,), context.clock.now())
            log_entry(entry)
        raise
