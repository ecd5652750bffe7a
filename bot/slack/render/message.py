"""Messages and the blocks they are made of, within Slack's limits."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.slack.render import markup
from bot.slack.render.markup import Markup

Block = dict[str, Any]

HEADER = 150
SECTION = 3000
CONTEXT = 2000
BLOCKS = 50
SPOKEN = 1500
"""Of a text that repeats what the blocks say."""

TEXT = 3000
"""`chat.update` accepts 4,000 characters of `text`."""

CHARACTERS = 12_000
"""Slack refuses about 13,200 characters of a message's blocks in all."""

METADATA_BYTES = 12_000
"""Slack refuses metadata above 16,384 bytes."""


@dataclass(frozen=True)
class Message:
    """The content of one message.

    Args:
        text: for notifications and screen readers.
        blocks: what is shown, in order.
        event_type: of its metadata; empty where it has none.
        payload: of its metadata.
        announced: whether a reply in a thread is also shown in the channel.
    """

    text: str
    blocks: tuple[Block, ...]
    event_type: str = ""
    payload: Mapping[str, Any] | None = None
    announced: bool = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its content."""
        body = [self.text, self.blocks, self.event_type, self.payload]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    @property
    def metadata(self) -> dict[str, Any] | None:
        """Its `metadata` as Slack accepts it."""
        return {"event_type": self.event_type, "event_payload": self.payload} if self.event_type else None


def message(
    text: str,
    blocks: Iterable[Block | None],
    event_type: str,
    payload: Mapping[str, Any],
    *,
    announced: bool = False,
) -> Message:
    """Build a message, cut to Slack's limits.

    Args:
        text: for notifications, which show its beginning. Behind a text of one line follows what the sections say,
            shortened, for screen readers and where blocks cannot be shown; so no mention is lost with them.
        blocks: in order; None is left out.
        event_type: of its metadata.
        payload: of its metadata; lists that are too long are cut, and `truncated` is added.
        announced: whether a reply in a thread is also shown in the channel.
    """
    shown = _within_limits([block for block in blocks if block is not None])
    return Message(_spoken(markup.escape(text), shown), tuple(shown), event_type, _bounded(payload), announced)


def _spoken(text: Markup, blocks: Sequence[Block]) -> Markup:
    """Return a text, followed by what the sections say where it is one line; blocks of code are left out."""
    if "\n" in text:
        return markup.clip_markup(text, TEXT)
    lines = [
        line
        for block in blocks
        if block["type"] == "section"
        for line in _CODE_BLOCK.sub("", block["text"]["text"]).split("\n")
        if line.strip() and line != text
    ]
    return markup.clip_markup(Markup("\n".join((text, *lines))), SPOKEN)


_CODE_BLOCK = re.compile(r"```.*?```", re.DOTALL)


def with_objects_alone(message: Message) -> Message:
    """Return a message whose metadata have no list of texts: each text becomes an object with a `name`.

    `@slack/types` knows of scalars, objects and lists of objects in metadata.
    """
    if message.payload is None:
        return message
    payload = {
        key: [item if isinstance(item, Mapping) else {"name": item} for item in value]
        if isinstance(value, list)
        else value
        for key, value in message.payload.items()
    }
    return replace(message, payload=payload)


def text_message(text: Markup) -> Message:
    """Build a message of a single text, without metadata."""
    clipped = markup.clip_markup(text, TEXT)
    block = section(clipped)
    return Message(clipped, (block,) if block else ())


def section(text: Markup | str) -> Block | None:
    """Build a section; None where the text is empty.

    It is expanded: Slack else folds long sections on phones and in threads, and with them what an approver must see.
    """
    safe = markup.escape(text)
    if not safe:
        return None
    return {"type": "section", "text": _mrkdwn(markup.clip_markup(safe, SECTION)), "expand": True}


def context(*texts: Markup | str) -> Block | None:
    """Build a line of small print; None where all texts are empty."""
    elements = [_mrkdwn(markup.clip_markup(markup.escape(text), CONTEXT)) for text in texts if text]
    return {"type": "context", "elements": elements[:10]} if elements else None


def actions(block_id: str, *buttons: Block | None) -> Block | None:
    """Build a row of buttons; None where there are none."""
    elements = [button for button in buttons if button is not None]
    return {"type": "actions", "block_id": block_id, "elements": elements} if elements else None


@dataclass(frozen=True)
class Confirmation:
    """The confirmation that is asked before a button has its effect."""

    title: str
    text: str
    yes: str
    no: str


def button(action: str, label: str, value: str) -> Block:
    """Build a button.

    Args:
        action: its `action_id`.
        label: its text.
        value: what it is about, such as the ID of a run.
    """
    return {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": _plain(label, 75), "emoji": True},
        "value": value,
    }


def link_button(action: str, label: str, value: str, url: str) -> Block:
    """Build a button that opens a URL; Slack sends an event of the press as well."""
    return {**button(action, label, value), "url": url}


def header(text: str) -> Block:
    """Build a heading, in plain text."""
    return {"type": "header", "text": {"type": "plain_text", "text": _plain(text, HEADER), "emoji": True}}


def danger_button(button: Block, confirm: Confirmation) -> Block:
    """Make a button red, with a confirmation."""
    return {
        **button,
        "style": "danger",
        "confirm": {
            "title": {"type": "plain_text", "text": _plain(confirm.title, 100)},
            "text": {"type": "plain_text", "text": _plain(confirm.text, 300)},
            "confirm": {"type": "plain_text", "text": _plain(confirm.yes, 30)},
            "deny": {"type": "plain_text", "text": _plain(confirm.no, 30)},
            "style": "danger",
        },
    }


def join_lines(items: Sequence[Markup]) -> Markup:
    """Join lines, leaving out empty ones."""
    return Markup("\n".join(item for item in items if item))


def join_dots(items: Sequence[Markup | str]) -> Markup:
    """Join short texts by a middle dot, leaving out empty ones."""
    return Markup(" · ".join(markup.escape(item) for item in items if item))


def _plain(text: str, limit: int) -> str:
    return markup.clip(markup.unmarked(text), limit)


def _mrkdwn(text: str) -> dict[str, Any]:
    # verbatim, as Slack otherwise turns output of hosts into links and mentions
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _within_limits(blocks: list[Block]) -> list[Block]:
    fitting: list[Block] = []
    used = 0
    for block in blocks:
        size = _characters(block)
        is_last_place = len(fitting) == BLOCKS - 1 and len(blocks) > BLOCKS
        if used + size > CHARACTERS or is_last_place:
            cut = context(Markup(markup.ELLIPSIS))
            return [*fitting, cut] if cut else fitting
        fitting.append(block)
        used += size
    return fitting


def _characters(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_characters(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(_characters(item) for item in value)
    return 0


def _bounded(payload: Mapping[str, Any]) -> dict[str, Any]:
    bounded = dict(payload)
    while len(json.dumps(bounded).encode()) > METADATA_BYTES:
        longest = max((key for key in bounded if isinstance(bounded[key], list)), key=lambda key: len(bounded[key]))
        bounded[longest] = bounded[longest][: len(bounded[longest]) * 3 // 4]
        bounded["truncated"] = True
    return bounded
