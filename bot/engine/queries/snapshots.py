"""The last snapshot of each target, in memory. It is for display alone; nothing is decided by it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import structlog

from bot.background import cancel
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.targets.snapshot import TargetSnapshot
from bot.engine.context import EngineContext

_MAX_CONCURRENT = 4
"""Concurrent looks, so that many targets do not mean many logins at once."""

_MAX_SECONDS = 30.0
"""Maximum length of one look."""

_log = structlog.get_logger()


class Snapshots:
    """Looks at targets, and holds the snapshots in memory.

    Args:
        context: the engine's ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._known: dict[TargetName, TargetSnapshot] = {}
        self._looking: dict[TargetName, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT)

    def known(self) -> Mapping[TargetName, TargetSnapshot]:
        """Give the snapshots taken so far."""
        return dict(self._known)

    async def refresh(
        self, targets: tuple[TargetName, ...], older_than: timedelta, outdated: frozenset[TargetName]
    ) -> None:
        """Take snapshots of targets whose snapshot is too old or outdated; returns when all are taken.

        A look that is already going on is waited for instead of started again.

        Args:
            targets: which.
            older_than: maximum age of a snapshot.
            outdated: targets that a run changed since their snapshot.
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
        """Cancel the looks that are going on."""
        await cancel(*self._looking.values())

    def _looked(self, name: TargetName, _: asyncio.Task[None]) -> None:
        self._looking.pop(name, None)

    async def _look(self, name: TargetName) -> None:
        target = self._context.operations.targets[name]
        async with self._slots:
            at = self._context.clock.now()
            try:
                async with asyncio.timeout(_MAX_SECONDS):
                    state = await self._context.status.read_state(target, self._context.target_reader.look(target))
                self._known[name] = TargetSnapshot(name, at, state)
            except RefusedError as refused:
                self._known[name] = TargetSnapshot(name, at, problem=refused.problem)
            except TimeoutError:
                late = problem(Reason.HOST_UNREACHABLE, host=target.hosts[0], detail=f"no answer in {_MAX_SECONDS} s")
                self._known[name] = TargetSnapshot(name, at, problem=late)
            except Exception:
                _log.exception("look_failed", target=str(name))
                self._known[name] = TargetSnapshot(name, at, problem=problem(Reason.INTERNAL))
