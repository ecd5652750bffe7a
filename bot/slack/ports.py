"""Protocols of what the conversation needs of the rest of the program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.domain.backups.backup import BackupList
from bot.domain.ops_command import Order
from bot.domain.policies.people import People
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.history import Head
from bot.domain.runs.request import NO_EXCEPTIONS, Action, Decision, Origin, PolicyExceptions, Request
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker
from bot.domain.signatures.signature import Signature
from bot.domain.targets.migration_report import MigrationReport
from bot.domain.targets.target import Operations
from bot.engine.ports import Clock, Leadership
from bot.engine.queries.locks import LockService
from bot.engine.queries.target_status import StatusService
from bot.engine.run_changes import Chunk
from bot.engine.stores import HomeViewerStore, InboxStore, LockNoticeStore, MessageStore


class EngineApi(Protocol):
    """The engine's façade: the only way from the conversation to runs."""

    @property
    def operations(self) -> Operations:
        """The operations file that is in force."""
        ...

    @property
    def lock_service(self) -> LockService:
        """Overviews of targets, their locks, and what somebody may do."""
        ...

    @property
    def status_service(self) -> StatusService:
        """The state of all targets, and what of it concerns one person."""
        ...

    async def submit(self, request: Request) -> Run:
        """Create the run of a request, once per event of its origin, and return it.

        Raises:
            RefusedError: refused, with the reason.
        """
        ...

    async def migration_report(self, request: Request) -> MigrationReport:
        """Read the state of a target's migrations, without a run.

        Raises:
            RefusedError: it cannot be read, or the requester may not.
        """
        ...

    async def backup_list(self, request: Request) -> BackupList:
        """Read the backups of a target, without a run.

        Raises:
            RefusedError: they cannot be read, or the requester may not.
        """
        ...

    async def get(self, run: str) -> Run | None:
        """Read one run."""
        ...

    async def decide(
        self, run: str, decision: Decision, origin: Origin, exceptions: PolicyExceptions = NO_EXCEPTIONS
    ) -> Run:
        """Carry out a decision about a run that needs one, and return the run that continues it.

        Args:
            run: its ID.
            decision: the decision.
            origin: who decided, and where.
            exceptions: from the policy, each with the reason that this person gave.

        Raises:
            RefusedError: refused, with the reason.
        """
        ...

    def deciders(self, run: Run) -> People:
        """Give those who may decide about a run that needs a decision, by the operations file of now."""
        ...

    async def cancel(self, run: str, user: str) -> Run:
        """Cancel a run.

        Raises:
            RefusedError: not cancelled, with the reason.
        """
        ...

    async def sign(self, run: str, user: str, signature: str) -> Signature:
        """Take somebody's signature of a run's plan.

        Args:
            run: its ID.
            user: Slack's ID of who handed it in.
            signature: armoured, as they pasted it.

        Raises:
            RefusedError: it does not count, with the reason.
        """
        ...

    def wake(self, run: str) -> None:
        """Have the reactions of a run read again, as they may have changed; returns at once."""
        ...

    async def awaiting(self) -> tuple[str, ...]:
        """Read the IDs of the runs whose gate is open."""
        ...

    async def output(self, run: str) -> tuple[Chunk, ...]:
        """Read the stored output of a run, ordered by step, place, attempt and offset."""
        ...

    async def result_record(self, run: str) -> Head | None:
        """Read the first record with which a run ended or stopped for a person; None where there is none yet."""
        ...

    async def estimate(self, run: Run) -> Mapping[str, StepEstimate]:
        """Read how long each step usually takes, by its key; steps that never ran are missing."""
        ...


class CallMetrics(Protocol):
    """Metrics of the conversation."""

    def called(self, method: str, outcome: str) -> None:
        """Count a call of the Web API by its outcome: `ok`, `refused`, `busy` or `uncertain`."""
        ...

    def recorded(self, seconds: float) -> None:
        """Measure how long recording an event took."""
        ...


class ListedCommand(Protocol):
    """A slash command as it is listed."""

    @property
    def name(self) -> str:
        """With its slash, as in `/deploy`."""
        ...

    @property
    def description(self) -> str:
        """The description that Slack shows beside it, a few words."""
        ...

    @property
    def usage(self) -> str:
        """Its arguments, as in `APP ENV [REF]`."""
        ...


class CommandSpec(ListedCommand, Protocol):
    """A slash command that makes a request on one target."""

    @property
    def action(self) -> Action:
        """The action that policies know it by."""
        ...

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Parse the typed words into a request.

        Raises:
            RefusedError: the words are not valid, with the reason.
        """
        ...


class OpsSpec(ListedCommand, Protocol):
    """`/ops`, whose words are an order of their own."""

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Order:
        """Parse the typed words into an order.

        Raises:
            RefusedError: the words are not valid, with the reason.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class SlackPorts:
    """What the conversation needs of the rest of the program, besides the engine.

    Args:
        inbox: where events are recorded.
        messages: what was posted about each run.
        homes: who opened the App Home.
        lock_notices: notices to the owners of locks.
        commands: by slash name (`/deploy`).
        ops: the command `/ops`.
        operations: the operations file.
        masker: masks secrets in everything that leaves the program.
        clock: the time.
        leadership: of publishing to Slack.
        replicas: returns how many processes use the same app, and so share Slack's limits, now.
        metrics: counts calls, and measures how long recording takes.
    """

    inbox: InboxStore
    messages: MessageStore
    homes: HomeViewerStore
    lock_notices: LockNoticeStore
    commands: Mapping[str, CommandSpec]
    ops: OpsSpec
    operations: Operations
    masker: Masker
    clock: Clock
    leadership: Leadership
    replicas: Callable[[], int]
    metrics: CallMetrics
