"""Findings as facts, which are text, and back. How a field is written where that differs is in its metadata.

A number is digits, an instant RFC 3339, a truth `yes` or `no`, an enum its value, several texts are joined; what has no
value is empty, or left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

_WRITTEN = "written"
_OWN = frozenset({"spelled", "unknown_facts"})


@dataclass(frozen=True)
class _Written:
    name: str | None = None
    separator: str = "\n"
    omit: bool = False
    yes: str | None = None


_AS_IT_IS = _Written()


def written(
    *, name: str | None = None, separator: str = "\n", omit: bool = False, yes: str | None = None
) -> dict[str, Any]:
    """Give the metadata of a field that is not written as it is.

    Args:
        name: of its fact, where that is not the field's name.
        separator: between several texts.
        omit: whether the fact is left out where it has no value.
        yes: the word for a truth whose opposite is no value.
    """
    return {_WRITTEN: _Written(name, separator, omit, yes)}


@dataclass(frozen=True, kw_only=True)
class StoredFacts:
    """The part of each finding that lets one of another version be written again exactly as it was read.

    Args:
        spelled: the names of the facts in the order in which they were read, and how a value that is no text was
            spelled; None for a finding that was never stored.
        unknown_facts: facts that this version does not know.
    """

    spelled: tuple[tuple[str, str], ...] | None = field(default=None, compare=False, repr=False)
    unknown_facts: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)


T = TypeVar("T", bound=StoredFacts)


def names_of(kind: type[StoredFacts]) -> tuple[str, ...]:
    """Give the names of a class's own fields, in their order."""
    return tuple(each.attribute for each in _plan(kind).values())


def to_facts(found: StoredFacts) -> dict[str, str]:
    """Write a finding as facts."""
    plan = _plan(type(found))
    texts = {name: each.write(getattr(found, each.attribute)) for name, each in plan.items()}
    if found.spelled is None:
        written_now = {name: text or "" for name, text in texts.items() if text is not None or not plan[name].omit}
        return written_now | dict(found.unknown_facts)
    as_spelled = {
        name: spelling
        for name, spelling in found.spelled
        if spelling and plan[name].read(spelling) == getattr(found, plan[name].attribute)
    }
    known: dict[str, str | None] = {**texts, **as_spelled, **dict(found.unknown_facts)}
    as_read = {name: known[name] or "" for name, _ in found.spelled}
    return as_read | {name: text for name, text in known.items() if text and name not in as_read}


def from_facts(kind: type[T], facts: Mapping[str, str]) -> T:
    """Read what `to_facts` wrote, in this version or another.

    Args:
        kind: the class of the finding.
        facts: as they are stored.

    Raises:
        ValueError: a value is missing, or not of its kind.
    """
    plan = _plan(kind)
    values: dict[str, Any] = {}
    spelled, unknown = [], []
    for name, text in facts.items():
        fact = plan.get(name)
        if fact is None:
            unknown.append((name, text))
        else:
            values[fact.attribute] = fact.read(text)
        spelled.append((name, "" if fact is None or fact.is_text else text))
    try:
        return kind(**values, spelled=tuple(spelled), unknown_facts=tuple(unknown))
    except TypeError as error:
        raise ValueError(f"not all facts of a {kind.__name__}: {', '.join(facts)}") from error


Read = Callable[[str], Any]
Write = Callable[[Any], str | None]


@dataclass(frozen=True)
class _Fact:
    """How one field is written.

    Args:
        attribute: its name.
        omit: whether the fact is left out where it has no value.
        is_text: whether it is text, or consists of it.
        read: reads the fact. Raises `ValueError`.
        write: writes it; gives None where there is no value.
    """

    attribute: str
    omit: bool
    is_text: bool
    read: Read
    write: Write


_PLANS: dict[type, Mapping[str, _Fact]] = {}


def _plan(kind: type) -> Mapping[str, _Fact]:
    """Give the facts of a class by name, in the order of its fields."""
    if kind not in _PLANS:
        _PLANS[kind] = _new_plan(kind)
    return _PLANS[kind]


def _new_plan(kind: type) -> Mapping[str, _Fact]:
    hints = get_type_hints(kind)
    plan = {}
    for each in fields(kind):
        if each.name not in _OWN:
            how = cast("_Written", each.metadata.get(_WRITTEN, _AS_IT_IS))
            plan[how.name or each.name] = _fact(each, hints[each.name], how)
    return plan


def _fact(each: Field[Any], hint: Any, how: _Written) -> _Fact:
    kind, may_be_none = _without_none(hint)
    read, write = _conversion(kind, how)
    is_text = kind is str or get_origin(kind) is tuple
    # text that may be None can also be known to be empty
    tells_empty = kind is str and may_be_none

    def read_fact(text: str) -> Any:
        if text or is_text:
            return read(text)
        if each.default is not MISSING:
            return each.default
        if may_be_none:
            return None
        raise ValueError(f"{each.name} has no value")

    def write_fact(value: Any) -> str | None:
        text = None if value is None else write(value)
        return text if text or tells_empty else None

    return _Fact(each.name, how.omit, is_text, read_fact, write_fact)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in {Union, UnionType}:
        return hint, False
    [kind] = [each for each in get_args(hint) if each is not NoneType]
    return kind, True


_WHOLE = re.compile(r"-?\d{1,30}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"not a whole number: {text[:40]!r}")
    return int(text)


def _number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"not a number: {text[:40]!r}")
    return Decimal(text)


def _truth(how: _Written) -> tuple[Read, Write]:
    yes, no = (how.yes, "") if how.yes is not None else ("yes", "no")

    def read(text: str) -> bool:
        if text not in {yes, no}:
            raise ValueError(f"neither {yes!r} nor {no!r}: {text[:40]!r}")
        return text == yes

    return read, lambda value: yes if value else no


_PLAIN: Mapping[Any, tuple[Read, Write]] = {
    str: (str, str),
    int: (_whole, str),
    Decimal: (_number, str),
    datetime: (datetime.fromisoformat, datetime.isoformat),
}


def _conversion(kind: Any, how: _Written) -> tuple[Read, Write]:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is bool:
        return _truth(how)
    if get_origin(kind) is tuple:
        return _several(*_conversion(get_args(kind)[0], how), how.separator)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind, lambda value: str(value.value)
    return kind.of_text, str


def _several(read: Read, write: Write, separator: str) -> tuple[Read, Write]:
    def write_all(value: Any) -> str:
        return separator.join(write(each) or "" for each in value)

    def read_all(text: str) -> Any:
        value = tuple(read(each) for each in text.split(separator)) if text else ()
        if write_all(value) != text:
            raise ValueError(f"not so many values: {text[:80]!r}")
        return value

    return read_all, write_all
