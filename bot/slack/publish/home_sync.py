"""Keeps the App Homes of those who opened theirs in agreement with the state of the targets."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.background import RepeatedWork, TaskSet
from bot.domain.targets.dashboard import Dashboard, HomeView, Viewer
from bot.slack.context import SlackContext
from bot.slack.render.cards.status.home_card import MAX_DETAILED, home_card
from bot.slack.render.cards.status.home_filter import matches, read_filter
from bot.slack.render.cards.status.target_lines import dashboard_entries
from bot.slack.render.links import thread_link
from bot.slack.render.message import Block
from bot.slack.transport.call_budget import Importance
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.turns import ANSWER, Urgency

_log = logging.getLogger(__name__)

MIN_PUBLISH_SECONDS = 3.0
"""Least time between two updates of one person's Home, however much changes."""

BEAT_SECONDS = 15.0
"""Interval at which elapsed times are updated while nothing else changes."""

_POLL_SECONDS = 5.0
"""Interval at which the store is read: only there are changes by other processes noticed."""

_MAX_AGE = timedelta(days=30)
"""A Home that was not opened for longer is not kept up to date; it is published again when it is opened."""

_ACTIVE = timedelta(minutes=15)
"""Who opened theirs within this span probably still looks at it: elapsed times are updated there."""

_MAX_UNOPENED = 50
"""Maximum people who never opened theirs and for whom it is published, as a run waits for them."""

