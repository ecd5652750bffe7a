"""What a tool printed of a database's error, found among its last lines."""

from __future__ import annotations

import re

_LARAVEL = "SQLSTATE["
_DRIVERS = ("OperationalError: ", "IntegrityError: ", "ProgrammingError: ")
"""How Python's drivers begin what the server said."""

_STATEMENT = re.compile(r" \((?:Connection: |SQL: )")
"""Where Laravel goes on with the statement, which the plan has told already."""


def database_words(tail: str) -> str:
    """Find the database's own words; frameworks break them at the terminal's width.

    Args:
        tail: the last lines that a tool printed.

    Returns:
        One line; empty where it said nothing that can be told.
    """
    start = tail.find(_LARAVEL)
    if start < 0:
        start = max(tail.rfind(word) for word in _DRIVERS)
    if start < 0:
        return ""
    words = " ".join(tail[start:].split("\n\n")[0].split())
    return _STATEMENT.split(words)[0]
