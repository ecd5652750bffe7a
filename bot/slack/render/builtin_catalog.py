"""The built-in English catalog, and catalogs of other languages on top of it.

A new sentence goes into the file of its subject in `languages/english/`.
"""

from __future__ import annotations

from pathlib import Path

from bot.slack.render.catalog import Catalog, CatalogError, read_catalog

ENGLISH = read_catalog(Path(__file__).parents[1] / "languages" / "english")


def load_catalog(directory: Path | None) -> Catalog:
    """Read the catalog of a language, completed with English where it lacks something.

    Args:
        directory: of its files; None is English.

    Raises:
        CatalogError: it cannot be read, or has keys or values that are never used.
    """
    if directory is None:
        return ENGLISH
    read = read_catalog(directory)
    if errors := read.errors(ENGLISH):
        raise CatalogError(f"{directory}: " + "; ".join(errors[:5]))
    return read.completed_by(ENGLISH)
