"""Emoji by Slack's names, and by their characters."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.emoji_table import TABLE

_STYLE = "\ufe0f"
"""The variation selector after a character that is shown in colours; phones leave it out or add it."""

_SKIN_TONES = dict.fromkeys(map(ord, "🏻🏼🏽🏾🏿"))


def _entries() -> list[list[str]]:
    return [entry.split(" ") for line in TABLE.split("\n") for entry in line.split("|") if entry]


_ALIASES: Mapping[str, str] = {alias: name for _, name, *aliases in _entries() for alias in aliases}
_CHARACTERS: Mapping[str, str] = {character.replace(_STYLE, ""): name for character, name, *_ in _entries()}
_NAMES = frozenset(_CHARACTERS.values())


def plain_emoji(reaction: str) -> str:
    """Remove the skin tone and resolve aliases: `thumbsup::skin-tone-3` is `+1`."""
    plain = reaction.strip(":").split("::", 1)[0]
    return _ALIASES.get(plain, plain)


def emoji_of_character(character: str) -> str | None:
    """Give Slack's name of an emoji by its character, whatever its skin tone; None where it is not one emoji."""
    plain = character.strip().replace(_STYLE, "").translate(_SKIN_TONES)
    return _CHARACTERS.get(plain)


def is_standard_emoji(name: str) -> bool:
    """Return whether every workspace has an emoji of this name; others are custom, or do not exist."""
    return plain_emoji(name) in _NAMES
