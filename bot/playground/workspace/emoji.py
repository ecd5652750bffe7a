"""Emoji shortcodes as Slack names them, their characters, and the names that mean the same emoji."""

from __future__ import annotations

from collections.abc import Mapping

from bot.playground.workspace.emoji_table import TABLE

SKIN_TONES: Mapping[str, str] = {
    "skin-tone-2": "🏻",
    "skin-tone-3": "🏼",
    "skin-tone-4": "🏽",
    "skin-tone-5": "🏾",
    "skin-tone-6": "🏿",
}


def _entries() -> list[list[str]]:
    return [entry.split(" ") for line in TABLE.split("\n") for entry in line.split("|") if entry]


ALIASES: Mapping[str, str] = {alias: name for _, name, *aliases in _entries() for alias in aliases}
EMOJI: Mapping[str, str] = dict(sorted((name, character) for character, name, *_ in _entries()))


def canonical_emoji(name: str, custom: Mapping[str, str]) -> str | None:
    """Give the name under which Slack stores a reaction.

    Args:
        name: a shortcode, with or without colons, possibly with a skin tone (`+1::skin-tone-3`).
        custom: the workspace's own emoji.

    Returns:
        The name without aliases (`thumbsup` is `+1`), its skin tone kept; None if there is no such emoji.
    """
    base, _, tone = name.strip().removeprefix(":").removesuffix(":").partition("::")
    base = ALIASES.get(base, base)
    if base not in EMOJI and base not in custom:
        return None
    if not tone:
        return base
    return f"{base}::{tone}" if tone in SKIN_TONES else None
