"""What the console says of runs, in the language of the bot's channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.language import Language
from bot.slack.render.markup import unmarked
from bot.slack.render.text import Translator
from bot.slack.translators import builtin_translator

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_TODAY = timedelta(hours=20)
"""Up to this age a time of day alone cannot be taken for that of another day."""

_WEEK = timedelta(days=7)
_AGES = ((365 * _DAY, "year"), (30 * _DAY, "month"), (_WEEK, "week"), (_DAY, "day"), (_HOUR, "hour"))


@dataclass(frozen=True)
class Words:
    """The words of one language.

    Args:
        language: which.
    """

    language: Language = Language.ENGLISH

    @property
    def translator(self) -> Translator:
        """Its translator."""
        return builtin_translator(self.language)

    def say(self, key: str, **values: str) -> str:
        """Fill the sentence of a key below `console.`; what stands in brackets is left out where a value is empty."""
        return self.translator.plain(f"console.{key}", **values)

    def count(self, key: str, number: int, **values: str) -> str:
        """Fill a sentence about a number of things."""
        return unmarked(self.translator.count(f"console.{key}", number, **values))

    def when_briefly(self, instant: datetime, now: datetime) -> str:
        """Write an instant on this machine's clock: `07:40`, `Mon 07:40` within a week, then `16 Nov`, `Nov 2025`."""
        local, age = instant.astimezone(), now - instant
        if age < _TODAY:
            return f"{local:%H:%M}"
        if age < _WEEK:
            return f"{self.say('days').split()[local.weekday()]} {local:%H:%M}"
        return f"{local.day} {self._month(local)}" if age < 300 * _DAY else f"{self._month(local)} {local.year}"

    def when_and_age(self, instant: datetime, now: datetime) -> str:
        """Write an instant on this machine's clock, and how old it is: `16 Nov 2026 07:40 UTC, 3 days ago`."""
        local, past = instant.astimezone(), self.age(instant, now)
        return f"{local.day} {self._month(local)} {local:%Y %H:%M %Z}" + (f", {past}" if past else "")

    def age(self, instant: datetime, now: datetime) -> str:
        """Write how old something is: `3 hours ago`, `2 weeks ago`; empty below an hour."""
        for length, name in _AGES:
            number = (now - instant) // length
            if number >= 1:
                return self.count(f"age.{name}", number)
        return ""

    def _month(self, local: datetime) -> str:
        return self.say("months").split()[local.month - 1]


ENGLISH = Words()
