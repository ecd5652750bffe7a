"""Text for Slack's mrkdwn. Text from people, files and hosts is escaped; only `Markup` is not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_BROADCAST = re.compile(r"@(?=(?:here|channel|everyone|group)\b)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control and text-direction characters: they can hide or reorder what an approver reads."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_SPACES = re.compile(r"[^\S\u00a0\u202f]+")
"""Spaces and line breaks, but for the spaces at which no line breaks."""

ZERO_WIDTH_SPACE = "\u200b"
ELLIPSIS = "…"


class Markup(str):
    """Text that is mrkdwn already, and is not escaped again."""

    __slots__ = ()


def escape(text: str) -> Markup:
    """Escape any text, so that it is shown literally and mentions nobody.

    Args:
        text: from a person, a file or a host.

    Returns:
        The text with `&`, `<`, `>` as entities, without terminal codes and control characters, and with words such
        as `@here` broken by a zero-width space.
    """
    if isinstance(text, Markup):
        return text
    plain = _CONTROL.sub("", _ANSI.sub("", text))
    entities = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markup(_BROADCAST.sub("@" + ZERO_WIDTH_SPACE, entities))


def inline(text: str) -> Markup:
    """Escape a text within a line: as `escape`, with line breaks as spaces and without backticks."""
    if isinstance(text, Markup):
        return text
    return escape(_SPACES.sub(" ", text).strip().replace("`", "ˋ"))


def plain(text: str) -> str:
    """Clean a text for places that accept plain text (titles, notifications): one line, no control characters."""
    return _SPACES.sub(" ", _CONTROL.sub("", _ANSI.sub("", text))).strip()


def clip(text: str, limit: int) -> str:
    """Cut a text to `limit` characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + ELLIPSIS


def code(text: str) -> Markup:
    """Format a text as code within a line."""
    return Markup(f"`{inline(text)}`")


def bold(text: str) -> Markup:
    """Format a text in bold; asterisks within it are replaced, as they would end it."""
    return Markup(f"*{inline(text).replace('*', '∗')}*")


def code_block(text: str, limit: int) -> Markup:
    """Format the end of a text as a block of code.

    Args:
        text: such as the last lines of a step's output.
        limit: maximum characters of the block, fences included.
    """
    body = escape(text.replace("```", "ˋˋˋ")).strip("\n")
    room = limit - len("```\n\n```") - 1
    if len(body) > room:
        body = Markup(ELLIPSIS + _whole_entities(body[-room:]))
    return Markup(f"```\n{body}\n```")


def _whole_entities(tail: str) -> str:
    """Drop the rest of an entity that was cut in two, such as `mp;`."""
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
    """Link a text to a page on the web; what is no such URL, and would mention people in its place, is left out."""
    if not url.startswith(("https://", "http://")):
        return inline(text)
    safe = url.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E")
    return Markup(f"<{safe}|{inline(text)}>")


_PAGE = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]{1,200}")


def page_link(url: str, text: str) -> Markup:
    """Link a text to a page that another program named; the text alone where that is no plain address."""
    return link(url.replace("&", "&amp;"), text) if _PAGE.fullmatch(url) else inline(text)


def _identifier(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", text)


_TOKEN = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


def unmarked(text: str, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a text as plain text, for places without markup: titles, labels, buttons, errors at fields.

    Args:
        text: mrkdwn; what is no `Markup` is plain already.
        names: what IDs of people, channels and user groups are called; others are shown as they are.
    """
    if isinstance(text, Markup):
        text = _TOKEN.sub(lambda token: _written_out(token, names), text).replace("`", "").replace("*", "")
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    # What somebody wrote like a mention stays text, whatever reads it.
    return re.sub(r"<(?=[@#!])", "‹", text)


def mentioned_ids(text: str) -> frozenset[str]:
    """Return the IDs of the people, channels and user groups that mrkdwn mentions without saying their names."""
    tokens = (token for token in _TOKEN.finditer(text) if token[1] and not token[3])
    return frozenset(token[2].removeprefix("subteam^") for token in tokens)


def _written_out(token: re.Match[str], names: Mapping[str, str]) -> str:
    kind, target, label = token.groups()
    if not kind:
        return label or target
    if kind == "!" and not target.startswith("subteam^"):
        return label or target  # a date has a fallback
    name = names.get(target.removeprefix("subteam^")) or (label or target.removeprefix("subteam^")).lstrip("@#")
    return f"{'#' if kind == '#' else '@'}{name}"
