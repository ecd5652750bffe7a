"""The operations file: text → `Operations`, or every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from bot.config.build import build
from bot.config.document import Document, read_document
from bot.config.masked_variables import masked_variables
from bot.config.problems import ConfigurationError, ConfigurationProblem, DocumentProblem, KeyPath, shown_path
from bot.config.rules import broken_rules, known_names
from bot.config.schema import OperationsFile
from bot.config.substitution import Substituted, substitute
from bot.config.validation_messages import problems_of
from bot.config.values import is_url
from bot.domain.names import TargetName, nearest
from bot.domain.secrets import Masker, Secret
from bot.domain.shell import placeholders
from bot.domain.targets.layout import LayoutName
from bot.domain.targets.target import Operations, VarValue


@dataclass(frozen=True)
class CheckedRecipe:
    """The result of checking an environment's variables against its recipe.

    Args:
        vars: as the recipe takes them; defaults filled in.
        recipe_problems: what is wrong with the recipe itself.
        var_problems: what is wrong with the variables: the path within `vars`, and the message.
        layouts: for which it has steps.
        values: names that a command of the environment may ask for, in braces; None where the recipe cannot be read.
    """

    vars: Mapping[str, VarValue] = field(default_factory=dict)
    recipe_problems: tuple[str, ...] = ()
    var_problems: tuple[tuple[str, str], ...] = ()
    layouts: frozenset[LayoutName] = frozenset(LayoutName)
    values: frozenset[str] | None = None


class RecipeChecker(Protocol):
    """Loads a recipe and checks variables against it."""

    def __call__(self, recipe: str, base: Path, values: Mapping[str, object]) -> CheckedRecipe:
        """Check one environment.

        Args:
            recipe: a built-in recipe's name, or the path of a file.
            base: the directory from which a relative path starts.
            values: the environment's `vars`.
        """
        ...


def load_operations(text: str, path: Path, environment: Mapping[str, str], check_recipe: RecipeChecker) -> Operations:
    """Read an operations file.

    Args:
        text: of the file.
        path: of the file, as the user named it; relative paths in it start at its directory.
        environment: the variables for `${NAME}`; `HOME` is what `~` stands for.
        check_recipe: loads recipes.

    Returns:
        The validated, frozen objects.

    Raises:
        ConfigurationError: anything is wrong; it has every problem with its path and line.
    """
    document = read_document(text)
    try:
        return _checked(document, path, environment, check_recipe)
    except RecursionError:
        raise _error(path, document, Substituted(), [DocumentProblem((), "nested too deeply to be read")]) from None


def _checked(document: Document, path: Path, environment: Mapping[str, str], check_recipe: RecipeChecker) -> Operations:
    filled = substitute(document.data, environment)
    problems = [*document.problems, *filled.problems]
    if () in document.unread or document.data is None:
        raise _error(path, document, filled, problems)
    # What could not be read has been named; whatever is built on it would only repeat that.
    spoiled = document.unread | {problem.path for problem in filled.problems}
    later, file = _validated(filled.data)
    later += broken_rules(filled.data)
    recipes = _check_recipes(filled.data, path.parent, check_recipe)
    later += recipes.problems
    problems += [problem for problem in later if not _within(problem.path, spoiled)]
    if problems or file is None:
        raise _error(path, document, filled, problems)
    built = build(file, path.parent.absolute(), _home(environment), recipes.vars)
    variables = masked_variables(filled.variables, document.data)
    return replace(built, variables=variables.masked, unmasked=variables.unmasked)


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment["HOME"]) if environment.get("HOME") else Path.home()


def _within(path: KeyPath, spoiled: Iterable[KeyPath]) -> bool:
    return any(path[: len(place)] == place for place in spoiled)


def _validated(data: object) -> tuple[list[DocumentProblem], OperationsFile | None]:
    try:
        return [], OperationsFile.model_validate(data, context=known_names(data))
    except ValidationError as error:
        return problems_of(error), None


@dataclass
class _Recipes:
    problems: list[DocumentProblem] = field(default_factory=list)
    vars: dict[TargetName, Mapping[str, VarValue]] = field(default_factory=dict)


def _check_recipes(data: object, base: Path, check_recipe: RecipeChecker) -> _Recipes:
    result = _Recipes()
    for app, section in _items(data, "apps"):
        recipe = section.get("recipe")
        if not isinstance(recipe, str) or not recipe.strip():
            continue
        where: KeyPath = ("apps", app, "recipe")
        for name, environment in _items(section, "environments"):
            values = environment.get("vars", {})
            checked = check_recipe(recipe, base, values if isinstance(values, dict) else {})
            result.problems += [
                problem
                for message in checked.recipe_problems
                if (problem := DocumentProblem(where, message)) not in result.problems
            ]
            inside: KeyPath = ("apps", app, "environments", name, "vars")
            result.problems += [
                DocumentProblem((*inside, *_parsed(spot)), message) for spot, message in checked.var_problems
            ]
            if environment.get("layout") == LayoutName.RELEASES.value and not checked.recipe_problems:
                spot = ("apps", app, "environments", name, "layout")
                result.problems += _without_steps(recipe, spot) if LayoutName.RELEASES not in checked.layouts else []
            result.problems += _unknown_values(environment, ("apps", app, "environments", name), checked)
            result.vars[TargetName(app, name)] = checked.vars
    return result


def _without_steps(recipe: str, where: KeyPath) -> list[DocumentProblem]:
    message = f"the recipe '{recipe}' does not say how releases are made (`releases:` in its file); take `checkout`"
    return [DocumentProblem(where, message)]


_COMMANDS = ("before_host", "after_host", "health")
"""Keys of `rollout` that are templates, as the commands of a recipe are."""


def _unknown_values(environment: dict[str, object], where: KeyPath, checked: CheckedRecipe) -> list[DocumentProblem]:
    """Find what the commands of an environment ask for and nothing gives."""
    rollout = environment.get("rollout")
    if not isinstance(rollout, dict) or checked.values is None:
        return []
    templates = {key: text for key in _COMMANDS if isinstance(text := rollout.get(key), str)}
    return [
        DocumentProblem((*where, "rollout", key), f"asks for {{{asked}}}; {_there_is(text, asked, checked.values)}")
        for key, text in templates.items()
        for asked in sorted(placeholders(text) - (frozenset() if is_url(text) else checked.values))
    ]


def _there_is(text: str, asked: str, known: frozenset[str]) -> str:
    if is_url(text):
        return "a URL is as each host itself sees it, and takes no values"
    near = nearest(asked, sorted(known))
    return f"did you mean {{{near}}}?" if near else f"there is {', '.join(sorted(known))}"


def _items(data: object, key: str) -> list[tuple[str, dict[str, object]]]:
    section = data.get(key) if isinstance(data, dict) else None
    found = section.items() if isinstance(section, dict) else ()
    return [(name, value) for name, value in found if isinstance(value, dict)]


def _parsed(spot: str) -> KeyPath:
    """Read a path such as `services[0].name`, as recipes write it."""
    parts: list[str | int] = []
    for piece in spot.replace("[", ".[").split("."):
        if piece.startswith("[") and piece.endswith("]") and piece[1:-1].isdigit():
            parts.append(int(piece[1:-1]))
        elif piece:
            parts.append(piece)
    return tuple(parts)


def _error(
    path: Path, document: Document, filled: Substituted, problems: Iterable[DocumentProblem]
) -> ConfigurationError:
    hide = _hiding(filled)
    placed = [
        ConfigurationProblem(str(path), document.line(found.path), shown_path(found.path), hide(found))
        for found in dict.fromkeys(problems)
    ]
    return ConfigurationError(sorted(placed, key=lambda problem: (problem.line or 0, problem.path, problem.message)))


def _hiding(filled: Substituted) -> Callable[[DocumentProblem], str]:
    """Values of variables may be secrets: a message shows what stands in the file instead."""
    masker = Masker(tuple(Secret(value) for value in filled.variables.values()))

    def hide(found: DocumentProblem) -> str:
        message = found.message
        source = filled.sources.get(found.path)
        value: object = filled.data
        for part in found.path:
            if isinstance(value, dict) and isinstance(part, str):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                value = None
        if source is not None and isinstance(value, str):
            message = message.replace(repr(value), repr(source))
        return masker.mask(message)

    return hide
