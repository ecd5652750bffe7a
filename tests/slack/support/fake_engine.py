"""A front and stores in memory, as simple as their protocols allow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.inbox import CARD, Event, Posted
from bot.domain.names import Ref, TargetName
from bot.domain.policies.lock import Lock, LockNews, LockNotice
from bot.domain.policies.people import Roster
from bot.domain.runs.request import Action, DeployOptions, Origin, Request
from bot.domain.runs.run import Run, RunState
from bot.domain.secrets import Secret
from bot.domain.targets.branch_commits import Newest
from bot.domain.targets.dashboard import Dashboard, HomeView, Viewer, needs, people_of
from bot.domain.targets.migration_report import MigrationReport
from bot.domain.targets.overview import TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot
from bot.domain.targets.target import Operations
from bot.engine.queries.locks import Allowed
from bot.engine.run_changes import Chunk
from bot.playground import RunningPlayground
from bot.slack import SlackAccess, SlackApp, SlackPorts
from bot.slack.render.builtin_catalog import ENGLISH
from commands.ops import Ops
from commands.rollback import Rollback
from tests.slack.support.runs import BOB, MASKER, OPERATIONS


class FakeClock:
    """A clock that can be held."""

    def __init__(self) -> None:
        self.held: datetime | None = None

    def now(self) -> datetime:
        return self.held or datetime.now(UTC)


class FakeEngine:
    """Keeps runs in memory; one run for one event."""

    operations: Operations = OPERATIONS

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.submitted: list[Request] = []
        self.cancelled: list[tuple[str, str]] = []
        self.nudged: list[str] = []
        self.refuses: RefusedError | None = None
        self.outputs: dict[str, tuple[Chunk, ...]] = {}
        self.room: SlackApp | None = None
        self.status_service = FakeStatusService(self)
        self.lock_service = FakeLockService(self)

    def put(self, run: Run) -> None:
        """Change a run, as the engine would, and say so."""
        known = self.runs.get(run.id)
        self.runs[run.id] = replace(run, revision=known.revision + 1 if known else 1)
        if self.room is not None:
            self.room.run_observer.run_changed(run.id)

    async def submit(self, request: Request) -> Run:
        if self.refuses is not None:
            raise self.refuses
        self.submitted.append(request)
        for run in self.runs.values():
            if run.request.origin.event == request.origin.event:
                return run
        name = f"R-{len(self.runs):06}"
        self.put(Run(name, len(self.runs), request, RunState.QUEUED, 1, datetime.now(UTC)))
        return self.runs[name]

    async def migration_report(self, request: Request) -> MigrationReport:
        raise RefusedError(problem(Reason.NO_MIGRATIONS, target=str(request.target), missing="database"))

    async def get(self, run: str) -> Run | None:
        return self.runs.get(run)

    async def cancel(self, run: str, user: str) -> Run:
        if self.refuses is not None:
            raise self.refuses
        self.cancelled.append((run, user))
        return self.runs[run]

    def wake(self, run: str) -> None:
        self.nudged.append(run)

    async def awaiting(self) -> tuple[str, ...]:
        return tuple(run.id for run in self.runs.values() if run.state is RunState.AWAITING_APPROVAL)

    async def output(self, run: str) -> tuple[Chunk, ...]:
        return self.outputs.get(run, ())

    async def estimate(self, run: Run) -> Mapping[str, float]:
        return {}


class FakeLockService:
    """Lets everybody ask for what `may` says; for everything where it says nothing."""

    def __init__(self, front: FakeEngine) -> None:
        self._engine = front
        self.may: dict[Action, tuple[TargetName, ...]] | None = None
        self.uncertain = False

    async def allowed(self, targets: tuple[TargetName, ...], user: str) -> Allowed:
        return Allowed(dict.fromkeys(Action, targets) if self.may is None else self.may, self.uncertain)


class FakeStatusService:
    """Sees what the front keeps, and everybody may do everything."""

    def __init__(self, front: FakeEngine) -> None:
        self._engine = front
        self.snapshots: dict[TargetName, TargetSnapshot] = {}
        self.looked: list[tuple[TargetName, ...]] = []
        self.locks: dict[TargetName, Lock] = {}
        self.commits: dict[TargetName, Newest] = {}
        self.past: tuple[Run, ...] = ()
        self.refusal: Problem | None = None
        self.reading: asyncio.Event | None = None

    async def judge(self, request: Request) -> None:
        if self.refusal is not None:
            raise RefusedError(self.refusal)

    async def blocking_reason(self, request: Request) -> Problem | None:
        return self.refusal

    async def newest(self, target: TargetName) -> Newest:
        if self.reading is not None:
            await self.reading.wait()
        if target not in self.commits:
            raise RefusedError(problem(Reason.HOST_UNREACHABLE, host="web1"))
        return self.commits[target]

    async def releases(self, target: TargetName) -> tuple[Run, ...]:
        return self.past

    async def dashboard(self) -> Dashboard:
        runs = [run for run in self._engine.runs.values() if not run.ended]
        overviews = tuple(
            TargetOverview(name, tuple(run for run in runs if run.request.target == name), lock=self.locks.get(name))
            for name in self._engine.operations.targets
        )
        return Dashboard(overviews, dict(self.snapshots))

    async def home_view(self, dashboard: Dashboard, viewer: Viewer) -> HomeView:
        roster = Roster({"S0RELEASE": frozenset({BOB})}, frozenset({viewer.user}))
        needed = tuple(run for run in self._engine.runs.values() if needs(run, viewer.user, roster))
        recent = tuple(sorted(self._engine.runs.values(), key=lambda run: -run.sequence))
        names = tuple(self._engine.operations.targets)
        may = dict.fromkeys(Action, names)
        return HomeView(viewer.user, viewer.chosen, dashboard, needed, recent[:10], may)

    async def waited_for(self, dashboard: Dashboard) -> frozenset[str]:
        return people_of([run for overview in dashboard.overviews for run in overview.unfinished], Roster())

    async def refresh(self, targets: tuple[TargetName, ...], older_than: timedelta) -> None:
        self.looked.append(targets)


class MemoryHomes:
    """Who opened the App Home, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, Viewer] = {}

    async def opened_since(self, since: datetime) -> tuple[Viewer, ...]:
        return tuple(sorted(self.rows.values(), key=lambda viewer: viewer.opened_at, reverse=True))

    async def save(self, viewer: Viewer) -> None:
        self.rows[viewer.user] = viewer


