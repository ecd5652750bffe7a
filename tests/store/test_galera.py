"""The store on a cluster of three nodes, each replica on a node of its own."""

from __future__ import annotations

import asyncio
import itertools
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.host.database import DemoDatabase
from bot.store import SqlStore, open_store
from bot.store.history.verify import first_broken
from tests.store.sql.test_interrupted_upgrades import require_whole, server_engine
from tests.store.support.samples import AT, HOUR, entry, event, made
from tests.support.galera import GaleraNode, galera, why_not
from tests.support.polling import eventually

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


async def test_what_one_may_do_is_one_s_on_whatever_node_it_is_asked(urls: list[str]) -> None:
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store(url)) for url in urls]
        runs = [await made(stores[0], number, f"app{number}") for number in range(10)]

        async def tried(work: Callable[[SqlStore], Awaitable[object]]) -> int:
            return sum(bool(answer) for answer in await asyncio.gather(*(work(store) for store in stores)))

        for run in runs:
            assert await tried(lambda store, run=run: store.leases.claim(run.id, store.process_lease.owner, HOUR)) == 1
            assert await tried(lambda store, run=run: store.inbox.receive(event(run.id))) == 1
            assert await tried(lambda store, run=run: store.schedule_claims.claim(run.id, AT, "one")) == 1
        assert await tried(lambda store: store.leader_leases.acquire("tell Slack")) == 1
        entries = [entry(run.id, "noted") for run in runs]
        await asyncio.gather(*(store.history.append((each,), AT) for store in stores for each in entries))
        for store in stores:
            assert len(await store.history.all()) == 10 + 30
            assert await first_broken(store.history) is None


async def test_a_node_that_hangs_holds_the_others_up_until_it_is_put_out(
    urls: list[str], nodes: tuple[GaleraNode, ...]
) -> None:
    async with open_store(urls[0]) as one, open_store(urls[2]) as cut_off:
        assert await one.inbox.receive(event("before"))
        with nodes[2].frozen():
            assert await one.inbox.receive(event("meanwhile"))
            await eventually(lambda: one.watch.answers, 20)
            await eventually(lambda: not cut_off.watch.answers, 20)
        await eventually(lambda: cut_off.watch.answers, 40)
        assert not await cut_off.inbox.receive(event("meanwhile"))
        assert await cut_off.inbox.receive(event("after"))
