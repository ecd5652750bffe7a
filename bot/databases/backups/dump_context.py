"""The context of a dump: the previous backup, the recorded migrations, and the counters of the tables."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from bot.databases.backups.catalog import BackupCatalog
from bot.databases.backups.dump import DumpContextReader
from bot.databases.backups.dump_script import DumpContext
from bot.domain.backups.backup import BackupInfo
from bot.domain.errors import RefusedError
from bot.domain.targets.look import AppliedMigration
from bot.domain.targets.target import Target

RanNow = Callable[[Target], Awaitable[tuple[AppliedMigration, ...] | None]]
"""Reads which migrations ran on a target; None where it has none to know of."""

CountersNow = Callable[[Target], Awaitable[Mapping[str, int]]]
"""Reads the next AUTO_INCREMENT of each table of a target that has one."""

_SECONDS = 60


def dump_context_reader(catalog: BackupCatalog, ran_now: RanNow, counters_now: CountersNow) -> DumpContextReader:
    """Return a reader of what is known before a dump.

    Args:
        catalog: reads the backups there are.
        ran_now: reads the migrations.
        counters_now: reads the counters.
    """

    async def known(target: Target, tables: tuple[str, ...]) -> DumpContext:
        last, migrations, counters = await asyncio.gather(
            _last(catalog, target, tables), _names(ran_now, target), _counters(counters_now, target, tables)
        )
        if last is None:
            return DumpContext(migrations=migrations, counters=counters)
        return DumpContext(last.backup, last.bytes, last.data_bytes, migrations, counters)

    return known


async def _last(catalog: BackupCatalog, target: Target, tables: tuple[str, ...]) -> BackupInfo | None:
    """Return the latest backup of the same tables of the same database."""
    database = target.database.name if target.database is not None else ""
    try:
        async with asyncio.timeout(_SECONDS):
            backup_list = await catalog.backup_list(target)
    except (TimeoutError, RefusedError):
        return None
    alike = (kept for kept in backup_list.backups if kept.chosen == tables and kept.database == database)
    return next(alike, None)


async def _names(ran_now: RanNow, target: Target) -> tuple[str, ...] | None:
    try:
        async with asyncio.timeout(_SECONDS):
            ran = await ran_now(target)
    except (TimeoutError, RefusedError):
        return None
    return None if ran is None else tuple(one.name for one in ran)


async def _counters(counters_now: CountersNow, target: Target, tables: tuple[str, ...]) -> Mapping[str, int]:
    try:
        async with asyncio.timeout(_SECONDS):
            found = await counters_now(target)
    except (TimeoutError, RefusedError):
        return {}
    return {table: value for table, value in found.items() if not tables or table in tables}
