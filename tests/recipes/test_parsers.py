"""What tools print about migrations: each sample is a file, beside it what it says. A new case is two new files."""

import json
from pathlib import Path

import pytest

from bot.domain.targets.look import AppliedMigration
from bot.recipes.parsers import Listing, Parser, read_status

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = sorted(file.stem for file in GOLDEN.glob("*.txt"))


def said(listing: Listing) -> dict[str, object]:
    return {
        "there": list(listing.there),
        "ran": [[row.name, row.batch] for row in listing.ran],
        "unknown": list(listing.unknown),
    }


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_a_tool_printed(sample: str) -> None:
    parser = Parser(sample.partition("-")[0])
    text = (GOLDEN / f"{sample}.txt").read_text()
    assert said(read_status(parser, text)) == json.loads((GOLDEN / f"{sample}.json").read_text())


def test_every_parser_has_samples() -> None:
    assert {sample.partition("-")[0] for sample in SAMPLES} == {parser.value for parser in Parser}


@pytest.mark.parametrize("parser", list(Parser))
@pytest.mark.parametrize(
    "text", ["", "\n\n", "Traceback (most recent call last):\n  ...\n", "\x00\x1b[31m| [ ] Rev:\r\n"]
)
def test_what_is_no_listing_lists_nothing(parser: Parser, text: str) -> None:
    assert read_status(parser, text) == Listing((), ())


@pytest.mark.parametrize(
    "line", ["a" * 1_000_000, "." * 1_000_000, " ." * 500_000, "| Yes | " + "x " * 500_000, "x\t" * 500_000]
)
def test_one_long_line_is_read_in_one_pass(line: str) -> None:
    """With work that grows with its square this does not end."""
    assert read_status(Parser.LARAVEL, f"{line}\n2026_01_01_000000_a ..... [1] Ran\n").ran == (
        AppliedMigration("2026_01_01_000000_a", 1),
    )
