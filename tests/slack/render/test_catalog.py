"""Another language is a directory of files: nothing that people read stands anywhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import Problem, Reason
from bot.domain.language import Language
from bot.domain.runs.plan import Skipped, Step
from bot.domain.runs.run import StepRow
from bot.domain.targets.dashboard import HomeView
from bot.domain.targets.migration_report import MigrationReport
from bot.domain.targets.overview import TargetOverview
from bot.recipes.load import load_recipe
from bot.slack.forms import FORMS
from bot.slack.forms.view import form_view
from bot.slack.render.builtin_catalog import ENGLISH, builtin_catalog, load_catalog
from bot.slack.render.cards.status.home_card import home_card
from bot.slack.render.cards.status.migration_report_card import status_card
from bot.slack.render.cards.status.ops_card import lock_set_card
from bot.slack.render.catalog import Catalog, CatalogError, Explanation, read_catalog
from bot.slack.render.context import StepView
from bot.slack.render.run_messages import render
from bot.slack.render.text import Translator
from tests.slack.forms.test_forms import FORM_STATES
from tests.slack.render.test_migration_report_card import FINE, IDLE, NEW
from tests.slack.render.test_ops_card import LOCK, NAME
from tests.slack.support.dashboards import COCKPITS, LINKS, home_scene
from tests.slack.support.limits import texts
from tests.slack.support.runs import AT, RUNS, ctx

ROOT = Path(__file__).parents[3]
ROOM = ROOT / "bot" / "slack"
_KEPT = re.compile(r"(\{[a-z_]+\}|`[^`]*`)")
"""Values, and what is typed: no language changes them."""

_WORD = re.compile(r"[A-Za-z]{2,}|(?<=\d )[A-Za-z]\b")
"""A unit of one letter is a word, too."""
_DATA = re.compile(
    r"(?<!\w)/[a-z-]+\b|[\w-]+(?:/[\w*-]+)+|[\w-]+\.(?:lock|json)\b"
    r"|`[^`]*`|```.*?```|<[^>]*>|&\w+;|:[a-z0-9_+-]+:|\b[0-9a-f]{7,}\b",
    re.DOTALL,
)


def marked(template: str) -> str:
    """Write every letter that is English in letters that are not."""
    return "".join(part if _KEPT.fullmatch(part) else _wide(part) for part in _KEPT.split(template))


def _wide(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if letter.isascii() and letter.isalpha() else letter for letter in text)


MARKED = Translator(
    Catalog(
        {key: marked(said) for key, said in ENGLISH.sentences.items()},
        {
            reason: Explanation(marked(told.wrong), marked(told.right), marked(told.not_done))
            for reason, told in ENGLISH.reasons.items()
        },
        {key: marked(said) for key, said in ENGLISH.facts.items()},
        phrases={text: marked(said) for text, said in ENGLISH.phrases.items()},
    )
)

_OURS = frozenset({(StepRow, "title"), (Step, "title"), (StepView, "title"), (Skipped, "title"), (Skipped, "why")})
"""Texts of a snapshot that this program wrote: a language says them in its own words."""


def values(value: Any) -> Iterator[str]:
    """Give every text that a value holds: names, titles, reasons that people typed. A code of this program is none."""
    if isinstance(value, Enum):
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from values(item)
    elif isinstance(value, Iterable):
        for item in value:
            yield from values(item)
    elif is_dataclass(value):
        for field in fields(value):
            if (type(value), field.name) not in _OURS:
                yield from values(getattr(value, field.name))


def english_in(shown: Iterable[str], data: Any) -> set[str]:
    """Give the words of a text that are neither data nor marked."""
    known = {word for text in values(data) for word in re.findall(r"[A-Za-z]+", text)}
    return {word for text in shown for word in _WORD.findall(_DATA.sub("", text))} - known


@pytest.mark.parametrize("name", RUNS)
def test_a_run_in_another_language_has_no_english_left(name: str) -> None:
    told = replace(ctx(), translator=MARKED)
    for slot, message in render(RUNS[name], told).items():
        shown = [message.text, *(text for block in message.blocks for text in texts(block))]
        assert english_in(shown, (RUNS[name], dict(told.names), told.deciders)) == set(), slot


@pytest.mark.parametrize("name", COCKPITS)
def test_an_app_home_in_another_language_has_no_english_left(name: str) -> None:
    home_view: HomeView = COCKPITS[name]
    told = replace(home_scene(), translator=MARKED)
    shown = [text for block in home_card(home_view, LINKS, told)["blocks"] for text in texts(block)]
    assert english_in(shown, (home_view, dict(told.names))) == set()


@pytest.mark.parametrize("changes", [{}, {"pending_live": NEW}, {"missing": NEW}, {"blockers": (IDLE,)}])
def test_a_status_in_another_language_has_no_english_left(changes: dict[str, Any]) -> None:
    migration_report = MigrationReport(replace(FINE, **changes), None, None, "")
    card = status_card(migration_report, replace(ctx(), translator=MARKED))
    assert english_in([card.text, *texts(card.blocks)], migration_report) == set()


def test_a_lock_in_another_language_has_no_english_left() -> None:
    overview = TargetOverview(NAME, (), RUNS["succeeded"], RUNS["succeeded"], LOCK)
    card = lock_set_card(overview, is_new=True, ctx=replace(ctx(AT), translator=MARKED))
    assert english_in([card.text, *texts(card.blocks)], overview) == set()


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_in_another_language_has_no_english_left(reason: Reason) -> None:
    assert english_in([MARKED.refusal_text(Problem(reason))], ()) == set()


@pytest.mark.parametrize("name", FORM_STATES)
@pytest.mark.parametrize("command", FORMS)
def test_a_form_in_another_language_has_no_english_left(command: str, name: str) -> None:
    offer = FORM_STATES[name]
    told = replace(home_scene(), translator=MARKED)
    view = form_view(FORMS[command], offer, told)
    shown = [*texts(view["title"]), *texts(view["submit"]), *texts(view["blocks"])]
    assert english_in(shown, (offer, dict(told.names))) == set()


# ── nowhere else ──

_FOR_WHO_RUNS_IT = {"doctor.py", "manifest.py", "catalog.py"}
"""What whoever sets the bot up reads in a terminal, and what Slack's page about the app shows."""

