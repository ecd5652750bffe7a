"""What a measurement saw: samples with their median and spread, and judgements against bounds; as lines and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import median, quantiles
from typing import Any


class Shown(StrEnum):
    """Which figures of samples are told."""

    SPREAD = "spread"
    LATENCY = "latency"


class Side(StrEnum):
    """On which side of a bound a figure is good."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


@dataclass(frozen=True)
class Samples:
    """Figures of one kind, of one subject.

    Args:
        subject: what was measured.
        values: one a sample, at least one.
        unit: `ms`, `s`, `MiB`; empty for ratios.
        shown: median and spread, or median, 99th percentile and quartiles.
    """

    subject: str
    values: Sequence[float]
    unit: str = ""
    shown: Shown = Shown.SPREAD

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.values)

    def percentile(self, percent: int) -> float:
        """The value that so many percent of the samples do not exceed."""
        return self._quantiles(100)[percent - 1]

    def quartiles(self) -> str:
        """The lower and the upper one."""
        low, _, high = self._quantiles(4)
        return f"{figure(low)} – {figure(high)}"

    def line(self) -> str:
        """The figures, in words."""
        return f"  {self.subject:<44} {self.told()}"

    def told(self) -> str:
        """The figures without their subject."""
        if self.shown is Shown.LATENCY:
            return (
                f"p50 {figure(self.median):>6} {self.unit}   p99 {figure(self.percentile(99)):>6} {self.unit}"
                f"   (quartiles {self.quartiles()}, {len(self.values)} samples)"
            )
        spread = f"({spread_of(self.values)}, {len(self.values)} samples)"
        return f"{figure(self.median):>8} {self.unit:<4} {spread}"

    def _quantiles(self, parts: int) -> list[float]:
        if len(self.values) < 2:
            return [self.values[0]] * (parts - 1)
        return quantiles(self.values, n=parts, method="inclusive")


@dataclass(frozen=True)
class Judgement:
    """A figure beside its bound.

    Args:
        what: the figure's name.
        value: as measured.
        bound: the most, or the least, that it may be.
        unit: of both; `×` for a ratio.
        spread: what else is to be known of the value.
        side: on which side of the bound it is good.
    """

    what: str
    value: float
    bound: float
    unit: str = ""
    spread: str = ""
    side: Side = Side.AT_MOST

    @property
    def holds(self) -> bool:
        """Whether the figure is on the good side of its bound."""
        return self.value <= self.bound if self.side is Side.AT_MOST else self.value >= self.bound

    def line(self) -> str:
        """The figure, its bound, and a word."""
        word = "pass" if self.holds else "OVER" if self.side is Side.AT_MOST else "UNDER"
        spread = f"   {self.spread}" if self.spread else ""
        return f"  {self.what:<44} {self.measured():>12}   {self.must_be():<18} {word:<5}{spread}"

    def measured(self) -> str:
        """The figure with its unit."""
        return _with_unit(self.value, self.unit)

    def must_be(self) -> str:
        """The bound with its unit."""
        return f"{self.side.value} {_with_unit(self.bound, self.unit)}"


@dataclass(frozen=True)
class Heading:
    """What the figures below it have in common."""

    text: str

    def line(self) -> str:
        """The words."""
        return f" {self.text}"


@dataclass(frozen=True)
class Note:
    """Something seen that is no figure."""

    text: str

    def line(self) -> str:
        """The words."""
        return f"  {self.text}"


@dataclass(frozen=True)
class Missing:
    """Something that could not be measured.

    Args:
        what: what was to be measured.
        why: what stood in the way.
    """

    what: str
    why: str

    def line(self) -> str:
        """Both, in words."""
        return f"  {self.what:<44} could not be measured: {self.why}"


@dataclass(frozen=True)
class Curve:
    """How one figure of one subject grows with something.

    Args:
        picture: curves of one picture share it.
        subject: whose figure it is.
        points: what it grows with, and the figure.
    """

    picture: str
    subject: str
    points: Sequence[tuple[float, float]]

    def line(self) -> str:
        """The points, in words."""
        return f"  {self.subject:<44} " + ", ".join(f"{figure(x)}: {figure(y)}" for x, y in self.points)


Figure = Samples | Judgement | Heading | Note | Missing | Curve
_KINDS: dict[str, type[Figure]] = {
    each.__name__.lower(): each for each in (Samples, Judgement, Heading, Note, Missing, Curve)
}
_ENUMS: dict[str, type[StrEnum]] = {"shown": Shown, "side": Side}


@dataclass(frozen=True)
class Report:
    """The result of one measurement.

    Args:
        title: what was measured.
        figures: what was seen, in order.
    """

    title: str
    figures: Sequence[Figure] = field(default_factory=tuple)

    def text(self, load: str) -> str:
        """All of it.

        Args:
            load: how busy the machine was meanwhile; stands in the line of each judgement.
        """
        lines = [
            f"{each.line()}   load {load}" if isinstance(each, Judgement) else each.line() for each in self.figures
        ]
        return "\n".join((self.title, *lines, ""))

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What could not be measured."""
        return tuple(each for each in self.figures if isinstance(each, Missing))

    def to_json(self) -> dict[str, Any]:
        """Give what `report_from_json` reads."""
        figures = [{"kind": type(each).__name__.lower(), **asdict(each)} for each in self.figures]
        return {"title": self.title, "figures": figures}


def report_from_json(data: Mapping[str, Any]) -> Report:
    """Read a report.

    Raises:
        KeyError: a figure of an unknown kind.
    """
    return Report(data["title"], tuple(_figure_from_json(each) for each in data["figures"]))


def _figure_from_json(data: Mapping[str, Any]) -> Figure:
    values = {name: _ENUMS[name](value) if name in _ENUMS else value for name, value in data.items() if name != "kind"}
    return _KINDS[data["kind"]](**values)


def latencies(subject: str, values: Sequence[float], unit: str) -> Samples:
    """Samples of which the tail is told."""
    return Samples(subject, values, unit, Shown.LATENCY)


def ratio(
    what: str, ours: Sequence[float], theirs: Sequence[float], bound: float, side: Side = Side.AT_MOST
) -> Judgement:
    """Judge ours divided by theirs, pair by pair.

    Args:
        what: what is compared.
        ours: one a pair.
        theirs: one a pair, taken right before or after.
        bound: of the median.
        side: on which side of the bound it is good.
    """
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Judgement(what, median(ratios), bound, "×", f"({spread_of(ratios)})", side)


def reason(error: BaseException) -> str:
    """Give why something failed, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}"[:300] if lines else type(error).__name__


def spread_of(values: Sequence[float]) -> str:
    """The smallest and the largest."""
    return f"{figure(min(values))} – {figure(max(values))}"


def figure(value: float) -> str:
    """A number with about three digits."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def _with_unit(value: float, unit: str) -> str:
    return f"{figure(value)} {unit}".rstrip()
