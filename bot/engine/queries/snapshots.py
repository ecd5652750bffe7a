"""What was last seen of each target. Losing it costs a look; nothing is decided by it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import structlog

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.targets.snapshot import TargetSnapshot
from bot.engine.context import EngineContext

_MAX_CONCURRENT = 4
"""Looks at a time: an estate of sixty targets must not meet sixty logins in one moment."""

_MAX_SECONDS = 30.0

_log = structlog.get_logger()


class Snapshots:
    """Looks at targets for those who want to see them, and keeps what it saw in this process.

    Args:
        context: the engine's ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._known: dict[TargetName, TargetSnapshot] = {}
        self._looking: dict[TargetName, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_MAX_CONCURRENT)

    def known(self) -> Mapping[TargetName, TargetSnapshot]:
        """Give what was seen so far, without looking."""
        return dict(self._known)

    async def refresh(
        self, targets: tuple[TargetName, ...], older_than: timedelta, outdated: frozenset[TargetName]
    ) -> None:
        """Look at targets that were not looked at for so long; returns when all of them were.

        Who asks while somebody else's look is under way waits for that one.

        Args:
            targets: which.
            older_than: what was seen within this span stays.
            outdated: those that were changed since they were looked at, however lately that was.
        """
        oldest = self._context.clock.now() - older_than
        for name in targets:
            known = self._known.get(name)
            if name not in self._looking and (known is None or known.at < oldest or name in outdated):
                task = asyncio.create_task(self._look(name), name=f"look {name}")
                self._looking[name] = task
                task.add_done_callback(partial(self._looked, name))
        waited = [self._looking[name] for name in targets if name in self._looking]
        if waited:
            await asyncio.wait(waited)

    async def end(self) -> None:
        """End the looks that are under way."""
        tasks = list(self._looking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _looked(self, name: TargetName, _: asyncio.Task[None]) -> None:
        self._looking.pop(name, None)

    async def _look(self, name: TargetName) -> None:
        target = self._context.operations.targets[name]
        async with self._places:
            at = self._context.clock.now()
            try:
                async with asyncio.timeout(_MAX_SECONDS):
                    seen = await self._context.status.read_state(target, self._context.target_reader.look(target))
                self._known[name] = TargetSnapshot(name, at, seen)
            except RefusedError as refused:
                self._known[name] = TargetSnapshot(name, at, problem=refused.problem)
            except TimeoutError:
                late = problem(Reason.HOST_UNREACHABLE, host=target.hosts[0], detail=f"no answer in {_MAX_SECONDS} s")
                self._known[name] = TargetSnapshot(name, at, problem=late)
            except Exception:
                _log.exception("look_failed", target=str(name))
                self._known[name] = TargetSnapshot(name, at, problem=problem(Reason.INTERNAL))
