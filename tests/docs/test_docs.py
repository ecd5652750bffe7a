"""What the documentation says exists: settings, keys, commands, states, links, examples."""

from __future__ import annotations

import re
import shlex
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import typer
from pydantic import BaseModel
from ruamel.yaml import YAML
from typer.core import TyperGroup
from typer.testing import CliRunner

from bot.__main__ import app
from bot.config.operations import load_operations
from bot.config.recipe_vars import check_recipe
from bot.config.schema import OperationsFile
from bot.config.settings import VARIABLES, settings_of
from bot.config.variables import read_variables
from bot.domain.language import Language
from bot.domain.runs.approval import GateState
from bot.domain.runs.run import RunState, StepState
from bot.monitoring import Measures, Monitoring
from bot.recipes import load as recipe_format
from bot.recipes.load import load_recipe, parse_recipe
from bot.recipes.recipe import ConditionKind, VarKind
from tests.docs.support.pages import PAGES, ROOT, anchors, code_words, codes, examples, links, shell_lines, table

DOCS = ROOT / "docs"
FRENCH = DOCS / "fr"
SETUP, CONFIGURATION, APPROVALS, RECIPES, ON_CALL, RUNNING, COMMANDS = (
    DOCS / f"{name}.md" for name in ("setup", "configuration", "approvals", "recipes", "on-call", "running", "commands")
)
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
UNSET = "–"


def listed(page: Path, *header: str) -> set[str]:
    """Give what the first column of a table sets as code."""
    return {word for row in table(page, *header) for word in codes(row[0])}


# ── settings ──


@pytest.mark.parametrize(
    ("page", "default"),
    [(CONFIGURATION, "default"), (FRENCH / "installation.md", "par défaut")],
    ids=["english", "french"],
)
def test_every_variable_of_the_environment_is_told_with_its_default(page: Path, default: str, tmp_path: Path) -> None:
    rows = {codes(row[0])[0]: row[1].strip("`") for row in table(page, "variable", default)}
    assert set(rows) == set(VARIABLES)
    settings = settings_of(read_variables(tmp_path / ".env", TOKENS))
    for name, told in rows.items():
        value = getattr(settings, name.lower())
        expected = UNSET if value is None or name in TOKENS else str(value)
        assert told == expected, name


def test_the_example_of_the_environment_has_every_variable() -> None:
    written = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert set(VARIABLES) <= written


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Give every key of a section, and of the sections in it: `hosts.NAME.port`, `freeze[].from`."""
    for name, field in model.model_fields.items():
        yield from keys_in(field.annotation, f"{prefix}{field.alias or name}", model)


def keys_in(kind: Any, path: str, owner: type[BaseModel]) -> Iterator[str]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from keys_in(arguments[0], path, owner)
    elif origin in {Union, types.UnionType}:
        for each in dict.fromkeys(each for each in arguments if each is not type(None)):
            yield from keys_in(each, path, owner)
    elif origin is dict and arguments != (str, Any):
        chosen = "COMMAND" if owner.__name__ == "PolicySection" else "NAME"
        yield from keys_in(arguments[1], f"{path}.{chosen}", owner)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from keys_of(kind, f"{path}.")
    elif origin is list and isinstance(arguments[0], type) and issubclass(arguments[0], BaseModel):
        yield from keys_of(arguments[0], f"{path}[].")
    else:
        yield path


def test_every_key_of_the_operations_file_is_told() -> None:
    assert listed(CONFIGURATION, "key", "default", "meaning") == set(keys_of(OperationsFile))


def exported() -> dict[str, set[str]]:
    """Give the names of the bot's own metrics, as they are queried, with their labels."""
    store, line = types.SimpleNamespace(), types.SimpleNamespace(connected=True, socket_age=1.0, behind=0)
    measures = Measures()
    Monitoring(line, store, types.SimpleNamespace(held=True), None, measures)
    found: dict[str, set[str]] = {}
    for collector in measures.registry._collector_to_names:
        labels = set(getattr(collector, "_labelnames", ()))
        metric = next(iter(collector.describe()), None) if hasattr(collector, "_labelnames") else None
        if metric is None:
            continue
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(metric.type, ("",))
        found |= {metric.name + suffix: labels | ({"le"} if suffix == "_bucket" else set()) for suffix in suffixes}
    return {name: labels for name, labels in found.items() if name.startswith("countersign_")}


def test_every_metric_is_told() -> None:
    exist = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported()}
    assert {word.partition("{")[0] for word in listed(RUNNING, "metric", "what")} == exist


