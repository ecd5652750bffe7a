"""The store: whether it opens, whether its history is intact, and whether there is free space for it."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from bot.config.settings import StoreUrl
from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.console.doctor_checks.formats import size
from bot.console.run_text import counted
from bot.store import StoreError, StoreMissingError, open_readonly
from bot.store.history.verify import first_broken
from bot.store.sql.engines import is_sqlite, parse, sqlite_path

_LITTLE_KIB = 200 * 1024
_TOO_LITTLE_KIB = 20 * 1024


async def check_store(url: StoreUrl) -> tuple[CheckResult, ...]:
    """Open the store for reading. The bot may be running on it; nothing is created.

    Args:
        url: STORE_URL.
    """
    what = "store"
    try:
        async with open_readonly(url.reveal()) as reader:
            runs = len(await reader.runs.unfinished())
            broken = await first_broken(reader.history)
    except StoreMissingError:
        return (await asyncio.to_thread(_to_be_made, what, url),)
    except StoreError as error:
        return (fail(what, f"{error.what} ({error.where}) - {error.right}"),)
    found = [ok(what, f"{url} opens; {counted(runs, 'run')} not finished")]
    if broken is None:
        found.append(ok(f"{what}: history", "the hash chain holds"))
    else:
        found.append(fail(f"{what}: history", f"record {broken} was changed, removed or moved"))
    room = await asyncio.to_thread(_room, what, url)
    return (*found, *room)


def _to_be_made(what: str, url: StoreUrl) -> CheckResult:
    """Check whether the first start can create the store."""
    parsed = parse(url.reveal())
    if not is_sqlite(parsed):
        return ok(what, f"{url} answers; the first start makes its tables")
    path = sqlite_path(parsed)
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return fail(what, f"{path} does not exist, and {folder} is not a writable folder - name another in STORE_URL")
    return ok(what, f"{path} does not exist yet; the first start makes it")


def _room(what: str, url: StoreUrl) -> tuple[CheckResult, ...]:
    parsed = parse(url.reveal())
    if not is_sqlite(parsed):
        return ()
    return (_judge_room(f"{what}: free space", sqlite_path(parsed).parent),)


def _judge_room(what: str, folder: Path) -> CheckResult:
    free = shutil.disk_usage(folder).free // 1024
    figure = f"{size(free)} free in {folder}"
    if free < _TOO_LITTLE_KIB:
        return fail(what, f"{figure} - at least {size(_TOO_LITTLE_KIB)}: without room nothing is recorded, nor started")
    return warn(what, f"{figure} - make room") if free < _LITTLE_KIB else ok(what, figure)
