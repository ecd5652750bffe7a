"""The engine's façade: what the conversation may ask of it, and the drivers it owns."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import structlog

from bot.domain.backups.backup import BackupList
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import run_id
from bot.domain.policies.people import NOBODY
from bot.domain.runs.estimate import PAST, Usual, usual_of
from bot.domain.runs.history import Entry
from bot.domain.runs.request import Action, Decision, Origin, Request
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.migration_report import MigrationReport
from bot.domain.targets.target import Operations, Target
from bot.engine.context import EngineContext
from bot.engine.log_history import log_entry
from bot.engine.phases.aftermath import Aftermath
from bot.engine.phases.decisions import decided, legal_now
from bot.engine.phases.late_approval import Afterwards
from bot.engine.queries.locks import LockService
from bot.engine.queries.migration_report import REMEMBERED, migration_report_of
from bot.engine.queries.rules import blocking_reason, require, require_exception
from bot.engine.queries.target_status import StatusService
from bot.engine.record_refusals import on_record, request_on_record
from bot.engine.run_changes import Chunk
from bot.engine.run_driver import RunDriver

_SWEEP = 3.0
"""Seconds between looks for runs that nobody drives: a crashed owner's, or one whose driver failed."""

_MAX_FAILURES = 3
"""A run whose driver failed so often in a row, for a reason nobody foresaw, is not tried for ever."""

_log = structlog.get_logger()