def test_metrics_are_named_as_prometheus_does() -> None:
    for name, labels in exported().items():
        assert re.fullmatch(r"countersign_[a-z]+(_[a-z]+)*", name), name
        assert not labels & {"run", "user", "channel"}, name


def test_the_alerts_ask_for_metrics_that_exist() -> None:
    rules = YAML(typ="safe").load((DOCS / "alerts.yaml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    known = exported()
    for rule in alerts:
        asked = re.findall(r"(countersign_\w+)(?:\{([^}]*)\})?", rule["expr"])
        assert asked or rule["expr"].startswith(("absent(up", "up{")), rule["alert"]
        for name, selector in asked:
            assert name in known, f"{rule['alert']}: {name}"
            assert set(re.findall(r"(\w+)[=!]", selector)) <= known[name] | {"job"}, f"{rule['alert']}: {selector}"
        assert set(re.findall(r'state="(\w+)"', rule["expr"])) <= set(RunState)
        assert rule["for"], rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "description"} <= rule["annotations"].keys()
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert anchor in anchors(ROOT / page), rule["alert"]


def test_every_scope_is_told() -> None:
    manifest = printed_manifest()
    assert listed(SETUP, "scope", "what for") == set(manifest["oauth_config"]["scopes"]["bot"])


# ── recipes ──


def test_every_key_of_a_recipe_and_of_a_step_is_told() -> None:
    assert listed(RECIPES, "key", "meaning") == set(recipe_format._RecipeFile.model_fields)
    assert listed(RECIPES, "key", "default", "meaning") == set(recipe_format._Step.model_fields)


def test_every_key_of_migrations_is_told() -> None:
    [row] = [row for row in table(RECIPES, "key", "meaning") if codes(row[0]) == ("migrations",)]
    assert {code.split(":")[0] for code in codes(row[1])} >= set(recipe_format._Migrations.model_fields)


@pytest.mark.parametrize("name", ["does", "risk", "on", "on_failure", "at", "only"])
def test_every_value_of_a_step_is_told(name: str) -> None:
    field = recipe_format._Step.model_fields[name]
    kind = next(each for each in (get_args(field.annotation) or (field.annotation,)) if each is not type(None))
    [row] = [row for row in table(RECIPES, "key", "default", "meaning") if codes(row[0]) == (name,)]
    told = set(codes(row[1])) | set(codes(row[2]))
    assert set(kind) <= told, (set(kind), told)


def test_every_condition_and_type_is_told() -> None:
    [row] = [row for row in table(RECIPES, "key", "default", "meaning") if codes(row[0]) == ("when",)]
    assert {code.removesuffix(":") for code in codes(row[2])} == set(ConditionKind)
    line = next(line for line in RECIPES.read_text().splitlines() if line.startswith("Types of variables:"))
    assert set(codes(line)) - {"of"} == set(VarKind)


# ── commands ──


def printed_manifest() -> dict[str, Any]:
    result = CliRunner().invoke(app, ["manifest"])
    assert result.exit_code == 0, result.exception
    return dict(YAML(typ="safe").load(result.stdout))


def program() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def named_commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for line in shell_lines(page):
            line = line.strip().removeprefix("runuser -u countersign -- ")
            if line.startswith(("make ", "useradd ", "chown ", "install ")):
                continue  # these name the account or the folder
            match = re.search(r"(?:^|/|\s)countersign ((?:[a-z]|--).*)$", line)
            if match and "docker" not in line and "--name" not in line:
                yield page.name, shlex.split(match[1], comments=True)


def problem_with(words: list[str]) -> str:
    """Say what of a command line does not exist."""
    place: Any = program()
    for word in words:
        if word.startswith("-"):
            if word.split("=")[0] not in {option for each in place.params for option in each.opts}:
                return f"{place.name} has no option {word}"
        elif isinstance(place, TyperGroup):
            if word not in place.commands:
                return f"{place.name} has no command {word}"
            place = place.commands[word]
    return ""


def test_every_command_that_is_named_exists() -> None:
    named = list(named_commands())
    assert {words[0] for _, words in named} >= {"serve", "check", "doctor", "manifest", "runs"}
    assert [(page, words, problem_with(words)) for page, words in named if problem_with(words)] == []


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for line in shell_lines(page):
            for target in re.findall(r"(?:^|&& )make ([a-z]+)", line):
                assert target in targets, f"{page.name}: make {target}"


def test_every_slash_command_is_listed_with_its_subcommands_and_flags() -> None:
    listed_usage: dict[str, str] = {}
    for row in table(COMMANDS, "command", "what it does"):
        for usage in codes(row[0]):
            name = usage.split()[0]
            listed_usage[name] = f"{listed_usage.get(name, '')} {usage}"
    for row in table(COMMANDS, "option", "of", "what it does"):
        for command in codes(row[1]):
            listed_usage[command.split()[0]] += f" {codes(row[0])[0]}"
    manifest = printed_manifest()
    exist = {item["command"]: item["usage_hint"] for item in manifest["features"]["slash_commands"]}
    assert listed_usage.keys() == exist.keys()
    for name, usage in exist.items():
        words = r"--[a-z-]+|(?<![\w/-])[a-z][a-z-]+"
        assert set(re.findall(words, listed_usage[name].replace(name, ""))) == set(re.findall(words, usage)), name


def test_no_line_of_the_readme_is_wider_than_a_screen() -> None:
    assert [line for line in (ROOT / "README.md").read_text().splitlines() if len(line) > 120] == []


# ── states ──


_ON_CALL = (
    (ON_CALL, "en", ("state", "the card says")),
    (FRENCH / "astreinte.md", "fr", ("état", "la carte dit")),
)


def _wording(language: str) -> Mapping[str, str]:
    from bot.slack.render.builtin_catalog import builtin_catalog

    return builtin_catalog(Language(language)).sentences


def test_every_state_is_told() -> None:
    runs = listed(ON_CALL, "state", "the card says", "meaning", "who acts")
    assert runs == set(RunState)
    assert listed(ON_CALL, "state", "meaning") == set(StepState)
    assert listed(APPROVALS, "state of a request", "meaning") == set(GateState)


def test_the_words_on_the_card_are_those_that_are_told() -> None:
    for page, language, header in _ON_CALL:
        rows = {codes(row[0])[0]: row[1].split(",")[0] for row in table(page, *header)}
        assert set(rows) == set(RunState)
        assert rows == {state.value: _wording(language)[f"state.{state}"] for state in RunState}


def test_every_button_is_told() -> None:
    for page, language, header in ((ON_CALL, "en", "button"), (FRENCH / "astreinte.md", "fr", "bouton")):
        told = {row[0].strip("*") for row in table(page, header)}
        assert told == {label for key, label in _wording(language).items() if key.startswith("button.")}


def test_the_moves_of_the_architecture_are_legal() -> None:
    from bot.domain.runs.run import LEGAL

    for row in table(DOCS / "architecture.md", "state", "moved on by", "to"):
        state = RunState(codes(row[0])[0])
        following = {RunState(word) for word in codes(row[2])}
        assert following <= LEGAL[state], state


def test_the_steps_of_the_guide_exist() -> None:
    recipe = load_recipe("laravel", ROOT)
    keys = {spec.key for spec in (*recipe.prepare, *recipe.change, *recipe.verify)}
    for row in table(DOCS / "guide.md", "in the guide", "in the product"):
        for named in re.findall(r"steps? ((?:`[^`]+`[^`|;]{0,45})+)", row[1]):
            for key in codes(named):
                known = key in keys or key in recipe.vars or any(key.startswith(f"{each}-") for each in keys)
                is_other = re.search(r"[:. ]|^(never|if-migrations|always|backup_before|vendor|ERROR)$", key)
                assert known or is_other, key


# ── links, files, examples ──


def test_the_index_of_the_architecture_answers_ten_questions_with_a_file_each() -> None:
    rows = table(DOCS / "architecture.md", "question", "file")
    assert len(rows) >= 10
    for question, answer in rows:
        [name] = codes(answer)
        assert question.endswith("?")
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    for word in code_words(page):
        if re.fullmatch(r"(bot|commands|tests|docs|scripts|bench)/[\w./-]*", word):
            assert (ROOT / word).exists(), word


def yaml_examples() -> list[Any]:
    found = []
    for page in PAGES:
        for number, example in enumerate(examples(page)):
            if example.language == "yaml":
                found.append(pytest.param(example.text, id=f"{page.name}-{number}"))
    return found


def load(text: str) -> None:
    """Load an operations file, or sections of one within the example, as `countersign check` would."""
    written = YAML(typ="safe").load(text)
    if "version" not in written:
        whole = YAML().load((ROOT / "ops.example.yaml").read_text())
        whole.update(written)
        lines: list[str] = []
        YAML().dump(whole, types.SimpleNamespace(write=lambda data: lines.append(data.decode())))
        text = "".join(lines)
    load_operations(text, ROOT / "ops.yaml", {"HOME": "/home/bot", "COMPTE_DB_PASSWORD": "stub"}, check_recipe)


@pytest.mark.parametrize("text", yaml_examples())
def test_examples_load(text: str) -> None:
    if text.startswith("recipe:"):
        parse_recipe(text, "the example")
    else:
        load(text)


def test_the_changelog_has_room_for_what_comes() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
