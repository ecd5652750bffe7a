"""conversations.*: channels, their members and their messages."""

from __future__ import annotations

from typing import Any

from bot.playground.errors import SlackError
from bot.playground.rate_limits import Tier
from bot.playground.web_api.registry import MethodCall, member_of, method
from bot.playground.workspace.messages import Conversation, PostedMessage

READ = ("channels:read", "groups:read", "im:read", "mpim:read")
HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")


@method("conversations.list", *READ, tier=Tier.TWO)
def list_(call: MethodCall) -> dict[str, Any]:
    """List the channels of the types that are asked for."""
    types = {part.strip() for part in call.text("types", "public_channel").split(",")}
    found = []
    for conversation in call.state.conversations.values():
        kind = "im" if conversation.person else "private_channel" if conversation.is_private else "public_channel"
        hidden = conversation.is_private and call.bot_user not in conversation.members
        if kind in types and not hidden:
            found.append(conversation.to_json(call.bot_user))
    channels, metadata = call.page(found)
    return {"channels": channels, "response_metadata": metadata}


def _visible(call: MethodCall, channel: str) -> Conversation:
    """Find a conversation that the app can see: every public channel, and the others that it is in.

    Raises:
        SlackError: channel_not_found.
    """
    conversation = call.state.conversation(channel)
    if conversation.is_private and call.bot_user not in conversation.members:
        raise SlackError("channel_not_found")
    return conversation


@method("conversations.info", *READ)
def info(call: MethodCall) -> dict[str, Any]:
    """Describe a channel."""
    conversation = _visible(call, call.text("channel"))
    answer = conversation.to_json(call.bot_user)
    if not call.flag("include_num_members"):
        answer.pop("num_members", None)
    return {"channel": answer}


@method("conversations.members", *READ, tier=Tier.FOUR)
def members(call: MethodCall) -> dict[str, Any]:
    """List the members of a channel."""
    found, metadata = call.page(list(_visible(call, call.text("channel")).members))
    return {"members": found, "response_metadata": metadata}


def _between(call: MethodCall, messages: list[PostedMessage]) -> list[PostedMessage]:
    oldest = str(call.arguments.get("oldest") or "0")
    latest = str(call.arguments.get("latest") or "")
    inclusive = call.flag("inclusive")
    try:
        low, high = float(oldest), float(latest) if latest else float("inf")
    except ValueError:
        raise SlackError("invalid_ts_oldest") from None
    return [
        message
        for message in messages
        if low < float(message.ts) < high or (inclusive and message.ts in (oldest, latest))
    ]


@method("conversations.history", *HISTORY)
def history(call: MethodCall) -> dict[str, Any]:
    """List a channel's messages, the latest first; replies only if they were broadcast."""
    conversation = member_of(call, call.text("channel"))
    shown = [message for message in conversation.messages.values() if not message.is_reply or message.broadcast]
    found, metadata = call.page(_between(call, shown)[::-1])
    return {
        "messages": _as_json(call, found),
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": sum(message.pinned for message in shown),
        "response_metadata": metadata,
    }


@method("conversations.replies", *HISTORY)
def replies(call: MethodCall) -> dict[str, Any]:
    """List a thread: its parent, then the replies, the oldest first."""
    conversation = member_of(call, call.text("channel"))
    ts = call.text("ts")
    message = conversation.messages.get(ts)
    if message is None:
        raise SlackError("thread_not_found")
    thread = conversation.thread(message.thread_ts or ts)
    parent, answers = thread[0], _between(call, thread[1:])
    found, metadata = call.page([parent, *answers])
    return {
        "messages": _as_json(call, found),
        "has_more": bool(metadata["next_cursor"]),
        "response_metadata": metadata,
    }


def _as_json(call: MethodCall, messages: list[PostedMessage]) -> list[dict[str, Any]]:
    all_metadata = call.flag("include_all_metadata")
    return [call.state.message_json(message, with_metadata=all_metadata) for message in messages]


@method("conversations.join", "channels:join")
def join(call: MethodCall) -> dict[str, Any]:
    """Let the app join a public channel."""
    conversation = call.state.conversation(call.text("channel"))
    if conversation.person or conversation.is_private:
        raise SlackError("method_not_supported_for_channel_type")
    answer: dict[str, Any] = {}
    if call.bot_user in conversation.members:
        answer["warning"] = "already_in_channel"
    else:
        conversation.members.append(call.bot_user)
        call.state.changes.publish("members", {"channel": conversation.id, "members": conversation.members})
    return {"channel": conversation.to_json(call.bot_user), **answer}


@method("conversations.open", "im:write", "chat:write")
def open_(call: MethodCall) -> dict[str, Any]:
    """Give the direct messages with one person."""
    if call.arguments.get("channel"):
        conversation = call.state.conversation(call.text("channel"))
    else:
        users = [user.strip() for user in call.text("users").split(",")]
        if len(users) > 1:
            raise SlackError("method_not_supported_for_channel_type")
        call.state.person(users[0])
        if call.state.people[users[0]].is_bot:
            raise SlackError("cannot_dm_bot")
        conversation = call.state.conversation(users[0])
    full = call.flag("return_im")
    return {"channel": conversation.to_json(call.bot_user) if full else {"id": conversation.id}}