class MemoryInbox:
    """An inbox in memory; `broken` makes it fail, as a store that is full does."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.settled: set[str] = set()
        self.broken = False

    async def receive(self, event: Event) -> bool:
        if self.broken:
            raise OSError("no space left on device")
        is_new = event.id not in self.events
        self.events.setdefault(event.id, event)
        return is_new

    async def waiting(self, limit: int) -> tuple[Event, ...]:
        return tuple(event for event in self.events.values() if event.id not in self.settled)[:limit]

    async def settle(self, event: str) -> None:
        self.settled.add(event)


class MemoryMessages:
    """Messages in memory. `dies_after_post` makes the commit after a post fail, as a kill at that point would."""

    def __init__(self, front: FakeEngine) -> None:
        self.rows: dict[tuple[str, str], Posted] = {}
        self.published: dict[str, int] = {}
        self.dies_after_post: str | None = None
        self._engine = front

    async def of_run(self, run: str) -> Mapping[str, Posted]:
        return {slot: row for (name, slot), row in self.rows.items() if name == run}

    async def save(self, posted: Posted) -> None:
        if self.dies_after_post == posted.slot and posted.ts:
            raise asyncio.CancelledError
        self.rows[posted.run, posted.slot] = posted

    async def cards(self, runs: frozenset[str]) -> Mapping[str, Posted]:
        return {name: row for (name, slot), row in self.rows.items() if name in runs and slot == CARD and row.ts}

    async def find(self, channel: str, ts: str) -> Posted | None:
        return next((row for row in self.rows.values() if (row.channel, row.ts) == (channel, ts)), None)

    async def unpublished(self) -> tuple[str, ...]:
        return tuple(run.id for run in self._engine.runs.values() if self.published.get(run.id, 0) < run.revision)

    async def mark_published(self, run: str, revision: int) -> None:
        self.published[run] = max(self.published.get(run, 0), revision)


class MemoryNotices:
    """Keeps what the owners of locks are still to be told."""

    def __init__(self) -> None:
        self.rows: dict[int, LockNotice] = {}

    def add(self, news: LockNews, lock: Lock, by: str = "") -> None:
        number = max(self.rows, default=0) + 1
        self.rows[number] = LockNotice(number, news, lock, by, "C0OPS", datetime.now(UTC))

    async def waiting(self) -> tuple[LockNotice, ...]:
        return tuple(self.rows.values())

    async def mark_intended(self, notice: LockNotice) -> None:
        self.rows[notice.number] = replace(notice, intended=True)

    async def remove(self, notice: LockNotice) -> None:
        del self.rows[notice.number]


class DeploySpec:
    """`/deploy APP ENV [REF]`, with the problems that the form and the answers are tried with."""

    name = "/deploy"
    action = Action.DEPLOY
    description = "Bring a commit live"
    usage = "APP ENV [REF] [--dry-run] [--no-migrate] [--during-freeze REASON | --emergency REASON]"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        plain = [word for word in words if not word.startswith("-")]
        if len(plain) < 2:
            raise RefusedError(problem(Reason.USAGE, usage=f"{self.name} {self.usage}", apps="compte"))
        if plain[0] not in operations.apps():
            raise RefusedError(problem(Reason.UNKNOWN_APP, app=plain[0], nearest="compte", known="compte"))
        ref = Ref(plain[2]).text if len(plain) > 2 else "main"
        options = DeployOptions(ref, dry_run="--dry-run" in words)
        return Request(options, TargetName(plain[0], plain[1]), origin, " ".join(words))


class NoMetrics:
    """Measures nothing."""

    def called(self, method: str, outcome: str) -> None:
        pass

    def recorded(self, seconds: float) -> None:
        pass


@dataclass
class FakeLeadership:
    """The duty of telling Slack."""

    held: bool = True


class Workspace:
    """Everything a test needs; `room` may be stopped and started again, as a process is."""

    def __init__(self, server: RunningPlayground) -> None:
        self.server = server
        self.front = FakeEngine()
        self.inbox = MemoryInbox()
        self.messages = MemoryMessages(self.front)
        self.homes = MemoryHomes()
        self.notices = MemoryNotices()
        self.clock = FakeClock()
        self.telling = FakeLeadership()

    @asynccontextmanager
    async def room(self) -> AsyncIterator[SlackApp]:
        access = SlackAccess(Secret("xoxb-playground"), Secret("xapp-playground"), self.server.api_url)
        ports = SlackPorts(
            inbox=self.inbox,
            messages=self.messages,
            homes=self.homes,
            lock_notices=self.notices,
            commands={"/deploy": DeploySpec(), "/rollback": Rollback({})},
            ops=Ops(),
            operations=OPERATIONS,
            masker=MASKER,
            clock=self.clock,
            leadership=self.telling,
            metrics=NoMetrics(),
        )
        async with SlackApp(access, ports, ENGLISH) as room:
            self.front.room = room
            await room.start(self.front)
            try:
                yield room
            finally:
                self.front.room = None

    def channel(self) -> list[Any]:
        """The messages of #ops that are in no thread."""
        return [item for item in self._all() if not item.is_reply]

    def thread(self) -> list[Any]:
        """The replies in #ops."""
        return [item for item in self._all() if item.is_reply]

    def by_type(self, event_type: str) -> list[Any]:
        """The messages whose metadata are of a type."""
        return [item for item in self._all() if (item.metadata or {}).get("event_type") == event_type]

    def _all(self) -> list[Any]:
        return list(self.server.state.conversation("C0OPS").messages.values())

    def whispers(self, user: str) -> list[str]:
        """What only one person sees."""
        return [item.text for item in self.server.state.ephemerals if item.user == user]

    def calls(self, method: str) -> int:
        """How often the room called a method."""
        return sum(1 for call in self.server.api.log if call.method == method)
