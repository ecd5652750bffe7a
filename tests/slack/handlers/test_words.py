from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.handlers.words import split_words

NAMES = {"U0BOB": "Bob", "C0OPS": "ops", "S0RELEASE": "releasers", "U0MALLORY": "M --emergency 'x"}


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
        ("<@U0BOB|bob> <#C0OPS|ops> <!subteam^S0RELEASE|@releasers>", ("@bob", "#ops", "@releasers")),
        ("<@U0BOB> <#C0OPS|> <!subteam^S0RELEASE> <!here> <@U0EVE>", ("@Bob", "#ops", "@releasers", "@here", "@U0EVE")),
        ("because <@U0MALLORY> said so", ("because", "@M_--emergency_x", "said", "so")),
        ("<http://compte.example.com|compte.example.com>", ("compte.example.com",)),
        ("a&amp;b &lt;x&gt;", ("a&b", "<x>")),
        ("$(reboot) `id` ; rm -rf /", ("$(reboot)", "`id`", ";", "rm", "-rf", "/")),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text, NAMES) == words


@given(st.text(max_size=300))
def test_whatever_is_typed_becomes_words(text: str) -> None:
    assert all(split_words(text))
