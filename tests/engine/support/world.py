"""A small world for the engine: hosts that keep a journal and a ledger, people who react, a clock that is held.

The store is the real one. What happens outside survives a crash of the engine; what the engine holds does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, get_args

from structlog.contextvars import bound_contextvars

from bot.domain.errors import Problem, Reason, problem
from bot.domain.policies.people import Roster
from bot.domain.runs.acts import Act
from bot.domain.runs.request import Action, Request
from bot.domain.runs.run import Run, RunState
from bot.domain.secrets import Masker, Secret
from bot.domain.signatures.signer_keys import Signers
from bot.domain.targets.branch_commits import BranchCommits
from bot.domain.targets.look import Look
from bot.domain.targets.target import Emoji, Operations, Target
from bot.engine.context import EngineContext
from bot.engine.engine import Engine
from bot.engine.ports import (
    Done,
    Effect,
    Ending,
    Failed,
    Job,
    NotStarted,
    Occasion,
    Outcome,
    Output,
    ReactionsUnavailableError,
    StretchOutput,
    Unknown,
)
from bot.recipes.load import load_recipe
from bot.recipes.recipe import Recipe
from bot.recipes.rollout_steps import with_rollout
from bot.signatures.verifier import SignatureVerifier
from bot.store.store import SqlStore, open_store
from commands.deploy import Deploy
from commands.migrate_status import MigrateStatus
from commands.rollback import Rollback
from tests.support.examples import HOST, NAME, NEXT, NOON, OPERATIONS, REQUEST, TARGET, Sight
from tests.support.polling import eventually

APPROVE = frozenset({Emoji.APPROVE})
REJECT = frozenset({Emoji.REJECT})
SECRET = Secret("correct horse")


class Crash(BaseException):
    """The process dies here."""


@dataclass
class HeldClock:
    """A clock that goes only when it is told to."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Hosts:
    """What is outside: a journal by identity, a ledger of starts, and what each step does when it runs.

    Args:
        script: by step key, what happens instead of success.
        at: by step key and host, what happens there instead of success.
        blocked: by step key, an event that a step waits for while it runs.
    """

    journal: dict[tuple[str, str, int, str], Outcome | None] = field(default_factory=dict)
    ledger: list[tuple[str, str, int]] = field(default_factory=list)
    script: dict[str, Outcome] = field(default_factory=dict)
    at: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    blocked: dict[str, asyncio.Event] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    highest: dict[str, int] = field(default_factory=dict)
    says: bytes = b"working\n"
    at_start: Callable[[str], None] = lambda key: None

    async def perform(self, job: Job, output: Output) -> Outcome:
        identity = (job.run, job.step.key, job.attempt, job.place)
        if job.token < self.highest.get(job.run, 0):
            return NotStarted(problem(Reason.OVERTAKEN))
        self.highest[job.run] = job.token
        if identity not in self.journal:
            self.journal[identity] = None
            self.ledger.append((job.step.key, job.place, job.attempt))
            self.at_start(job.step.key)
        return await self.resume(job, output)

    async def perform_stretch(self, jobs: Sequence[Job], output: StretchOutput) -> None:
        """Do the steps as a supervisor does: it may be far ahead of what is heard of it."""
        if jobs[0].token >= self.highest.get(jobs[0].run, 0):
            self.highest[jobs[0].run] = jobs[0].token
            self._run_ahead(jobs)
        for number, job in enumerate(jobs):
            outcome = await self.perform(job, output.of(number))
            await output.ended(number, outcome)
            if not isinstance(outcome, Done):
                return

    def _run_ahead(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            identity = (job.run, job.step.key, job.attempt, job.place)
            if identity in self.journal:
                return
            self.journal[identity] = None
            self.ledger.append((job.step.key, job.place, job.attempt))
            try:
                with bound_contextvars(step=job.step.key):
                    self.at_start(job.step.key)
            finally:
                # the host goes on, whatever becomes of the bot
                if job.step.key not in self.blocked:
                    self.journal[identity] = self.outcome(job)
            if not isinstance(self.journal[identity], Done):
                return

    async def resume(self, job: Job, output: Output) -> Outcome:
        identity = (job.run, job.step.key, job.attempt, job.place)
        if identity not in self.journal:
            return Unknown(problem(Reason.OUTCOME_UNKNOWN))
        await output.begun()
        await output.write(0, self.says)
        gate = self.blocked.get(job.step.key)
        while self.journal[identity] is None:
            if gate is not None and not gate.is_set():
                await asyncio.wait([asyncio.ensure_future(gate.wait())], timeout=0.02)
                continue
            self.journal[identity] = self.outcome(job)
        return self.journal[identity] or Done()

    async def check(self, job: Job) -> Effect:
        return self.effects.get(job.step.key, Effect.CANNOT_TELL)

    async def end(self, job: Job) -> Ending:
        identity = (job.run, job.step.key, job.attempt, job.place)
        self.ended.append(job.step.key)
        if identity not in self.journal:
            self.journal[identity] = NotStarted(problem(Reason.NEVER_STARTED))
        if self.journal[identity] is None:
            self.journal[identity] = Failed(problem(Reason.EXIT_STATUS), 143)
        return Ending.NEVER_RAN if isinstance(self.journal[identity], NotStarted) else Ending.GONE

    def outcome(self, job: Job) -> Outcome:
        """What happens when a step runs."""
        return self.at.get((job.step.key, job.place)) or self.script.get(job.step.key, Done({"backup": "B-1"}))

    def starts(self, key: str) -> int:
        return sum(1 for started, _, _ in self.ledger if started == key)


@dataclass
class People:
    """Who reacted how, and who is known."""

    said: dict[str, frozenset[Emoji]] = field(default_factory=dict)
    away: bool = False
    left: dict[str, Problem] = field(default_factory=dict)
    asked: int = 0
    zones: dict[str, str] = field(default_factory=dict)
    humans: frozenset[str] = frozenset({"U0AMELIE", "U0BOB", "U0EVE"})
    groups: dict[str, frozenset[str]] = field(default_factory=lambda: {"S0RELEASE": frozenset({"U0EVE"})})

    async def reactions(self, run: Run, occasion: Occasion) -> Mapping[str, frozenset[Emoji]]:
        self.asked += 1
        if self.away:
            raise ReactionsUnavailableError
        return dict(self.said)

    async def roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        return Roster({g: self.groups[g] for g in groups if g in self.groups}, self.humans & users)

    async def current_roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        return await self.roster(users, groups)

    async def zone(self, user: str) -> str:
        return self.zones.get(user, "")

    async def closed(self, channel: str) -> Problem | None:
        return self.left.get(channel)


class Everyone:
    """An audience that counts."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def run_changed(self, run: str) -> None:
        self.heard.append(run)


class Faulty:
    """A store whose n-th write is the last thing that the process does.

    Args:
        store: the real one.
        plan: says before and after each write whether the process dies.
    """

    def __init__(self, store: SqlStore, plan: Callable[[str], None]) -> None:
        self._store = store
        self._plan = plan

    def __getattr__(self, name: str) -> Any:
        return FaultyOperations(getattr(self._store, name), self._plan)


class FaultyOperations:
    """The operations on one noun of such a store."""

    WRITES = frozenset({"create", "claim", "release", "admit", "write", "record", "append", "request_cancel"})

    def __init__(self, operations: Any, plan: Callable[[str], None]) -> None:
        self._operations = operations
        self._plan = plan

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._operations, name)
        if name not in self.WRITES:
            return method

        async def guarded(*arguments: Any, **named: Any) -> Any:
            self._plan(f"before {name}")
            answer = await method(*arguments, **named)
            self._plan(f"after {name}")
            return answer

        return guarded


def store_parts(store: Any) -> dict[str, Any]:
    """Give the parts of a store that the engine works with."""
    parts = ("runs", "leases", "overviews", "locks", "cancel_requests", "history")
    return {part: getattr(store, part) for part in parts}


@cache
def _recipe(name: str) -> Recipe:
    return load_recipe(name, Path())


class SmallWorld:
    """Everything the engine needs, and the engine itself, which can be started again."""

    def __init__(self, store: SqlStore, target: Target = TARGET, recipe: str = "laravel") -> None:
        self.store = store
        self.recipe = with_rollout(_recipe(recipe).laid_out(target.layout), target.rollout)
        self.hosts = Hosts()
        self.people = People()
        self.clock = HeldClock()
        self.sight = Sight(*(replace(HOST, host=name) for name in target.hosts))
        self.run_observer = Everyone()
        self.signers = Signers()
        self.target = target
        self.watch_reader: Any = None
        self.engine = self.new_engine()

    def look(self, target: Target) -> Look:
        self.sight.past = self.store.runs.get
        return self.sight

    def prepare(self, target: Target) -> None:
        return None

    async def newest(self, target: Target) -> BranchCommits:
        facts = self.sight.hosts[target.hosts[0]]
        return BranchCommits(target.branch, facts.head, facts.sha or "", facts.commits, fetched=True)

    def new_engine(self, store: Any = None) -> Engine:
        operations = Operations(OPERATIONS.emoji, OPERATIONS.people, OPERATIONS.hosts, {NAME: self.target})
        kinds: tuple[type[Act], ...] = get_args(Act)
        recipes = {NAME: self.recipe}
        planners = {Action.DEPLOY: Deploy(recipes), Action.ROLLBACK: Rollback(recipes)}
        self.engine = Engine(
            EngineContext(
                **store_parts(store or self.store),
                operations=operations,
                recipes={NAME: self.recipe.sha256},
                planner_for=lambda options: planners.get(options.action),
                status=MigrateStatus({NAME: self.recipe}),
                performers=dict.fromkeys(kinds, self.hosts),
                target_reader=self,
                branches=self,
                reaction_reader=self.people,
                directory=self.people,
                channels=self.people,
                run_observer=self.run_observer,
                clock=self.clock,
                masker=Masker((SECRET,)),
                owner="bot",
                signature_verifier=SignatureVerifier(self.signers),
                watch_reader=self.watch_reader,
            )
        )
        return self.engine

    async def submit(self, event: str = "Ev1", user: str = "U0AMELIE", **changes: Any) -> str:
        request: Request = replace(REQUEST, origin=replace(REQUEST.origin, event=event, user=user), **changes)
        return (await self.engine.submit(request)).id

    async def run(self, run: str) -> Run:
        found = await self.store.runs.get(run)
        assert found is not None
        return found

    async def until(self, run: str, *states: RunState) -> Run:
        async def there() -> Run | None:
            self.engine.wake(run)
            found = await self.run(run)
            return found if found.state in states else None

        return await eventually(there, 30)

    async def events(self, run: str) -> list[str]:
        return [record.entry.event for record in await self.store.history.of_run(run)]

    def deployed(self) -> None:
        """What the world looks like when the deploy is through."""
        self.sight.moves("web1", head=NEXT, changed=(), commits=(), commit_count=0)


@asynccontextmanager
async def small_world(folder: Path, target: Target = TARGET, recipe: str = "laravel") -> AsyncIterator[SmallWorld]:
    """Give a world whose engine lives once."""
    async with open_store(store_url(folder)) as store:
        world = SmallWorld(store, target, recipe)
        try:
            yield world
        finally:
            await world.engine.drain()


def store_url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/store.db"
