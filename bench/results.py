"""The results of measurements as a JSON file, one entry a measurement; a later one replaces the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.report import Report, report_from_json
from bench.size import Size
from bench.surroundings import Surroundings


@dataclass(frozen=True)
class Result:
    """One measurement that was made, or tried.

    Args:
        name: by which it is asked for.
        at: when it began, RFC 3339 in UTC.
        size: how much was measured.
        seconds: that it took.
        before: the machine before it.
        load_after: load average of the minute up to its end.
        report: what was seen.
    """

    name: str
    at: str
    size: Size
    seconds: float
    before: Surroundings
    load_after: float
    report: Report

    @property
    def load(self) -> str:
        """How busy the machine was before and at the end."""
        return f"{self.before.load:.1f} – {self.load_after:.1f}"

    def to_json(self) -> dict[str, Any]:
        """Give what `result_from_json` reads."""
        return {**asdict(self), "report": self.report.to_json()}


def result_from_json(data: Mapping[str, Any]) -> Result:
    """Read a result."""
    special = {
        "size": Size(data["size"]),
        "before": Surroundings(**data["before"]),
        "report": report_from_json(data["report"]),
    }
    return Result(**{**data, **special})


def read_results(file: Path) -> dict[str, Result]:
    """Read results by the names of their measurements; none where there is no file."""
    if not file.exists():
        return {}
    return {name: result_from_json(each) for name, each in json.loads(file.read_text()).items()}


def write_results(file: Path, results: Mapping[str, Result]) -> None:
    """Write results; whoever reads meanwhile sees the old ones or the new ones."""
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {name: result.to_json() for name, result in results.items()}
    new = file.with_suffix(".new")
    new.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    new.replace(file)
