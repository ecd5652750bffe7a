"""Slack's limits for messages, written down a second time from its reference, to hold the cards against."""

from __future__ import annotations

import json
import re
from typing import Any

from bot.slack.render.message import Message

_MENTIONS = re.compile(r"<(!(?:channel|here|everyone)|@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+)[^>]*>")


def broken(message: Message) -> list[str]:
    """Say which limits a message breaks."""
    found = []
    blocks = list(message.blocks)
    if not message.text:
        found.append("no text")
    if len(message.text) > 4000:
        found.append("text above 4000")
    if not 1 <= len(blocks) <= 50:
        found.append(f"{len(blocks)} blocks")
    if sum(len(text) for text in texts(blocks)) > 13_200:
        found.append("more than 13200 characters in all")
    if len(json.dumps(message.payload or {}).encode()) > 16_000:
        found.append("metadata too large")
    for block in blocks:
        found += _block(block)
    return found


def texts(value: Any) -> list[str]:
    """Give every text that is shown."""
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for item in value.values() if not isinstance(item, str) for text in texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts(item)]
    return []


def mentioned(message: Message) -> set[str]:
    """Give whom a message notifies."""
    return {match for text in [message.text, *texts(message.blocks)] for match in _MENTIONS.findall(text)}


def _block(block: dict[str, Any]) -> list[str]:
    found = []
    match block["type"]:
        case "section":
            found += _text(block["text"], 3000)
        case "context":
            if not 1 <= len(block["elements"]) <= 10:
                found.append("context elements")
            for element in block["elements"]:
                found += _text(element, 2000)
        case "actions":
            if not 1 <= len(block["elements"]) <= 25:
                found.append("actions")
            for button in block["elements"]:
                found += _text(button["text"], 75)
                found += ["action_id"] if not 0 < len(button["action_id"]) <= 255 else []
                found += ["value"] if not 0 < len(button["value"]) <= 2000 else []
                if "confirm" in button:
                    found += _text(button["confirm"]["title"], 100) + _text(button["confirm"]["text"], 300)
                    found += _text(button["confirm"]["confirm"], 30) + _text(button["confirm"]["deny"], 30)
        case other:
            found.append(f"unexpected {other}")
    return found


def _text(value: dict[str, Any], most: int) -> list[str]:
    found = [] if 0 < len(value["text"]) <= most else [f"{len(value['text'])} of {most} characters"]
    if value["type"] == "mrkdwn" and value.get("verbatim") is not True:
        found.append("not verbatim")
    return found
