"""The engine's façade: what the conversation may ask of it, and the drivers it owns."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import structlog

from bot.domain.backups.backup import Shelf
from bot.domain.errors import Reason, Refused, problem
from bot.domain.names import run_id
from bot.domain.policies.people import NOBODY
from bot.domain.runs.decisions import Move
from bot.domain.runs.estimate import PAST, Usual, usual_of
from bot.domain.runs.history import Entry
from bot.domain.runs.request import EMERGENCY, Action, Origin, Request
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.migration_report import Standing
from bot.domain.targets.target import Operations, Target
from bot.engine.context import World
from bot.engine.log_history import log_entry
from bot.engine.phases.aftermath import Aftermath
from bot.engine.phases.decisions import decided, legal_now
from bot.engine.phases.late_approval import Afterwards
from bot.engine.queries.locks import Desk
from bot.engine.queries.migration_report import REMEMBERED, standing_of
from bot.engine.queries.rules import in_the_way, require, require_exception
from bot.engine.queries.target_status import Lookout
from bot.engine.record_refusals import on_record, request_on_record
from bot.engine.run_driver import Driver
from bot.engine.stores import Chunk

_SWEEP = 3.0
"""Seconds between looks for runs that nobody drives: a crashed owner's, or one whose driver failed."""

_MOST_FAILURES = 3
"""A run whose driver failed so often in a row, for a reason nobody foresaw, is not tried for ever."""

_log = structlog.get_logger()