_METHOD = re.compile(r"[a-z]+(_[a-zA-Z]+)+")
"""A method of Slack's client, such as `chat_postMessage`."""

_HEADER = frozenset({"Authorization", "Bearer "})
"""What the request for a file has."""

_PROSE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}|[A-Z][a-z]{3,}(?![A-Z])")


def sentences_in(file: Path) -> Iterator[str]:
    """Give the texts of a file that look like prose; docstrings, errors and lines of the log are for others."""
    tree = ast.parse(file.read_text())
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))
        if isinstance(node, ast.Raise):
            passed |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.Call) and _is_no_answer(node):
            passed |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if not is_text or id(node) in passed:
            continue
        text = node.value  # type: ignore[attr-defined]  # a constant
        if _PROSE.search(text) and not _METHOD.fullmatch(text) and text not in _HEADER:
            yield text


def _is_no_answer(call: ast.Call) -> bool:
    """Say whether a call logs, names a task, makes an error, or compares the name of a fact."""
    called = call.func
    if isinstance(called, ast.Name):
        return called.id in {"TypeVar", "cast"}
    if isinstance(called, ast.Attribute):
        owner = called.value.id if isinstance(called.value, ast.Name) else ""
        return owner == "_log" or called.attr in {"__init__", "create_task", "startswith"}
    return False


@pytest.mark.parametrize("file", sorted(ROOM.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOM)))
def test_no_sentence_stands_anywhere_else(file: Path) -> None:
    if file.name not in {*_FOR_WHO_RUNS_IT, "__init__.py"}:
        assert list(sentences_in(file)) == []


def test_no_sentence_is_never_said() -> None:
    """A key that stands nowhere in the code, whole or as the beginning that a code is put behind, is said by nobody."""
    on_console = [key.removeprefix(_CONSOLE) for key in ENGLISH.sentences if key.startswith(_CONSOLE)]
    assert unsaid(on_console, ROOM.parent / "console") == []
    assert unsaid([key for key in ENGLISH.sentences if not key.startswith(_CONSOLE)], ROOM) == []


_CONSOLE = "console."


