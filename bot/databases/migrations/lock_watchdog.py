"""Watchdog of a migration's lock waits, on a second connection: it ends statements that wait too long."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Self

import structlog

from bot.background import wait_for
from bot.databases.server.connector import Connector
from bot.databases.server.facts import sessions_open_for
from bot.databases.server.lock_waits import LockWait, WaitingSince, endable, overdue, still_waiting, suspects
from bot.databases.server.session import Flavour, ReadOnlySession
from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.targets.look import Session
from bot.domain.targets.target import Target
from bot.engine.ports import (
    Effect,
    Ending,
    Failed,
    Job,
    Outcome,
    Output,
    Performer,
    StretchOutput,
    StretchPerformer,
)

_PAUSE = 0.5
"""Seconds between two checks."""

_LONGEST_TOLD = 200

_WAITS = {
    flavour: f"""
        SELECT p.id, {query}, p.user, p.db, LEFT(COALESCE(p.info, ''), 1000) FROM {{processlist}} p
        WHERE p.id <> CONNECTION_ID() AND p.state LIKE 'Waiting for % metadata lock'
    """  # noqa: S608 - the names of columns
    for flavour, query in ((Flavour.MARIADB, "p.query_id"), (Flavour.MYSQL, "NULL"))
}
"""Without the privilege PROCESS the server shows the user's own sessions, which are those that matter."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class _Ended:
    """A statement that was ended because it waited too long.

    Args:
        wait: which.
        blockers: who may have held the lock then, likeliest first.
        sees_all: whether sessions of other users could be seen.
    """

    wait: LockWait
    blockers: tuple[Session, ...]
    sees_all: bool


class WatchedPerformer:
    """Watches the steps of another performer that change the schema. Implements `Performer`.

    Where such a step's statement waits for a metadata lock for longer than the policy's `lock_patience`, production
    queues behind it: it is ended, and the step fails with `blocked_by_sessions`. Whatever happens to the watch, the
    step goes on; without it a migration waits for as long as the server lets it.

    Args:
        inner: does the steps.
        connections: opens sessions with the database.
        pause: seconds between two checks.
    """

    def __init__(self, inner: Performer, connections: Connector, pause: float = _PAUSE) -> None:
        self._inner = inner
        self._connections = connections
        self._pause = pause

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Do the step, watched."""
        return await self._watched(job, self._inner.perform(job, output))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """Follow the step, watched; the patience starts over."""
        return await self._watched(job, self._inner.resume(job, output))

    async def check(self, job: Job) -> Effect:
        """Ask the other performer."""
        return await self._inner.check(job)

    async def end(self, job: Job) -> Ending:
        """Let the other performer end it."""
        return await self._inner.end(job)

    async def _watched(self, job: Job, work: Coroutine[None, None, Outcome]) -> Outcome:
        if not job.step.schema or job.target.database is None:
            return await work
        watch = _Watch(self._connections, job.target, self._pause)
        async with watch:
            outcome = await work
        return _explained(outcome, job, watch.ended)


class WatchedStretchPerformer(WatchedPerformer):
    """Watches the steps of a performer that also performs stretches. Implements `StretchPerformer`.

    Args:
        inner: does them.
        connections: opens sessions with the database.
    """

    def __init__(self, inner: StretchPerformer, connections: Connector) -> None:
        super().__init__(inner, connections)
        self._stretches = inner

    async def perform_stretch(self, jobs: Sequence[Job], output: StretchOutput) -> None:
        """Let the other performer do steps of which none changes the schema."""
        await self._stretches.perform_stretch(jobs, output)


class _Watch:
    """Watches one database while its context is open; its own failures do not fail the step.

    Args:
        connections: opens sessions with the database.
        target: whose database.
        pause: seconds between two checks.
    """

    def __init__(self, connections: Connector, target: Target, pause: float) -> None:
        self._connections = connections
        self._target = target
        self._pause = pause
        self._watching: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._pausing = False
        self.ended: list[_Ended] = []

    async def __aenter__(self) -> Self:
        """Begin to watch."""
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop. A statement that is being ended is ended first: the step may have failed of it before that is known."""
        self._stopped.set()
        for task in (self._watching, self._ending):
            if task is None:
                continue
            # Between two checks it leaves its session for the next look; within one it does not wait for the answer.
            if task is self._watching and not self._pausing:
                task.cancel()
            (failure,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(failure, Exception):
                _log.error("watch_failed", target=str(self._target.name), error=repr(failure))

    async def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                async with self._connections.reading(self._target) as session:
                    await self._watch_from(session)
            except RefusedError as refused:
                _log.warning("watch_interrupted", target=str(self._target.name), reason=refused.problem.reason.value)
            await self._rest()

    async def _rest(self) -> None:
        self._pausing = True
        await wait_for(self._stopped, self._pause)
        self._pausing = False

    async def _watch_from(self, session: ReadOnlySession) -> None:
        clock, patience = asyncio.get_running_loop(), self._target.policy.lock_patience.total_seconds()
        since: WaitingSince = {}
        while not self._stopped.is_set():
            since = still_waiting(since, await _endable(session), clock.time())
            for wait in overdue(since, clock.time(), patience):
                # the server compares whole seconds, and strictly
                sees_all, sessions = await sessions_open_for(session, int(patience) - 1)
                if wait in await _endable(session):  # otherwise it got the lock meanwhile
                    self._ending = asyncio.create_task(self._end(_Ended(wait, suspects(sessions), sees_all)))
                    await asyncio.shield(self._ending)
            await self._rest()

    async def _end(self, ended: _Ended) -> None:
        try:
            await self._connections.end_statement(self._target, ended.wait.session, ended.wait.query)
        except RefusedError as refused:
            # retried for as long as it waits
            _log.warning("wait_not_ended", target=str(self._target.name), reason=refused.problem.reason.value)
        else:
            self.ended.append(ended)


async def _endable(session: ReadOnlySession) -> tuple[LockWait, ...]:
    # as the server names them: it may use lower case
    ((asker, here),) = await session.rows("SELECT USER(), DATABASE()")
    waits = await session.rows(_WAITS[session.flavour].replace("{processlist}", session.processlist))
    return endable((LockWait(*row) for row in waits), str(asker).rpartition("@")[0], str(here))


def _explained(outcome: Outcome, job: Job, ended: list[_Ended]) -> Outcome:
    """Explain a step that failed because its statement was ended."""
    if ended and isinstance(outcome, Failed) and outcome.problem.reason is Reason.EXIT_STATUS:
        return Failed(_blocked(ended[-1], job), outcome.exit_status)
    return outcome


def _blocked(ended: _Ended, job: Job) -> Problem:
    facts = {
        "host": job.place,
        "statement": " ".join(ended.wait.statement.split())[:_LONGEST_TOLD],
        "waited": f"{job.target.policy.lock_patience.total_seconds():g}",
    }
    if not ended.blockers:
        unseen = "it has ended, or holds the lock without a transaction"
        hidden = "which ones, this database user may not see: grant it PROCESS"
        return problem(Reason.BLOCKED_BY_SESSIONS, **facts, detail=unseen if ended.sees_all else hidden)
    first, *others = ended.blockers
    facts |= {"session": str(first.id), "user": first.user, "seconds": str(first.seconds), "query": first.query}
    if others:
        facts["others"] = str(len(others))
    return problem(Reason.BLOCKED_BY_SESSIONS, **facts)
