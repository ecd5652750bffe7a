"""Steps that stand still half way: dumps that wait for a table that somebody holds, and programs that are held."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from bot.demo.host.database import DemoDatabase
from bot.domain.targets.target import Target
from bot.engine.ports import Outcome
from tests.databases.support.contents import session_of
from tests.databases.support.local import KeptOutput, LocalHost, stand_in
from tests.databases.support.steps import job_of, performer
from tests.support import eventually, numbers


class Hold:
    """A stand-in for a program that stops where it is told to until it may go on.

    Args:
        folder: for the stand-in and its marks.
        program: whose stand-in.
        where: a pattern of `case` for its arguments.
    """

    def __init__(self, folder: Path, program: str, where: str) -> None:
        self.path = stand_in(
            folder, program,
            f'case "$*" in {where}) touch {folder}/there; while [ ! -e {folder}/on ]; do sleep 0.05; done ;; esac\n'
            f'exec /usr/bin/{program} "$@"',
        )  # fmt: skip
        self.there, self.on = folder / "there", folder / "on"

    async def reached(self) -> None:
        await eventually(self.there.exists, 20, what="the program stands where it is held")


@contextlib.asynccontextmanager
async def locked(made: DemoDatabase) -> AsyncIterator[None]:
    """A table that a dump has to wait for."""
    async with session_of(made) as cursor:
        await cursor.execute("CREATE TABLE t (a INT)")
        await cursor.execute("LOCK TABLES t WRITE")
        yield


@contextlib.asynccontextmanager
async def halfway(target: Target, made: DemoDatabase, host: LocalHost) -> AsyncIterator["asyncio.Task[Outcome]"]:
    """A dump that has written some tables and now waits for a locked one."""
    async with session_of(made) as cursor:
        await cursor.execute("CREATE TABLE a_first (t LONGBLOB)")
        await cursor.execute(f"INSERT INTO a_first SELECT RANDOM_BYTES(1000) FROM {numbers(100)}")
        await cursor.execute("CREATE TABLE z_last (a INT)")
        await cursor.execute("LOCK TABLES z_last WRITE")
        dumping = asyncio.create_task(performer(host).perform(job_of(target), KeptOutput()))
        try:
            await eventually(lambda: _waits_for_lock(made), seconds=20)
            yield dumping
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(host.group, signal.SIGKILL)
            await asyncio.gather(dumping, return_exceptions=True)


async def _waits_for_lock(made: DemoDatabase) -> bool:
    async with session_of(made) as cursor:
        await cursor.execute(
            "SELECT 1 FROM information_schema.processlist"
            " WHERE state LIKE 'Waiting for table metadata lock' AND info LIKE '%z_last%'"
        )
        return bool(await cursor.fetchall())
