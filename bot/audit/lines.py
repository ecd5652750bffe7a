"""Formats of a history record for other programs: a stable contract, to which keys may be added."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from bot.domain.runs.history import Record
from bot.domain.secrets import Masker

COLUMNS = ("sequence", "at", "run", "event", "actor", "facts", "before", "hash")


def as_data(record: Record, masker: Masker) -> Mapping[str, Any]:
    """Give a record as plain data, by `COLUMNS`.

    Args:
        record: of the history.
        masker: of the secrets that are known here; the history holds none, but what a person typed once may have
            become one since. A record in which something was masked no longer fits its hash.
    """
    entry = record.entry
    return {
        "sequence": record.sequence,
        "at": record.at,
        "run": masker.mask(entry.run),
        "event": entry.event,
        "actor": masker.mask(entry.actor),
        "facts": {masker.mask(name): masker.mask(value) for name, value in sorted(entry.facts.items())},
        "before": record.before,
        "hash": record.hash,
    }


def as_json(record: Record, masker: Masker) -> str:
    """Give a record as one line of JSON, without its line break."""
    return json.dumps(as_data(record, masker), ensure_ascii=False, separators=(",", ":"))


def csv_header() -> str:
    """Give the first line of a CSV file (RFC 4180)."""
    return _csv(COLUMNS)


def as_csv(record: Record, masker: Masker) -> str:
    """Give a record as a row of CSV; its facts are one cell of JSON.

    No cell begins with what a spreadsheet takes for a formula: the facts begin with a brace, and whatever else is
    free text is told as text.
    """
    data = dict(as_data(record, masker))
    data["facts"] = json.dumps(data["facts"], ensure_ascii=False, separators=(",", ":"))
    return _csv(tuple(_as_text(str(data[name])) for name in COLUMNS))


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell[:1] in set("=+-@\t\r") else cell


def _csv(cells: tuple[str, ...]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue()
