"""Frozen dataclasses as JSON and back, by their fields. How a field is stored where that differs is in its metadata.

A dataclass is an object whose keys are the fields in the order of their definition; an enum is its value, a tuple an
array, a frozenset a sorted array, a mapping an object of text, an instant microseconds since 1970 in UTC, a length of
time whole seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_STORED = "stored"

T = TypeVar("T")

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]


@dataclass(frozen=True)
class _Stored:
    name: str | None = None
    inline: bool = False
    omit_none: bool = False
    optional: bool = False
    omit_default: bool = False


_AS_IT_IS = _Stored()


def stored(
    *,
    name: str | None = None,
    inline: bool = False,
    omit_none: bool = False,
    optional: bool = False,
    omit_default: bool = False,
) -> dict[str, Any]:
    """Give the metadata of a field that is not stored as it is.

    Args:
        name: its key, where that is not the field's name.
        inline: whether the fields of its dataclass stand among those of the one that holds it.
        omit_none: whether it is left out where it is None.
        optional: whether JSON of an earlier version may lack it; it then has its default.
        omit_default: whether it is left out where it is its default, so that JSON without it stays as it was.
    """
    return {_STORED: _Stored(name, inline, omit_none, optional, omit_default)}


@dataclass(frozen=True)
class Conversion:
    """How a class is written and read that is no plain dataclass in JSON.

    Args:
        write: gives JSON.
        read: reads what `write` gave. Raises `ValueError` or `KeyError` where it is something else.
    """

    write: Writer
    read: Reader


class JsonCodec:
    """Writes and reads dataclasses.

    Args:
        conversions: the classes, or unions of classes, that have a form of their own.
        rows: dataclasses that are stored as an array of their fields' values.
        tag: of a dataclass that stands in a union with others: the class attribute, and the key, that holds its name.
    """

    def __init__(
        self, conversions: Mapping[Any, Conversion], rows: frozenset[type] = frozenset(), tag: str = "kind"
    ) -> None:
        self._conversions = conversions
        self._rows = rows
        self._tag = tag
        self._readers: dict[Any, Reader] = {}
        self._writers: dict[type, Writer] = {}

    def to_json(self, value: object) -> Any:
        """Write a value as plain data.

        Raises:
            TypeError: it holds something that is not stored.
        """
        kind = type(value)
        if kind not in self._writers:
            self._writers[kind] = self._new_writer(kind)
        return self._writers[kind](value)

    def from_json(self, kind: type[T], data: object) -> T:
        """Read what `to_json` wrote.

        Args:
            kind: the class of the value.
            data: plain data.

        Raises:
            KeyError: a value is missing.
            ValueError: a value is not of its kind.
        """
        return cast("T", self._reader(kind)(data))

    def _new_writer(self, kind: type) -> Writer:
        if kind in self._conversions:
            return self._conversions[kind].write
        if issubclass(kind, Enum):
            return lambda value: value.value
        if kind in {NoneType, str, int, bool}:
            return lambda value: value
        if kind is datetime:
            return lambda value: (value - _EPOCH) // _MICROSECOND
        if kind is timedelta:
            return lambda value: value // _SECOND
        if kind is tuple:
            return lambda value: [self.to_json(item) for item in value]
        if kind is frozenset:
            return lambda value: sorted(self.to_json(item) for item in value)
        if issubclass(kind, Mapping):
            return lambda value: {str(key): self.to_json(item) for key, item in value.items()}
        if is_dataclass(kind):
            return self._write_dataclass(kind)
        raise TypeError(f"a {kind.__name__} is not stored")

    def _write_dataclass(self, kind: type) -> Writer:
        names = [field.name for field in fields(kind)]
        if kind in self._rows:
            return lambda value: [self.to_json(getattr(value, name)) for name in names]
        plan = [(field.name, _key(field), _how(field), field.default) for field in fields(kind)]
        tag = {self._tag: kind_name} if (kind_name := getattr(kind, self._tag, None)) is not None else {}

        def write(value: Any) -> Any:
            written: dict[str, Any] = dict(tag)
            for name, key, how, default in plan:
                item = getattr(value, name)
                if how.inline:
                    written |= self.to_json(item)
                elif not (how.omit_none and item is None) and not (how.omit_default and item == default):
                    written[key] = self.to_json(item)
            return written

        return write

    def _reader(self, hint: Any) -> Reader:
        if hint not in self._readers:
            self._readers[hint] = self._new_reader(hint)
        return self._readers[hint]

    def _new_reader(self, hint: Any) -> Reader:
        origin, arguments = get_origin(hint), get_args(hint)
        if hint in self._conversions:
            return self._conversions[hint].read
        if origin in {Union, UnionType}:
            return self._read_union(arguments)
        if origin is tuple and arguments[-1] is Ellipsis:
            item = self._reader(arguments[0])
            return lambda data: tuple(item(each) for each in _of_kind(list, data))
        if origin is tuple:
            return self._read_row(tuple, [self._reader(each) for each in arguments])
        if origin is frozenset:
            item = self._reader(arguments[0])
            return lambda data: frozenset(item(each) for each in _of_kind(list, data))
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return lambda data: {str(key): str(each) for key, each in _of_kind(dict, data).items()}
        if is_dataclass(hint):
            return self._read_dataclass(cast("type", hint))
        return _plain_reader(hint)

    def _read_union(self, kinds: tuple[Any, ...]) -> Reader:
        others = tuple(kind for kind in kinds if kind is not NoneType)
        reader = self._reader(others[0]) if len(others) == 1 else self._read_tagged(others)
        return reader if len(others) == len(kinds) else lambda data: None if data is None else reader(data)

    def _read_tagged(self, kinds: tuple[Any, ...]) -> Reader:
        by_tag = {getattr(kind, self._tag): kind for kind in kinds}

        def read(data: Any) -> Any:
            tag = _of_kind(dict, data)[self._tag]
            if tag not in by_tag:
                raise ValueError(f"no {self._tag} is {tag!r}")
            return self._reader(by_tag[tag])(data)

        return read

    def _read_dataclass(self, kind: type) -> Reader:
        hints = get_type_hints(kind)
        if kind in self._rows:
            readers = [self._reader(hints[field.name]) for field in fields(kind)]
            return self._read_row(lambda items: kind(*items), readers)

        plan = [
            (field.name, _key(field), _how(field).inline, _may_lack(field), hints[field.name]) for field in fields(kind)
        ]

        def read(data: Any) -> Any:
            values = _of_kind(dict, data)
            return kind(
                **{
                    name: self._reader(hint)(values if inline else values[key])
                    for name, key, inline, may_lack, hint in plan
                    if not may_lack or key in values
                }
            )

        return read

    def _read_row(self, build: Callable[[Any], Any], readers: list[Reader]) -> Reader:
        def read(data: Any) -> Any:
            return build(reader(item) for reader, item in zip(readers, _of_kind(list, data), strict=True))

        return read


def _how(field: Field[Any]) -> _Stored:
    return cast("_Stored", field.metadata.get(_STORED, _AS_IT_IS))


def _key(field: Field[Any]) -> str:
    return _how(field).name or field.name


def _may_lack(field: Field[Any]) -> bool:
    has_default = field.default is not MISSING or field.default_factory is not MISSING
    how = _how(field)
    return has_default and (how.optional or how.omit_none or how.omit_default)


def _of_kind(kind: type[T], data: object) -> T:
    if type(data) is not kind:
        raise ValueError(f"{data!r} is no {kind.__name__}")
    return data


def _plain_reader(kind: Any) -> Reader:
    if kind is datetime:
        return lambda data: _EPOCH + _of_kind(int, data) * _MICROSECOND
    if kind is timedelta:
        return lambda data: _of_kind(int, data) * _SECOND
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if kind in {str, int, bool}:
        return lambda data: _of_kind(kind, data)
    raise TypeError(f"a {kind} is not stored")
