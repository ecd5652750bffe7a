"""Text for Slack's mrkdwn. What comes from people, files and hosts is escaped; only `Markup` is taken as it is."""

from __future__ import annotations

import re
from datetime import datetime

_BROADCAST = re.compile(r"@(?=(?:here|channel|everyone|group)\b)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control and text-direction characters: they can hide or reorder what an approver reads."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
ZERO_WIDTH_SPACE = "\u200b"
ELLIPSIS = "…"


class Markup(str):
    """Text that is mrkdwn already: it is not escaped again."""

    __slots__ = ()


def escape(text: str) -> Markup:
    """Make any text safe: it shows as it is and mentions nobody.

    Args:
        text: from a person, a file or a host.

    Returns:
        The text with `&`, `<`, `>` as entities, without terminal codes and control characters, and with words such
        as `@here` broken by a character of no width.
    """
    if isinstance(text, Markup):
        return text
    plain = _CONTROL.sub("", _ANSI.sub("", text))
    entities = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markup(_BROADCAST.sub("@" + ZERO_WIDTH_SPACE, entities))


def inline(text: str) -> Markup:
    """Make any text safe within a line: as `escape`, with line breaks as spaces and no backtick to end a code span."""
    if isinstance(text, Markup):
        return text
    return escape(" ".join(text.split()).replace("`", "ˋ"))


def plain(text: str) -> str:
    """Clean a text for places that take plain text (titles, notifications): one line, no control characters."""
    return " ".join(_CONTROL.sub("", _ANSI.sub("", text)).split())


def clip(text: str, limit: int) -> str:
    """Cut a text that is longer than `limit` characters, showing that it was cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + ELLIPSIS


def code(text: str) -> Markup:
    """Show a text as code within a line."""
    return Markup(f"`{inline(text)}`")


def bold(text: str) -> Markup:
    """Show a text in bold; asterisks within it would end it."""
    return Markup(f"*{inline(text).replace('*', '∗')}*")


def code_block(text: str, limit: int) -> Markup:
    """Show the end of a text as a block of code.

    Args:
        text: such as the last lines of a step's output.
        limit: the most characters the block may have, fences included.
    """
    body = escape(text.replace("```", "ˋˋˋ")).strip("\n")
    room = limit - len("```\n\n```") - 1
    if len(body) > room:
        body = Markup(ELLIPSIS + _whole_entities(body[-room:]))
    return Markup(f"```\n{body}\n```")


def _whole_entities(tail: str) -> str:
    """Drop an entity that the cut has left half of, so that `mp;` never shows."""
    return re.sub(r"^(?:[a-z]{1,3};|amp;)", "", tail)


def clip_markup(text: Markup, limit: int) -> Markup:
    """Cut mrkdwn at the end of a line, so that no entity, link or code span is cut in two."""
    if len(text) <= limit:
        return text
    note = f"\n{ELLIPSIS}"
    head = text[: limit - len(note)]
    at_line = head.rfind("\n")
    if at_line > 0:
        return Markup(head[:at_line] + note)
    return Markup(re.sub(r"(?:&[a-z]{0,4}|<[^>]*)$", "", head[:-1]) + ELLIPSIS)


def user(identifier: str) -> Markup:
    """Mention a user: Slack notifies them."""
    return Markup(f"<@{_identifier(identifier)}>")


def group(identifier: str) -> Markup:
    """Mention a user group: Slack notifies its members."""
    return Markup(f"<!subteam^{_identifier(identifier)}>")


def channel(identifier: str) -> Markup:
    """Link a channel."""
    return Markup(f"<#{_identifier(identifier)}>")


def link(url: str, text: str) -> Markup:
    """Link a text to an address that Slack itself gave."""
    return Markup(f"<{url.replace('|', '%7C').replace('>', '%3E')}|{inline(text)}>")


def time_of_day(instant: datetime) -> Markup:
    """Show an instant in the reader's own time zone: the time, with the day where it is not today.

    Args:
        instant: with a time zone.
    """
    fallback = instant.strftime("%Y-%m-%d %H:%M UTC")
    return Markup(f"<!date^{int(instant.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>")


def ago(instant: datetime) -> Markup:
    """Show how long ago an instant was when it is read: `6 minutes ago`.

    Args:
        instant: with a time zone.
    """
    fallback = instant.strftime("%Y-%m-%d %H:%M UTC")
    return Markup(f"<!date^{int(instant.timestamp())}^{{ago}}|{fallback}>")


def _identifier(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", text)


def unmarked(text: str) -> str:
    """Give mrkdwn as plain text, for places that read no markup."""
    bare = text.replace("`", "").replace("*", "")
    return bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
