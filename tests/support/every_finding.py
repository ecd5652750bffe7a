"""A finding of every class, with one text wherever a text may stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from bot.domain.runs.findings import Finding

AT = datetime(2025, 11, 17, 3, tzinfo=UTC)


def every_finding(text: str) -> Iterator[Finding]:
    """Give one of each class for each member of each enum that it holds."""
    for kind in get_args(Finding):
        for pick in range(_members(kind)):
            yield _made(kind, text, pick)


def _members(kind: type) -> int:
    enums = [hint for each in get_type_hints(kind).values() for hint in _kinds(each) if _is_enum(hint)]
    return max((len(hint) for hint in enums), default=1)


def _kinds(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) is UnionType else (hint,)


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def _made(kind: Any, text: str, pick: int) -> Any:
    hints = get_type_hints(kind)
    own = [each.name for each in fields(kind) if each.name not in {"spelled", "unknown_facts"}]
    return kind(**{name: _value(hints[name], text, pick) for name in own})


def _value(hint: Any, text: str, pick: int) -> Any:
    [kind] = [each for each in _kinds(hint) if each is not NoneType]
    if get_origin(kind) is tuple:
        return (_value(get_args(kind)[0], text, pick),) * 20
    if _is_enum(kind):
        return list(kind)[pick % len(kind)]
    if is_dataclass(kind):
        return _made(kind, text, pick)
    if kind is str:
        return text
    facts = {"name": text}
    return {int: 12345, bool: pick % 2 == 0, Decimal: Decimal("1.25"), datetime: AT, Mapping[str, str]: facts}[kind]
