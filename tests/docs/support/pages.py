"""The documentation as data: its tables, examples, links and the words that it sets as code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "fr").glob("*.md")),
)

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Example:
    """A fenced block.

    Args:
        language: as it is marked; empty where it is not.
        text: its content.
    """

    language: str
    text: str


def examples(page: Path) -> tuple[Example, ...]:
    """Give the fenced blocks of a page."""
    return tuple(Example(match[1], match[2]) for match in _FENCE.finditer(page.read_text()))


def prose(page: Path) -> str:
    """Give a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def code_words(page: Path) -> tuple[str, ...]:
    """Give what a page sets as code within its text."""
    return tuple(word.replace("\\|", "|") for word in _CODE.findall(prose(page)))


def shell_lines(page: Path) -> Iterator[str]:
    """Give the lines of a page's shell examples and its code words: wherever a command may stand."""
    for example in examples(page):
        if example.language == "sh":
            yield from example.text.replace("\\\n", " ").splitlines()
    yield from code_words(page)


def links(page: Path) -> tuple[str, ...]:
    """Give the targets of a page's links and pictures."""
    return tuple(_LINK.findall(prose(page)))


def anchors(page: Path) -> frozenset[str]:
    """Give the anchors of a page's headings, as they are made from the words."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def table(page: Path, *header: str) -> tuple[tuple[str, ...], ...]:
    """Give the rows of the tables of a page whose header begins with these cells.

    Raises:
        LookupError: there is none.
    """
    rows: list[tuple[str, ...]] = []
    inside = found = False
    for line in prose(page).splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        if cells[: len(header)] == header:
            inside = found = True
        elif inside and not set("".join(cells)) <= {"-", ":", " "}:
            rows.append(cells)
    if not found:
        raise LookupError(f"{page.name} has no table {header}")
    return tuple(rows)


def codes(cell: str) -> tuple[str, ...]:
    """Give what a cell of a table sets as code."""
    return tuple(_CODE.findall(cell.replace("\\|", "|")))
