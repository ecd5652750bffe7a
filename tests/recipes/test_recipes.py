"""Recipes: read from YAML with every problem at once; the built-in ones are sound."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.runs.plan import Phase, Risk
from bot.recipes.load import RecipeError, builtin_names, load_recipe, parse_recipe
from bot.recipes.recipe import Recipe, RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import before_plan, recipe_steps
from tests.support.examples import HEAD, HOST, NEXT, TARGET

GOOD = "recipe: x\ntitle: X\n"


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_recipes_load_and_change_nothing_before_the_gate(name: str) -> None:
    recipe = load_recipe(name, Path())
    assert all(spec.risk is Risk.READS for spec in (*recipe.prepare, *recipe.verify))
    assert recipe.name == name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not YAML"),
        ("title: X", "recipe: Field required"),
        (GOOD + "chnage: []", "chnage: Extra inputs are not permitted"),
        (GOOD + "change: [{key: a/b, title: A, run: 'true'}]", "change[0].key"),
        (GOOD + "change: [{key: a, title: A}]", "either `run` or `does`"),
        (GOOD + "change: [{key: a, title: A, run: 'true', does: backup}]", "either `run` or `does`"),
        (GOOD + "change: [{key: a, title: A, run: 'true', timeout: 5}]", "change[0].timeout"),
        (GOOD + "change: [{key: a, title: A, run: 'true', timeout: 5 minutes}]", "number and s, m, h or d"),
        (GOOD + "change: [{key: a, title: A, run: 'echo {who}'}]", "asks for {who}"),
        (GOOD + "change: [{key: a, title: A, run: x}, {key: a, title: A, run: x}]", "'a' stands twice"),
        (GOOD + "prepare: [{key: a, title: A, run: x, risk: changes}]", "cannot change production"),
        (GOOD + "verify: [{key: a, title: A, run: x, risk: destroys}]", "cannot change production"),
        (GOOD + "change: [{key: a, title: A, run: x, undoes: b}]", "there is no step 'b'"),
        (GOOD + "change: [{key: a, title: A, run: 'x {each}', each: names}]", "no variable of kind texts"),
        (GOOD + "change: [{key: a, title: A, run: x, when: [{var: b}]}]", "no variable of the recipe"),
        (GOOD + "change: [{key: a, title: A, run: x, when: [sometimes]}]", "change[0].when"),
        (
            GOOD + "migrations: {kind: table, table: t}",
            "migrations: Value error, `kind: table` needs directory, suffix",
        ),
        (GOOD + "migrations: {kind: command, status: x, parser: rails}", "migrations.parser"),
        (GOOD + "migrations: {kind: command, status: x, parser: django, table: t}", "look at table"),
        (
            GOOD + "migrations: {kind: command, status: 'x {sha}', parser: django}",
            "migrations.status: the template asks",
        ),
        (GOOD + "prepare: [{key: a, title: A, does: preview}]", "migrations.sql: is missing"),
        (
            GOOD + "migrations: {kind: command, status: x, parser: django}\nverify: [{key: a, title: A, does: undone}]",
            "migrations.table: is missing",
        ),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named_with_its_path(text: str, problem: str) -> None:
    with pytest.raises(RecipeError) as error:
        parse_recipe(text, "x.yaml")
    assert any(problem in found for found in error.value.problems), error.value.problems


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(RecipeError) as error:
        parse_recipe(GOOD + "needs: {free_mib: -1}\nchange: [{key: '', title: A, run: x}]", "x.yaml")
    assert len(error.value.problems) == 2


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    with pytest.raises(RecipeError) as error:
        load_recipe("laravell", Path())
    assert "did you mean 'laravel'" in error.value.problems[0]


def test_a_recipe_is_one_file_that_lies_anywhere(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD + "change: [{key: a, title: A, run: 'make {sha}', risk: changes}]")
    assert load_recipe("mine.yaml", tmp_path).change[0].key == "a"
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe("other.yaml", tmp_path)


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, []),
        ({"services": ["nginx"], "retry": 5, "maintenance": "never"}, []),
        ({"services": "nginx"}, [("services", "must be a list of texts")]),
        ({"retry": -1}, [("retry", "must be a whole number, 0 or more")]),
        ({"retry": True}, [("retry", "must be a whole number, 0 or more")]),
        ({"maintenance": "sometimes"}, [("maintenance", "must be one of never, if-migrations, always")]),
        ({"health_url": "ftp://x"}, [("health_url", "must be a URL (http or https)")]),
        ({"reload": ["nginx"], "workers": ["horizon", "queue"]}, []),
        ({"workers": ["resque"]}, [("workers", "must be a list of queue, horizon, octane, reverb")]),
        ({"service": []}, [("service", "the recipe 'laravel' has no such variable; did you mean 'services'?")]),
    ],
)
def test_variables_are_checked(values: dict[str, object], problems: list[tuple[str, str]]) -> None:
    checked, found = load_recipe("laravel", Path()).check_vars(values)
    assert list(found) == problems
    assert checked["php"] == "php"


def test_a_variable_that_must_be_given_is_missed() -> None:
    _, found = load_recipe("shell", Path()).check_vars({})
    assert [name for name, _ in found] == ["commands"]


def shell_situation() -> tuple[Recipe, StepInputs]:
    return load_recipe("shell", Path()), StepInputs(
        "R-7K3F9Q", RunKind.DEPLOY, HEAD, NEXT, (HOST,), (), takes_down=False, backup=None
    )


def test_the_teams_own_commands_are_one_quoted_word_each() -> None:
    recipe, inputs = shell_situation()
    target = replace(TARGET, vars={"commands": ("make all && make check", "make all; true", "make all"), "verify": ()})
    steps, skipped = recipe_steps(recipe, target, inputs)
    commands = {step.key: step.act.command.script() for step in steps if step.key.startswith("command")}  # type: ignore[union-attr]  # every one of them is a Shell
    assert commands == {
        "command-make-all-make-check": "sh -c 'make all && make check'",
        "command-make-all-true": "sh -c 'make all; true'",
        "command-make-all": "sh -c 'make all'",
    }
    assert {s.key for s in skipped} == {"backup", "restart", "verify", "health"}


def test_two_commands_with_one_name_have_two_keys() -> None:
    recipe, inputs = shell_situation()
    target = replace(TARGET, vars={"commands": ("make", "make", "!!")})
    steps, _ = recipe_steps(recipe, target, inputs)
    assert [s.key for s in steps if s.phase is Phase.CHANGE] == [
        "checkout",
        "command-make",
        "command-make-2",
        "command-step",
    ]


def test_what_comes_before_the_plan_is_not_in_it_again() -> None:
    recipe, inputs = shell_situation()
    early = {step.key for step in before_plan(recipe, TARGET, "R-7K3F9Q")}
    steps, _ = recipe_steps(recipe, replace(TARGET, vars={"commands": ("make",)}), inputs)
    assert early == {"preflight", "fetch"}
    assert not early & {step.key for step in steps}
