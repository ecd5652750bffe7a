"""What a host printed, as it is shown in a terminal."""

from __future__ import annotations

import pytest

from bot.console.output import without_control_characters


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10 %\r50 %\r100 %\n", "100 %\n"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("half\r", "half"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\u202eb", "ab"),
        ("tab\tkept", "tab\tkept"),
    ],
)
def test_nothing_is_obeyed_and_the_last_state_of_a_line_is_shown(text: str, shown: str) -> None:
    assert without_control_characters(text) == shown


@pytest.mark.parametrize(
    "text", ["x" * 2_000_000, "x\r" * 1_000_000, "\x1b[" * 500_000, "\x1b[0" + "0" * 1_000_000, "\x1b]" * 500_000]
)
def test_one_long_line_is_shown_in_one_pass(text: str) -> None:
    """With work that grows with its square this does not end."""
    assert len(without_control_characters(text)) <= len(text)
