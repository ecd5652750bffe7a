"""In which language something is said: in a channel in one for all, to one person in the language of their Slack."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from bot.domain.language import Language
from bot.slack.render.builtin_catalog import builtin_catalog, load_catalog
from bot.slack.render.text import Translator


class Translators:
    """Gives the translator of what is said.

    Args:
        channel: of what several people see.
        personal: the languages in which one person alone is answered whose locale says so; anybody else is answered
            in the language of the channel.
    """

    def __init__(self, channel: Translator, personal: frozenset[Language]) -> None:
        self.channel = channel
        self._personal = personal
        self._ready: dict[Language, Translator] = {}

    async def personal(self, locale: str) -> Translator:
        """Return the translator of what one person sees alone.

        Args:
            locale: of that person in Slack, such as `fr-FR`; empty where it is unknown.
        """
        language = self._language(locale)
        if language is not None and language not in self._ready:
            self._ready[language] = await asyncio.to_thread(builtin_translator, language)
        return self.ready(locale)

    def ready(self, locale: str) -> Translator:
        """Return the translator of what one person sees alone, as far as it is loaded; else that of the channel."""
        language = self._language(locale)
        return self._ready.get(language, self.channel) if language is not None else self.channel

    def _language(self, locale: str) -> Language | None:
        code = locale.lower().replace("_", "-").partition("-")[0]
        return next((language for language in self._personal if language.value == code), None)


@cache
def builtin_translator(language: Language) -> Translator:
    """Return the translator of a built-in language; its catalog is read once."""
    return Translator(builtin_catalog(language))


def builtin_translators(channel: Language) -> Translators:
    """Return the translators where a built-in language is spoken in channels, and people have theirs."""
    return Translators(builtin_translator(channel), frozenset(Language))


def own_translators(directory: Path) -> Translators:
    """Return the translators where everybody is spoken to in a language that is no built-in one.

    Args:
        directory: of its files.

    Raises:
        CatalogError: it cannot be read, or has keys or values that are never used.
    """
    return Translators(Translator(load_catalog(directory)), frozenset())
