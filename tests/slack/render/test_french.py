"""French is whole: each sentence, its values, its plural, Slack's limits; and nothing English is left on a card."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.errors import Problem, Reason
from bot.domain.language import Language
from bot.playground.block_kit.blocks import Surface, check_blocks
from bot.slack.forms import FORMS
from bot.slack.forms.view import form_view
from bot.slack.render.builtin_catalog import ENGLISH, builtin_catalog
from bot.slack.render.cards.status.home_card import home_card
from bot.slack.render.run_messages import render
from bot.slack.translators import builtin_translator
from tests.slack.forms.test_forms import FORM_STATES
from tests.slack.support.dashboards import COCKPITS, LINKS, home_scene
from tests.slack.support.limits import broken, texts
from tests.slack.support.runs import RUNS, ctx

FRENCH = builtin_catalog(Language.FRENCH)
FR = builtin_translator(Language.FRENCH)
EN = builtin_translator(Language.ENGLISH)
ENGLISH_TEXTS, FRENCH_TEXTS = ENGLISH.templates(), FRENCH.templates()

_VALUE = re.compile(r"\{[a-z_]+\}")
_CODE = re.compile(r"`[^`]*`")
_LIMITS = (
    (r"button\.[a-z_]+", 75),
    (r"confirm\.\w+\.(yes|no)", 30),
    (r"confirm\.\w+\.title", 100),
    (r"confirm\..*", 300),
)
"""Slack's limits in characters: of a button, and of the parts of a confirmation."""

_LONELY_UNIT = re.compile(r"\d (?:s|min|h|[kMGT]?[Bo])\b|\w [:;!?»](?:\s|$)|« ")


def fragments(template: str) -> Iterable[str]:
    """Give the parts of a template between its values that have two words or more."""
    for part in re.split(r"\{[a-z_]+\}|[\[\]\n]|`[^`]*`", template):
        if len(re.findall(r"[A-Za-z]{2,}", part)) >= 2:
            yield part.strip()


ENGLISH_FRAGMENTS = frozenset(
    part
    for key, text in ENGLISH_TEXTS.items()
    for part in fragments(text)
    if not key.startswith("details") and all(part not in other for other in FRENCH_TEXTS.values())
)


def test_each_sentence_is_said_in_french_and_no_other() -> None:
    assert builtin_catalog(Language.FRENCH) is FRENCH
    assert builtin_translator(Language.FRENCH) is FR
    assert FRENCH_TEXTS.keys() == ENGLISH_TEXTS.keys()
    assert FRENCH.errors(ENGLISH) == ()
    assert FRENCH.one == {0, 1}


@pytest.mark.parametrize("key", ENGLISH_TEXTS)
def test_values_and_what_is_typed_are_those_of_the_english_sentence(key: str) -> None:
    assert set(_VALUE.findall(FRENCH_TEXTS[key])) == set(_VALUE.findall(ENGLISH_TEXTS[key]))
    assert sorted(_CODE.findall(FRENCH_TEXTS[key])) == sorted(_CODE.findall(ENGLISH_TEXTS[key]))


@pytest.mark.parametrize("texts_of", [ENGLISH_TEXTS, FRENCH_TEXTS], ids=["english", "french"])
def test_a_sentence_about_a_number_has_both_forms(texts_of: dict[str, str]) -> None:
    counted = {key.removesuffix(".one") for key in texts_of if key.endswith(".one")}
    assert counted
    assert {stem for stem in counted if f"{stem}.other" not in texts_of} == set()


@pytest.mark.parametrize("catalog", [ENGLISH, FRENCH], ids=["english", "french"])
@pytest.mark.parametrize(("keys", "most"), _LIMITS)
def test_buttons_and_confirmations_fit(catalog, keys: str, most: int) -> None:
    found = {key: text for key, text in catalog.sentences.items() if re.fullmatch(keys, key)}
    assert found
    assert {key for key, text in found.items() if len(text) > most} == set()


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_told_in_french(name: str) -> None:
    for slot, message in render(RUNS[name], replace(ctx(), translator=FR)).items():
        assert broken(message) == [], slot
        assert check_blocks(list(message.blocks), Surface.MESSAGE) == [], slot
        no_english_in([message.text, *texts(message.blocks)])


@pytest.mark.parametrize("name", COCKPITS)
def test_an_app_home_is_french(name: str) -> None:
    no_english_in(texts(home_card(COCKPITS[name], LINKS, replace(home_scene(), translator=FR))["blocks"]))


@pytest.mark.parametrize("name", FORM_STATES)
@pytest.mark.parametrize("command", FORMS)
def test_a_form_is_french(command: str, name: str) -> None:
    no_english_in(texts(form_view(FORMS[command], FORM_STATES[name], replace(home_scene(), translator=FR))))


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_is_french(reason: Reason) -> None:
    told = FR.refusal_text(Problem(reason))
    assert not re.search(r"[{}\[\]]|\s[.,]", told)
    no_english_in([told])


def no_english_in(shown: Iterable[str]) -> None:
    """Fail where a text has words of an English sentence, or a line that can end before a unit or a mark."""
    for text in shown:
        assert {part for part in ENGLISH_FRAGMENTS if part in text} == set(), text
        assert _LONELY_UNIT.search(_CODE.sub("", text)) is None, text


def test_numbers_durations_sizes_and_times_are_written_as_in_french() -> None:
    at = datetime(2026, 11, 30, 10, 53, tzinfo=UTC)
    assert (FR.number(1873), EN.number(1873)) == ("1\u202f873", "1,873")
    assert (FR.duration(0.42), FR.duration(190)) == ("0,4\u00a0s", "3\u00a0min 10\u00a0s")
    assert (FR.size(840), FR.size(12_897_485)) == ("840\u00a0o", "12,3\u00a0Mo")
    assert FR.moment(at) == f"<!date^{int(at.timestamp())}^{{date_short_pretty}} à\u00a0{{time}}|30/11/2026 10:53 UTC>"
    assert [FR.count("plan.migrations", n) for n in (0, 1, 2)] == [
        "*0 migration à exécuter*",
        "*1 migration à exécuter*",
        "*2 migrations à exécuter*",
    ]


def test_what_hosts_and_databases_answered_stays_and_what_the_program_says_of_them_is_french() -> None:
    cut = Problem(Reason.HOST_UNREACHABLE, {"host": "web1", "detail": "no answer within 5 s"})
    refused = Problem(Reason.HOST_UNREACHABLE, {"host": "web1", "detail": "Connection refused"})
    assert FR.problem_text(cut) == "Hôte `web1` injoignable\u00a0: pas de réponse en 5\u00a0s."
    assert FR.problem_text(refused) == "Hôte `web1` injoignable\u00a0: Connection refused."
