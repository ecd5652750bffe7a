"""files.*: uploads in three steps, as `files_upload_v2` of Slack's SDKs does them."""

from __future__ import annotations

import time
from typing import Any

from bot.playground.errors import SlackError
from bot.playground.rate_limits import Tier
from bot.playground.web_api.chat import may_post, thread_of
from bot.playground.web_api.registry import MethodCall, method
from bot.playground.workspace.messages import Conversation, File, PostedMessage, Share

MAX_BYTES = 1 << 30
SHOWN_BYTES = 1 << 20


@method("files.getUploadURLExternal", "files:write", tier=Tier.FOUR)
def get_upload_url(call: MethodCall) -> dict[str, Any]:
    """Hand out the address that takes the content of one file."""
    name = call.text("filename")
    length = call.number("length", 0, MAX_BYTES)
    identifier = call.state.next_id("F")
    call.state.files[identifier] = File(
        id=identifier,
        name=name.replace("/", "_"),
        length=length,
        user=call.bot_user,
        created=int(time.time()),
        snippet_type=call.text("snippet_type", ""),
    )
    return {"upload_url": f"{call.state.base_url}upload/{identifier}", "file_id": identifier}


@method("files.completeUploadExternal", "files:write", tier=Tier.FOUR)
def complete_upload(call: MethodCall) -> dict[str, Any]:
    """Share uploaded files in a channel or thread."""
    named = call.json("files", "invalid_arguments")
    if not isinstance(named, list) or not named or not all(isinstance(item, dict) for item in named):
        raise SlackError("invalid_arguments", messages=["must be an array of files [json-pointer:/files]"])
    files = []
    for item in named:
        file = call.state.files.get(str(item.get("id")))
        if file is None or file.content is None:
            raise SlackError("file_not_found")
        file.title = str(item.get("title") or file.name)
        files.append(file)
    channels = [call.text(key) for key in ("channel_id", "channels") if call.arguments.get(key)]
    for channel in ",".join(channels).split(",") if channels else []:
        _share(call, files, channel)
    return {"files": [file.to_json(call.state.base_url) for file in files]}


def _share(call: MethodCall, files: list[File], channel: str) -> None:
    conversation = may_post(call, channel)
    thread_ts = thread_of(conversation, str(call.arguments.get("thread_ts") or "") or None)
    app = call.state.workspace.app
    message = PostedMessage(
        channel=conversation.id,
        ts=call.state.next_ts(),
        user=app.bot_user_id,
        bot_id=app.bot_id,
        text=str(call.arguments.get("initial_comment") or ""),
        thread_ts=thread_ts,
        files=[file.id for file in files],
    )
    for file in files:
        file.shares.append(share_in(conversation, message))
    call.state.post(message)
    call.events.message(message)
    for file in files:
        call.events.file_shared(file, message)


def share_in(conversation: Conversation, message: PostedMessage) -> Share:
    """Say where a message shows its files."""
    kind = "private" if conversation.is_private or conversation.person else "public"
    return Share(conversation.id, message.ts, message.thread_ts, kind)


@method("files.info", "files:read", "files:write", tier=Tier.FOUR)
def info(call: MethodCall) -> dict[str, Any]:
    """Describe a file, with its content if it is text."""
    file = call.state.files.get(call.text("file"))
    if file is None:
        raise SlackError("file_not_found")
    return {"file": file.to_json(call.state.base_url), "content": file.text(SHOWN_BYTES) or ""}