class Engine:
    """Accepts requests and drives runs.

    Args:
        context: its ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self.lock_service = LockService(context)
        self._afterwards = Afterwards(context)
        self.status_service = StatusService(context, self.lock_service)
        self._drivers: dict[str, tuple[RunDriver, asyncio.Task[None]]] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._aftermath = Aftermath(context)
        self._failures: Counter[str] = Counter()
        self._touching: set[asyncio.Task[None]] = set()
        self._seen: dict[str, int] = {}
        self._draining = False

    @property
    def operations(self) -> Operations:
        """The operations file."""
        return self._context.operations

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
        tasks += self._touching
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.status_service.end()

    @request_on_record
    async def submit(self, request: Request) -> Run:
        """Accept a request as a run.

        The same event asked twice gives the same run.

        Args:
            request: parsed; its channel is one of the target's.

        Raises:
            RefusedError: `draining`, `not_allowed`, `membership_unknown`, `no_override`, `no_emergency`, `frozen`,
                `locked`; no run is started.
        """
        if self._draining:
            raise RefusedError(problem(Reason.DRAINING))
        target = self._context.operations.targets[request.target]
        await self._may(request, target)
        await require_exception(self._context, target, request)
        found = await blocking_reason(self._context, target, request, self._context.clock.now())
        if found is not None:
            raise RefusedError(found)
        run = await self._create(request)
        self._context.run_observer.run_changed(run.id)
        self._drive(run.id)
        return run

    async def fire(self, request: Request) -> Run:
        """Accept a request that a schedule made: nobody is judged, and the same firing makes one run.

        Args:
            request: of a backup.

        Raises:
            RefusedError: `draining`.
        """
        if self._draining:
            raise RefusedError(problem(Reason.DRAINING))
        run = await self._create(request)
        self._context.run_observer.run_changed(run.id)
        self._drive(run.id)
        return run

    async def backup_list(self, request: Request) -> BackupList:
        """Read which backups of a target there are; nothing is changed, and no run is made.

        Args:
            request: of `/backup list`.

        Raises:
            RefusedError: who asks may not, or what a host answers.
        """
        target = await self._may_read(request)
        look = self._context.target_reader.look(target)
        backup_list = await look.backups()
        try:
            return replace(backup_list, leftovers=await look.leftovers())
        except RefusedError:
            # Which backups there are must be told also while the database is down.
            return replace(backup_list, leftovers=None)

    async def migration_report(self, request: Request) -> MigrationReport:
        """Read where the migrations of a target stand; nothing is changed, and no run is made.

        Args:
            request: of `/migrate-status`.

        Raises:
            RefusedError: who asks may not, or what a host or the database answers.
        """
        target = await self._may_read(request)
        status = await self._context.status.status(target, self._context.target_reader.look(target))
        name = target.name
        return migration_report_of(status, await self._context.runs.of_target(name.app, name.environment, REMEMBERED))

    async def get(self, run: str) -> Run | None:
        """Read one run."""
        return await self._context.runs.get(run)

    async def recent(self, limit: int) -> tuple[Run, ...]:
        """Read the latest runs, newest first."""
        return await self._context.runs.recent(limit)

    async def cancel(self, run: str, user: str) -> Run:
        """Cancel a run: before the change phase that ends it; during, its process groups are ended.

        Args:
            run: the run's ID.
            user: Slack's ID of who asks.

        Raises:
            RefusedError: `unknown_run`; `not_allowed`, it is neither the requester nor somebody who may approve.
        """
        found = await self._context.runs.get(run)
        if found is None:
            raise RefusedError(problem(Reason.UNKNOWN_RUN, run=run))
        async with on_record(self._context, user, "cancel", run):
            await self._may_cancel(found, user)
        return await self._cancel(found, user)

    async def decide(self, run: str, decision: Decision, origin: Origin) -> Run:
        """Carry out a person's decision about a run that waits for one.

        Args:
            run: the run's ID.
            decision: the decision.
            origin: who decided, and where.

        Returns:
            The run that goes on after it, which has a plan and a gate of its own; for `close`, the closed run.

        Raises:
            RefusedError: `unknown_run`; `move_not_legal`; `not_allowed`, who decided may not ask for such a run.
        """
        if decision is Decision.CLOSE:
            return await self.cancel(run, origin.user)
        found = await self._context.runs.get(run)
        if found is None or found.request.target not in self._context.operations.targets:
            raise RefusedError(problem(Reason.UNKNOWN_RUN, run=run))
        legal = await legal_now(self._context.runs, found)
        request = decided(found, decision, legal, origin)
        target = self._context.operations.targets[request.target]
        async with on_record(self._context, origin.user, request.typed, run):
            if decision not in legal:
                raise RefusedError(problem(Reason.DECISION_NOT_LEGAL, run=run, decision=decision.value))
            await self._may(request, target)
            if decision is Decision.RESTORE:
                people = target.policy.who_may(Action.RESTORE)
                await require(self._context, origin.user, people, Action.RESTORE.value)
        request = await self._with_exception(request, target)
        # Made before the other one is closed: after a crash in between, it waits in line instead of being forgotten.
        made = await self._create(request)
        await RunDriver(self._context, run).close(origin.user, made.id)
        self._context.run_observer.run_changed(made.id)
        self._drive(made.id)
        return made

    def wake(self, run: str) -> None:
        """Take note that the reactions on a run's request to approve may have changed."""
        self._afterwards.wake(run)
        driven = self._drivers.get(run)
        if driven is not None:
            driven[0].wake.set()
            return
        touching = asyncio.create_task(self._touch(run))
        self._touching.add(touching)
        touching.add_done_callback(self._touching.discard)

    async def _touch(self, run: str) -> None:
        """Let the replica that drives a run see that something happened to it."""
        try:
            await self._context.runs.touch(run)
        except Exception:
            _log.exception("run_not_stirred", run=run)  # its reactions are read by and by anyway

    async def awaiting(self) -> tuple[str, ...]:
        """Name the runs whose gate is open: before their first change, or to be countersigned afterwards."""
        stored = self._context.runs
        runs = [await stored.get(name) for name in await stored.unfinished()]
        waiting = tuple(run.id for run in runs if run is not None and run.state is RunState.AWAITING_APPROVAL)
        return tuple(dict.fromkeys((*waiting, *await stored.awaiting_late_approval())))

    async def output(self, run: str) -> tuple[Chunk, ...]:
        """Read what was kept of a run's output."""
        return await self._context.runs.output(run)

    async def estimate(self, run: Run) -> Mapping[str, Usual]:
        """Estimate how long each step of a run takes, from its past on the same target."""
        estimates: dict[str, Usual] = {}
        name = run.request.target
        for key in run.step_order:
            usual = usual_of(await self._context.runs.step_seconds(name.app, name.environment, key, PAST))
            if usual is not None:
                estimates[key] = usual
        return estimates

    async def _create(self, request: Request) -> Run:
        """Make the run under an ID that no other run has."""
        origin = request.origin
        # What brought it: a command, a form, a button or a schedule, by the identity of its event.
        facts = {"target": str(request.target), "channel": origin.channel, "by": origin.event.partition(":")[0]}
        facts["typed"] = self._context.masker.mask(request.typed)
        now = self._context.clock.now()
        while True:
            made = run_id(os.urandom(8))
            try:
                entry = Entry(made, "requested", request.origin.user, facts)
                run = await self._context.runs.create(made, request, now, entry)
            except ValueError:
                _log.info("run_id_taken", run=made)
            else:
                if run.id == made:  # else the same event had made it before
                    log_entry(entry)
                return run

    @request_on_record
    async def _may_read(self, request: Request) -> Target:
        """Give the target of a request that only reads; what the look itself cannot read is no decision."""
        target = self._context.operations.targets[request.target]
        await self._may(request, target)
        return target

    async def _may(self, request: Request, target: Target) -> None:
        people = target.policy.who_may(request.action)
        await require(self._context, request.origin.user, people, request.action.value)

    async def _with_exception(self, request: Request, target: Target) -> Request:
        """Give a request that goes on after another one: without its exception, where who asks may not have it."""
        try:
            await require_exception(self._context, target, request)
        except RefusedError:
            return request.without_emergency()
        return request

    async def _may_cancel(self, run: Run, user: str) -> None:
        if user == run.request.origin.user:
            return
        target = self._context.operations.targets.get(run.request.target)
        asked = run.gate.requirement if run.gate is not None else None
        if target is not None:
            people = target.policy.may_cancel(run.request.action, asked)
        else:
            people = asked.people if asked is not None else NOBODY
        named = replace(people, names=("who asked for it", *people.names))
        await require(self._context, user, named, "cancel")

    async def _cancel(self, found: Run, user: str) -> Run:
        """Cancel a run for somebody who may."""
        now = self._context.clock.now()
        if not found.ended and await self._context.runs.request_cancel(found.id, user, now):
            entry = Entry(found.id, "cancel_requested", user, {"state": found.state.value})
            await self._context.history.append((entry,), now)
            self._context.run_observer.run_changed(found.id)
        if found.state is RunState.NEEDS_HUMAN:
            await self._close(found.id, user)
        driven = self._drivers.get(found.id)
        if driven is not None:
            driven[0].cancel_requested()
        return await self._context.runs.get(found.id) or found

    async def _grant(self) -> None:
        """Do what the console asked for. Who can write into the store is asked nothing more."""
        for cancel_request in await self._context.cancel_requests.waiting():
            try:
                found = await self._context.runs.get(cancel_request.run)
                if found is not None:
                    await self._cancel(found, cancel_request.actor)
                await self._context.cancel_requests.remove(cancel_request)
            except Exception:
                # It stays, and the next sweep tries again.
                _log.exception("petition_not_granted", run=cancel_request.run)

    async def _close(self, run: str, user: str) -> None:
        """End a run that waited for a person: they say that they have seen to it."""
        await RunDriver(self._context, run).close(user, "")

    def _drive(self, run: str) -> None:
        if run in self._drivers or self._draining:
            return
        driver = RunDriver(self._context, run)
        work = driver.drive() if self._failures[run] < _MAX_FAILURES else driver.give_up()
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
        for name in await self._context.runs.unfinished():
            run = None if name in self._drivers else await self._context.runs.get(name)
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
        run = await self._context.runs.get(name)
        driven = self._drivers.get(name)
        if run is None or driven is None:
            return
        if run.cancelled_by:
            driven[0].cancel_requested()
        if self._seen.get(name, run.revision) != run.revision:
            driven[0].wake.set()
        self._seen[name] = run.revision
