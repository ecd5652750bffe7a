"""`${VARIABLE}` in the values of the operations file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.config.problems import DocumentProblem, KeyPath

_MARK = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[^{}\n]*)\}|(?P<open>\{))")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass
class Substituted:
    """Data with its variables filled in.

    Args:
        data: as before, each `${NAME}` replaced.
        sources: for each path that had a variable, the text as it stands in the file.
        problems: variables that are missing or miswritten; such a value keeps the text of the file.
        variables: those that were used, by name; their values may be secrets.
    """

    data: object = None
    sources: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[DocumentProblem] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict, repr=False)


def substitute(data: object, environment: Mapping[str, str]) -> Substituted:
    """Fill in the variables of every text; keys are left alone.

    Args:
        data: plain data. `$$` is a dollar sign, a `$` before anything else than `{` stays as it is.
        environment: the variables.

    Returns:
        The data and what was found on the way.
    """
    result = Substituted()
    result.data = _walk(data, (), environment, result)
    return result


def _walk(value: object, path: KeyPath, environment: Mapping[str, str], result: Substituted) -> object:
    if isinstance(value, dict):
        return {key: _walk(item, (*path, key), environment, result) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, (*path, index), environment, result) for index, item in enumerate(value)]
    if isinstance(value, str) and "$" in value:
        return _filled(value, path, environment, result)
    return value


def _filled(text: str, path: KeyPath, environment: Mapping[str, str], result: Substituted) -> str:
    wrong: dict[str, None] = {}
    used: dict[str, str] = {}

    def one(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name = match["name"]
        if name is None or _VARIABLE.fullmatch(name) is None:
            wrong["`${` must be followed by the name of a variable and `}`; a dollar sign itself is `$$`"] = None
            return match[0]
        if name not in environment:
            wrong[f"missing variable {name}: set it in the environment or in .env"] = None
            return match[0]
        used[name] = environment[name]
        return environment[name]

    filled = _MARK.sub(one, text)
    if wrong:
        result.problems.extend(DocumentProblem(path, message) for message in wrong)
        result.sources[path] = text
        return text
    if used:
        result.sources[path] = text
        result.variables |= used
    return filled
