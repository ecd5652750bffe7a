"""Writes the table of docs/compatibility.md of what ran: the results that scripts/test-worlds left.

Usage: PYTHONPATH=. scripts/compatibility.py
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "compatibility.md"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
WORLDS = Path(os.environ.get("WORLDS_DIR", _CACHE / "countersign" / "worlds"))
_TABLE = re.compile(r"(?<=\n)(\| where .*\n\|[ -|]*\n)(?:\|.*\n)*")
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?(?:p\d+)?")
_MARIADB = re.compile(r"(\d+\.\d+\.\d+)-MariaDB")
_NAMES = {"here": "Debian 12", "mariadb": "Debian 13", "mysql": "Debian sid"}
"""Worlds, and what they are made of."""


def counted(results: Path) -> Counter[str]:
    """Count the tests of a file in JUnit's format by how they ended."""
    counts: Counter[str] = Counter()
    for case in ET.parse(results).getroot().iter("testcase"):
        ends = {child.tag for child in case}
        counts["failed" if ends & {"failure", "error"} else "left out" if "skipped" in ends else "passed"] += 1
    return counts


def told(lines: str) -> dict[str, str]:
    """Read lines NAME<TAB>VALUE."""
    return dict(line.split("\t", 1) for line in lines.splitlines() if "\t" in line)


def version(said: str) -> str:
    """Find the version in what a program says of itself."""
    mariadb = _MARIADB.search(said)
    if mariadb is not None:
        return f"MariaDB {mariadb[1]}"
    found = _VERSION.search(said)
    return "–" if found is None else f"MySQL {found[0]}" if "mysql" in said else found[0]


def row(world: str) -> str:
    """Write the line of a world."""
    facts, counts = told((WORLDS / f"{world}.results").read_text()), counted(WORLDS / f"{world}.xml")
    programs = (version(facts[name]) for name in ("server", "dumper", "laravel", "php", "openssh"))
    ends = (str(counts[end]) for end in ("passed", "failed", "left out"))
    return f"| {' | '.join((_NAMES[world], *programs, facts['tests'], *ends, facts['date']))} |\n"


def main() -> None:
    """Write the table."""
    rows = "".join(row(world) for world in _NAMES if (WORLDS / f"{world}.results").exists())
    PAGE.write_text(_TABLE.sub(lambda match: match[1] + rows, PAGE.read_text()))
    print(rows, end="")


if __name__ == "__main__":
    main()
