"""The contents of a message: text, blocks, attachments and metadata, checked as Slack checks them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from bot.playground.block_kit.blocks import MESSAGE_CHARACTERS, Surface, characters, check_blocks
from bot.playground.errors import SlackError
from bot.playground.web_api.registry import MethodCall

POSTED_CHARACTERS = 40_000
UPDATED_CHARACTERS = 4_000
MAX_ATTACHMENTS = 100
METADATA_BYTES = 16_384

_EVENT_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,255}")


@dataclass(frozen=True)
class Contents:
    """The contents that the app gives a message. None: the argument was not given."""

    text: str | None
    blocks: list[Any] | None
    attachments: list[Any] | None
    metadata: dict[str, Any] | None


def read_contents(call: MethodCall, most_characters: int) -> Contents:
    """Read and check the arguments that are a message's contents.

    Args:
        call: of the method.
        most_characters: that `text` may have.

    Raises:
        SlackError: the first thing that Slack would refuse.
    """
    text = call.arguments.get("text")
    blocks = call.json("blocks", "invalid_blocks_format")
    attachments = call.json("attachments", "invalid_attachments")
    if text is not None and not isinstance(text, str):
        text = str(text)
    if text is not None and len(text) > most_characters:
        raise SlackError("msg_too_long")
    if blocks is not None:
        check_message_blocks(blocks)
    if attachments is not None:
        _check_attachments(attachments)
    return Contents(text, blocks, attachments, _read_metadata(call))


def check_message_blocks(blocks: object) -> None:
    """Refuse what Slack refuses as the blocks of a message.

    Raises:
        SlackError: invalid_blocks_format, invalid_blocks or msg_blocks_too_long.
    """
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems = check_blocks(blocks, Surface.MESSAGE)
    if problems:
        raise SlackError("invalid_blocks", messages=problems)
    if characters(blocks) > MESSAGE_CHARACTERS:
        raise SlackError("msg_blocks_too_long")


def _check_attachments(attachments: object) -> None:
    if not isinstance(attachments, list) or not all(isinstance(item, dict) for item in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > MAX_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    for index, attachment in enumerate(attachments):
        if "blocks" in attachment:
            problems = check_blocks(attachment["blocks"], Surface.MESSAGE, f"/attachments/{index}/blocks")
            if problems:
                raise SlackError("invalid_attachments", messages=problems)


def _read_metadata(call: MethodCall) -> dict[str, Any] | None:
    metadata = call.json("metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    if not metadata:
        return {}
    event_type, payload = metadata.get("event_type"), metadata.get("event_payload")
    if set(metadata) - {"event_type", "event_payload", "entities"}:
        raise SlackError("invalid_metadata_format")
    if not isinstance(event_type, str) or not _EVENT_TYPE.fullmatch(event_type):
        raise SlackError("invalid_metadata_schema")
    if not isinstance(payload, dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(payload).encode()) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return metadata
