"""IDs that expire: trigger IDs, which open one view, and response URLs."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from bot.playground.errors import SlackError

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5


@dataclass
class Trigger:
    """What a person's click or command allows: to open one view for that person."""

    user: str
    until: float
    used: bool = False
    view_id: str | None = None


class Triggers:
    """The trigger IDs that were handed out."""

    def __init__(self) -> None:
        """Start with none."""
        self._triggers: dict[str, Trigger] = {}
        self.seconds = TRIGGER_SECONDS

    def hand_out(self, user: str, view_id: str | None = None) -> str:
        """Make a trigger ID for a person, who may be looking at a view."""
        name = f"{secrets.randbelow(10**10)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._triggers[name] = Trigger(user, time.monotonic() + self.seconds, view_id=view_id)
        return name

    def redeem(self, name: str) -> Trigger:
        """Use a trigger ID up.

        Raises:
            SlackError: invalid_trigger_id, exchanged_trigger_id or expired_trigger_id.
        """
        trigger = self._triggers.get(name)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() > trigger.until:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger


@dataclass
class ResponseUrl:
    """Where an app may answer a command or a click, `RESPONSE_USES` times within `RESPONSE_SECONDS`."""

    channel: str
    user: str
    until: float
    message_ts: str | None = None
    thread_ts: str | None = None
    ephemeral: bool = False
    uses: int = 0


class ResponseUrls:
    """The response URLs that were handed out, by the last part of their path."""

    def __init__(self) -> None:
        """Start with none."""
        self._urls: dict[str, ResponseUrl] = {}

    def hand_out(self, url: ResponseUrl) -> str:
        """Keep a response URL, and give the last part of its path."""
        name = secrets.token_urlsafe(18)
        self._urls[name] = url
        return name

    def redeem(self, name: str) -> ResponseUrl:
        """Use a response URL once.

        Raises:
            SlackError: invalid_url, expired_url or used_url, with HTTP status 404.
        """
        url = self._urls.get(name)
        if url is None:
            raise SlackError("invalid_url", status=404)
        if time.monotonic() > url.until:
            raise SlackError("expired_url", status=404)
        if url.uses >= RESPONSE_USES:
            raise SlackError("used_url", status=404)
        url.uses += 1
        return url
