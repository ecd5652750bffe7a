"""What was last seen of each target. Losing it costs a look; nothing is decided by it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import structlog

from bot.domain.errors import Reason, Refused, problem
from bot.domain.names import TargetName
from bot.domain.targets.snapshot import Sighting
from bot.engine.context import World

_AT_ONCE = 4
"""Looks at a time: an estate of sixty targets must not meet sixty logins in one moment."""

_MOST_SECONDS = 30.0

_log = structlog.get_logger()


class Sightings:
    """Looks at targets for those who want to see them, and keeps what it saw in this process.

    Args:
        world: the engine's ports.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[TargetName, Sighting] = {}
        self._looking: dict[TargetName, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    def known(self) -> Mapping[TargetName, Sighting]:
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
        oldest = self._world.clock.now() - older_than
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
        target = self._world.operations.targets[name]
        async with self._places:
            at = self._world.clock.now()
            try:
                async with asyncio.timeout(_MOST_SECONDS):
                    seen = await self._world.status.sight(target, self._world.observer.look(target))
                self._known[name] = Sighting(name, at, seen)
            except Refused as refused:
                self._known[name] = Sighting(name, at, problem=refused.problem)
            except TimeoutError:
                late = problem(Reason.HOST_UNREACHABLE, host=target.hosts[0], detail=f"no answer in {_MOST_SECONDS} s")
                self._known[name] = Sighting(name, at, problem=late)
            except Exception:
                _log.exception("look_failed", target=str(name))
                self._known[name] = Sighting(name, at, problem=problem(Reason.INTERNAL))
