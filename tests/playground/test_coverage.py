"""The table in the documentation says what the code does."""

from pathlib import Path

import pytest

from bot.playground.block_kit.blocks import SURFACES
from bot.playground.block_kit.elements import INPUT_ELEMENTS
from bot.playground.coverage import BLOCK, ELEMENT, FEATURES, METHOD, Level, coverage_table
from bot.playground.faults import FaultEffect, Faults
from bot.playground.web_api import METHODS

DOCUMENT = Path(__file__).parents[2] / "docs" / "playground-reference.md"


def present(kind: str) -> set[str]:
    return {item.name for item in FEATURES if item.kind == kind and item.level is not Level.MISSING}


@pytest.mark.parametrize(
    ("kind", "built"),
    [(METHOD, set(METHODS)), (BLOCK, set(SURFACES)), (ELEMENT, set(INPUT_ELEMENTS) | {"button", "overflow"})],
)
def test_what_is_called_present_is_built_and_nothing_else(kind: str, built: set[str]) -> None:
    assert present(kind) == built


def test_what_is_partial_says_how() -> None:
    assert [item.name for item in FEATURES if item.level is Level.PARTIAL and not item.note] == []


def test_the_document_has_this_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8").endswith(coverage_table() + "\n")


def test_the_document_names_every_fault_and_route() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    missing = [name for name in Faults().to_json() if f"`{name}`" not in text]
    missing += [effect.value for effect in FaultEffect if f"`{effect.value}`" not in text]
    assert missing == []
