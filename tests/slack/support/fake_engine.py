"""An engine in memory, as simple as its façade allows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.policies.people import People, Roster
from bot.domain.runs.history import Head
from bot.domain.runs.request import NO_EXCEPTIONS, Action, Decision, Origin, PolicyExceptions, Request
from bot.domain.runs.run import Run, RunState
from bot.domain.signatures.signature import Signature
from bot.domain.targets.branch_commits import BranchCommits
from bot.domain.targets.dashboard import Dashboard, HomeView, Viewer, asked_people, people_of, waits_for
from bot.domain.targets.migration_report import MigrationReport
from bot.domain.targets.overview import TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot
from bot.domain.targets.target import Operations
from bot.engine.queries.locks import Allowed
from bot.engine.run_changes import Chunk
from bot.slack import SlackApp
from tests.slack.support.runs import BOB, OPERATIONS


class FakeEngine:
    """Keeps runs in memory; one run for one event."""

    operations: Operations = OPERATIONS

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.submitted: list[Request] = []
        self.decided: list[tuple[str, Decision, Origin, PolicyExceptions]] = []
        self.cancelled: list[tuple[str, str]] = []
        self.woken: list[str] = []
        self.signed: list[tuple[str, str, str]] = []
        self.refuses: RefusedError | None = None
        self.outputs: dict[str, tuple[Chunk, ...]] = {}
        self.results: dict[str, Head] = {}
        self.app: SlackApp | None = None
        self.status_service = FakeStatusService(self)
        self.lock_service = FakeLockService(self)

    def put(self, run: Run) -> None:
        """Change a run, as the engine would, and say so."""
        known = self.runs.get(run.id)
        self.runs[run.id] = replace(run, revision=known.revision + 1 if known else 1)
        if self.app is not None:
            self.app.run_observer.run_changed(run.id)

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

    def deciders(self, run: Run) -> People:
        return People(("engineers",), frozenset({run.request.origin.user}))

    async def cancel(self, run: str, user: str) -> Run:
        if self.refuses is not None:
            raise self.refuses
        self.cancelled.append((run, user))
        return self.runs[run]

    async def decide(
        self, run: str, decision: Decision, origin: Origin, exceptions: PolicyExceptions = NO_EXCEPTIONS
    ) -> Run:
        if self.refuses is not None:
            raise self.refuses
        self.decided.append((run, decision, origin, exceptions))
        return self.runs[run]

    async def sign(self, run: str, user: str, signature: str) -> Signature:
        if self.refuses is not None:
            raise self.refuses
        self.signed.append((run, user, signature))
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        return Signature(user, "d" * 64, signature, "5" * 64, key, "7" * 64, datetime.now(UTC))

    def wake(self, run: str) -> None:
        self.woken.append(run)

    async def awaiting(self) -> tuple[str, ...]:
        return tuple(run.id for run in self.runs.values() if run.state is RunState.AWAITING_APPROVAL)

    async def output(self, run: str) -> tuple[Chunk, ...]:
        return self.outputs.get(run, ())

    async def result_record(self, run: str) -> Head | None:
        return self.results.get(run)

    async def estimate(self, run: Run) -> Mapping[str, float]:
        return {}


class FakeLockService:
    """Lets everybody ask for what `may` says; for everything where it says nothing."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.may: dict[Action, tuple[TargetName, ...]] | None = None
        self.uncertain = False
        self.trusted: frozenset[str] = frozenset()

    async def may_declare(self, target: TargetName, user: str) -> bool:
        return user in self.trusted

    async def allowed(self, targets: tuple[TargetName, ...], user: str) -> Allowed:
        return Allowed(dict.fromkeys(Action, targets) if self.may is None else self.may, self.uncertain)


class FakeStatusService:
    """Sees what the front keeps, and everybody may do everything."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.snapshots: dict[TargetName, TargetSnapshot] = {}
        self.refreshed: list[tuple[TargetName, ...]] = []
        self.locks: dict[TargetName, Lock] = {}
        self.commits: dict[TargetName, BranchCommits] = {}
        self.past: tuple[Run, ...] = ()
        self.refusal: Problem | None = None
        self.reading: asyncio.Event | None = None

    def last_seen(self, target: TargetName) -> TargetSnapshot | None:
        return self.snapshots.get(target)

    async def judge(self, request: Request) -> None:
        if self.refusal is not None:
            raise RefusedError(self.refusal)

    async def blocking_reason(self, request: Request) -> Problem | None:
        return self.refusal

    async def newest(self, target: TargetName) -> BranchCommits:
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
        needed = tuple(
            run for run in self._engine.runs.values() if waits_for(run, viewer.user, roster, self._engine.deciders(run))
        )
        recent = tuple(sorted(self._engine.runs.values(), key=lambda run: -run.sequence))
        names = tuple(self._engine.operations.targets)
        may = dict.fromkeys(Action, names)
        return HomeView(viewer.user, viewer.chosen, dashboard, needed, recent[:10], may)

    async def waited_for(self, dashboard: Dashboard) -> frozenset[str]:
        return people_of(asked_people(dashboard.waiting, dashboard.deciders), Roster())

    async def refresh(self, targets: tuple[TargetName, ...], older_than: timedelta) -> None:
        self.refreshed.append(targets)
