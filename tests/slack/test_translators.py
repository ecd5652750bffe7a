"""In which language a channel is spoken to, and in which one person."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.language import Language
from bot.slack.translators import builtin_translator, builtin_translators, own_translators

EN, FR = (builtin_translator(language) for language in (Language.ENGLISH, Language.FRENCH))


@pytest.mark.parametrize(
    ("channel", "locale", "personal"),
    [
        (Language.ENGLISH, "fr-FR", FR),
        (Language.ENGLISH, "fr_CA", FR),
        (Language.FRENCH, "en-GB", EN),
        (Language.FRENCH, "de-DE", FR),
        (Language.FRENCH, "", FR),
        (Language.ENGLISH, "", EN),
    ],
)
async def test_a_person_is_answered_in_the_language_of_their_slack(channel: Language, locale: str, personal) -> None:
    translators = builtin_translators(channel)
    assert translators.channel is builtin_translator(channel)
    assert await translators.personal(locale) is personal
    assert translators.ready(locale) is personal


def test_who_must_be_answered_at_once_is_not_kept_waiting_for_a_language() -> None:
    assert builtin_translators(Language.ENGLISH).ready("fr-FR") is EN


async def test_a_language_of_ones_own_is_for_everybody(tmp_path: Path) -> None:
    (tmp_path / "de.yaml").write_text('sentences:\n  state.queued: "wartet"\n')
    translators = own_translators(tmp_path)
    assert await translators.personal("fr-FR") is translators.channel
    assert translators.channel.translate("state.queued") == "wartet"
