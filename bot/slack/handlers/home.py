"""The App Home: opened, filtered, refreshed. The buttons of its targets are in `bot.slack.handlers.home_buttons`."""

from __future__ import annotations

from bot.slack.publish.home_sync import HomeSync
from bot.slack.render.cards.status.home_card import FILTER, REFRESH
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.inbox import ReceivedEvent


class HomeHandler:
    """Publishes App Homes when people ask for it.

    Args:
        home_sync: publishes them.
    """

    def __init__(self, home_sync: HomeSync) -> None:
        self._home_sync = home_sync

    async def opened(self, received: ReceivedEvent) -> None:
        """Publish the Home of the person who opened it."""
        event = received.payload["event"]
        if event.get("tab", "home") != "home":
            return
        try:
            await self._home_sync.show_opened(str(event["user"]))
        except (SlackRefusedError, SlackBusyError, SlackUncertainError):
            return  # published again when something changes or it is opened again

    async def pressed(self, received: ReceivedEvent) -> None:
        """Handle the filter and the refresh button; other events are left alone."""
        pressed = (received.payload.get("actions") or [{}])[0]
        user = str(received.payload["user"]["id"])
        try:
            match pressed.get("action_id"):
                case action if action == FILTER:
                    chosen = (pressed.get("selected_option") or {}).get("value") or ""
                    await self._home_sync.show_chosen(user, str(chosen))
                case action if action == REFRESH:
                    await self._home_sync.refresh(user)
        except (SlackRefusedError, SlackBusyError, SlackUncertainError):
            return
