"""The names of emoji come from one source, and the bot and the playground have the same."""

from __future__ import annotations

import pytest

from bot.domain import emoji_table as bots
from bot.playground.workspace import emoji_table
from bot.playground.workspace.emoji import EMOJI, canonical_emoji


def test_the_bot_and_the_playground_have_the_same_table() -> None:
    assert (bots.SOURCE, bots.TABLE) == (emoji_table.SOURCE, emoji_table.TABLE)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("thumbsup", "+1"),
        (":thumbsdown::skin-tone-2:", "-1::skin-tone-2"),
        ("satisfied", "laughing"),
        ("white_check_mark", "white_check_mark"),
        ("party", "party"),
        ("✅", None),
        ("+1::skin-tone-7", None),
        ("nonsense", None),
    ],
)
def test_slack_stores_a_reaction_by_its_canonical_name(typed: str, stored: str | None) -> None:
    assert canonical_emoji(typed, {"party": "🥳"}) == stored


def test_the_emoji_of_the_page_have_characters() -> None:
    assert (EMOJI["+1"], EMOJI["white_check_mark"], EMOJI["fr"]) == ("👍", "✅", "🇫🇷")
