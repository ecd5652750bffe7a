"""The engine's façade: requests, decisions and cancellations of people, and what the conversation may read."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace

import structlog

from bot.domain.backups.backup import BackupList
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import run_id
from bot.domain.policies.people import People
from bot.domain.runs.estimate import MAX_PAST_TIMES, StepEstimate, estimate_of
from bot.domain.runs.history import Entry, Head
from bot.domain.runs.request import NO_EXCEPTIONS, Decision, Origin, PolicyExceptions, Request
from bot.domain.runs.run import Run, RunState
from bot.domain.signatures.signature import Signature
from bot.domain.targets.migration_report import MigrationReport
from bot.domain.targets.target import Operations
from bot.engine.context import EngineContext
from bot.engine.log_history import log_entry
from bot.engine.phases.decisions import legal_decisions_now, request_of_decision
from bot.engine.phases.signing import take_signature
from bot.engine.queries.locks import LockService
from bot.engine.queries.migration_report import SEARCHED_RUNS, migration_report_of
from bot.engine.queries.rules import judge, judge_cancellation, require_channel, require_requester, who_decides
from bot.engine.queries.start_times import with_start_time
from bot.engine.queries.target_status import StatusService
from bot.engine.record_refusals import on_record, request_on_record
from bot.engine.run_changes import Chunk
from bot.engine.supervisor import Supervisor

_log = structlog.get_logger()

_NAMES_SECONDS = 10.0
"""Limit for looking whether what a request names is there."""


class Engine:
    """Accepts requests and decisions, and has their runs driven.

    Args:
        context: its ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self.supervisor = Supervisor(context)
        self.lock_service = LockService(context)
        self.status_service = StatusService(context, self.lock_service)

    @property
    def operations(self) -> Operations:
        """The operations file."""
        return self._context.operations

    async def start(self) -> None:
        """Pick up interrupted runs, and drive every run from then on."""
        await self.supervisor.start()

    async def drain(self) -> None:
        """Accept nothing more and stop driving; what runs on hosts goes on there until the next start."""
        await self.supervisor.drain()
        await self.status_service.end()

    @request_on_record
    async def submit(self, request: Request) -> Run:
        """Accept a request as a run.

        The same event asked twice gives the same run.

        Args:
            request: parsed; its channel is one of the target's.

        Raises:
            RefusedError: `draining`, `not_allowed`, `membership_unknown`, `no_override`, `no_emergency`, `frozen`,
                `locked`, `not_in_channel`, `channel_archived`, `unknown_table`, `unknown_backup`, `unknown_remains`,
                `no_window`; no run is started.
        """
        self._require_accepting()
        request = await with_start_time(self._context, request)
        await judge(self._context, request)
        await require_channel(self._context, request)
        await self._require_names(request)
        return await self._start(request)

    async def submit_scheduled(self, request: Request) -> Run:
        """Accept a request that a job made without a person to judge; the same firing makes one run.

        Args:
            request: of a backup.

        Raises:
            RefusedError: `draining`.
        """
        self._require_accepting()
        return await self._start(request)

    async def backup_list(self, request: Request) -> BackupList:
        """Read the backups of a target; no run is created.

        Args:
            request: of `/backup list`.

        Raises:
            RefusedError: the user may not, or a host refuses.
        """
        await self._require_reader(request)
        target = self._context.operations.targets[request.target]
        look = self._context.target_reader.look(target)
        backup_list = await look.backups()
        try:
            return replace(backup_list, leftovers=await look.leftovers())
        except RefusedError:
            # The list of backups matters most while the database is down.
            return replace(backup_list, leftovers=None)

    async def migration_report(self, request: Request) -> MigrationReport:
        """Read the state of a target's migrations; no run is created.

        Args:
            request: of `/migrate-status`.

        Raises:
            RefusedError: the user may not, or a host or the database refuses.
        """
        await self._require_reader(request)
        target = self._context.operations.targets[request.target]
        status = await self._context.status.status(target, self._context.target_reader.look(target))
        name = target.name
        runs = await self._context.runs.of_target(name.app, name.environment, SEARCHED_RUNS)
        report = migration_report_of(status, runs, self._context.clock.now())
        held = report.outage.run if report.outage is not None else None
        return replace(report, deciders=who_decides(self._context, held)) if held is not None else report

    async def get(self, run: str) -> Run | None:
        """Read one run."""
        return await self._context.runs.get(run)

    def deciders(self, run: Run) -> People:
        """Give those who may decide about a run that needs a decision, by the policy of now."""
        return who_decides(self._context, run)

    async def cancel(self, run: str, user: str) -> Run:
        """Cancel a run: before the change phase that ends it; during, its process groups are ended.

        Args:
            run: the run's ID.
            user: Slack's ID of the user who cancels it.

        Raises:
            RefusedError: `unknown_run`; `not_allowed`, the user is neither the requester nor an approver.
        """
        found = await self._context.runs.get(run)
        if found is None:
            raise RefusedError(problem(Reason.UNKNOWN_RUN, run=run))
        async with on_record(self._context, user, "cancel", run):
            await judge_cancellation(self._context, found, user)
        return await self.supervisor.cancel(found, user)

    async def decide(
        self, run: str, decision: Decision, origin: Origin, exceptions: PolicyExceptions = NO_EXCEPTIONS
    ) -> Run:
        """Carry out a person's decision about a run that stopped halfway.

        Args:
            run: the run's ID.
            decision: the decision.
            origin: who decided, and where.
            exceptions: that the person asks for; those of the stopped run are never taken over.

        Returns:
            The run that goes on after it, which has a plan and a gate of its own; for `close`, the closed run.

        Raises:
            RefusedError: `unknown_run`, `move_not_legal`, and whatever `submit` refuses with.
        """
        if decision is Decision.CLOSE:
            return await self.cancel(run, origin.user)
        found = await self._context.runs.get(run)
        if found is None or found.request.target not in self._context.operations.targets:
            raise RefusedError(problem(Reason.UNKNOWN_RUN, run=run))
        legal = await legal_decisions_now(self._context.runs, found)
        request = request_of_decision(found, decision, legal, origin, exceptions)
        async with on_record(self._context, origin.user, request.typed, run):
            if decision not in legal:
                raise RefusedError(problem(Reason.DECISION_NOT_LEGAL, run=run, decision=decision.value))
            await judge(self._context, request)
            await require_channel(self._context, request)
        # Created before the other one is closed: after a crash in between it waits in line instead of being forgotten.
        successor = await self._create(request)
        await self.supervisor.close(run, origin.user, successor.id)
        self._drive(successor)
        return successor

    async def sign(self, run: str, user: str, signature: str) -> Signature:
        """Take somebody's signature of a run's plan, and judge the approvals again.

        Args:
            run: the run's ID.
            user: Slack's ID of who handed it in.
            signature: armoured, as they pasted it.

        Raises:
            RefusedError: it does not count; the problem says why.
        """
        found = await self._context.runs.get(run)
        if found is None:
            raise RefusedError(problem(Reason.UNKNOWN_RUN, run=run))
        async with on_record(self._context, user, "sign", run):
            taken = await take_signature(self._context, found, user, signature)
        self._context.run_observer.run_changed(run)
        self.wake(run)
        return taken

    def wake(self, run: str) -> None:
        """Read the reactions to a run's request to approve soon, as they may have changed; returns at once."""
        self.supervisor.wake(run)

    async def awaiting(self) -> tuple[str, ...]:
        """Name the runs whose gate is open, before their first change or after an emergency."""
        stored = self._context.runs
        waiting = tuple(each.run for each in await stored.unfinished() if each.state is RunState.AWAITING_APPROVAL)
        return tuple(dict.fromkeys((*waiting, *await stored.awaiting_late_approval())))

    async def output(self, run: str) -> tuple[Chunk, ...]:
        """Read the stored output of a run."""
        return await self._context.runs.output(run)

    async def result_record(self, run: str) -> Head | None:
        """Read the first record with which a run ended or stopped for a person; None where there is none yet."""
        return await self._context.history.result_of(run)

    async def estimate(self, run: Run) -> Mapping[str, StepEstimate]:
        """Estimate how long each step of a run takes, from its past on the same target."""
        estimates: dict[str, StepEstimate] = {}
        name = run.request.target
        for key in run.step_order:
            usual = estimate_of(await self._context.runs.step_seconds(name.app, name.environment, key, MAX_PAST_TIMES))
            if usual is not None:
                estimates[key] = usual
        return estimates

    async def _require_names(self, request: Request) -> None:
        """Make sure that what a request names is there; what does not answer soon is for the run to tell.

        Raises:
            RefusedError: what it names is not there.
        """
        planner, target = self._context.planner_for(request.options), self._context.operations.targets[request.target]
        if planner is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_NAMES_SECONDS):
                    await planner.check_names(request, target, self._context.target_reader.look(target))

    def _require_accepting(self) -> None:
        if self.supervisor.draining:
            raise RefusedError(problem(Reason.DRAINING))

    async def _start(self, request: Request) -> Run:
        run = await self._create(request)
        self._drive(run)
        return run

    def _drive(self, run: Run) -> None:
        self._context.run_observer.run_changed(run.id)
        self.supervisor.drive(run.id)

    async def _create(self, request: Request) -> Run:
        """Create the run under an ID that no other run has."""
        origin = request.origin
        # `by`: a command, a form, a button or a schedule, from the ID of its event.
        facts = {"target": str(request.target), "channel": origin.channel, "by": origin.event.partition(":")[0]}
        facts["typed"] = self._context.masker.mask(request.typed)
        now = self._context.clock.now()
        while True:
            name = run_id(os.urandom(8))
            try:
                entry = Entry(name, "requested", request.origin.user, facts)
                run = await self._context.runs.create(name, request, now, entry)
            except ValueError:
                _log.info("run_id_taken", run=name)
            else:
                if run.id == name:  # else the same event created it before
                    log_entry(entry)
                return run

    @request_on_record
    async def _require_reader(self, request: Request) -> None:
        """Judge who asks to read; what the look itself cannot read is no decision, and stays off the record."""
        await require_requester(self._context, request)
