"""What the conversation needs of the rest of the house. The engine and the commands satisfy these by their shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.domain.backups.backup import BackupList
from bot.domain.ops_command import Order
from bot.domain.runs.estimate import Usual
from bot.domain.runs.request import Action, Decision, Origin, Request
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker
from bot.domain.targets.migration_report import MigrationReport
from bot.domain.targets.target import Operations
from bot.engine.ports import Clock
from bot.engine.queries.locks import LockService
from bot.engine.queries.target_status import StatusService
from bot.engine.run_changes import Chunk
from bot.engine.stores import HomeViewerStore, InboxStore, LockNoticeStore, MessageStore


class EngineApi(Protocol):
    """The engine's façade: the only way from the conversation to the runs."""

    @property
    def operations(self) -> Operations:
        """The operations file as it is in force now."""
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
        """Accept a request; the event of its origin makes one run only, however often it is submitted.

        Raises:
            RefusedError: it is not done, and why.
        """
        ...

    async def migration_report(self, request: Request) -> MigrationReport:
        """Read where the migrations of a target stand; no run is made.

        Raises:
            RefusedError: it cannot be read, or who asks may not.
        """
        ...

    async def backup_list(self, request: Request) -> BackupList:
        """Read which backups of a target there are; no run is made.

        Raises:
            RefusedError: they cannot be read, or who asks may not.
        """
        ...

    async def get(self, run: str) -> Run | None:
        """Read one run."""
        ...

    async def decide(self, run: str, decision: Decision, origin: Origin) -> Run:
        """Carry out somebody's decision about a run that waits for one; gives the run that goes on after it.

        Raises:
            RefusedError: it is not done, and why.
        """
        ...

    async def cancel(self, run: str, user: str) -> Run:
        """Cancel a run on behalf of somebody.

        Raises:
            RefusedError: it is not cancelled, and why.
        """
        ...

    def wake(self, run: str) -> None:
        """Say that something about the reactions to a run may have changed; returns at once."""
        ...

    async def awaiting(self) -> tuple[str, ...]:
        """Name the runs whose gate is open."""
        ...

    async def output(self, run: str) -> tuple[Chunk, ...]:
        """Read what was kept of a run's output: by step, place, attempt and offset."""
        ...

    async def estimate(self, run: Run) -> Mapping[str, Usual]:
        """Give how long each step usually takes, by its key; no key without a past."""
        ...


class Leadership(Protocol):
    """What one process at a time does for all that share the store."""

    @property
    def held(self) -> bool:
        """Whether it is this process's now."""
        ...


class CallMetrics(Protocol):
    """Who measures the conversation."""

    def called(self, method: str, outcome: str) -> None:
        """Take note of a call of the Web API: `ok`, `refused`, `busy` or `uncertain`."""
        ...

    def recorded(self, seconds: float) -> None:
        """Take note of how long recording an event took."""
        ...


class Listed(Protocol):
    """A slash command, as lists of commands show it."""

    @property
    def name(self) -> str:
        """With its slash, as in `/deploy`."""
        ...

    @property
    def description(self) -> str:
        """What Slack shows beside it, a few words."""
        ...

    @property
    def usage(self) -> str:
        """Its words, as in `APP ENV [REF]`."""
        ...


class CommandSpec(Listed, Protocol):
    """A slash command that asks for something on one target."""

    @property
    def action(self) -> Action:
        """What a policy calls it."""
        ...

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Make a request of what was typed.

        Raises:
            RefusedError: the words are not right, and why.
        """
        ...


class OpsSpec(Listed, Protocol):
    """`/ops`, whose words are an order across commands."""

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Order:
        """Make an order of what was typed.

        Raises:
            RefusedError: the words are not right, and why.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class SlackPorts:
    """What the conversation needs of the rest of the program, but for the engine.

    Args:
        inbox: where events are recorded.
        messages: what was posted about each run.
        homes: who opened the App Home.
        lock_notices: notices to the owners of locks.
        commands: by slash name (`/deploy`).
        ops: the command `/ops`.
        operations: the operations file.
        masker: of everything that leaves the program.
        clock: the time.
        leadership: of publishing to Slack.
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
    metrics: CallMetrics
