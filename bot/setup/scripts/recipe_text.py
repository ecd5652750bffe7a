"""A recognised script → the text of a recipe: a built-in one whose steps of `change` are the script's, in its order."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.domain.shell import placeholders
from bot.setup.scripts.recognition import KnownStep, Line, NotNeeded, PlainStep, Recognised, Service

_STEP = re.compile(r"^  - key: (\S+)\n", re.MULTILINE)
_SECTION = re.compile(r"^([a-z]+):", re.MULTILINE)
_LONGEST_TITLE = 60
_LONGEST_QUOTE = 100
_TIMEOUT = "30m"
_OFTEN_MISSING = frozenset({"npm", "npx", "yarn", "pnpm", "bun", "node", "make", "rsync"})


@dataclass(frozen=True)
class BuiltinRecipe:
    """The text of a built-in recipe in its parts, comments included.

    Args:
        head: all before `prepare`.
        prepare: the section.
        change: the steps by their keys.
        verify: the section.
        keys: of all steps.
    """

    head: str
    prepare: str
    change: Mapping[str, str]
    verify: str
    keys: frozenset[str]


def divide(text: str) -> BuiltinRecipe:
    """Divide the text of a built-in recipe, without what it does where releases are kept: a script knows a checkout.

    Args:
        text: YAML, written as the built-in recipes are.
    """
    at = {found[1]: found.start() for found in _SECTION.finditer(text)}
    prepare, change, verify = (at[name] for name in ("prepare", "change", "verify"))
    text = text[: at.get("releases", len(text))]
    steps = list(_STEP.finditer(text, change, verify))
    ends = [step.start() for step in steps[1:]] + [verify]
    return BuiltinRecipe(
        _without_banner(text[text.index("vars:\n") : prepare]),
        _without_banner(text[prepare:change]),
        {step[1]: _without_banner(text[step.start() : end]).rstrip() for step, end in zip(steps, ends, strict=True)},
        _without_banner(text[verify:]).rstrip(),
        frozenset(step[1] for step in _STEP.finditer(text)),
    )


def _without_banner(text: str) -> str:
    """Leave out the comment lines at the end, which belong to what comes next."""
    return re.sub(r"(?:^#.*\n)+\Z", "", text, flags=re.MULTILINE).rstrip() + "\n"


def recipe_text(name: str, source: str, recognised: Recognised, builtin: BuiltinRecipe) -> str:
    """Write the recipe.

    Args:
        name: of the recipe.
        source: the script's file, for the comment at the top.
        recognised: the script.
        builtin: the recipe `laravel` where the script runs artisan, else `shell`.
    """
    steps = _Steps(recognised, builtin)
    change = "\n\n".join(steps.texts())
    head = builtin.head if recognised.is_laravel else _without_commands(builtin.head)
    if recognised.php != "php":
        head = head.replace("    default: php\n", f"    default: {recognised.php}\n", 1)
    variables = "".join(
        f"  {variable}:\n    type: text\n    default: {json.dumps(text)}\n"
        f"    about: {json.dumps(f'a command of {source}')}\n"
        for variable, text in steps.variables.items()
    )
    head = head.replace("vars:\n", f"vars:\n{variables}", 1)
    verify = builtin.verify if recognised.is_laravel else _without_step(builtin.verify, "verify")
    return (
        f"# Made from {_quoted(source)} by `countersign init --from`: its lines in their order, each above its step.\n"
        "# Review it as you review code. docs/recipes.md explains the format, and `countersign check` reads it.\n"
        f"recipe: {name}\ntitle: {json.dumps(_plain(source))}\n\n"
        f"{head}\n{builtin.prepare}\nchange:\n{change}\n\n{verify}\n"
    )


def _without_commands(head: str) -> str:
    """Leave out the variables of the recipe `shell` that list commands: they are steps now."""
    return re.sub(r"^  (?:commands|verify):\n(?:    .*\n)+", "", head, flags=re.MULTILINE)


def _without_step(section: str, key: str) -> str:
    return re.sub(rf"^  - key: {key}\n(?:    .*\n|\n)*", "", section, flags=re.MULTILINE)


class _Steps:
    """Writes the steps of `change`, each key once."""

    def __init__(self, recognised: Recognised, builtin: BuiltinRecipe) -> None:
        self._recognised = recognised
        self._builtin = builtin
        self._keys: set[str] = set()
        self.variables: dict[str, str] = {}

    def texts(self) -> Iterator[str]:
        known = {line.act.key for line in self._recognised.lines if isinstance(line.act, KnownStep)}
        if "log-mark" in self._builtin.change:
            yield self._builtin.change["log-mark"]
        brought = "checkout" in known
        for index, line in enumerate(self._recognised.lines):
            down_first = isinstance(line.act, KnownStep) and line.act.key == "maintenance-on"
            if not brought and not down_first and not isinstance(line.act, NotNeeded):
                brought = True
                yield "  # The script brings no commit; the bot does."
                yield from self._checkout(known)
            yield from self._line(line, known)
            if index == len(self._recognised.lines) - 1 and not brought:
                yield from self._checkout(known)
        if "maintenance-on" in known and "maintenance-off" not in known:
            yield "  # The script does not end the maintenance that it begins; the bot does."
            yield self._builtin.change["maintenance-off"]

    def _checkout(self, known: set[str]) -> Iterator[str]:
        if "migrate" in known:
            yield self._builtin.change["migrate-down"]
        yield self._builtin.change["checkout-back"]
        yield self._builtin.change["checkout"]

    def _line(self, line: Line, known: set[str]) -> Iterator[str]:
        origin = f"  # line {line.statement.line}: {_quoted(line.statement.text)}"
        match line.act:
            case NotNeeded(why):
                yield f"{origin}\n  # ({why})"
            case KnownStep(key) if key in self._keys or key not in self._builtin.change:
                if key in self._keys:
                    yield f"{origin}\n  # (done by the step {key} above)"
                else:
                    yield f"{origin}\n{self._plain(line, PlainStep(line.statement.text))}"
            case KnownStep("checkout"):
                self._keys.add("checkout")
                yield origin
                yield from self._checkout(known)
            case KnownStep(key, command):
                self._keys.add(key)
                yield f"{origin}\n{_with_command(self._builtin.change[key], key, command)}"
            case Service(unit, verb):
                yield f"{origin}\n{self._service(unit, verb)}"
            case PlainStep():
                yield f"{origin}\n{self._plain(line, line.act)}"

    def _key(self, wanted: str) -> str:
        plain = re.sub(r"[^a-z0-9.]+", "-", wanted.lower()).strip("-.")[:40].strip("-.") or "command"
        plain = re.sub(r"\.{2,}", ".", plain)
        taken = self._keys | self._builtin.keys
        key = next(each for each in (plain, *(f"{plain}-{number}" for number in range(2, 10_000))) if each not in taken)
        self._keys.add(key)
        return key

    def _service(self, unit: str, verb: str) -> str:
        word = shlex.quote(unit)
        title = f"{verb.capitalize()} {_plain(unit)}"
        return (
            f"  - key: {self._key(f'{verb}-{unit}')}\n    title: {json.dumps(title)}\n"
            f"    run: {json.dumps(f'sudo systemctl {verb} {word}')}\n"
            f"    check: {json.dumps(f'sudo systemctl is-active --quiet {word} || exit 2')}\n"
            "    risk: changes\n    timeout: 2m"
        )

    def _plain(self, line: Line, step: PlainStep) -> str:
        title = (
            _plain(line.statement.comment or line.statement.text.split("\n")[0])[:_LONGEST_TITLE].strip() or "A command"
        )
        command = step.command
        if placeholders(command):
            # `{word}` would be taken for a value of the recipe.
            variable = f"line_{line.statement.line}"
            while variable in self.variables:
                variable += "_"
            self.variables[variable] = command
            command = f"sh -c {{{variable}}}"
        return (
            f"  - key: {self._key(_first_words(line.statement.text))}\n"
            f"    title: {json.dumps(title, ensure_ascii=False)}\n"
            f"    run: {_scalar(command)}\n    risk: {'destroys' if step.destroys else 'changes'}\n"
            f"    timeout: {_TIMEOUT}\n    at: approved{_tools(step.command)}"
        )


def _tools(command: str) -> str:
    """Name the program that a command starts, of those that are often missing: nothing is planned without it."""
    first = command.split("\n")[-1].split(maxsplit=1)[0]
    return f"\n    tools: [{first}]" if first in _OFTEN_MISSING else ""


_RUN = re.compile(r"^    run: .*(?:\n      .*)*", re.MULTILINE)
"""A step's command, on one line or as a block."""


