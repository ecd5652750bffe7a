"""The environment with `.env` beneath it, and where each variable came from."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

from bot.config.problems import ConfigurationProblem

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ENVIRONMENT = "environment"
"""Named as the file of a variable that stands in none."""


@dataclass(frozen=True)
class Variables:
    """What is set, and where.

    Args:
        values: the environment; a real variable wins over `.env`.
        file: the `.env` file as the user named it.
        lines: the line of each variable that comes from the file.
        problems: what is wrong with the file itself.
        found: whether the file is there.
    """

    values: Mapping[str, str] = field(repr=False)
    file: str
    lines: Mapping[str, int]
    problems: tuple[ConfigurationProblem, ...] = ()
    found: bool = True

    def problem(self, name: str, message: str) -> ConfigurationProblem:
        """Write a problem with one variable at the place where it is set, or should be."""
        if name in self.lines:
            return ConfigurationProblem(self.file, self.lines[name], name, message)
        return ConfigurationProblem(ENVIRONMENT, None, name, message)


def read_variables(file: Path, real: Mapping[str, str]) -> Variables:
    """Read `.env` beneath the real environment.

    Args:
        file: `.env`; it may be missing.
        real: the real environment, such as `os.environ`.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Variables(dict(real), str(file), {}, found=False)
    except (OSError, UnicodeDecodeError) as error:
        problem = ConfigurationProblem(str(file), None, "", f"cannot be read: {_why(error)}")
        return Variables(dict(real), str(file), {}, (problem,))
    return _parsed(text, str(file), real)


def _why(error: OSError | UnicodeDecodeError) -> str:
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)


def _parsed(text: str, file: str, real: Mapping[str, str]) -> Variables:
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems: list[ConfigurationProblem] = []
    for binding in parse_stream(io.StringIO(text)):
        # Blank lines before an assignment belong to its binding.
        text = binding.original.string
        blank = text[: len(text) - len(text.lstrip())]
        line = binding.original.line + blank.count("\n")
        named = binding.key is None or (_NAME.fullmatch(binding.key) and binding.value is not None)
        if binding.error or not named:
            problems.append(ConfigurationProblem(file, line, "", "not an assignment; write NAME=value"))
        elif binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
            lines[binding.key] = line
    from_file = {name: line for name, line in lines.items() if name not in real}
    return Variables({**values, **real}, file, from_file, tuple(problems))
