"""The built-in catalogs, and catalogs of other languages on top of the English one.

A new sentence goes into the file of its subject in `languages/english/` and in `languages/french/`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from bot.domain.language import Language
from bot.slack.render.catalog import Catalog, CatalogError, read_catalog

_LANGUAGES = Path(__file__).parents[1] / "languages"

ENGLISH = read_catalog(_LANGUAGES / "english")


@cache
def builtin_catalog(language: Language) -> Catalog:
    """Return a built-in catalog; another one than English is read once, when it is first asked for."""
    match language:
        case Language.ENGLISH:
            return ENGLISH
        case Language.FRENCH:
            return read_catalog(_LANGUAGES / "french").completed_by(ENGLISH)


def load_catalog(directory: Path) -> Catalog:
    """Read the catalog of another language, completed with English where it lacks something.

    Args:
        directory: of its files.

    Raises:
        CatalogError: it cannot be read, or has keys or values that are never used.
    """
    read = read_catalog(directory)
    if errors := read.errors(ENGLISH):
        raise CatalogError(f"{directory}: " + "; ".join(errors[:5]))
    return read.completed_by(ENGLISH)
