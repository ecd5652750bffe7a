"""References to secrets: a plan that is stored, shown and hashed names a variable where a command needs its value."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from bot.domain.errors import Problem, Reason, RefusedError
from bot.domain.secrets import Secret

_OPEN, _CLOSE = "⟦", "⟧"
_REFERENCE = re.compile(f"{_OPEN}(?:(?P<escaped>{_OPEN})|(?P<name>[A-Za-z_][A-Za-z0-9_]*){_CLOSE})")

T = TypeVar("T")


def hide_secrets(value: T, variables: Mapping[str, Secret]) -> T:
    """Replace every secret in a value by a reference to its variable.

    Args:
        value: text, or frozen dataclasses, tuples and mappings of text.
        variables: the secrets, by the name of their variable.

    Returns:
        The same with `⟦NAME⟧` for each secret; a `⟦` that was there is doubled, so that nobody can forge a reference.
    """
    by_value = {secret.reveal(): name for name, secret in variables.items() if secret.reveal()}
    found = re.compile("|".join(map(re.escape, [*sorted(by_value, key=len, reverse=True), _OPEN])))

    def hidden(text: str) -> str:
        return found.sub(lambda match: _OPEN * 2 if match[0] == _OPEN else _reference(by_value[match[0]]), text)

    return _mapped(value, hidden)


def reveal_secrets(value: T, variables: Mapping[str, Secret]) -> T:
    """Put the secrets back that `hide_secrets` replaced.

    Args:
        value: what `hide_secrets` returned.
        variables: the secrets, by the name of their variable, as they are now.

    Raises:
        RefusedError: `moved`, a variable is no longer configured.
    """

    def secret(name: str) -> str:
        if name not in variables:
            raise RefusedError(Problem(Reason.MOVED, {f"variable {name}": "configured → not configured"}))
        return variables[name].reveal()

    def revealed(text: str) -> str:
        return _REFERENCE.sub(lambda match: _OPEN if match["escaped"] else secret(match["name"]), text)

    return _mapped(value, revealed)


def _reference(name: str) -> str:
    return f"{_OPEN}{name}{_CLOSE}"


def _mapped(value: T, change: Callable[[str], str]) -> T:
    return cast(T, _walk(value, change))


def _walk(value: object, change: Callable[[str], str]) -> object:
    """Give the value itself where nothing in it changes: plans are large, and few of their words name a secret."""
    if type(value) is str:
        return change(value)
    if isinstance(value, tuple):
        items = tuple(_walk(item, change) for item in value)
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, Mapping):
        entries = {key: _walk(item, change) for key, item in value.items()}
        return entries if any(entries[key] is not item for key, item in value.items()) else value
    changed = {}
    for name in _names(cast(Hashable, type(value))):
        part = getattr(value, name)
        after = _walk(part, change)
        if after is not part:
            changed[name] = after
    return replace(cast(Any, value), **changed) if changed else value


@functools.cache
def _names(kind: Hashable) -> tuple[str, ...]:
    """Name the fields of a dataclass that it is made with; none of anything else."""
    return tuple(each.name for each in fields(cast(Any, kind)) if each.init) if is_dataclass(kind) else ()
