"""Finding a database's error message in the output of a tool."""

from __future__ import annotations

import re

_LARAVEL = "SQLSTATE["
_DRIVERS = ("OperationalError: ", "IntegrityError: ", "ProgrammingError: ")
"""Prefixes of the server's message in Python's drivers."""

_STATEMENT = re.compile(r" \((?:Connection: |SQL: )")
"""Where Laravel appends the statement, which the plan already shows."""


def database_words(tail: str) -> str:
    """Extract the database's error message; frameworks wrap it at the terminal's width.

    Args:
        tail: the last lines that a tool printed.

    Returns:
        One line; empty if there is none.
    """
    start = tail.find(_LARAVEL)
    if start < 0:
        start = max(tail.rfind(word) for word in _DRIVERS)
    if start < 0:
        return ""
    words = " ".join(tail[start:].split("\n\n")[0].split())
    return _STATEMENT.split(words)[0]
