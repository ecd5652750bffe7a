"""A picture of how figures grow: a chart below the other, as SVG that can be read on a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.report import Curve, figure

WIDTH = 390
_LEFT, _RIGHT, _TOP, _PLOT, _BELOW = 52, 16, 40, 210, 48
_LEGEND_LINE = 20
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a5c00")
"""Told apart with every common colour blindness; lines differ in their dashes too."""

_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4")
_INK, _GRID = "#24292f", "#d0d7de"
_TICKS = 5


@dataclass(frozen=True)
class Chart:
    """Curves in one frame.

    Args:
        title: above it.
        x: what is on the horizontal axis, with its unit.
        y: what is on the vertical axis, with its unit.
        curves: at least one, each with at least one point.
    """

    title: str
    x: str
    y: str
    curves: Sequence[Curve]

    @property
    def height(self) -> int:
        """In pixels."""
        return _TOP + _PLOT + _BELOW + _LEGEND_LINE * len(self.curves) + 12


def svg(charts: Sequence[Chart]) -> str:
    """Draw charts below each other."""
    height = sum(chart.height for chart in charts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="system-ui, sans-serif" font-size="12" role="img">',
        f"<title>{escape('; '.join(chart.title for chart in charts))}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    top = 0
    for chart in charts:
        parts += [f'<g transform="translate(0 {top})">', *_chart(chart), "</g>"]
        top += chart.height
    return "\n".join([*parts, "</svg>", ""])


def _chart(chart: Chart) -> list[str]:
    xs = sorted({x for curve in chart.curves for x, _ in curve.points})
    highest = max(y for curve in chart.curves for _, y in curve.points)
    ticks = _ticks(highest)
    right, bottom = WIDTH - _RIGHT, _TOP + _PLOT
    low, span = xs[0], (xs[-1] - xs[0]) or 1

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + (x - low) / span * (right - _LEFT), bottom - y / ticks[-1] * _PLOT

    parts = [f'<text x="{_LEFT}" y="20" font-size="14" font-weight="600" fill="{_INK}">{escape(chart.title)}</text>']
    for tick in ticks:
        _, y = place(low, tick)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{_GRID}"/>')
        parts.append(_label(_LEFT - 6, y + 4, figure(tick), "end"))
    for x in xs:
        at, _ = place(x, 0)
        parts.append(f'<line x1="{at:.1f}" y1="{bottom}" x2="{at:.1f}" y2="{bottom + 4}" stroke="{_INK}"/>')
        parts.append(_label(at, bottom + 18, figure(x), "middle"))
    parts.append(_label((_LEFT + right) / 2, bottom + 36, chart.x, "middle"))
    middle = _TOP + _PLOT / 2
    parts.append(f'<g transform="rotate(-90 14 {middle})">{_label(14, middle, chart.y, "middle")}</g>')
    for number, curve in enumerate(chart.curves):
        colour, dashes = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
        stroke = f'stroke="{colour}" stroke-width="2"' + (f' stroke-dasharray="{dashes}"' if dashes else "")
        points = [place(x, y) for x, y in curve.points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" {stroke}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        row = bottom + _BELOW + _LEGEND_LINE * number + 4
        parts.append(f'<line x1="{_LEFT}" y1="{row}" x2="{_LEFT + 30}" y2="{row}" {stroke}/>')
        parts.append(_label(_LEFT + 38, row + 4, curve.subject, "start"))
    return parts


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}">{escape(text)}</text>'


def _ticks(highest: float) -> list[float]:
    """Give round values from 0 to the first that is not below the highest."""
    rough = (highest or 1) / (_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [step * number for number in range(math.ceil((highest or 1) / step) + 1)]
