"""What a Web API method is: its name, scopes, tier, token and handler; and the call that a handler gets."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bot.playground.errors import SlackError
from bot.playground.events.events import Events
from bot.playground.events.sockets import Sockets
from bot.playground.rate_limits import Tier
from bot.playground.workspace.messages import Conversation
from bot.playground.workspace.state import State


class TokenType(Enum):
    """Which token a method wants."""

    NONE = "none"
    BOT = "bot"
    APP = "app"


@dataclass(frozen=True)
class MethodCall:
    """A call that was authenticated, with the means to carry it out."""

    state: State
    events: Events
    sockets: Sockets
    arguments: Mapping[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        """Give an argument as a text.

        Raises:
            SlackError: invalid_arguments, if it is missing and has no default.
        """
        value = self.arguments.get(name, default)
        if value is None or (value == "" and default is None):
            raise missing(name)
        return value if isinstance(value, str) else json.dumps(value)

    def flag(self, name: str) -> bool:
        """Give an argument as true or false; missing is false."""
        return str(self.arguments.get(name, "")).lower() in ("true", "1")

    def number(self, name: str, default: int, most: int) -> int:
        """Give an argument as a number, at most `most`.

        Raises:
            SlackError: invalid_arguments, if it is no positive number.
        """
        try:
            value = int(self.arguments.get(name) or default)
        except (TypeError, ValueError):
            value = 0
        if value < 1:
            raise SlackError("invalid_arguments", messages=[f"must be a number [json-pointer:/{name}]"])
        return min(value, most)

    def json(self, name: str, error: str) -> Any:
        """Give an argument that is JSON, or the text of JSON; None if it is missing or empty.

        Raises:
            SlackError: `error`, if it is no JSON.
        """
        value = self.arguments.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(error) from None

    @property
    def bot_user(self) -> str:
        """The user ID of the calling app."""
        return self.state.workspace.app.bot_user_id

    def page(self, items: list[Any], default: int = 100) -> tuple[list[Any], dict[str, Any]]:
        """Cut the page that `cursor` and `limit` ask for, and give its `response_metadata`.

        Raises:
            SlackError: invalid_cursor.
        """
        limit = self.number("limit", default, 1000)
        start = _decode_cursor(str(self.arguments.get("cursor") or ""))
        end = start + limit
        following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
        return items[start:end], {"next_cursor": following}


def _decode_cursor(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        kind, number = base64.b64decode(cursor.encode(), validate=True).decode().split(":")
        if kind != "next":
            raise SlackError("invalid_cursor")
        return int(number)
    except ValueError:
        raise SlackError("invalid_cursor") from None


def missing(name: str) -> SlackError:
    """Give the error for an argument that is not there."""
    return SlackError("invalid_arguments", messages=[f"missing required field: {name} [json-pointer:/]"])


Handler = Callable[[MethodCall], dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """A Web API method. One of `scopes` is enough; none means that no scope is needed."""

    name: str
    handler: Handler
    scopes: tuple[str, ...]
    tier: Tier
    token: TokenType


METHODS: dict[str, Method] = {}


def method(
    name: str, *scopes: str, tier: Tier = Tier.THREE, token: TokenType = TokenType.BOT
) -> Callable[[Handler], Handler]:
    """Register a handler as a Web API method.

    Args:
        name: such as `chat.postMessage`.
        scopes: any of which is needed.
        tier: of Slack's rate limits.
        token: which kind of token it wants.
    """

    def register(handler: Handler) -> Handler:
        METHODS[name] = Method(name, handler, scopes, tier, token)
        return handler

    return register


def member_of(call: MethodCall, channel: str) -> Conversation:
    """Find a conversation that the app is in.

    Raises:
        SlackError: channel_not_found or not_in_channel.
    """
    conversation = call.state.conversation(channel)
    if call.bot_user not in conversation.members:
        raise SlackError("channel_not_found" if conversation.is_private else "not_in_channel")
    return conversation
