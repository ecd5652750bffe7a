"""How hosts are divided into batches."""

from __future__ import annotations

import pytest

from bot.domain.targets.rollout import Percent, Rollout, batches

TEN = tuple(f"web{number}" for number in range(1, 11))


def hosts(*numbers: int) -> tuple[str, ...]:
    return tuple(f"web{number}" for number in numbers)


@pytest.mark.parametrize(
    ("batch", "of", "size"),
    [
        (1, 10, 1),
        (3, 10, 3),
        (50, 10, 50),
        (Percent(25), 10, 2),
        (Percent(25), 3, 1),
        (Percent(1), 100, 1),
        (Percent(33), 100, 33),
        (Percent(50), 3, 1),
        (Percent(99), 100, 99),
        (Percent(100), 7, 7),
    ],
)
def test_a_part_of_the_hosts_is_rounded_down_and_at_least_one(batch: int | Percent, of: int, size: int) -> None:
    assert Rollout(batch).size(of) == size


@pytest.mark.parametrize(
    ("size", "canary", "expected"),
    [
        (2, None, (hosts(1, 2), hosts(3, 4), hosts(5, 6), hosts(7, 8), hosts(9, 10))),
        (3, None, (hosts(1, 2, 3), hosts(4, 5, 6), hosts(7, 8, 9), hosts(10))),
        (10, None, (TEN,)),
        (50, None, (TEN,)),
        (2, "web1", (hosts(1), hosts(2, 3), hosts(4, 5), hosts(6, 7), hosts(8, 9), hosts(10))),
        (4, "web5", (hosts(5), hosts(1, 2, 3, 4), hosts(6, 7, 8, 9), hosts(10))),
        (50, "web10", (hosts(10), hosts(1, 2, 3, 4, 5, 6, 7, 8, 9))),
        (5, "elsewhere", (hosts(1, 2, 3, 4, 5), hosts(6, 7, 8, 9, 10))),
    ],
)
def test_the_canary_goes_first_and_then_the_others_in_their_order(
    size: int, canary: str | None, expected: tuple[tuple[str, ...], ...]
) -> None:
    found = batches(TEN, size, canary)
    assert found == expected
    assert sorted(host for batch in found for host in batch) == sorted(TEN)


def test_a_canary_alone_is_one_batch() -> None:
    assert batches(("web1",), 2, "web1") == (("web1",),)
