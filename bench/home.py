"""Showing how things stand: the App Home and `/ops status`, with ten runs in the store and with ten thousand."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from sqlalchemy import Connection, create_engine, insert

from bench.report import Report, Samples, ratio
from bench.size import Size
from bot.domain.names import TargetName
from bot.domain.policies.people import ANYONE, Roster
from bot.domain.policies.policy import Policy
from bot.domain.runs.request import Action
from bot.domain.runs.request_json import request_to_json
from bot.domain.secrets import Masker
from bot.domain.targets.dashboard import Viewer
from bot.domain.targets.target import EmojiNames, Operations, Target
from bot.engine.context import EngineContext
from bot.engine.queries.locks import LockService
from bot.engine.queries.target_status import StatusService
from bot.slack.render.builtin_catalog import ENGLISH
from bot.slack.render.cards.status.home_card import home_card
from bot.slack.render.cards.status.ops_card import ops_card
from bot.slack.render.context import RenderContext
from bot.slack.render.text import Translator
from bot.store.rows import gate_text, json_text, plan_text, step_values
from bot.store.schema import runs, steps
from bot.store.sql.timestamps import to_micros
from bot.store.store import SqlStore, SystemClock, open_store
from tests.slack.support.runs import AT, RUNS

FEW = 10
MANY = {Size.FULL: 10_000, Size.SHORT: 10_000, Size.TINY: 20}
PAIRS = {Size.FULL: 60, Size.SHORT: 15, Size.TINY: 2}
MAX_TIMES = 1.5
TARGETS = tuple(TargetName(f"app{number}", "production") for number in range(10))
_VIEWER = "U0AMELIE"
_MAX_CONCURRENT = 200


async def measure(size: Size) -> Report:
    """Build what each shows, from the store to the blocks, in turns."""
    many, pairs = MANY[size], PAIRS[size]
    with tempfile.TemporaryDirectory(prefix="cs-home-") as folder:
        async with AsyncExitStack() as stack:
            stores = {}
            for count in (FEW, many):
                url = f"sqlite+aiosqlite:///{folder}/{count}.db"
                async with open_store(url):
                    pass
                await asyncio.to_thread(_fill, Path(folder) / f"{count}.db", count)
                stores[count] = await stack.enter_async_context(open_store(url))
            shown = {"App Home": _home, "/ops status": _status}
            took = {name: await _in_turns(stores, show, pairs) for name, show in shown.items()}
    seen = [
        Samples(f"{name}, {count} runs", values, "ms")
        for name, seconds in took.items()
        for count, values in seconds.items()
    ]
    judged = [ratio(f"{name}: {many} to {FEW} runs", s[many], s[FEW], MAX_TIMES) for name, s in took.items()]
    return Report(f"How things stand, {len(TARGETS)} targets, {pairs} pairs in turns", [*seen, *judged])


Show = Callable[[StatusService, RenderContext], Awaitable[None]]


async def _in_turns(stores: dict[int, SqlStore], show: Show, pairs: int) -> dict[int, list[float]]:
    """Time it on each store, one after the other; the first pair warms up and does not count."""
    took: dict[int, list[float]] = {count: [] for count in stores}
    ctx = RenderContext(Translator(ENGLISH), Masker(()), EmojiNames(), SystemClock().now())
    for _ in range(pairs + 1):
        for count, store in stores.items():
            status_service = _lookout(store)
            began = time.perf_counter()
            await show(status_service, ctx)
            took[count].append((time.perf_counter() - began) * 1000)
    return {count: values[1:] for count, values in took.items()}


async def _home(status_service: StatusService, ctx: RenderContext) -> None:
    home_card(await status_service.home_view(await status_service.dashboard(), Viewer(_VIEWER, "", ctx.now)), {}, ctx)


async def _status(status_service: StatusService, ctx: RenderContext) -> None:
    ops_card(await status_service.dashboard(), ctx)


class _Everybody:
    """A directory in which everybody is a person of the workspace."""

    async def roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        """Give them."""
        return Roster(dict.fromkeys(groups, users), users)


def _lookout(store: SqlStore) -> StatusService:
    policy = Policy("relaxed", run=dict.fromkeys(Action, ANYONE))
    targets = {name: Target(name, "shell", ("C0OPS",), policy, ("web1",), "/srv", "main") for name in TARGETS}
    operations = Operations(EmojiNames(), {}, {}, targets)
    # The ports that are asked, and no others: a look at a host is no part of this.
    parts = {"runs": store.runs, "overviews": store.overviews, "locks": store.locks}
    ports = SimpleNamespace(**parts, operations=operations, directory=_Everybody(), clock=SystemClock())
    world = cast("EngineContext", ports)
    return StatusService(world, LockService(world))


def _fill(file: Path, count: int) -> None:
    """Write runs of the past, each a deploy with its plan and nine steps, spread over the targets."""
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        for first in range(0, count, _MAX_CONCURRENT):
            _write(connection, range(first, min(first + _MAX_CONCURRENT, count)))
    engine.dispose()


def _write(connection: Connection, numbers: range) -> None:
    past = RUNS["succeeded"]
    plan = past.plan
    gate = past.gate
    if plan is None or gate is None:
        raise ValueError("a deploy that succeeded has a plan and a gate")
    run_rows, step_rows = [], []
    for number in numbers:
        name = TARGETS[number % len(TARGETS)]
        run, at = f"R-{number:06}", AT + timedelta(minutes=number)
        request = replace(past.request, target=name, origin=replace(past.request.origin, event=run))
        ended = to_micros(at + timedelta(seconds=48))
        target = {"app": name.app, "environment": name.environment}
        run_rows.append(
            {
                **target,
                "id": run,
                "event": run,
                "action": request.action.value,
                "request": json_text(request_to_json(request)),
                "state": past.state.value,
                "plan": plan_text(plan),
                "gate": gate_text(gate),
                "facts": "{}",
                "created_at": to_micros(at),
                "change_started_at": to_micros(at),
                "ended_at": ended,
                "revision": 9,
                "published_revision": 9,
            }
        )
        step_rows += [
            {
                **target,
                **step_values(replace(row, started_at=at, ended_at=at + timedelta(seconds=2))),
                "run": run,
                "step": row.key,
                "place": row.place,
                "attempt": 1,
            }
            for row in past.steps
        ]
    connection.execute(insert(runs), run_rows)
    connection.execute(insert(steps), step_rows)
