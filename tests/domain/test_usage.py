"""Which ways of a command are shown to whom."""

import pytest

from bot.domain.usage import usage_for

DEPLOY = "APP ENV [REF] [--dry-run] [--no-migrate] [--during-freeze REASON | --emergency REASON]"
ROLLBACK = "APP ENV [--code | --migrations N | --to RELEASE] [--during-freeze REASON | --emergency REASON]"
BACKUP = (
    "APP ENV [TABLE…] | list APP ENV | verify APP ENV ID | drop-old APP ENV [NAME] | restore APP ENV ID "
    "[--during-freeze REASON | --emergency REASON]"
)
EXCEPTIONS = {"--during-freeze", "--emergency"}


@pytest.mark.parametrize(
    ("usage", "withheld", "shown"),
    [
        ("APP ENV", EXCEPTIONS, "APP ENV"),
        (DEPLOY, set(), DEPLOY),
        (DEPLOY, EXCEPTIONS, "APP ENV [REF] [--dry-run] [--no-migrate]"),
        (DEPLOY, {"--emergency"}, "APP ENV [REF] [--dry-run] [--no-migrate] [--during-freeze REASON]"),
        (ROLLBACK, EXCEPTIONS, "APP ENV [--code | --migrations N | --to RELEASE]"),
        (BACKUP, set(), BACKUP),
        (BACKUP, {"restore", "drop-old", *EXCEPTIONS}, "APP ENV [TABLE…] | list APP ENV | verify APP ENV ID"),
    ],
)
def test_only_the_ways_that_somebody_may_go_are_left(usage: str, withheld: set[str], shown: str) -> None:
    assert usage_for(usage, lambda word: word not in withheld) == shown
