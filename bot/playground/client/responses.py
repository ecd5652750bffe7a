"""Responses of an app to a command or click: in its acknowledgement, or through a response URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.playground.client.expiring_ids import ResponseUrl
from bot.playground.errors import SlackError
from bot.playground.web_api.chat import apply_update, thread_of
from bot.playground.web_api.contents import POSTED_CHARACTERS, check_message_blocks
from bot.playground.workspace.messages import Ephemeral, PostedMessage
from bot.playground.workspace.state import State


def answer_response_url(state: State, name: str, data: Mapping[str, Any]) -> None:
    """Carry out what an app posted to a response URL.

    Args:
        state: of the workspace.
        name: last part of the URL's path.
        data: the decoded body.

    Raises:
        SlackError: the URL is used up or expired (HTTP status 404), or the message is not acceptable.
    """
    url = state.response_urls.redeem(name)
    if data.get("delete_original"):
        _delete_original(state, url)
        return
    if data.get("replace_original") and url.message_ts is not None:
        _replace_original(state, url, data)
        return
    show_response(state, url, data)


def show_response(state: State, url: ResponseUrl, data: Mapping[str, Any]) -> None:
    """Show an app's response: to the person alone, or to the channel with `response_type: in_channel`.

    It stands in a thread only with `thread_ts`, also where the button stood in one. The first response to a command is
    what a later one replaces with `replace_original`.

    Raises:
        SlackError: no_text, msg_too_long, or what is wrong with the blocks.
    """
    text, blocks = _contents(data)
    app = state.workspace.app
    thread = str(data["thread_ts"]) if data.get("thread_ts") else None
    channel = url.channel
    if data.get("response_type") == "in_channel":
        thread = thread_of(state.conversation(channel), thread)
        state.post(PostedMessage(channel, state.next_ts(), app.bot_user_id, text, app.bot_id, blocks, thread_ts=thread))
        return
    named = state.name_blocks(blocks)
    shown = state.post_ephemeral(Ephemeral(channel, state.next_ts(), url.user, app.bot_user_id, text, named, thread))
    if url.message_ts is None:
        url.message_ts, url.ephemeral = shown.ts, True


def _contents(data: Mapping[str, Any]) -> tuple[str, list[Any] | None]:
    text, blocks = data.get("text"), data.get("blocks")
    if not text and not blocks:
        raise SlackError("no_text", status=400)
    if blocks is not None:
        check_message_blocks(blocks)
    if text is not None and len(str(text)) > POSTED_CHARACTERS:
        raise SlackError("msg_too_long", status=400)
    return str(text or ""), blocks


def _delete_original(state: State, url: ResponseUrl) -> None:
    if url.message_ts is None:
        raise SlackError("message_not_found", status=404)
    if url.ephemeral:
        state.delete_ephemeral(url.message_ts)
    else:
        state.delete(state.message(url.channel, url.message_ts))


def _replace_original(state: State, url: ResponseUrl, data: Mapping[str, Any]) -> None:
    text, blocks = _contents(data)
    ts = url.message_ts or ""
    if not url.ephemeral:
        apply_update(state, state.message(url.channel, ts), text, blocks or [])
        return
    original = next((ephemeral for ephemeral in state.ephemerals if ephemeral.ts == ts), None)
    if original is None:
        raise SlackError("message_not_found", status=404)
    state.delete_ephemeral(ts)
    named = state.name_blocks(blocks)
    state.post_ephemeral(
        Ephemeral(original.channel, ts, original.user, original.author, text, named, original.thread_ts)
    )