class Engine:
    """Accepts requests and drives runs.

    Args:
        world: its ports.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.desk = Desk(world)
        self._afterwards = Afterwards(world)
        self.lookout = Lookout(world, self.desk)
        self._drivers: dict[str, tuple[Driver, asyncio.Task[None]]] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._aftermath = Aftermath(world)
        self._failures: Counter[str] = Counter()
        self._stirring: set[asyncio.Task[None]] = set()
        self._seen: dict[str, int] = {}
        self._draining = False

    @property
    def operations(self) -> Operations:
        """The operations file."""
        return self._world.operations

    async def start(self) -> None:
        """Pick up interrupted runs, and keep looking for runs that nobody drives."""
        await self._sweep()
        self._sweeper = asyncio.create_task(self._keep_sweeping())

    async def drain(self) -> None:
        """Stop driving. What runs on hosts goes on there, and is picked up at the next start."""
        self._draining = True
        tasks = [*(task for _, task in self._drivers.values()), *self._aftermath.looks]
        if self._sweeper is not None:
            tasks.append(self._sweeper)
        tasks += self._stirring
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.lookout.end()

    @request_on_record
    async def submit(self, request: Request) -> Run:
        """Accept a request as a run.

        The same event asked twice gives the same run.

        Args:
            request: parsed; its channel is one of the target's.

        Raises:
            Refused: `draining`, `not_allowed`, `membership_unknown`, `no_override`, `no_emergency`, `frozen`,
                `locked`; no run is started.
        """
        if self._draining:
            raise Refused(problem(Reason.DRAINING))
        target = self._world.operations.targets[request.target]
        await self._may(request, target)
        await require_exception(self._world, target, request)
        found = await in_the_way(self._world, target, request, self._world.clock.now())
        if found is not None:
            raise Refused(found)
        run = await self._create(request)
        self._world.audience.changed(run.id)
        self._drive(run.id)
        return run

    async def fire(self, request: Request) -> Run:
        """Accept a request that a schedule made: nobody is judged, and the same firing makes one run.

        Args:
            request: of a backup.

        Raises:
            Refused: `draining`.
        """
        if self._draining:
            raise Refused(problem(Reason.DRAINING))
        run = await self._create(request)
        self._world.audience.changed(run.id)
        self._drive(run.id)
        return run

    async def shelf(self, request: Request) -> Shelf:
        """Read which backups of a target there are; nothing is changed, and no run is made.

        Args:
            request: of `/backup list`.

        Raises:
            Refused: who asks may not, or what a host answers.
        """
        target = await self._may_read(request)
        look = self._world.observer.look(target)
        shelf = await look.backups()
        try:
            return replace(shelf, remains=await look.remains())
        except Refused:
            # Which backups there are must be told also while the database is down.
            return replace(shelf, remains=None)

    async def standing(self, request: Request) -> Standing:
        """Read where the migrations of a target stand; nothing is changed, and no run is made.

        Args:
            request: of `/migrate-status`.

        Raises:
            Refused: who asks may not, or what a host or the database answers.
        """
        target = await self._may_read(request)
        status = await self._world.status.status(target, self._world.observer.look(target))
        name = target.name
        return standing_of(status, await self._world.store.of_target(name.app, name.environment, REMEMBERED))

    async def get(self, run: str) -> Run | None:
        """Read one run."""
        return await self._world.store.get(run)

    async def recent(self, limit: int) -> tuple[Run, ...]:
        """Read the latest runs, newest first."""
        return await self._world.store.recent(limit)

    async def cancel(self, run: str, user: str) -> Run:
        """Cancel a run: before the change phase that ends it; during, its process groups are ended.

        Args:
            run: the run's ID.
            user: Slack's ID of who asks.

        Raises:
            Refused: `unknown_run`; `not_allowed`, it is neither the requester nor somebody who may approve.
        """
        found = await self._world.store.get(run)
        if found is None:
            raise Refused(problem(Reason.UNKNOWN_RUN, run=run))
        async with on_record(self._world, user, "cancel", run):
            await self._may_cancel(found, user)
        return await self._cancel(found, user)

    async def decide(self, run: str, move: Move, origin: Origin) -> Run:
        """Carry out a person's decision about a run that waits for one.

        Args:
            run: the run's ID.
            move: the decision.
            origin: who decided, and where.

        Returns:
            The run that goes on after it, which has a plan and a gate of its own; for `close`, the closed run.

        Raises:
            Refused: `unknown_run`; `move_not_legal`; `not_allowed`, who decided may not ask for such a run.
        """
        if move is Move.CLOSE:
            return await self.cancel(run, origin.user)
        found = await self._world.store.get(run)
        if found is None or found.request.target not in self._world.operations.targets:
            raise Refused(problem(Reason.UNKNOWN_RUN, run=run))
        legal = await legal_now(self._world.store, found)
        request = decided(found, move, legal, origin)
        target = self._world.operations.targets[request.target]
        async with on_record(self._world, origin.user, request.typed, run):
            if move not in legal:
                raise Refused(problem(Reason.MOVE_NOT_LEGAL, run=run, move=move.value))
            await self._may(request, target)
            if move is Move.RESTORE:
                await self._may(replace(request, action=Action.RESTORE), target)
        request = await self._with_exception(request, target)
        # Made before the other one is closed: after a crash in between, it waits in line instead of being forgotten.
        made = await self._create(request)
        await Driver(self._world, run).close(origin.user, made.id)
        self._world.audience.changed(made.id)
        self._drive(made.id)
        return made

    def nudge(self, run: str) -> None:
        """Take note that the reactions on a run's request to approve may have changed."""
        self._afterwards.nudge(run)
        driven = self._drivers.get(run)
        if driven is not None:
            driven[0].wake.set()
            return
        stirring = asyncio.create_task(self._stir(run))
        self._stirring.add(stirring)
        stirring.add_done_callback(self._stirring.discard)

    async def _stir(self, run: str) -> None:
        """Let the replica that drives a run see that something happened to it."""
        try:
            await self._world.store.stir(run)
        except Exception:
            _log.exception("run_not_stirred", run=run)  # its reactions are read by and by anyway

    async def awaiting(self) -> tuple[str, ...]:
        """Name the runs whose gate is open: before their first change, or to be countersigned afterwards."""
        store = self._world.store
        runs = [await store.get(name) for name in await store.unfinished()]
        waiting = tuple(run.id for run in runs if run is not None and run.state is RunState.AWAITING_APPROVAL)
        return tuple(dict.fromkeys((*waiting, *await store.owing())))

    async def output(self, run: str) -> tuple[Chunk, ...]:
        """Read what was kept of a run's output."""
        return await self._world.store.output(run)

    async def estimate(self, run: Run) -> Mapping[str, Usual]:
        """Estimate how long each step of a run takes, from its past on the same target."""
        estimates: dict[str, Usual] = {}
        name = run.request.target
        for key in run.step_order:
            usual = usual_of(await self._world.store.step_seconds(name.app, name.environment, key, PAST))
            if usual is not None:
                estimates[key] = usual
        return estimates

    async def _create(self, request: Request) -> Run:
        """Make the run under an ID that no other run has."""
        origin = request.origin
        # What brought it: a command, a form, a button or a schedule, by the identity of its event.
        facts = {"target": str(request.target), "channel": origin.channel, "by": origin.event.partition(":")[0]}
        facts["typed"] = self._world.masker.mask(request.typed)
        now = self._world.clock.now()
        while True:
            made = run_id(os.urandom(8))
            try:
                entry = Entry(made, "requested", request.origin.user, facts)
                run = await self._world.store.create(made, request, now, entry)
            except ValueError:
                _log.info("run_id_taken", run=made)
            else:
                if run.id == made:  # else the same event had made it before
                    log_entry(entry)
                return run

    @request_on_record
    async def _may_read(self, request: Request) -> Target:
        """Give the target of a request that only reads; what the look itself cannot read is no decision."""
        target = self._world.operations.targets[request.target]
        await self._may(request, target)
        return target

    async def _may(self, request: Request, target: Target) -> None:
        people = target.policy.who_may(request.action)
        await require(self._world, request.origin.user, people, request.action.value)

    async def _with_exception(self, request: Request, target: Target) -> Request:
        """Give a request that goes on after another one: without its exception, where who asks may not have it."""
        try:
            await require_exception(self._world, target, request)
        except Refused:
            options = {name: value for name, value in request.options.items() if name != EMERGENCY}
            return replace(request, options=options)
        return request

    async def _may_cancel(self, run: Run, user: str) -> None:
        if user == run.request.origin.user:
            return
        target = self._world.operations.targets.get(run.request.target)
        asked = run.gate.requirement if run.gate is not None else None
        if target is not None:
            people = target.policy.may_cancel(run.request.action, asked)
        else:
            people = asked.people if asked is not None else NOBODY
        named = replace(people, names=("who asked for it", *people.names))
        await require(self._world, user, named, "cancel")

    async def _cancel(self, found: Run, user: str) -> Run:
        """Cancel a run for somebody who may."""
        store, now = self._world.store, self._world.clock.now()
        if not found.ended and await store.request_cancel(found.id, user, now):
            await store.append((Entry(found.id, "cancel_requested", user, {"state": found.state.value}),), now)
            self._world.audience.changed(found.id)
        if found.state is RunState.NEEDS_HUMAN:
            await self._close(found.id, user)
        driven = self._drivers.get(found.id)
        if driven is not None:
            driven[0].cancel_requested()
        return await store.get(found.id) or found

    async def _grant(self) -> None:
        """Do what the console asked for. Who can write into the store is asked nothing more."""
        store = self._world.store
        for petition in await store.petitions():
            try:
                found = await store.get(petition.run)
                if found is not None:
                    await self._cancel(found, petition.actor)
                await store.petition_taken(petition)
            except Exception:
                # It stays, and the next sweep tries again.
                _log.exception("petition_not_granted", run=petition.run)

    async def _close(self, run: str, user: str) -> None:
        """End a run that waited for a person: they say that they have seen to it."""
        await Driver(self._world, run).close(user, "")

    def _drive(self, run: str) -> None:
        if run in self._drivers or self._draining:
            return
        driver = Driver(self._world, run)
        work = driver.drive() if self._failures[run] < _MOST_FAILURES else driver.give_up()
        task = asyncio.create_task(work, name=f"run {run}")
        self._drivers[run] = (driver, task)
        task.add_done_callback(lambda done: self._driven(run, done))

    def _driven(self, run: str, task: asyncio.Task[None]) -> None:
        self._drivers.pop(run, None)
        self._seen.pop(run, None)
        for driver, _ in self._drivers.values():
            driver.wake.set()
        if task.cancelled():
            return
        if task.exception() is None:
            self._failures.pop(run, None)
            return
        self._failures[run] += 1
        _log.error("driver_failed", run=run, times=self._failures[run], exc_info=task.exception())

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            try:
                await self._sweep()
            except Exception:
                _log.exception("sweep_failed")

    async def _sweep(self) -> None:
        for name in await self._world.store.unfinished():
            run = None if name in self._drivers else await self._world.store.get(name)
            if run is not None and run.state is RunState.NEEDS_HUMAN:
                self._aftermath.look(run)
            elif run is not None:
                self._drive(name)
            elif name in self._drivers:
                await self._pass_on(name)
        # Last: whatever is wrong with one of these, runs are driven.
        await self._grant()
        await self._afterwards.look(frozenset(self._drivers))

    async def _pass_on(self, name: str) -> None:
        """Another replica may have been asked to cancel, or have heard of a reaction."""
        run = await self._world.store.get(name)
        driven = self._drivers.get(name)
        if run is None or driven is None:
            return
        if run.cancelled_by:
            driven[0].cancel_requested()
        if self._seen.get(name, run.revision) != run.revision:
            driven[0].wake.set()
        self._seen[name] = run.revision
