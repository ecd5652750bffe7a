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
from bot.domain.targets.dashboard import Cockpit, Picture, Viewer
from bot.engine.ports import Clock
from bot.engine.stores import HomeStore, MessageStore
from bot.slack.ports import Duty, Front
from bot.slack.render.cards.status.home_card import FEW, home_view
from bot.slack.render.cards.status.home_filter import chosen_of, matches
from bot.slack.render.cards.status.target_lines import standings
from bot.slack.render.context import Scene
from bot.slack.render.links import thread_link
from bot.slack.render.message import Block
from bot.slack.render.text import Sentences
from bot.slack.transport.gateway import Gateway, SlackBusy, SlackRefused, SlackUncertain
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

_MOST_ASKED = 50
_STILL = datetime(2000, 1, 1, tzinfo=UTC)
"""A Home that is rendered at this instant differs from another only where something happened, not by the time."""

_FRESH = timedelta(minutes=1)
_FRESH_ENOUGH = timedelta(minutes=10)
_JUST_NOW = timedelta(seconds=5)


class Homes:
    """Publishes App Homes: at once when one is opened, and when something changes. Implements `Audience`.

    Args:
        gateway: to Slack.
        store: who opened theirs, and what they chose.
        messages: where the cards of runs are.
        workspace: gives the workspace's own URL; empty while it is not known.
        sentences: of the language that is spoken.
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
        sentences: Sentences,
        masker: Masker,
        clock: Clock,
        duty: Duty,
    ) -> None:
        self._duty = duty
        self._gateway = gateway
        self._store = store
        self._messages = messages
        self._workspace = workspace
        self._sentences = sentences
        self._masker = masker
        self._clock = clock
        self._front: Front | None = None
        self._wake = asyncio.Event()
        self._seen: Picture | None = None
        self._shown: dict[str, str] = {}
        self._told_at: dict[str, float] = {}
        self._pace = Pace(rate=1.5, burst=20)
        self._keeper: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()

    def start(self, front: Front) -> None:
        """Begin.

        Args:
            front: where things are read.
        """
        self._front = front
        self._keeper = asyncio.create_task(self._keep(front), name="homes")

    def changed(self, run: str) -> None:
        """Take note that something changed; returns at once."""
        del run  # every Home may show it
        self._wake.set()

    async def opened(self, user: str) -> None:
        """Show somebody theirs, who just opened it, and look at what it shows.

        Args:
            user: Slack's ID.

        Raises:
            SlackRefused, SlackBusy, SlackUncertain: it is not shown.
        """
        viewer = await self._viewer(user)
        await self._open(replace(viewer, opened_at=self._clock.now()), _FRESH, _FRESH_ENOUGH)

    async def chose(self, user: str, chosen: str) -> None:
        """Remember what somebody chose to see, and show it.

        Args:
            user: Slack's ID.
            chosen: the value of the menu's option.

        Raises:
            SlackRefused, SlackBusy, SlackUncertain: it is not shown.
        """
        await self._open(Viewer(user, chosen, self._clock.now()), _FRESH, _FRESH_ENOUGH)

    async def asked_again(self, user: str) -> None:
        """Look again at what somebody's shows, and show it.

        Raises:
            SlackRefused, SlackBusy, SlackUncertain: it is not shown.
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
        if self._front is None:
            return
        await self._store.saw_home(viewer)
        self._shown.pop(viewer.user, None)
        cockpit = await self._front.lookout.cockpit(await self._front.lookout.picture(), viewer)
        await self._publish(cockpit)
        task = asyncio.create_task(self._look(self._front, cockpit, first, rest), name="look for a Home")
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def _look(self, front: Front, cockpit: Cockpit, first: timedelta, rest: timedelta) -> None:
        names = tuple(overview.target for overview in cockpit.picture.overviews)
        chosen = chosen_of(cockpit.chosen, names)
        in_front = [standing.overview.target for standing in standings(cockpit.picture)]
        in_front = [name for name in in_front if matches(name, chosen)][:FEW]
        try:
            await front.lookout.refresh(tuple(in_front), first)
            self._wake.set()
            await front.lookout.refresh(names, rest)
        except Exception:
            _log.exception("cannot look at targets")
        self._wake.set()

    async def _keep(self, front: Front) -> None:
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
                await self._tell_all(front)
            except SlackBusy as busy:
                self._seen = None
                await asyncio.sleep(busy.seconds)
                self._wake.set()
            except Exception:
                self._seen = None
                _log.exception("an App Home could not be told")
            await asyncio.sleep(LEAST_SECONDS)

    async def _tell_all(self, front: Front) -> None:
        """Tell each whose Home says something else now, first who opened it last; and times to who looks at it."""
        now = self._clock.now()
        picture = await front.lookout.picture()
        changed, self._seen = picture != self._seen, picture
        for viewer in await self._viewers(front, picture, now):
            at_it = now - viewer.opened_at < _AT_IT
            if not changed and viewer.user in self._shown and not at_it:
                continue
            told_at = self._told_at.get(viewer.user, -BEAT_SECONDS)
            if time.monotonic() - told_at < LEAST_SECONDS:
                self._wake.set()
                self._seen = None
                continue
            cockpit = await front.lookout.cockpit(picture, viewer)
            time_goes_on = at_it and bool(cockpit.going or cockpit.needed)
            is_beat = time_goes_on and time.monotonic() - told_at >= BEAT_SECONDS
            if not is_beat and self._shown.get(viewer.user) == _signature(await self._view(cockpit, _STILL)):
                continue
            try:
                await self._publish(cockpit)
            except SlackRefused as refused:
                _log.warning("an App Home is not told: %s", refused)
            except SlackUncertain as error:
                _log.warning("an App Home is perhaps not told: %s", error)
                self._seen = None

    async def _viewers(self, front: Front, picture: Picture, now: datetime) -> tuple[Viewer, ...]:
        """Give who opened theirs, and those for whom something waits: it stands there when they open it."""
        known = await self._store.viewers(now - _REMEMBERED)
        missing = await front.lookout.waited_for(picture) - {viewer.user for viewer in known}
        asked = tuple(Viewer(user, "", now - _AT_IT) for user in sorted(missing)[:_MOST_ASKED])
        for viewer in asked:
            # Remembered, so that what stood there is taken off again, whoever does that.
            await self._store.saw_home(viewer)
        return (*known, *asked)

    async def _publish(self, cockpit: Cockpit) -> None:
        signature = _signature(await self._view(cockpit, _STILL))
        view = await self._view(cockpit, self._clock.now())
        await self._pace.turn()
        self._told_at[cockpit.user] = time.monotonic()
        try:
            await self._gateway.publish_home(cockpit.user, view)
        except (SlackBusy, SlackUncertain):
            raise
        except SlackRefused:
            # Asked again with the same, Slack would say the same.
            self._shown[cockpit.user] = signature
            raise
        self._shown[cockpit.user] = signature

    async def _view(self, cockpit: Cockpit, now: datetime) -> Block:
        front = self._front
        if front is None:
            raise RuntimeError("not started")
        runs = frozenset(run.id for run in (*cockpit.needed, *cockpit.going, *cockpit.recent))
        base = self._workspace()
        cards = await self._messages.cards(runs) if base else {}
        links = {run: thread_link(base, card) for run, card in cards.items()}
        scene = Scene(self._sentences, self._masker, front.operations.emoji, now)
        return home_view(cockpit, links, scene)


def _signature(view: Block) -> str:
    return hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()
