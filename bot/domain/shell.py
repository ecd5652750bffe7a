"""Shell commands as values that quote themselves.

A command is made of parts. What a person or a file's value supplied is a `Word` and is always quoted;
only the author of a recipe writes `Syntax`; a `Hidden` part is quoted for the host and `***` for people.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.secrets import MASK, Secret


@dataclass(frozen=True)
class Word:
    """One argument, quoted whenever it is rendered.

    Args:
        text: the argument as the program must receive it; no NUL byte.

    Raises:
        ValueError: the text has a NUL byte, which no argument of a program can have.
    """

    text: str

    def __post_init__(self) -> None:
        if "\0" in self.text:
            raise ValueError("an argument of a command cannot contain a NUL byte")


@dataclass(frozen=True)
class Hidden:
    """One argument that people must not read. It cannot be stored: plans refuse it."""

    secret: Secret


@dataclass(frozen=True)
class Syntax:
    """Shell text written by the author of a recipe or by this program, never by who typed a command."""

    text: str


Part = Word | Hidden | Syntax


@dataclass(frozen=True)
class Command:
    """A shell command or script, in parts that render without a space between them."""

    parts: tuple[Part, ...]

    def script(self) -> str:
        """Render for a POSIX shell, every word quoted."""
        return "".join(_quoted(part) for part in self.parts)

    def masked(self) -> str:
        """Render for people: as `script`, with hidden parts as `***`."""
        return "".join(MASK if isinstance(part, Hidden) else _quoted(part) for part in self.parts)

    def __str__(self) -> str:
        return self.masked()

    def then(self, other: Command) -> Command:
        """Give the command that runs `other` when this one succeeded."""
        return Command((*self.parts, Syntax(" && "), *other.parts))


def _quoted(part: Part) -> str:
    match part:
        case Word(text):
            return shlex.quote(text)
        case Hidden(secret):
            return shlex.quote(secret.reveal())
        case Syntax(text):
            return text


def command(*words: str) -> Command:
    """Build a command from plain arguments.

    Args:
        *words: the program and its arguments, unquoted.

    Returns:
        The command, with each word quoted when it is rendered.
    """
    parts: list[Part] = []
    for index, word in enumerate(words):
        if index:
            parts.append(Syntax(" "))
        parts.append(Word(word))
    return Command(tuple(parts))


def syntax(text: str) -> Command:
    """Build a command from shell text that this program or a recipe wrote."""
    return Command((Syntax(text),))


_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z][a-z0-9_]*)\}")
"""`{name}`; the shell's own `${name}` is left alone."""


def placeholders(template: str) -> frozenset[str]:
    """Name what a template asks for, as in `systemctl restart {service}`."""
    return frozenset(_PLACEHOLDER.findall(template))


def fill(template: str, values: Mapping[str, str]) -> Command:
    """Fill a recipe's template; each value becomes one quoted word.

    Args:
        template: shell text with `{name}` where a value belongs. `${name}` is the shell's own and stays.
        values: the text for each name.

    Returns:
        The command.

    Raises:
        KeyError: the template asks for a name that `values` lacks.
    """
    parts: list[Part] = []
    position = 0
    for match in _PLACEHOLDER.finditer(template):
        if match.start() > position:
            parts.append(Syntax(template[position : match.start()]))
        parts.append(Word(values[match.group(1)]))
        position = match.end()
    if position < len(template):
        parts.append(Syntax(template[position:]))
    return Command(tuple(parts))


def with_syntax(template: str, name: str, text: str) -> str:
    """Write shell text into a template where it asks for a name.

    Args:
        template: shell text with `{name}`. `${name}` is the shell's own and stays.
        name: that is replaced.
        text: of this program, such as a variable of the shell in quotes.
    """
    return _PLACEHOLDER.sub(lambda match: text if match[1] == name else match[0], template)


def fill_text(template: str, values: Mapping[str, str]) -> str:
    """Fill a template that is no shell text, such as a path; each value stands as it is.

    Raises:
        KeyError: the template asks for a name that `values` lacks.
    """
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)


def assignments(values: Mapping[str, str]) -> tuple[Part, ...]:
    """Write assignments of shell variables, a line each.

    Args:
        values: by the names of the variables.
    """
    return tuple(part for name, value in values.items() for part in (Syntax(f"{name}="), Word(value), Syntax("\n")))


def script_with(script: str, **values: str) -> Command:
    """Give a script with variables that are set before it."""
    return Command((*assignments(values), Syntax(script)))


@dataclass(frozen=True)
class ReadResult:
    """The result of a short command that only reads.

    Args:
        exit_status: 0 is success and nothing else is; None is unknown (the connection was cut, or a signal ended it).
        stdout: the first bytes, at most as many as were asked for.
        stderr: the first bytes, at most 64 KiB.
        truncated: whether there was more on standard output.
    """

    exit_status: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool = False
