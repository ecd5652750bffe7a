"""Benches for sandboxes: as root and as an ordinary account, with one template of the server for all tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.support.bench import ACCOUNTS, Bench, bench, own


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Where templates lie, for all workers alike."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def of(uid: int) -> Path:
        # Not below `base`, which nobody else can enter.
        folder = shared.parent.parent / f"cs-templates-{shared.name}-{uid}"
        if not folder.exists():
            made = folder.with_name(f"{folder.name}.{os.getpid()}")
            made.mkdir(mode=0o700)
            own(uid, made)
            try:
                made.rename(folder)
            except OSError:
                made.rmdir()
        return folder

    return of


@pytest.fixture
def benches(templates: Callable[[int], Path]) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(uid: int, *, shared: bool = True) -> Bench:
        made.append(bench(uid, templates(uid) if shared else None))
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