def unsaid(keys: list[str], room: Path) -> list[str]:
    code = "".join(file.read_text() for file in room.rglob("*.py"))
    stems = set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)*)\.?[{"]', code))
    return [
        key
        for key in keys
        if not any(".".join(key.split(".")[:length]) in stems for length in range(1, len(key.split(".")) + 1))
    ]


# ── reading one ──


def test_what_a_language_lacks_is_said_in_english(tmp_path: Path) -> None:
    (tmp_path / "fr.yaml").write_text('one: [0, 1]\nsentences:\n  state.queued: "en attente"\n')
    language = load_catalog(tmp_path)
    translate = Translator(language)
    assert translate.translate("state.queued") == "en attente"
    assert translate.translate("state.running") == "running"
    assert "sentences: state.running" in read_catalog(tmp_path).missing_keys(ENGLISH)
    assert (translate.count("plan.commits", 0), translate.count("plan.commits", 2)) == ("0 commit", "2 commits")


def test_the_titles_of_a_recipe_of_ones_own_can_be_said_too(tmp_path: Path) -> None:
    (tmp_path / "fr.yaml").write_text(
        "phrases:\n"
        '  "Restart {each}": "Redémarrer {each}"\n'
        '  "Warm the shop": "Chauffer la boutique"\n'
        '  "{paths} and {n} more unchanged": "{paths} et {n} autres inchangés"\n'
    )
    translate = Translator(load_catalog(tmp_path))
    assert translate.phrase("Warm the shop") == "Chauffer la boutique"
    assert translate.phrase("Restart php8.2-fpm") == "Redémarrer php8.2-fpm"
    assert translate.phrase("a*, b and 3 more unchanged") == "a*, b et 3 autres inchangés"
    assert translate.phrase("Cache the views") == "Cache the views"
    assert translate.phrase("What nobody {knows}") == "What nobody {knows}"


def titles_of_recipes() -> set[str]:
    """Give the titles of the steps of every built-in recipe, and the title of one that is skipped."""
    recipes = [load_recipe(file.stem, ROOT) for file in (ROOT / "bot" / "recipes" / "builtin").glob("*.yaml")]
    found = {spec.title for recipe in recipes for spec in (*recipe.prepare, *recipe.change, *recipe.verify)}
    return (found | {title.replace(" {each}", "") for title in found}) - {"{each}"}


def test_english_has_the_title_of_every_step() -> None:
    commands = [node for file in (ROOT / "commands").glob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    made = {
        node.args[1].value
        for node in commands
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Step"
        and isinstance(node.args[1], ast.Constant)
    }
    assert made
    assert titles_of_recipes() | made <= ENGLISH.phrases.keys()
    assert all(said == text for text, said in ENGLISH.phrases.items())


def test_english_is_whole() -> None:
    assert builtin_catalog(Language.ENGLISH) is ENGLISH
    assert ENGLISH.missing_keys(ENGLISH) == ENGLISH.errors(ENGLISH) == ()
    assert set(ENGLISH.reasons) == set(Reason)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('sentences:\n  state.queud: "x"\n', "sentences: state.queud: no such sentence"),
        ('sentences:\n  headline: "{emoji} {acton}"\n', "sentences: headline: it is never given {acton}"),
        ("sentences:\n  headline: 7\n", "sentences: headline: must be text"),
        ('sentences:\n  headline: "a"\n  headline: "b"\n', "duplicate key"),
        ('words:\n  headline: "a"\n', "must have details, facts, one, phrases, reasons, sentences or some of them"),
        ('phrases:\n  "Restart {each}": "{every}"\n', "phrases: Restart {each}: it is never given {every}"),
        ('reasons:\n  frozn: {wrong: "", right: "", not_done: ""}\n', "there is no reason frozn"),
        ('reasons:\n  frozen: {wrong: "a"}\n', "reasons: frozen: must say wrong, right and not_done"),
        ("one: [a]\n", "one: must be a list of numbers"),
        (
            'sentences:\n  form.deploy.title: "Mettre en production une version"\n',
            "sentences: form.deploy.title: it has 32 characters; Slack shows 24 at most",
        ),
        (
            'sentences:\n  form.close: "Annuler et ne rien changer"\n',
            "sentences: form.close: it has 26 characters; Slack shows 24 at most",
        ),
        ("sentences: [", "while parsing"),
    ],
)
def test_a_language_that_is_wrong_says_where(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(CatalogError, match=re.escape(says)):
        load_catalog(tmp_path)


def test_a_directory_without_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"no \*\.yaml file is there"):
        load_catalog(tmp_path)
