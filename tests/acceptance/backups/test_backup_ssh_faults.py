"""The line to the host is cut, or the database dies, while a backup is made, proven or put back.

After each: nothing that was half written is called a backup, no scratch database is left, the live data is as it must
be, and the card says what is true.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import RECORDED, DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from tests.acceptance.conftest import NewSystem
from tests.acceptance.faults.test_ssh_faults import gone
from tests.acceptance.support.outside import changes
from tests.acceptance.support.put_back import Rows, asked_to_restore, backed_up, beside, both_approve, made_by, sessions
from tests.acceptance.support.system import RELEASER, System
from tests.support import numbers
from tests.support.polling import eventually

PACK, UNPACK = "zstd -1", "zstd -q -d"
"""How the programs begin that pack a dump, and that unpack it again: behind a dump, in a proof and in a restore."""


@pytest.fixture
async def ssh_host(new_host: Callable[..., Awaitable[DemoHost]]) -> DemoHost:
    """A host whose packer can be held."""
    return await new_host(recorded=(*RECORDED, "zstd"))


async def next_of(host: DemoHost, words: str, before: int = 0) -> int:
    """Wait until a held program was started once more, and give its process id."""
    started = await eventually(lambda: host.commands.ran(words)[before:], 90, what=words)
    return int(started[0].pid)


@contextlib.asynccontextmanager
async def dark(wire: TcpProxy, *, frozen: bool) -> AsyncIterator[None]:
    """Let nothing through while the context is open: cut and refused, or a black hole."""
    if frozen:
        wire.freeze()
    else:
        await wire.refuse()
        wire.reset()
    try:
        yield
    finally:
        await wire.heal()


async def unseen(wire: TcpProxy, let_go: contextlib.ExitStack, pid: int, *, frozen: bool) -> None:
    """Let a held program go on to its end while nobody can see it."""
    async with dark(wire, frozen=frozen):
        let_go.close()
        await gone(pid)
        await asyncio.sleep(0.5)


async def widen(mariadb: DatabaseServer, name: str) -> None:
    """Put more into a database than pipes hold."""
    await mariadb.query("CREATE TABLE zz_wide (body LONGBLOB)", database=name)
    await mariadb.query(f"INSERT INTO zz_wide SELECT RANDOM_BYTES(1024) FROM {numbers(4000)}", database=name)


def files(laravel: Application) -> list[str]:
    return sorted(path.name for path in laravel.backups.iterdir())


def says(system: System, run: str) -> set[str]:
    """What the card, the progress and the outcome of a run say of its state."""
    return {system.payload(kind, run)["state"] for kind in ("card", "progress", "result")}


@pytest.mark.parametrize("frozen", [False, True], ids=["cut", "frozen"])
async def test_a_backup_and_its_proof_end_while_nobody_can_see_them(
    frozen: bool,
    new_system: NewSystem,
    laravel_at_first: Application,
    wire: TcpProxy,
    ssh_host: DemoHost,
    mariadb: DatabaseServer,
) -> None:
    system = await new_system(ssh_port=wire.port, scratch=True)
    await system.bot.start()
    with contextlib.ExitStack() as packing, contextlib.ExitStack() as proving:
        packing.enter_context(ssh_host.commands.hold(PACK))
        run = await system.ask("/backup compte production")
        packer = await next_of(ssh_host, PACK)
        await next_of(ssh_host, UNPACK)  # the one that looks at what is packed: the next one is the proof's
        proving.enter_context(ssh_host.commands.hold(UNPACK))
        await unseen(wire, packing, packer, frozen=frozen)
        await unseen(wire, proving, await next_of(ssh_host, UNPACK, before=1), frozen=frozen)
    assert await system.end(run) == "succeeded", system.result(run)
    backup = system.payload("result", run)["backup"]
    assert files(laravel_at_first) == [f"{backup}.json", f"{backup}.sql.zst"]
    assert json.loads((laravel_at_first.backups / f"{backup}.json").read_text())["proof"] == "proven"
    assert await beside(mariadb, laravel_at_first.database.name) == set()
    assert says(system, run) == {"succeeded"}
    dumps = [one for one in ssh_host.commands.ran("mariadb-dump") if "--single-transaction" in one.argv]
    assert (len(dumps), len(ssh_host.commands.ran(UNPACK))) == (1, 2), "nothing ran twice"


async def test_a_restore_ends_while_nobody_can_see_it(
    new_system: NewSystem, laravel_at_first: Application, wire: TcpProxy, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    name = laravel_at_first.database.name
    system = await new_system(ssh_port=wire.port, scratch=True)
    await system.bot.start()
    backup = await backed_up(system)
    was = await sessions(mariadb, name)
    await mariadb.query("DELETE FROM user_sessions", database=name)
    ssh_host.commands.forget()
    run, gate = await asked_to_restore(system, backup)
    with contextlib.ExitStack() as packing, contextlib.ExitStack() as loading, contextlib.ExitStack() as lifting:
        packing.enter_context(ssh_host.commands.hold(PACK))
        both_approve(system, gate)
        packer = await next_of(ssh_host, PACK)
        await next_of(ssh_host, UNPACK)
        loading.enter_context(ssh_host.commands.hold(UNPACK))
        await unseen(wire, packing, packer, frozen=False)
        loader = await next_of(ssh_host, UNPACK, before=1)
        lifting.enter_context(ssh_host.commands.hold("php artisan up", laravel_at_first.path))
        position = mariadb.log_position()
        async with mariadb.lock_table(name, "user_sessions"):
            await unseen(wire, loading, loader, frozen=False)
            await eventually(lambda: renames(mariadb, position), 60, what="a swap that waits for the table")
            wire.reset()
            await wire.refuse()
        await eventually(lambda: swapped(mariadb, name, was), 60, what="the swap that nobody sees")
        await wire.heal()
        # between the swap and what looks whether all is well
        await next_of(ssh_host, "php artisan up")
        wire.finish()
    assert await system.end(run) == "succeeded", system.result(run)
    assert await sessions(mariadb, name) == was
    old = made_by(run, name, "before")
    assert await beside(mariadb, name) == {old}
    assert await sessions(mariadb, old) == []
    assert says(system, run) == {"succeeded"}
    assert len(renames(mariadb, position)) == 1
    assert changes(ssh_host) == {"php artisan down": 1, "php artisan up": 1}
    assert not laravel_at_first.is_down


def renames(mariadb: DatabaseServer, position: int) -> list[str]:
    return [one.text for one in mariadb.statements(position) if one.ran and one.text.startswith("RENAME TABLE")]


async def swapped(mariadb: DatabaseServer, name: str, was: Rows) -> bool:
    with contextlib.suppress(Exception):  # the table is away for a moment
        return await sessions(mariadb, name) == was
    return False


async def test_a_host_that_dies_in_the_swap_leaves_the_site_down_and_loses_nothing(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    name = laravel_at_first.database.name
    system = await new_system(scratch=True)
    await system.bot.start()
    backup = await backed_up(system)
    was = await sessions(mariadb, name)
    await mariadb.query("DELETE FROM user_sessions LIMIT 1", database=name)
    now = await sessions(mariadb, name)
    run, gate = await asked_to_restore(system, backup)
    position = mariadb.log_position()
    async with mariadb.lock_table(name, "user_sessions"):
        both_approve(system, gate)
        await eventually(lambda: renames(mariadb, position), 90, what="a swap that waits for the table")
        await ssh_host.reboot()
    assert await system.end(run) == "needs_human"
    assert system.steps(run)["restore-swap"] == "unknown"
    assert laravel_at_first.is_down
    fresh, old = made_by(run, name, "restore"), made_by(run, name, "before")
    assert await beside(mariadb, name) == {fresh, old}
    assert f"What was live: in `{old}`, or still in `{name}`" in system.result(run)
    assert f"What is being restored: in `{name}`, or still in `{fresh}`" in system.result(run)
    # whichever way the statement went that nobody saw the end of, both are there whole
    homes = [await rows_of(mariadb, database) for database in (name, fresh, old)]
    assert was in homes
    assert now in homes
    again = await system.decide(run, "run_resume_lift", RELEASER)
    both_approve(system, await system.gate(again))
    assert await system.end(again) == "succeeded", system.result(again)
    assert not laravel_at_first.is_down


async def rows_of(mariadb: DatabaseServer, database: str) -> Rows | None:
    with contextlib.suppress(Exception):  # its tables are elsewhere
        return await sessions(mariadb, database)
    return None


async def test_a_database_that_dies_in_a_dump_gives_no_backup_and_the_card_says_so(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    name = laravel_at_first.database.name
    system = await new_system(scratch=True)
    await system.bot.start()
    await widen(mariadb, name)  # so that the tool still reads when the server goes
    was = await sessions(mariadb, name)
    with ssh_host.commands.hold(PACK):
        run = await system.ask("/backup compte production")
        await next_of(ssh_host, PACK)
        await mariadb.kill()
    try:
        assert await system.end(run) == "failed"
    finally:
        await mariadb.start()
    assert says(system, run) == {"failed"}
    assert "backup" not in system.payload("result", run)
    assert "No verified backup could be made" in system.result(run)
    assert files(laravel_at_first) == []
    assert await sessions(mariadb, name) == was
    assert await beside(mariadb, name) == set()
    assert await backed_up(system)


async def test_a_stream_that_is_cut_is_begun_anew(
    new_system: NewSystem, laravel_at_first: Application, wire: TcpProxy, ssh_host: DemoHost, mariadb: DatabaseServer,
    tmp_path: Path,
) -> None:  # fmt: skip
    name = laravel_at_first.database.name
    system = await new_system(ssh_port=wire.port, scratch=True, backups={"store": {"directory": "kept"}})
    await system.bot.start()
    await widen(mariadb, name)  # so that the stream is under way when it is cut
    was = await sessions(mariadb, name)
    with contextlib.ExitStack() as packing, contextlib.ExitStack() as proving:
        packing.enter_context(ssh_host.commands.hold(PACK))
        run = await system.ask("/backup compte production")
        await next_of(ssh_host, PACK)
        await next_of(ssh_host, UNPACK)
        wire.reset()
        await next_of(ssh_host, PACK, before=1)
        await next_of(ssh_host, UNPACK, before=1)
        proving.enter_context(ssh_host.commands.hold(UNPACK))
        packing.close()
        await next_of(ssh_host, UNPACK, before=2)
        wire.reset()
        await next_of(ssh_host, UNPACK, before=3)
    assert await system.end(run) == "succeeded", system.result(run)
    assert says(system, run) == {"succeeded"}
    backup = system.payload("result", run)["backup"]
    kept = tmp_path / "kept" / "compte" / "production"
    assert sorted(path.name for path in kept.iterdir()) == [f"{backup}.json", f"{backup}.sql.zst"]
    assert json.loads((kept / f"{backup}.json").read_text())["proof"] == "proven"
    assert await beside(mariadb, name) == set()
    assert await sessions(mariadb, name) == was
