"""Words that may be left out in a channel with one target, and those that must not be guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.names import TargetName
from bot.domain.targets.target import Operations
from commands.words import with_target
from tests.support.examples import NAME, OPERATIONS, TARGET

OTHER = TargetName("portail", "staging")
TWO = Operations(
    OPERATIONS.emoji, OPERATIONS.people, OPERATIONS.hosts, {NAME: TARGET, OTHER: replace(TARGET, name=OTHER)}
)
ONE = Operations(OPERATIONS.emoji, OPERATIONS.people, OPERATIONS.hosts, {NAME: TARGET})
TARGET_ALONE, WITH_REF = 2, 3


@pytest.mark.parametrize(
    ("plain", "most", "complete"),
    [
        ((), TARGET_ALONE, ("compte", "production")),
        (("compte",), TARGET_ALONE, ("compte", "production")),
        (("production",), TARGET_ALONE, ("compte", "production")),
        (("v2.4.0",), WITH_REF, ("compte", "production", "v2.4.0")),
        (("production", "v2.4.0"), WITH_REF, ("compte", "production", "v2.4.0")),
        # What names an app, or nearly so, is left for the command to judge.
        (("compte", "production"), TARGET_ALONE, ("compte", "production")),
        (("compte",), WITH_REF, ("compte",)),
        (("comte", "production"), TARGET_ALONE, ("comte", "production")),
        (("comte",), WITH_REF, ("comte",)),
        (("v2.4.0", "now"), WITH_REF, ("v2.4.0", "now")),
    ],
)
def test_the_only_target_of_a_channel_may_be_left_out(
    plain: tuple[str, ...], most: int, complete: tuple[str, ...]
) -> None:
    channel = TARGET.channels[0]
    assert with_target(plain, channel, ONE, most) == complete
    assert with_target(plain, channel, TWO, most) == plain
    assert with_target(plain, "C0OTHER", ONE, most) == plain
