"""Writes to the terminal: control sequences in text from hosts and people have no effect."""

from __future__ import annotations

import re

from rich.console import Console
from rich.text import Text

_ESCAPES = re.compile(
    # What a terminal would obey (ECMA-48): CSI … final byte; OSC, DCS and the like up to their end; two-byte escapes.
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x1b\\|\x07|$)|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]",
    re.MULTILINE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def without_control_characters(text: str) -> str:
    """Remove what a terminal would obey.

    Args:
        text: from a host or a person.

    Returns:
        The text with its line breaks and tabs; of a line that was overwritten (a progress bar), its last state.
    """
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    return "\n".join(_CONTROL.sub("", _last_state(line)) for line in text.split("\n"))


def _last_state(line: str) -> str:
    """Give what a terminal shows of a line after its carriage returns; in one pass, however long the line is."""
    return line.rstrip("\r").rpartition("\r")[2]


def standard_output() -> Console:
    """Give the console on standard output."""
    return Console(highlight=False, markup=False, emoji=False)


def standard_error() -> Console:
    """Give the console on standard error."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def print_text(console: Console, text: str, style: str = "") -> None:
    """Write text as it is, never broken into lines by the terminal's width.

    Args:
        console: where.
        text: what.
        style: how it looks.
    """
    console.print(Text(without_control_characters(text), style=style), soft_wrap=True)
