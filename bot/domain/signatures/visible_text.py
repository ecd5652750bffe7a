r"""Text in which nothing can be hidden: printable ASCII alone, in lines that are no wider than a screen.

What is not printable ASCII is written as `\u{HEX}`: control characters, marks that turn the direction of writing,
letters of other scripts that look like those of ASCII, spaces that are no space. A letter that is harmless in one
language looks like another one in the next, so there is no list of harmless ones. A backslash stands for itself, unless
it would begin such a mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

WIDTH = 100
"""Characters of a line, without what stands before it."""

_MARK = re.compile(r"\\u\{([0-9A-F]{1,6})\}")


def _mark(character: str) -> str:
    return f"\\u{{{ord(character):X}}}"


def _shown(text: str) -> Iterator[str]:
    """Give what each character is written as; a mark is never divided."""
    for index, character in enumerate(text):
        begins_mark = text.startswith("\\u{", index)
        yield character if " " <= character <= "~" and not begins_mark else _mark(character)


def visible(text: str) -> str:
    r"""Write a text in one line of printable ASCII. Two texts are never written alike.

    A space at the end is a mark too, as nobody would see it.
    """
    return "".join(_visible_end(list(_shown(text))))


def original(written: str) -> str:
    """Give the text that `visible` wrote."""
    return _MARK.sub(lambda found: chr(int(found[1], 16)), written)


def _visible_end(shown: list[str]) -> list[str]:
    return [*shown[:-1], _mark(" ")] if shown and shown[-1] == " " else shown


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    """Write a text in lines of printable ASCII, none wider than `width`; a space where a line is divided is a mark.

    Args:
        text: a line break in it is a mark.
        width: in characters, at least that of the longest mark.

    Returns:
        At least one line.
    """
    lines: list[list[str]] = [[]]
    used = 0
    for shown in _shown(text):
        # Room is left for a last space that becomes a mark.
        if lines[-1] and used + len(shown) > width - len(_mark(" ")) + 1:
            lines.append([])
            used = 0
        lines[-1].append(shown)
        used += len(shown)
    return ["".join(_visible_end(line)) for line in lines]
