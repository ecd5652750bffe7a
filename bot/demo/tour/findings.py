"""What must be true after the tour, each asked of the thing itself: the database, the host, its ledger, the site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.demo.environment import DemoEnvironment
from bot.demo.host.command_log import LoggedCommand
from bot.demo.operations import APP
from bot.demo.tour.observation import TourObservation

TABLE, COLUMN = "user_sessions", "token_id"
CHANGES = (
    "php artisan down",
    "git merge",
    "php artisan config:cache",
    "php artisan migrate",
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
class TourFinding:
    """One thing that must be true.

    Attributes:
        claim: what it is.
        holds: whether it is.
        instead: what is true instead, where it is not.
    """

    claim: str
    holds: bool
    instead: str = ""


async def findings(demo: DemoEnvironment, seen: TourObservation) -> tuple[TourFinding, ...]:
    """Look at everything.

    Args:
        demo: where to look.
        seen: what the tour saw.
    """
    head = await demo.application.head()
    column = await describe(demo)
    started = times_started(demo.host.commands.entries(), demo.application.path)
    undone = [f"{step['title']} is {step['state']}" for step in seen.steps if step["state"] != "done"]
    dump = dump_file(demo, seen.backup)
    status = await _status(demo.web.health_url)
    return (
        TourFinding("The run succeeded", seen.state == "succeeded", f"its state is {seen.state or 'not told'}"),
        TourFinding(
            "Each step is told as done", bool(seen.steps) and not undone, ", ".join(undone) or "no step is told"
        ),
        TourFinding(
            "Nothing had changed when the approval was asked for",
            seen.untouched,
            "something had" if seen.asked else "it never was",
        ),
        TourFinding("The approved commit is checked out", head == seen.planned, f"HEAD is {head[:7]}"),
        TourFinding("The column is there, with its index", _is_right(column), f"DESCRIBE gives {column or 'nothing'}"),
        TourFinding(
            "Each step was started once, as the host's ledger tells", set(started.values()) == {1}, _amiss(started)
        ),
        TourFinding("The backup is on the host", dump is not None, f"there is no file of {seen.backup or 'a backup'}"),
        TourFinding("The site is up", not demo.application.is_down, "maintenance mode is on"),
        TourFinding("The login page answers 200", status == 200, f"it answers {status}"),
        TourFinding("The log is in the thread", bool(seen.channel.files(f"{seen.run}.log")), "no such file"),
    )


async def describe(demo: DemoEnvironment) -> dict[str, Any]:
    """Ask the database for the column.

    Args:
        demo: where it is.

    Returns:
        The row of `DESCRIBE`; empty if there is no such column.
    """
    rows = await demo.database.query(f"DESCRIBE `{TABLE}` `{COLUMN}`", database=APP)
    return rows[0] if rows else {}


def dump_file(demo: DemoEnvironment, backup: str) -> Path | None:
    """Find the dump of a backup on the host.

    Args:
        demo: where to look.
        backup: the backup's ID.
    """
    found = sorted(demo.application.backups.glob(f"{backup}.sql*")) if backup else []
    return next((file for file in found if file.stat().st_size > 0), None)


def times_started(entries: Iterable[LoggedCommand], checkout: Path) -> Counter[str]:
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
