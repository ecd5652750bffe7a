"""The languages that the program speaks by itself."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language, by its code in ISO 639."""

    ENGLISH = "en"
    FRENCH = "fr"
