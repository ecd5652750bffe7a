"""What the watching command says, on all hosts together."""

from __future__ import annotations

import pytest

from bot.domain.shell import ReadResult
from bot.hosts.watch_reader import judge_commands

GOOD = ReadResult(0, b"", b"")
BAD = ReadResult(1, b"12 failed\n", b"")
MISSING = ReadResult(127, b"", b"sh: jobs: not found\n")
AWAY = ReadResult(None, b"", b"unreachable")


@pytest.mark.parametrize(
    ("answers", "crossed", "detail"),
    [
        ({"web1": GOOD}, False, ""),
        ({"web1": GOOD, "web2": GOOD}, False, ""),
        ({"web1": GOOD, "web2": BAD}, True, "web2: 1, 12 failed"),
        ({"web1": BAD, "web2": BAD}, True, "web1: 1, 12 failed · web2: 1, 12 failed"),
        ({"web1": BAD, "web2": AWAY}, True, "web1: 1, 12 failed"),
        ({"web1": GOOD, "web2": AWAY}, None, "web2: unreachable"),
        ({"web1": GOOD, "web2": MISSING}, None, "web2: sh: jobs: not found"),
        ({"web1": MISSING, "web2": BAD}, True, "web2: 1, 12 failed"),
    ],
)
def test_one_bad_host_is_bad_and_one_that_is_not_read_is_never_good(
    answers: dict[str, ReadResult], crossed: bool | None, detail: str
) -> None:
    seen = judge_commands(answers)
    assert (seen.crossed, seen.detail) == (crossed, detail)
