from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.handlers.words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("compte production", ("compte", "production")),
        ("  compte\tproduction ", ("compte", "production")),
        ("compte production —dry-run", ("compte", "production", "--dry-run")),
        ("compte production –no-migrate", ("compte", "production", "--no-migrate")),
        ("feature—x", ("feature—x",)),
        ("compte production “two words”", ("compte", "production", "two words")),
        ("compte production 'two words'", ("compte", "production", "two words")),
        ("it’s down", ("it's", "down")),
        ('an "open quote', ("an", '"open', "quote")),
        ("<@U0BOB|bob> <#C0OPS|ops> <!subteam^S0RELEASE|@releasers>", ("U0BOB", "C0OPS", "S0RELEASE")),
        ("<http://compte.example.com|compte.example.com>", ("compte.example.com",)),
        ("a&amp;b &lt;x&gt;", ("a&b", "<x>")),
        ("$(reboot) `id` ; rm -rf /", ("$(reboot)", "`id`", ";", "rm", "-rf", "/")),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


@given(st.text(max_size=300))
def test_whatever_is_typed_becomes_words(text: str) -> None:
    assert all(split_words(text))
