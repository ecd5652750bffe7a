"""Benches for sandboxes: as root and as an ordinary account, with one template of the server for all tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.support.bench import ACCOUNTS, Bench, bench


@pytest.fixture
def benches(sandbox_templates: Callable[[int], Path]) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(uid: int, *, shared: bool = True) -> Bench:
        made.append(bench(uid, sandbox_templates(uid) if shared else None))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(params=ACCOUNTS, ids=lambda uid: "root" if uid == 0 else "ordinary")
def host(request: pytest.FixtureRequest, benches: Callable[..., Bench]) -> Bench:
    """This machine, as each of the accounts."""
    return benches(request.param)


@pytest.fixture
def some_host(benches: Callable[..., Bench]) -> Bench:
    """This machine, as an ordinary account."""
    return benches(ACCOUNTS[-1])