def _with_command(step: str, key: str, command: str) -> str:
    """Put the script's own command in the place of the recipe's."""
    if not command:
        return step
    if key == "maintenance-on":
        return step.replace('{php} artisan down "$@"', f"{{php}} {command}", 1)
    return re.sub(
        r"^    run: .*(\n      .*|\n$)*", lambda _: f"    run: {_scalar(command)}", step, count=1, flags=re.MULTILINE
    )


def _first_words(text: str) -> str:
    return " ".join(re.findall(r"[A-Za-z0-9.]+", text.split("\n")[0])[:3])


def _plain(text: str) -> str:
    """Give a text on one line that is no template and that no terminal obeys."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable() and letter not in "{}")


def _quoted(text: str) -> str:
    first, *more = text.split("\n")
    shown = "".join(letter for letter in first if letter.isprintable())[:_LONGEST_QUOTE]
    return f"{shown} …" if more or len(first) > _LONGEST_QUOTE else shown


def _scalar(text: str) -> str:
    """Write a text of YAML: as a block where it has lines that can stand in one, else in quotes."""
    lines = text.split("\n")
    if (
        len(lines) == 1
        or not all(line.isprintable() and line == line.rstrip() for line in lines)
        or lines[0][:1] == " "
    ):
        return json.dumps(text, ensure_ascii=False)
    return "\n".join(["|", *(f"      {line}" if line else "" for line in lines)])
