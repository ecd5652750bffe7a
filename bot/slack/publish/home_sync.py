"""Keeps the App Homes of those who opened theirs in agreement with how things stand."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.secrets import Masker
from bot.domain.targets.dashboard import Dashboard, HomeView, Viewer
from bot.engine.ports import Clock
from bot.engine.stores import HomeStore, MessageStore
from bot.slack.ports import EngineApi, Leadership
from bot.slack.render.cards.status.home_card import FEW, home_card
from bot.slack.render.cards.status.home_filter import chosen_of, matches
from bot.slack.render.cards.status.target_lines import target_lines
from bot.slack.render.context import RenderContext
from bot.slack.render.links import thread_link
from bot.slack.render.message import Block
from bot.slack.render.text import Translator
from bot.slack.transport.gateway import Gateway, SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.rate_limit import Pace

_log = logging.getLogger(__name__)

LEAST_SECONDS = 3.0
"""The least time between two tellings of one person's Home, however much changes."""

BEAT_SECONDS = 15.0
"""How often elapsed times are shown anew while nothing else changes."""

_POLL_SECONDS = 5.0
"""How often it is seen whether another process changed something."""

_REMEMBERED = timedelta(days=30)
"""Who did not open it for so long is told again when they do."""

_AT_IT = timedelta(minutes=15)
"""Who opened it within this span is taken to look at it: times go on there, and targets are looked at."""

_MAX_ASKED = 50
_STILL = datetime(2000, 1, 1, tzinfo=UTC)
"""A Home that is rendered at this instant differs from another only where something happened, not by the time."""

_FRESH = timedelta(minutes=1)
_FRESH_ENOUGH = timedelta(minutes=10)
_JUST_NOW = timedelta(seconds=5)