_FIXED_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Homes rendered at this time differ only where something happened, not by elapsed times."""

_CHANGE, _CLOCK = Urgency(Importance.STATE), Urgency(Importance.CLOCK)

_FRESH = timedelta(minutes=1)
_FRESH_ENOUGH = timedelta(minutes=10)
_JUST_NOW = timedelta(seconds=5)


class HomeSync:
    """Publishes App Homes: at once when one is opened, and when something changes.

    Implements `bot.engine.ports.RunObserver`. Without the leadership a Home is published only where it is opened.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._clock = context.clock
        self._status = context.engine.status_service
        self._store = context.homes
        self._seen: Dashboard | None = None
        self._shown: dict[str, str] = {}
        self._published_at: dict[str, float] = {}
        self._updates = RepeatedWork(
            "homes",
            self._update_all,
            interval=_POLL_SECONDS,
            failed=self._not_updated,
            at_least=MIN_PUBLISH_SECONDS,
        )
        self._looks = TaskSet()

    def start(self) -> None:
        """Begin to keep them up to date."""
        self._updates.start()

    def run_changed(self, run: str) -> None:
        """Update the Homes soon; returns at once."""
        del run  # every Home may show it
        self._updates.wake()

    async def show_opened(self, user: str) -> None:
        """Publish the Home of somebody who just opened it, and look at the targets that it shows.

        Args:
            user: Slack's ID.

        Raises:
            SlackRefusedError, SlackBusyError, SlackUncertainError: not published.
        """
        viewer = await self._viewer(user)
        await self._open(replace(viewer, opened_at=self._clock.now()), _FRESH, _FRESH_ENOUGH)

    async def show_chosen(self, user: str, chosen: str) -> None:
        """Remember what somebody chose to see, and publish their Home.

        Args:
            user: Slack's ID.
            chosen: the value of the menu's option.

        Raises:
            SlackRefusedError, SlackBusyError, SlackUncertainError: not published.
        """
        await self._open(Viewer(user, chosen, self._clock.now()), _FRESH, _FRESH_ENOUGH)

    async def refresh(self, user: str) -> None:
        """Publish somebody's Home, and look again at the targets that it shows.

        Raises:
            SlackRefusedError, SlackBusyError, SlackUncertainError: not published.
        """
        viewer = await self._viewer(user)
        await self._open(replace(viewer, opened_at=self._clock.now()), _JUST_NOW, _JUST_NOW)

    async def aclose(self) -> None:
        """End every task."""
        await self._updates.aclose()
        await self._looks.aclose()

    async def _viewer(self, user: str) -> Viewer:
        known = await self._store.opened_since(self._clock.now() - _MAX_AGE)
        return next((viewer for viewer in known if viewer.user == user), Viewer(user, "", self._clock.now()))

    async def _open(self, viewer: Viewer, first: timedelta, rest: timedelta) -> None:
        """Publish somebody's Home, then look at its targets.

        Args:
            viewer: whose Home it is.
            first: the targets at the top are looked at again where what is known is older than this.
            rest: the same for the other targets.
        """
        await self._store.save(viewer)
        self._shown.pop(viewer.user, None)
        home_view = await self._status.home_view(await self._status.dashboard(), viewer)
        await self._publish(home_view, ANSWER)
        self._looks.start(self._look(home_view, first, rest), "home-look")

    async def _look(self, home_view: HomeView, first: timedelta, rest: timedelta) -> None:
        names = tuple(overview.target for overview in home_view.dashboard.overviews)
        chosen = read_filter(home_view.chosen, names)
        in_front = [migration_report.overview.target for migration_report in dashboard_entries(home_view.dashboard)]
        in_front = [name for name in in_front if matches(name, chosen)][:MAX_DETAILED]
        try:
            await self._status.refresh(tuple(in_front), first)
            self._updates.wake()
            await self._status.refresh(names, rest)
        except Exception:
            _log.exception("cannot look at targets")
        self._updates.wake()

    def _not_updated(self, error: Exception, failures: int) -> float:
        self._seen = None
        if isinstance(error, SlackBusyError):
            return error.seconds + MIN_PUBLISH_SECONDS
        _log.error("an App Home could not be updated", exc_info=error, extra={"times": failures})
        return MIN_PUBLISH_SECONDS

    async def _update_all(self) -> None:
        """Publish each Home that has changed, the last opened first, and elapsed times where somebody looks at them."""
        if not self._context.leadership.held:
            self._seen = None
            return
        now = self._clock.now()
        dashboard = await self._status.dashboard()
        changed, self._seen = dashboard != self._seen, dashboard
        for viewer in await self._viewers(dashboard, now):
            is_active = now - viewer.opened_at < _ACTIVE
            if not changed and viewer.user in self._shown and not is_active:
                continue
            published_at = self._published_at.get(viewer.user, -BEAT_SECONDS)
            if time.monotonic() - published_at < MIN_PUBLISH_SECONDS:
                self._updates.wake()
                self._seen = None
                continue
            home_view = await self._status.home_view(dashboard, viewer)
            shows_elapsed = is_active and bool(home_view.going or home_view.needed or home_view.dashboard.outages)
            is_beat = shows_elapsed and time.monotonic() - published_at >= BEAT_SECONDS
            if not is_beat and self._shown.get(viewer.user) == _signature(await self._view(home_view, _FIXED_TIME)):
                continue
            try:
                await self._publish(home_view, _CLOCK if is_beat else _CHANGE)
            except SlackRefusedError as refused:
                _log.warning("an App Home is not published: %s", refused)
            except SlackUncertainError as error:
                _log.warning("an App Home is perhaps not published: %s", error)
                self._seen = None

    async def _viewers(self, dashboard: Dashboard, now: datetime) -> tuple[Viewer, ...]:
        """Return those who opened theirs, and those for whom a run waits, who then find it there."""
        known = await self._store.opened_since(now - _MAX_AGE)
        missing = await self._status.waited_for(dashboard) - {viewer.user for viewer in known}
        unopened = tuple(Viewer(user, "", now - _ACTIVE) for user in sorted(missing)[:_MAX_UNOPENED])
        for viewer in unopened:
            # Remembered, so that the run is removed from their Home again, by whichever process.
            await self._store.save(viewer)
        return (*known, *unopened)

    async def _publish(self, home_view: HomeView, urgency: Urgency) -> None:
        signature = _signature(await self._view(home_view, _FIXED_TIME))
        view = await self._view(home_view, self._clock.now())
        self._published_at[home_view.user] = time.monotonic()
        try:
            await self._context.gateway.publish_home(home_view.user, view, urgency)
        except (SlackBusyError, SlackUncertainError):
            raise
        except SlackRefusedError:
            # Slack would refuse the same view again.
            self._shown[home_view.user] = signature
            raise
        self._shown[home_view.user] = signature

    async def _view(self, home_view: HomeView, now: datetime) -> Block:
        ctx = await self._context.render_context_for(home_view.user)
        runs = frozenset(run.id for run in (*home_view.needed, *home_view.going, *home_view.recent))
        base = self._context.workspace_url
        cards = await self._context.messages.cards(runs) if base else {}
        links = {run: thread_link(base, card) for run, card in cards.items()}
        return home_card(home_view, links, replace(ctx, now=now))


def _signature(view: Block) -> str:
    return hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()
