"""The language that is built in, and those that are told over it.

A new sentence goes into the file of its idea in `languages/english/`.
"""

from __future__ import annotations

from pathlib import Path

from bot.slack.render.catalog import Catalog, CatalogError, read_catalog

ENGLISH = read_catalog(Path(__file__).parents[1] / "languages" / "english")


def load_catalog(directory: Path | None) -> Catalog:
    """Give the language that is spoken: that of a directory, with English where it lacks something.

    Args:
        directory: with its files; None is English.

    Raises:
        CatalogError: it cannot be read, or says what could never be said rightly.
    """
    if directory is None:
        return ENGLISH
    read = read_catalog(directory)
    if mistakes := read.mistakes(ENGLISH):
        raise CatalogError(f"{directory}: " + "; ".join(mistakes[:5]))
    return read.over(ENGLISH)
