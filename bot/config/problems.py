"""What is wrong with a configuration, and where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""The way to a value in the operations file: keys and, in lists, positions from 0."""

_PLAIN_KEY = re.compile(r"[\w.+-]+")


def shown_path(path: KeyPath) -> str:
    """Write a path as people read it.

    Args:
        path: keys and positions.

    Returns:
        Such as `apps.compte.environments.production.hosts[0]`; a key with odd characters stands in quotes.
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        key = part if _PLAIN_KEY.fullmatch(part) else json.dumps(part)
        text += f".{key}" if text else key
    return text


@dataclass(frozen=True)
class DocumentProblem:
    """One thing that is wrong in a document, by its path alone.

    Args:
        path: where.
        message: what is wrong and what would be right; nothing secret.
    """

    path: KeyPath
    message: str


@dataclass(frozen=True)
class ConfigurationProblem:
    """One thing that is wrong, with its place in a file. Its text is the line that people read.

    Args:
        file: as the user named it; `environment` for a variable that stands in no file.
        line: 1 for the first; None where there is none to name.
        path: such as `hosts.web1.port`; empty where the whole file is meant.
        message: what is wrong and what would be right; nothing secret.
    """

    file: str
    line: int | None
    path: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class ConfigurationError(Exception):
    """The configuration cannot be used; nothing was started.

    Args:
        problems: all of them, at least one.
    """

    def __init__(self, problems: Iterable[ConfigurationProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
