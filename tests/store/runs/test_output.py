from bot.engine.run_changes import Printed, StepsAdded, TailIs
from bot.store import SqlStore
from tests.store.support.samples import chunk, running, step


async def test_output_comes_in_the_order_of_the_steps(store: SqlStore) -> None:
    lease = await running(store)
    await store.runs.write(lease, (StepsAdded((step("z_first", position=0), step("a_last", position=1))),))
    pieces = [
        chunk(key="a_last"),
        chunk(4, b"two\n", key="z_first"),
        chunk(0, b"\x00\xff raw", key="z_first"),
        chunk(0, b"again", key="z_first", attempt=2),
    ]
    for piece in pieces:
        await store.runs.write(lease, (Printed(piece),))
    await store.runs.write(lease, (TailIs(chunk(8, b"tail", key="z_first")),))
    assert await store.runs.output(lease.run) == (
        pieces[2],
        pieces[1],
        chunk(8, b"tail", key="z_first"),
        pieces[3],
        pieces[0],
    )


async def test_a_piece_that_is_kept_stays_as_it_is(store: SqlStore) -> None:
    lease = await running(store)
    await store.runs.write(lease, (Printed(chunk(data=b"first")),))
    await store.runs.write(lease, (Printed(chunk(data=b"second")),))
    assert await store.runs.output(lease.run) == (chunk(data=b"first"),)


async def test_the_tail_moves_along(store: SqlStore) -> None:
    lease = await running(store)
    await store.runs.write(lease, (TailIs(chunk(0, b"one")),))
    await store.runs.write(lease, (TailIs(chunk(2**33, b"two")),))
    assert await store.runs.output(lease.run) == (chunk(2**33, b"two"),)


async def test_a_megabyte_is_kept(store: SqlStore) -> None:
    lease = await running(store)
    large = chunk(data=bytes(range(256)) * 4096)
    await store.runs.write(lease, (Printed(large),))
    assert await store.runs.output(lease.run) == (large,)
