"""What must be true after the tour, each asked of the thing itself: the database, the host, its ledger, the site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.demo.environment import DemoEnvironment
from bot.demo.host.command_log import Entry
from bot.demo.operations import APP
from bot.demo.tour.observed import TourObservation

TABLE, COLUMN = "user_sessions", "token_id"
CHANGES = (
    "php artisan down",
    "git merge",
    "php artisan migrate",
    "php artisan config:cache",
    "php artisan route:cache",
    "php artisan view:cache",
    "php artisan event:cache",
    "php artisan optimize",
    "systemctl restart",
    "php artisan queue:restart",
    "php artisan up",
)
"""The commands of the steps that change something, by the words they begin with."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must be true.

    Attributes:
        claim: what it is.
        holds: whether it is.
        instead: what is true instead, where it is not.
    """

    claim: str
    holds: bool
    instead: str = ""


async def findings(stage: DemoEnvironment, seen: TourObservation) -> tuple[Finding, ...]:
    """Look at everything.

    Args:
        stage: where to look.
        seen: what the tour saw.
    """
    head = await stage.application.head()
    column = await describe(stage)
    started = times_started(stage.host.commands.entries(), stage.application.path)
    undone = [f"{step['title']} is {step['state']}" for step in seen.steps if step["state"] != "done"]
    dump = dump_file(stage, seen.backup)
    status = await _status(stage.web.health_url)
    return (
        Finding("The run succeeded", seen.state == "succeeded", f"its state is {seen.state or 'not told'}"),
        Finding("Each step is told as done", bool(seen.steps) and not undone, ", ".join(undone) or "no step is told"),
        Finding(
            "Nothing had changed when the approval was asked for",
            seen.untouched,
            "something had" if seen.asked else "it never was",
        ),
        Finding("The approved commit is checked out", head == seen.planned, f"HEAD is {head[:7]}"),
        Finding("The column is there, with its index", _is_right(column), f"DESCRIBE gives {column or 'nothing'}"),
        Finding(
            "Each step was started once, as the host's ledger tells", set(started.values()) == {1}, _amiss(started)
        ),
        Finding("The backup is on the host", dump is not None, f"there is no file of {seen.backup or 'a backup'}"),
        Finding("The site is up", not stage.application.is_down, "maintenance mode is on"),
        Finding("The login page answers 200", status == 200, f"it answers {status}"),
        Finding("The log is in the thread", bool(seen.room.files(f"{seen.run}.log")), "no such file"),
    )


async def describe(stage: DemoEnvironment) -> dict[str, Any]:
    """Ask the database for the column.

    Args:
        stage: where it is.

    Returns:
        The row of `DESCRIBE`; empty if there is no such column.
    """
    rows = await stage.database.query(f"DESCRIBE `{TABLE}` `{COLUMN}`", database=APP)
    return rows[0] if rows else {}


def dump_file(stage: DemoEnvironment, backup: str) -> Path | None:
    """Find the dump of a backup on the host.

    Args:
        stage: where to look.
        backup: the backup's ID.
    """
    found = sorted(stage.application.backups.glob(f"{backup}.sql*")) if backup else []
    return next((file for file in found if file.stat().st_size > 0), None)


def times_started(entries: Iterable[Entry], checkout: Path) -> Counter[str]:
    """Count how often each change was started.

    Args:
        entries: the host's ledger since before the deploy.
        checkout: the checkout that serves the site; a rehearsal on a copy runs elsewhere.

    Returns:
        How often, by the words of `CHANGES`; 0 is among them.
    """
    commands = [" ".join(entry.argv) + " " for entry in entries if Path(entry.cwd) == checkout]
    return Counter({name: sum(command.startswith(f"{name} ") for command in commands) for name in CHANGES})


def _amiss(started: Counter[str]) -> str:
    never = [name for name, count in started.items() if count == 0]
    often = [f"{name} {count} times" for name, count in started.items() if count > 1]
    if len(never) == len(started):
        return "none was"
    return "; ".join([*(["never " + ", ".join(never)] if never else []), *often])


def _is_right(column: dict[str, Any]) -> bool:
    return (column.get("Type"), column.get("Null"), column.get("Key")) == ("varchar(100)", "YES", "MUL")


async def _status(url: str) -> int:
    """The status of a page; 0 if it does not answer."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0