class HomeSync:
    """Publishes App Homes: at once when one is opened, and when something changes. Implements `Audience`.

    Args:
        gateway: to Slack.
        store: who opened theirs, and what they chose.
        messages: where the cards of runs are.
        workspace: gives the workspace's own URL; empty while it is not known.
        translator: of the language that is spoken.
        masker: of everything that leaves the program.
        clock: the time.
        duty: of telling Slack; without it a Home is published where it is opened, and no more.
    """

    def __init__(
        self,
        gateway: Gateway,
        store: HomeStore,
        messages: MessageStore,
        workspace: Callable[[], str],
        translator: Translator,
        masker: Masker,
        clock: Clock,
        duty: Leadership,
    ) -> None:
        self._duty = duty
        self._gateway = gateway
        self._store = store
        self._messages = messages
        self._workspace = workspace
        self._translator = translator
        self._masker = masker
        self._clock = clock
        self._engine: EngineApi | None = None
        self._wake = asyncio.Event()
        self._seen: Dashboard | None = None
        self._shown: dict[str, str] = {}
        self._told_at: dict[str, float] = {}
        self._pace = Pace(rate=1.5, burst=20)
        self._keeper: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()

    def start(self, engine: EngineApi) -> None:
        """Begin.

        Args:
            engine: where things are read.
        """
        self._engine = engine
        self._keeper = asyncio.create_task(self._keep(engine), name="homes")

    def run_changed(self, run: str) -> None:
        """Take note that something changed; returns at once."""
        del run  # every Home may show it
        self._wake.set()

    async def opened(self, user: str) -> None:
        """Show somebody theirs, who just opened it, and look at what it shows.

        Args:
            user: Slack's ID.

        Raises:
            SlackRefusedError, SlackBusyError, SlackUncertainError: it is not shown.
        """
        viewer = await self._viewer(user)
        await self._open(replace(viewer, opened_at=self._clock.now()), _FRESH, _FRESH_ENOUGH)

    async def chose(self, user: str, chosen: str) -> None:
        """Remember what somebody chose to see, and show it.

        Args:
            user: Slack's ID.
            chosen: the value of the menu's option.

        Raises:
            SlackRefusedError, SlackBusyError, SlackUncertainError: it is not shown.
        """
        await self._open(Viewer(user, chosen, self._clock.now()), _FRESH, _FRESH_ENOUGH)

    async def asked_again(self, user: str) -> None:
        """Look again at what somebody's shows, and show it.

        Raises:
            SlackRefusedError, SlackBusyError, SlackUncertainError: it is not shown.
        """
        viewer = await self._viewer(user)
        await self._open(replace(viewer, opened_at=self._clock.now()), _JUST_NOW, _JUST_NOW)

    async def aclose(self) -> None:
        """End every task."""
        tasks = [*([self._keeper] if self._keeper else []), *self._looks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _viewer(self, user: str) -> Viewer:
        known = await self._store.viewers(self._clock.now() - _REMEMBERED)
        return next((viewer for viewer in known if viewer.user == user), Viewer(user, "", self._clock.now()))

    async def _open(self, viewer: Viewer, first: timedelta, rest: timedelta) -> None:
        """Show somebody theirs, and look at targets: at those in front of them, and at the rest, if older than that."""
        if self._engine is None:
            return
        await self._store.saw_home(viewer)
        self._shown.pop(viewer.user, None)
        home_view = await self._engine.status_service.home_view(await self._engine.status_service.dashboard(), viewer)
        await self._publish(home_view)
        task = asyncio.create_task(self._look(self._engine, home_view, first, rest), name="look for a Home")
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def _look(self, engine: EngineApi, home_view: HomeView, first: timedelta, rest: timedelta) -> None:
        names = tuple(overview.target for overview in home_view.dashboard.overviews)
        chosen = chosen_of(home_view.chosen, names)
        in_front = [migration_report.overview.target for migration_report in target_lines(home_view.dashboard)]
        in_front = [name for name in in_front if matches(name, chosen)][:FEW]
        try:
            await engine.status_service.refresh(tuple(in_front), first)
            self._wake.set()
            await engine.status_service.refresh(names, rest)
        except Exception:
            _log.exception("cannot look at targets")
        self._wake.set()

    async def _keep(self, engine: EngineApi) -> None:
        while True:
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if not self._duty.held:
                self._seen = None
                continue
            try:
                await self._tell_all(engine)
            except SlackBusyError as busy:
                self._seen = None
                await asyncio.sleep(busy.seconds)
                self._wake.set()
            except Exception:
                self._seen = None
                _log.exception("an App Home could not be told")
            await asyncio.sleep(LEAST_SECONDS)

    async def _tell_all(self, engine: EngineApi) -> None:
        """Tell each whose Home says something else now, first who opened it last; and times to who looks at it."""
        now = self._clock.now()
        dashboard = await engine.status_service.dashboard()
        changed, self._seen = dashboard != self._seen, dashboard
        for viewer in await self._viewers(engine, dashboard, now):
            at_it = now - viewer.opened_at < _AT_IT
            if not changed and viewer.user in self._shown and not at_it:
                continue
            told_at = self._told_at.get(viewer.user, -BEAT_SECONDS)
            if time.monotonic() - told_at < LEAST_SECONDS:
                self._wake.set()
                self._seen = None
                continue
            home_view = await engine.status_service.home_view(dashboard, viewer)
            time_goes_on = at_it and bool(home_view.going or home_view.needed)
            is_beat = time_goes_on and time.monotonic() - told_at >= BEAT_SECONDS
            if not is_beat and self._shown.get(viewer.user) == _signature(await self._view(home_view, _STILL)):
                continue
            try:
                await self._publish(home_view)
            except SlackRefusedError as refused:
                _log.warning("an App Home is not told: %s", refused)
            except SlackUncertainError as error:
                _log.warning("an App Home is perhaps not told: %s", error)
                self._seen = None

    async def _viewers(self, engine: EngineApi, dashboard: Dashboard, now: datetime) -> tuple[Viewer, ...]:
        """Give who opened theirs, and those for whom something waits: it stands there when they open it."""
        known = await self._store.viewers(now - _REMEMBERED)
        missing = await engine.status_service.waited_for(dashboard) - {viewer.user for viewer in known}
        asked = tuple(Viewer(user, "", now - _AT_IT) for user in sorted(missing)[:_MAX_ASKED])
        for viewer in asked:
            # Remembered, so that what stood there is taken off again, whoever does that.
            await self._store.saw_home(viewer)
        return (*known, *asked)

    async def _publish(self, home_view: HomeView) -> None:
        signature = _signature(await self._view(home_view, _STILL))
        view = await self._view(home_view, self._clock.now())
        await self._pace.turn()
        self._told_at[home_view.user] = time.monotonic()
        try:
            await self._gateway.publish_home(home_view.user, view)
        except (SlackBusyError, SlackUncertainError):
            raise
        except SlackRefusedError:
            # Asked again with the same, Slack would say the same.
            self._shown[home_view.user] = signature
            raise
        self._shown[home_view.user] = signature

    async def _view(self, home_view: HomeView, now: datetime) -> Block:
        engine = self._engine
        if engine is None:
            raise RuntimeError("not started")
        runs = frozenset(run.id for run in (*home_view.needed, *home_view.going, *home_view.recent))
        base = self._workspace()
        cards = await self._messages.cards(runs) if base else {}
        links = {run: thread_link(base, card) for run, card in cards.items()}
        ctx = RenderContext(self._translator, self._masker, engine.operations.emoji, now)
        return home_card(home_view, links, ctx)


def _signature(view: Block) -> str:
    return hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()
