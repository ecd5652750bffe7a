"""Whether a column type holds every value of another. Pure.

Whether a server refuses a value that no longer fits, cuts it or rounds it depends on the session's SQL mode, which a
migration can set itself; some losses are an error in no mode (MySQL Reference Manual, "Server SQL Modes"). So a type is
narrower unless it is known to hold everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TYPE = re.compile(r"(?P<name>\w+)(?:\((?P<arguments>.*)\))?(?P<unsigned>.* unsigned)?.*")
_MEMBER = re.compile(r"'((?:[^']|'')*)'")

_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_EXACT_BITS = {"float": 24, "double": 53}
"""Bits of the whole numbers that a type of floating point holds exactly."""

_MAX_BYTES = {
    **{"tinytext": 2**8, "text": 2**16, "mediumtext": 2**24, "longtext": 2**32, "json": 2**32},
    **{"tinyblob": 2**8, "blob": 2**16, "mediumblob": 2**24, "longblob": 2**32},
}
_BYTES_A_CHARACTER = 4
_DIGITS_OF_A_NUMBER = 32
"""Characters in which any number is written, sign, point and exponent included."""


@dataclass(frozen=True)
class _Type:
    """A column type as the server writes it.

    Args:
        name: such as `varchar`.
        arguments: between its brackets; empty where there are none.
        unsigned: whether it holds no negative number.
    """

    name: str
    arguments: str
    unsigned: bool

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(int(each) for each in re.findall(r"\d+", self.arguments))

    @property
    def members(self) -> frozenset[str]:
        return frozenset(_MEMBER.findall(self.arguments))

    @property
    def whole_range(self) -> tuple[int, int] | None:
        """The whole numbers it holds; None for other types."""
        if self.name == "year":
            return 0, 2155
        if self.name == "bit":
            return 0, 2 ** (self.numbers or (1,))[0] - 1
        if self.name not in _BITS:
            return None
        bits = _BITS[self.name]
        return (0, 2**bits - 1) if self.unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    @property
    def fraction_digits(self) -> int:
        return (*self.numbers, 0, 0)[1]

    @property
    def whole_digits(self) -> int:
        return (*self.numbers, 10)[0] - self.fraction_digits


def narrows(old: str, new: str) -> bool:
    """Return whether a column that changes its type may lose something of its values.

    Args:
        old: the type as the server writes it.
        new: the type as the server writes it.
    """
    before, after = _parse(old), _parse(new)
    return before != after and not _holds(after, before)


def _parse(text: str) -> _Type:
    match = _TYPE.fullmatch(text.lower() if "'" not in text else text)
    if match is None:
        return _Type(text, "", unsigned=False)
    name = match["name"]
    # The width in which a whole number is shown says nothing of what it holds.
    arguments = "" if name in _BITS else match["arguments"] or ""
    return _Type(name, arguments, match["unsigned"] is not None)


def _holds(new: _Type, old: _Type) -> bool:
    if new.name in {"enum", "set"}:
        return old.name == new.name and old.members <= new.members
    if new.name in {"char", "varchar"} or (new.name in _MAX_BYTES and "blob" not in new.name and new.name != "json"):
        return _text_holds(new, old)
    if new.name in {"binary", "varbinary"} or new.name in _MAX_BYTES:
        return _bytes_hold(new, old)
    if new.whole_range is not None:
        return old.whole_range is not None and _within(old.whole_range, new.whole_range)
    if new.name == "decimal":
        return _decimal_holds(new, old)
    if new.name in _EXACT_BITS:
        return _float_holds(new, old)
    return _moment_holds(new, old)


def _text_holds(new: _Type, old: _Type) -> bool:
    if old.name in _MAX_BYTES and new.name in _MAX_BYTES:
        return "blob" not in old.name and _MAX_BYTES[old.name] <= _MAX_BYTES[new.name]
    if new.name in _MAX_BYTES:
        characters = (_MAX_BYTES[new.name] - 1) // _BYTES_A_CHARACTER
    else:
        characters = (new.numbers or (1,))[0]
    if old.name in {"char", "varchar"}:
        return (old.numbers or (1,))[0] <= characters
    if old.name in {"enum", "set"}:
        longest = max(map(len, old.members), default=0) if old.name == "enum" else len(old.arguments)
        return longest <= characters
    number = old.whole_range is not None or old.name == "decimal" or old.name in _EXACT_BITS
    return (number or old.name in _MOMENTS) and characters >= _DIGITS_OF_A_NUMBER and "blob" not in old.name


def _bytes_hold(new: _Type, old: _Type) -> bool:
    def size(of: _Type) -> int | None:
        if of.name in {"binary", "varbinary"}:
            return (of.numbers or (1,))[0]
        return _MAX_BYTES[of.name] - 1 if of.name in _MAX_BYTES and "blob" in of.name else None

    held, wanted = size(new), size(old)
    return held is not None and wanted is not None and wanted <= held


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _decimal_holds(new: _Type, old: _Type) -> bool:
    limit = 10**new.whole_digits - 1
    if old.whole_range is not None:
        return _within(old.whole_range, (0 if new.unsigned else -limit, limit))
    if old.name != "decimal" or (new.unsigned and not old.unsigned):
        return False
    return old.whole_digits <= new.whole_digits and old.fraction_digits <= new.fraction_digits


def _float_holds(new: _Type, old: _Type) -> bool:
    if new.arguments or (new.unsigned and not old.unsigned):
        return False
    if old.whole_range is not None:
        exact = 2 ** _EXACT_BITS[new.name]
        return _within(old.whole_range, (-exact, exact))
    return old.name in _EXACT_BITS and _EXACT_BITS[old.name] <= _EXACT_BITS[new.name]


_MOMENTS = {
    "date": frozenset({"date"}),
    "time": frozenset({"time"}),
    "timestamp": frozenset({"timestamp"}),
    "datetime": frozenset({"datetime", "timestamp", "date"}),
}
"""Whose values each type of time holds; one with fewer digits of a second holds fewer."""


def _moment_holds(new: _Type, old: _Type) -> bool:
    digits_of_new, digits_of_old = ((of.numbers or (0,))[0] for of in (new, old))
    return old.name in _MOMENTS.get(new.name, ()) and digits_of_old <= digits_of_new
