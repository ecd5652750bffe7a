"""What the conversation needs of the rest of the house. The engine and the commands satisfy these by their shape."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from bot.domain.backups.backup import BackupList
from bot.domain.errors import Problem
from bot.domain.names import TargetName
from bot.domain.ops_command import Order
from bot.domain.policies.lock import Lock
from bot.domain.runs.estimate import Usual
from bot.domain.runs.request import Action, Decision, Origin, Request
from bot.domain.runs.run import Run
from bot.domain.targets.branch_commits import Newest
from bot.domain.targets.dashboard import Dashboard, HomeView, Viewer
from bot.domain.targets.migration_report import MigrationReport
from bot.domain.targets.overview import TargetOverview
from bot.domain.targets.target import Operations
from bot.engine.queries.locks import Allowed
from bot.engine.stores import Chunk


class EngineApi(Protocol):
    """The engine's façade: the only way from the conversation to the runs."""

    @property
    def operations(self) -> Operations:
        """The operations file as it is in force now."""
        ...

    @property
    def lock_service(self) -> LockServiceApi:
        """Where what concerns several runs is asked."""
        ...

    @property
    def status_service(self) -> StatusServiceApi:
        """Where how everything stands is asked."""
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


class NoMetrics:
    """Measures nothing. Implements `CallMetrics`."""

    def called(self, method: str, outcome: str) -> None:
        """Take no note."""

    def recorded(self, seconds: float) -> None:
        """Take no note."""


class LockServiceApi(Protocol):
    """What is asked across runs; it is answered from the store alone."""

    async def overviews(self, targets: tuple[TargetName, ...]) -> tuple[TargetOverview, ...]:
        """Read how targets stand, in their order."""
        ...

    async def lock(self, target: TargetName, reason: str, user: str) -> Lock:
        """Lock a target; give the lock that is on it now, which may be an earlier one.

        Raises:
            RefusedError: who asks may not.
        """
        ...

    async def lock_to_take_off(self, target: TargetName, user: str) -> Lock | None:
        """Read the lock that somebody wants to take off; None where there is none.

        Raises:
            RefusedError: who asks may not.
        """
        ...

    async def unlock(self, lock: Lock, user: str, channel: str) -> bool:
        """Take this very lock off, and remember to tell its owner in a channel; say whether it was still on.

        Raises:
            RefusedError: who asks may not.
        """
        ...

    async def allowed(self, targets: tuple[TargetName, ...], user: str) -> Allowed:
        """Judge what somebody may ask for now."""
        ...


class StatusServiceApi(Protocol):
    """How everything stands; but for `refresh`, it is answered without asking any host."""

    async def dashboard(self) -> Dashboard:
        """Read how all targets stand."""
        ...

    async def home_view(self, dashboard: Dashboard, viewer: Viewer) -> HomeView:
        """Give what of a picture concerns somebody."""
        ...

    async def waited_for(self, dashboard: Dashboard) -> frozenset[str]:
        """Name those for whom a run may wait."""
        ...

    async def refresh(self, targets: tuple[TargetName, ...], older_than: timedelta) -> None:
        """Look at targets that were not looked at for so long; returns when all of them were."""
        ...

    async def judge(self, request: Request) -> None:
        """Refuse what would be refused if it were asked now; nothing is started.

        Raises:
            RefusedError: it would not be done, and why.
        """
        ...

    async def blocking_reason(self, request: Request) -> Problem | None:
        """Give the freeze or the lock that stands in the way of a request now, or None."""
        ...

    async def newest(self, target: TargetName) -> Newest:
        """Read what a target's branch has that is not live.

        Raises:
            RefusedError: what a host answers.
        """
        ...

    async def releases(self, target: TargetName) -> tuple[Run, ...]:
        """Give the runs that made a commit live and went well, newest first."""
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
