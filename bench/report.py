"""What a measurement saw: samples with their median and spread, and judgements against bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Samples:
    """Figures of one kind, of one subject.

    Args:
        subject: what was measured.
        values: one a sample.
        unit: `ms`, `s`, `MiB`; empty for ratios.
    """

    subject: str
    values: Sequence[float]
    unit: str = ""

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.values)

    def percentile(self, percent: int) -> float:
        """The value that so many percent of the samples do not exceed."""
        return quantiles(self.values, n=100, method="inclusive")[percent - 1]

    def line(self) -> str:
        """Median and spread, in words."""
        spread = f"({_figure(min(self.values))} – {_figure(max(self.values))}, {len(self.values)} samples)"
        return f"  {self.subject:<44} {_figure(self.median):>8} {self.unit:<4} {spread}"

    def latency_line(self) -> str:
        """Median, 99th percentile and quartiles, in words."""
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        middle = f"p50 {_figure(self.median):>6} {self.unit}   p99 {_figure(self.percentile(99)):>6} {self.unit}"
        return (
            f"  {self.subject:<44} {middle}   (quartiles {_figure(low)} – {_figure(high)}, {len(self.values)} samples)"
        )


@dataclass(frozen=True)
class Judgement:
    """A figure beside its bound.

    Args:
        what: the figure's name.
        value: as measured.
        bound: the most that it may be.
        unit: of both.
        spread: what else is to be known of the value.
    """

    what: str
    value: float
    bound: float
    unit: str = ""
    spread: str = ""

    def line(self) -> str:
        """The figure, its bound, and a word."""
        word = "pass" if self.value <= self.bound else "OVER"
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"  {self.what:<44} {_figure(self.value):>8}{unit:<5}"
            f"bound {_figure(self.bound)}{unit}   {word}{f'   {self.spread}' if self.spread else ''}"
        )


@dataclass(frozen=True)
class Report:
    """The result of one measurement.

    Args:
        title: what was measured.
        lines: figures and judgements, as text.
    """

    title: str
    lines: Sequence[str]

    def text(self) -> str:
        """All of it."""
        return "\n".join((self.title, *self.lines, ""))


def ratio(what: str, ours: Sequence[float], theirs: Sequence[float], bound: float) -> Judgement:
    """Judge how many times as long as the other one it took, pair by pair.

    Args:
        what: what is compared.
        ours: one a pair.
        theirs: one a pair, taken right before or after.
        bound: of the median.
    """
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Judgement(what, median(ratios), bound, spread=f"({_figure(min(ratios))} – {_figure(max(ratios))})")


def _figure(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
