"""The store on a cluster of three nodes, each replica on a node of its own."""

from __future__ import annotations

import asyncio
import itertools
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.host.database import DemoDatabase
from bot.store import open_store
from tests.store.sql.test_interrupted_upgrades import require_whole, server_engine
from tests.support.galera import GaleraNode, galera, why_not

pytestmark = [
    pytest.mark.xdist_group("galera"),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]

if why_not():
    warnings.warn(why_not(), stacklevel=1)  # among the skipped tests nobody would see it

_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def nodes(servers_folder: Path) -> AsyncIterator[tuple[GaleraNode, ...]]:
    folder = servers_folder / "galera"
    folder.mkdir()
    async with galera(folder) as made:
        yield made


@pytest.fixture
async def urls(nodes: tuple[GaleraNode, ...]) -> AsyncIterator[list[str]]:
    """The same new database, by each node."""
    made = await nodes[0].create(f"store_{next(_numbers)}")
    yield [_url(made, node) for node in nodes]
    await nodes[0].drop(made)


def _url(made: DemoDatabase, node: GaleraNode) -> str:
    return f"mysql+aiomysql://{made.user}:{made.password}@{node.host}:{node.port}/{made.name}"


async def test_replicas_that_start_together_on_nodes_of_their_own_make_one_store(urls: list[str]) -> None:
    async def opened(url: str) -> str:
        async with open_store(url) as store:
            await store.runs.recent(1)
            return store.process_lease.owner

    owners = await asyncio.gather(*(opened(url) for url in urls for _ in range(2)))
    assert len(set(owners)) == 2 * len(urls)
    for url in urls:
        require_whole(server_engine(url))
