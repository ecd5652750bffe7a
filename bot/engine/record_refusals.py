"""Recording refusals in the history: who asked for what, and why it was refused."""

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
"""Reasons that are no decision: the same request may succeed later."""


class HasContext(Protocol):
    """Something that works with the engine's ports."""

    @property
    def _context(self) -> EngineContext: ...


Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])


def request_on_record(method: Method) -> Method:
    """Record the refusals of a method whose one argument is a request."""

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
    """Record a `RefusedError` that the block raises, and let it through.

    Args:
        context: the engine's ports.
        actor: Slack's ID of the user.
        asked: what for, as typed where it was typed.
        run: its ID; empty where it is about none.
        **about: further facts of the record.
    """
    try:
        yield
    except RefusedError as refusal:
        found = refusal.problem
        if found.reason not in NOT_DECIDED:
            facts = {**found.facts, **about, "asked": asked, "reason": found.reason.value}
            masked = {name: context.masker.mask(value) for name, value in facts.items() if value}
            entry = Entry(run, "refused", actor, masked)
            await context.history.append((entry,), context.clock.now())
            log_entry(entry)
        raise
