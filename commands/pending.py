"""Which migrations have not run, by a recipe's own rules: the table in the database against the files in git."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.look import DatabaseFacts
from bot.recipes.recipe import Migrations


def names_of(files: Iterable[str], kept: Migrations) -> tuple[str, ...]:
    """Name the migrations among the files of a directory, sorted as they run."""
    return tuple(sorted(file.removesuffix(kept.suffix) for file in files if file.endswith(kept.suffix)))


def not_run(files: Iterable[str], kept: Migrations, database: DatabaseFacts) -> tuple[str, ...]:
    """Name the migrations whose files are there and that the database does not remember, in order."""
    ran = {row.name for row in database.ran}
    return tuple(name for name in names_of(files, kept) if name not in ran)
