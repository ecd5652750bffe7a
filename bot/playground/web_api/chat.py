"""chat.*, and pins: posting, editing and deleting messages."""

from __future__ import annotations

from typing import Any

from bot.playground.errors import SlackError
from bot.playground.rate_limits import Tier
from bot.playground.web_api.contents import POSTED_CHARACTERS, UPDATED_CHARACTERS, read_contents
from bot.playground.web_api.registry import MethodCall, member_of, method
from bot.playground.workspace.messages import Conversation, Ephemeral, PostedMessage
from bot.playground.workspace.state import State


def thread_of(conversation: Conversation, thread_ts: str | None) -> str | None:
    """Give the thread that a message belongs to; None for the channel itself.

    A reply to a message that is not there goes to the channel itself, without an error, as in Slack.

    Raises:
        SlackError: cannot_reply_to_message for the timestamp of a reply, or of a deleted parent that has replies.
    """
    parent = conversation.messages.get(thread_ts) if thread_ts is not None else None
    if parent is not None and (parent.is_reply or parent.tombstone):
        raise SlackError("cannot_reply_to_message")
    return parent.ts if parent is not None else None


def may_post(call: MethodCall, channel: str) -> Conversation:
    """Find a conversation in which the app can post.

    Raises:
        SlackError: channel_not_found, not_in_channel, is_archived, or messages_tab_disabled for direct messages.
    """
    conversation = member_of(call, channel)
    if conversation.is_archived:
        raise SlackError("is_archived")
    if conversation.person is not None and not call.state.workspace.app.messages_tab:
        raise SlackError("messages_tab_disabled")
    return conversation


@method("chat.postMessage", "chat:write", tier=Tier.POSTING)
def post_message(call: MethodCall) -> dict[str, Any]:
    """Post a message to a channel, a thread, or a person."""
    conversation = may_post(call, call.text("channel"))
    contents = read_contents(call, POSTED_CHARACTERS)
    if not contents.text and not contents.blocks and not contents.attachments:
        raise SlackError("no_text")
    thread_ts = thread_of(conversation, str(call.arguments.get("thread_ts") or "") or None)
    app = call.state.workspace.app
    message = call.state.post(
        PostedMessage(
            channel=conversation.id,
            ts=call.state.next_ts(),
            user=app.bot_user_id,
            bot_id=app.bot_id,
            text=contents.text or "",
            blocks=contents.blocks or None,
            attachments=contents.attachments,
            metadata=contents.metadata or None,
            thread_ts=thread_ts,
            broadcast=call.flag("reply_broadcast") and thread_ts is not None,
        )
    )
    call.events.message(message)
    return {
        "channel": conversation.id,
        "ts": message.ts,
        "message": call.state.message_json(message, with_metadata=True),
    }


def own_message(state: State, channel: str, ts: str, error: str) -> PostedMessage:
    """Find a message that the app itself posted.

    Raises:
        SlackError: channel_not_found, message_not_found, or `error` if it is somebody else's.
    """
    message = state.message(channel, ts)
    if message.user != state.workspace.app.bot_user_id:
        raise SlackError(error)
    return message


def apply_update(state: State, message: PostedMessage, text: str | None, blocks: list[Any] | None) -> None:
    """Edit a message; None leaves the part as it was, no blocks take them away."""
    if text is not None:
        message.text = text
    if blocks is not None:
        message.blocks = state.name_blocks(blocks) or None
    message.edited = {"user": message.user, "ts": state.next_ts()}
    state.tell_message(message)


@method("chat.update", "chat:write", tier=Tier.THREE)
def update(call: MethodCall) -> dict[str, Any]:
    """Edit a message of the app's own. Blocks and metadata that are not named stay as they were.

    Raises:
        SlackError: channel_not_found, is_inactive, message_not_found, cant_update_message, no_text, or as the contents.
    """
    channel, ts = call.text("channel"), call.text("ts")
    if call.state.conversation(channel).is_archived:
        raise SlackError("is_inactive")
    message = own_message(call.state, channel, ts, "cant_update_message")
    contents = read_contents(call, UPDATED_CHARACTERS)
    if contents.text is None and contents.blocks is None and contents.attachments is None:
        raise SlackError("no_text")
    if contents.attachments is not None:
        message.attachments = contents.attachments or None
    if contents.metadata is not None:
        message.metadata = contents.metadata or None
    if call.flag("reply_broadcast") and message.is_reply:
        message.broadcast = True
    apply_update(call.state, message, contents.text, contents.blocks)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": call.state.message_json(message, with_metadata=True),
    }


@method("chat.delete", "chat:write", tier=Tier.THREE)
def delete(call: MethodCall) -> dict[str, Any]:
    """Delete a message of the app's own."""
    message = own_message(call.state, call.text("channel"), call.text("ts"), "cant_delete_message")
    call.state.delete(message)
    return {"channel": message.channel, "ts": message.ts}


@method("chat.postEphemeral", "chat:write", tier=Tier.FOUR)
def post_ephemeral(call: MethodCall) -> dict[str, Any]:
    """Show a message to one member of a channel."""
    conversation = may_post(call, call.text("channel"))
    user = call.text("user")
    if user not in call.state.people:
        raise SlackError("user_not_found")
    if user not in conversation.members:
        raise SlackError("user_not_in_channel")
    contents = read_contents(call, POSTED_CHARACTERS)
    if not contents.text and not contents.blocks and not contents.attachments:
        raise SlackError("no_text")
    thread_ts = str(call.arguments["thread_ts"]) if call.arguments.get("thread_ts") else None
    ephemeral = call.state.post_ephemeral(
        Ephemeral(
            channel=conversation.id,
            ts=call.state.next_ts(),
            user=user,
            author=call.bot_user,
            text=contents.text or "",
            blocks=call.state.name_blocks(contents.blocks),
            thread_ts=thread_ts,
        )
    )
    return {"message_ts": ephemeral.ts}


@method("chat.getPermalink", tier=Tier.SPECIAL)
def get_permalink(call: MethodCall) -> dict[str, Any]:
    """Give the address of a message in the page."""
    message = call.state.message(call.text("channel"), call.text("message_ts"))
    link = f"{call.state.base_url}archives/{message.channel}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={message.channel}"
    return {"channel": message.channel, "permalink": link}


@method("pins.add", "pins:write", tier=Tier.TWO)
def pins_add(call: MethodCall) -> dict[str, Any]:
    """Pin a message."""
    member_of(call, call.text("channel"))
    message = call.state.message(call.text("channel"), call.text("timestamp"))
    if message.pinned:
        raise SlackError("already_pinned")
    message.pinned = True
    call.state.tell_message(message)
    return {}


@method("pins.remove", "pins:write", tier=Tier.TWO)
def pins_remove(call: MethodCall) -> dict[str, Any]:
    """Take a pin away."""
    member_of(call, call.text("channel"))
    message = call.state.message(call.text("channel"), call.text("timestamp"))
    if not message.pinned:
        raise SlackError("no_pin")
    message.pinned = False
    call.state.tell_message(message)
    return {}
