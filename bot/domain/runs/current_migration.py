"""Which migration is running, from the output of the stack's tool."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class CurrentMigration:
    """A migration that is being applied or undone.

    Args:
        name: of the migration.
        number: its position among those of the run, from 1.
    """

    name: str
    number: int


_ENDED = re.compile(r"\b(?:Migrated|Rolled back|DONE|OK)\b")
"""`Migrated:  NAME (12.3ms)` of Laravel 8, `NAME ....... 12ms DONE` of later ones, `Applying NAME... OK` of Django."""


def find_current_migration(names: tuple[str, ...], printed: str) -> CurrentMigration | None:
    """Find the migration that is running.

    Args:
        names: of the run's migrations, in the order in which they run.
        printed: the last lines of the tool's output; the last one may be incomplete.

    Returns:
        The one that was begun last or, if that has ended, the next one; None if none was begun or all have ended.
    """
    for line in reversed(printed.splitlines()):
        # The longest first: one name can be the beginning of another.
        for name in sorted(names, key=len, reverse=True):
            if _mentions(line, name):
                number = names.index(name) + (2 if _ENDED.search(line.replace(name, "")) else 1)
                return CurrentMigration(names[number - 1], number) if number <= len(names) else None
    return None


def _mentions(line: str, name: str) -> bool:
    # Alembic: `Running upgrade 1a5e -> 27c0, add token_id`, where the name is `27c0 add token_id`.
    revision = re.escape(name.partition(" ")[0])
    return (
        re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])|(?:upgrade .*-> |downgrade ){revision}(?!\w)", line)
        is not None
    )
