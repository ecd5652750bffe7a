"""The JSON of dataclasses: what each kind of field becomes, and what is refused when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

import pytest

from bot.domain.json_codec import Conversion, JsonCodec, stored


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Point:
    x: int
    y: int


@dataclass(frozen=True)
class Circle:
    kind: ClassVar = "circle"
    centre: Point
    radius: int = 1


@dataclass(frozen=True)
class Line:
    kind: ClassVar = "line"
    ends: tuple[Point, ...]


@dataclass(frozen=True)
class Author:
    name: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Drawing:
    parent: Drawing | None = field(default=None, kw_only=True, metadata=stored(omit_none=True))
    shapes: tuple[Circle | Line, ...]
    author: Author = field(metadata=stored(inline=True))
    colour: Colour
    is_public: bool = field(metadata=stored(name="public"))
    labels: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...] = ()
    at: datetime | None = None
    lasts: timedelta = timedelta(0)
    link: complex | None = None
    note: str = field(default="none", metadata=stored(optional=True))


CODEC = JsonCodec({complex: Conversion(str, complex)}, rows=frozenset({Point}))
DRAWING = Drawing(
    (Circle(Point(1, 2)), Line((Point(0, 0), Point(3, 4)))),
    Author("Amélie", frozenset({"b", "a"})),
    Colour.RED,
    True,
    {"é": "x"},
    (("a", "b"),),
    datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC),
    timedelta(minutes=30),
    1 + 2j,
)
JSON: dict[str, Any] = {
    "shapes": [{"kind": "circle", "centre": [1, 2], "radius": 1}, {"kind": "line", "ends": [[0, 0], [3, 4]]}],
    "name": "Amélie",
    "groups": ["a", "b"],
    "colour": "red",
    "public": True,
    "labels": {"é": "x"},
    "pairs": [["a", "b"]],
    "at": 1_000_005,
    "lasts": 1800,
    "link": "(1+2j)",
    "note": "none",
}


def test_fields_are_written_in_their_order() -> None:
    assert list(CODEC.to_json(DRAWING).items()) == list(JSON.items())


def test_what_was_written_is_read_again() -> None:
    assert CODEC.from_json(Drawing, JSON) == DRAWING
    child = Drawing((), Author("Bob"), Colour.RED, False, {}, parent=DRAWING)
    written = CODEC.to_json(child)
    assert next(iter(written)) == "parent"
    assert CODEC.from_json(Drawing, written) == child


def test_only_what_is_marked_may_be_missing() -> None:
    assert CODEC.from_json(Drawing, {key: JSON[key] for key in JSON if key != "note"}) == DRAWING
    for key in JSON.keys() - {"note"}:
        with pytest.raises(KeyError, match=key):
            CODEC.from_json(Drawing, {other: JSON[other] for other in JSON if other != key})


def test_what_is_unknown_is_left_out() -> None:
    assert CODEC.from_json(Drawing, {**JSON, "later": 1}) == DRAWING


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shapes", {}),
        ("shapes", [{"kind": "square"}]),
        ("shapes", [["circle"]]),
        ("shapes", [{"kind": "circle", "centre": [1], "radius": 1}]),
        ("shapes", [{"kind": "circle", "centre": [1, "2"], "radius": 1}]),
        ("name", None),
        ("groups", "a"),
        ("colour", "blue"),
        ("public", 1),
        ("labels", []),
        ("pairs", [["a"]]),
        ("at", True),
        ("lasts", "1800"),
        ("link", "one"),
        ("note", None),
    ],
)
def test_what_is_of_another_kind_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        CODEC.from_json(Drawing, {**JSON, key: value})


@pytest.mark.parametrize("value", [1.5, b"bytes", [1], object()])
def test_what_has_no_form_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        CODEC.to_json({"key": value})


def test_a_field_of_a_kind_without_a_form_cannot_be_read() -> None:
    @dataclass(frozen=True)
    class Scaled:
        factor: float

    with pytest.raises(TypeError):
        CODEC.from_json(Scaled, {"factor": 1.5})
