"""Splitting the text of a slash command into words. Nothing is expanded, and any text can be split."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from types import MappingProxyType

_LINK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "\u00a0": " "})
_DASH = re.compile(r"(?<!\S)[—–](?=[A-Za-z])")
_WORD = re.compile(r"""\s*(?:"([^"]*)"(?!\S)|'([^']*)'(?!\S)|(\S+))""")


_NOT_A_WORD = re.compile(r"""[\s"']+""")


def split_words(text: str, names: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
    """Split a text into words.

    Args:
        text: as Slack sends it: mentions and links in angle brackets, `&`, `<` and `>` as entities.
        names: what the people, channels and user groups are called that the text mentions by their ID alone.

    Returns:
        The words. Quotes around whole words keep spaces together; curly quotes and long dashes of phones are read
        as plain ones; a mention becomes what was typed (`@bob`, `#ops`), always one word and never an option.
    """

    def unlinked(match: re.Match[str]) -> str:
        target, label = match.group(1), match.group(2)
        if target[:1] not in ("@", "#", "!"):
            # Slack turns bare words such as `compte.example.com` into links: the label is what was typed.
            return label or target
        identifier = target[1:].removeprefix("subteam^")
        said = label or names.get(identifier) or identifier
        sign = "#" if target.startswith("#") else "@"
        return sign + _NOT_A_WORD.sub("_", said.lstrip("@#"))

    plain = _DASH.sub("--", html.unescape(_LINK.sub(unlinked, text)).translate(_QUOTES))
    words: list[str] = []
    for match in _WORD.finditer(plain):
        double, single, bare = match.groups()
        words.append(double if double is not None else single if single is not None else bare)
    return tuple(word for word in words if word)
