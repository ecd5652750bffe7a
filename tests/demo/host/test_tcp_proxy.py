import asyncio
import contextlib
import errno
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncssh
import pytest

from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from tests.support import eventually


@pytest.fixture
async def echo() -> AsyncIterator[tuple[int, list[str]]]:
    """A server that sends back what it gets, and a list of how its connections ended."""
    ends: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
            ends.append("FIN")
        except ConnectionResetError:
            ends.append("RST")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], ends
    server.close()


NewWire = Callable[[int], Awaitable[TcpProxy]]
Echo = tuple[int, list[str]]


async def test_bytes_pass_both_ways_and_a_half_close_too(echo: Echo, new_wire: NewWire) -> None:
    wire = await new_wire(echo[0])
    reader, writer = await asyncio.open_connection(wire.address, wire.port)
    data = bytes(range(256)) * 8192
    writer.write(data)
    writer.write_eof()
    assert await reader.read(-1) == data
    writer.close()
    assert echo[1] == ["FIN"]
    await eventually(lambda: wire.live == 0)
    assert wire.accepted == 1


async def test_reset_is_felt_as_reset_on_both_sides(echo: Echo, new_wire: NewWire) -> None:
    wire = await new_wire(echo[0])
    reader, writer = await asyncio.open_connection(wire.address, wire.port)
    writer.write(b"a")
    assert await reader.readexactly(1) == b"a"
    assert wire.reset() == 1
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    await eventually(lambda: echo[1] == ["RST"])
    writer.close()
    await asyncio.open_connection(wire.address, wire.port)


async def test_finish_is_felt_as_an_orderly_end_on_both_sides(echo: Echo, new_wire: NewWire) -> None:
    wire = await new_wire(echo[0])
    reader, writer = await asyncio.open_connection(wire.address, wire.port)
    writer.write(b"a")
    assert await reader.readexactly(1) == b"a"
    assert wire.finish() == 1
    assert await reader.read(1) == b""
    await eventually(lambda: echo[1] == ["FIN"])
    writer.close()
    await eventually(lambda: wire.live == 0)


async def test_a_frozen_wire_is_silent_for_old_and_new_and_thaws(echo: Echo, new_wire: NewWire) -> None:
    wire = await new_wire(echo[0])
    old = await asyncio.open_connection(wire.address, wire.port)
    old[1].write(b"a")
    assert await old[0].readexactly(1) == b"a"
    wire.freeze()
    new = await asyncio.open_connection(wire.address, wire.port)
    for reader, writer in (old, new):
        writer.write(b"b")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
    await wire.heal()
    for reader, writer in (old, new):
        assert await asyncio.wait_for(reader.readexactly(1), 10) == b"b"
        writer.close()


async def test_a_refusing_wire_refuses_new_ones_only_until_healed(echo: Echo, new_wire: NewWire) -> None:
    wire = await new_wire(echo[0])
    reader, writer = await asyncio.open_connection(wire.address, wire.port)
    await eventually(lambda: wire.live == 1)
    await wire.refuse()
    with pytest.raises(ConnectionRefusedError) as refused:
        await asyncio.open_connection(wire.address, wire.port)
    assert refused.value.errno == errno.ECONNREFUSED
    writer.write(b"a")
    assert await reader.readexactly(1) == b"a"
    await wire.heal()
    _, again = await asyncio.open_connection(wire.address, wire.port)
    for open_one in (writer, again):
        open_one.close()


async def test_latency_delays_each_way_and_keeps_order_and_throughput(echo: Echo, new_wire: NewWire) -> None:
    wire = await new_wire(echo[0])
    wire.latency = 0.1
    reader, writer = await asyncio.open_connection(wire.address, wire.port)
    began = time.monotonic()
    writer.write(b"a")
    await reader.readexactly(1)
    assert time.monotonic() - began >= 0.2
    data = random.Random(1).randbytes(4 << 20)
    writer.write(data)
    # one chunk at a time would take 64 × 0.2 s
    assert await asyncio.wait_for(reader.readexactly(len(data)), 6) == data
    writer.close()


async def test_a_target_that_is_down_resets_the_client(new_wire: NewWire, free_port: int) -> None:
    wire = await new_wire(free_port)
    reader, writer = await asyncio.open_connection(wire.address, wire.port)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), 10)
    writer.close()


@pytest.mark.parametrize("cut", ["reset", "finish"])
async def test_ssh_goes_through_the_wire_and_feels_the_cut(ssh_host: DemoHost, wire: TcpProxy, cut: str) -> None:
    with contextlib.suppress(asyncssh.Error, OSError):
        async with ssh_host.connect(wire.port) as connection:
            process = await connection.create_process("touch started; sleep 300")
            await eventually((ssh_host.home / "started").exists)
            getattr(wire, cut)()
            # a cut looks like an end without a status, never like success
            assert (await asyncio.wait_for(process.wait(), 10)).exit_status is None
    async with ssh_host.connect(wire.port) as connection:
        assert (await connection.run("true")).exit_status == 0
