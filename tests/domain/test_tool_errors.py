"""The database's own words among a tool's last lines."""

from __future__ import annotations

import pytest

from bot.domain.tool_errors import database_words

LARAVEL = """
   Illuminate\\Database\\QueryException

  SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry 'a' for
  key 'users_email' (SQL: alter table `users` add unique `users_email`(`email`))

  at vendor/laravel/framework/src/Connection.php:712
"""
DJANGO = "Traceback:\n  File \"x.py\"\ndjango.db.utils.OperationalError: (1205, 'Lock wait timeout exceeded')\n"


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (
            LARAVEL,
            "SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry 'a' for key 'users_email'",
        ),
        (DJANGO, "OperationalError: (1205, 'Lock wait timeout exceeded')"),
        ("Nothing to migrate.\n", ""),
        ("", ""),
    ],
)
def test_found(tail: str, words: str) -> None:
    assert database_words(tail) == words
