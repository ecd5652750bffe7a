"""docs/performance.md and its picture, written from the results that the bench has kept; nothing is typed by hand.

`python -m bench.page` writes both again from docs/performance.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import deploy, fanout
from bench.picture import Chart, svg
from bench.program import ROOT
from bench.report import Curve, Figure, Heading, Judgement, Missing, Note, Samples
from bench.results import Result, read_results, write_results
from bench.size import Size

PAGE, PICTURE, DATA = "performance.md", "images/performance.svg", "performance.json"
_WRITTEN = "<!-- Written by `python -m bench --write`; change bench/page.py instead. -->"


def write_page(docs: Path, results: Iterable[Result]) -> None:
    """Write the page, its picture and what both are made of; a measurement that was only tried is left out.

    Args:
        docs: the folder of the documentation.
        results: of all measurements that are to stand there.
    """
    shown = [result for result in results if result.size is not Size.TINY]
    write_results(docs / DATA, {result.name: result for result in shown})
    (docs / PAGE).write_text(page(shown))
    (docs / PICTURE).write_text(picture(shown))


def page(results: Sequence[Result]) -> str:
    """Give the page's text."""
    parts = [
        _WRITTEN,
        "# Performance",
        _introduction(results),
        "## Beside its bounds",
        _table(
            ("measured", "figure", "must be", "spread", "load"), [row for result in results for row in _judged(result)]
        ),
        *_lacking(results),
        *_growth(results),
        "## All figures",
        *(part for result in results for part in _section(result)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def picture(results: Sequence[Result]) -> str:
    """Give the picture as SVG."""
    return svg(_charts(results))


def _introduction(results: Sequence[Result]) -> str:
    said = "[Benchmarks](benchmarks.md) says what is measured, how, and beside what."
    if not results:
        return f"{said} Nothing has been measured yet."
    machine = results[0].before
    days = sorted({result.at[:10] for result in results})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    commits = sorted(result.before.commit_ms for result in results)
    processor = f" ({machine.processor})" if machine.processor else ""
    return (
        f"{said} Measured on {when}, on {machine.cores} cores{processor}, where a bare SQLite commit takes"
        f" {commits[len(commits) // 2]:.1f} ms. A ratio is ours divided by what is beside it, the median of pairs that"
        " were taken in turns; the spread is the smallest and the largest. Load is the machine's load average right"
        " before and after: above the number of cores the figures say little."
    )


def _judged(result: Result) -> list[tuple[str, ...]]:
    judged = [each for each in result.report.figures if isinstance(each, Judgement)]
    return [
        (
            each.what,
            f"{each.measured()} {'✅' if each.holds else '❌'}",
            each.must_be(),
            each.spread.removeprefix("(").removesuffix(")"),
            result.load,
        )
        for each in judged
    ]


def _lacking(results: Sequence[Result]) -> list[str]:
    missing = [each for result in results for each in result.report.missing]
    if not missing:
        return []
    return ["Could not be measured:", "\n".join(f"- {_cell(each.what)}: {_cell(each.why)}" for each in missing)]


def _growth(results: Sequence[Result]) -> list[str]:
    if not _charts(results):
        return []
    return [
        "## How time grows",
        f'<img src="{PICTURE}" width="390" alt="Two charts: seconds of ten steps by the number of hosts, and seconds of'
        ' a deploy by the round-trip time to the host, of Countersign and of what is beside it">',
    ]


def _charts(results: Sequence[Result]) -> list[Chart]:
    curves = [each for result in results for each in result.report.figures if isinstance(each, Curve)]
    kinds = (
        (fanout.PICTURE, "Ten steps on many hosts", "hosts"),
        (deploy.PICTURE, "A deploy on a slow network", "round-trip time, ms"),
    )
    charts = [Chart(title, x, "seconds", [each for each in curves if each.picture == kind]) for kind, title, x in kinds]
    return [chart for chart in charts if chart.curves]


def _section(result: Result) -> list[str]:
    rows = [row for each in result.report.figures for row in _row(each)]
    about = f"`{result.name}`, {result.size.value}, {result.seconds:.0f} s, {result.at}"
    return [f"### {result.report.title}", about, _table(("what", "figure"), rows) if rows else ""]


def _row(each: Figure) -> list[tuple[str, str]]:
    match each:
        case Samples():
            return [(each.subject, " ".join(each.told().split()))]
        case Heading():
            return [(f"**{each.text}**", "")]
        case Note():
            return [(each.text, "")]
        case Missing():
            return [(each.what, f"could not be measured: {each.why}")]
        case Judgement() | Curve():
            return []


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


if __name__ == "__main__":
    write_page(ROOT / "docs", list(read_results(ROOT / "docs" / DATA).values()))
