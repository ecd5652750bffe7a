"""Which ways of a command are shown to whom."""

import pytest

from bot.domain.policies.usage import usages_for

DEPLOY = "APP ENV [REF] [--dry-run] [--no-migrate] [--during-freeze REASON | --emergency REASON]"
ROLLBACK = "APP ENV [--code | --migrations N | --to RELEASE] [--during-freeze REASON | --emergency REASON]"
BACKUP = (
    "APP ENV [TABLE…] | list APP ENV | verify APP ENV ID | drop-old APP ENV [NAME] | restore APP ENV ID "
    "[--during-freeze REASON | --emergency REASON]"
)
MADE = ("APP ENV [TABLE…]", "list APP ENV", "verify APP ENV ID")


@pytest.mark.parametrize(
    ("usage", "withheld", "shown"),
    [
        ("APP ENV", set(), ("APP ENV",)),
        (DEPLOY, set(), ("APP ENV [REF] [--dry-run] [--no-migrate]",)),
        (ROLLBACK, set(), ("APP ENV [--code | --migrations N | --to RELEASE]",)),
        (BACKUP, set(), (*MADE, "drop-old APP ENV [NAME]", "restore APP ENV ID")),
        (BACKUP, {"restore", "drop-old"}, MADE),
    ],
)
def test_only_the_ways_that_somebody_may_go_are_left(usage: str, withheld: set[str], shown: tuple[str, ...]) -> None:
    assert usages_for(usage, lambda word: word not in withheld) == shown
