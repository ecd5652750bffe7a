"""Splitting the text of a slash command into words. Nothing is expanded, and any text can be split."""

from __future__ import annotations

import html
import re

_LINK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "\u00a0": " "})
_DASH = re.compile(r"(?<!\S)[—–](?=[A-Za-z])")
_WORD = re.compile(r"""\s*(?:"([^"]*)"(?!\S)|'([^']*)'(?!\S)|(\S+))""")


def split_words(text: str) -> tuple[str, ...]:
    """Split a text into words.

    Args:
        text: as Slack sends it: mentions and links in angle brackets, `&`, `<` and `>` as entities.

    Returns:
        The words. Quotes around whole words keep spaces together; curly quotes and long dashes of phones are read
        as plain ones; a mention becomes the ID it mentions.
    """
    plain = _DASH.sub("--", html.unescape(_LINK.sub(_unlinked, text)).translate(_QUOTES))
    words: list[str] = []
    for match in _WORD.finditer(plain):
        double, single, bare = match.groups()
        words.append(double if double is not None else single if single is not None else bare)
    return tuple(word for word in words if word)


def _unlinked(match: re.Match[str]) -> str:
    target, label = match.group(1), match.group(2)
    if target.startswith(("@", "#")):
        return target[1:]
    if target.startswith("!"):
        return target.rsplit("^", 1)[-1].lstrip("!")
    # Slack turns bare words such as `compte.example.com` into links: the label is what was typed.
    return label or target
