"""What tests of `/backup restore` share: a backup is made, rows go, and two people approve that they come back."""

from __future__ import annotations

from typing import Any

from bot.demo.host.database import DatabaseServer
from tests.acceptance.support.system import DBA, ONCALL, RELEASER, System

Rows = list[dict[str, Any]]


async def backed_up(system: System, words: str = "compte production") -> str:
    """Make a backup and give its ID."""
    run = await system.ask(f"/backup {words}")
    assert await system.end(run) == "succeeded", system.result(run)
    return str(system.payload("result", run)["backup"])


async def asked_to_restore(system: System, backup: str) -> tuple[str, dict[str, Any]]:
    """Ask for a restore; give the run and its request for approval."""
    run = await system.ask(f"/backup restore compte production {backup}", user=RELEASER)
    return run, await system.gate(run)


def both_approve(system: System, gate: dict[str, Any]) -> None:
    """Let the two approve whom the policy wants for a restore."""
    for user in (ONCALL, DBA):
        system.react(gate, user)


async def sessions(mariadb: DatabaseServer, database: str) -> Rows:
    """Read the rows that tests delete."""
    return await mariadb.query("SELECT * FROM user_sessions ORDER BY id", database=database)


async def beside(mariadb: DatabaseServer, name: str) -> set[str]:
    """Name the databases that were made beside one."""
    rows = await mariadb.query("SELECT schema_name AS s FROM information_schema.schemata")
    return {row["s"] for row in rows if row["s"].startswith(f"{name}_countersign_")}


def made_by(run: str, name: str, kind: str) -> str:
    """Name the database that a run makes beside one: `restore` for the fresh one, `before` for the old tables."""
    return f"{name}_countersign_{kind}_{run.removeprefix('R-').lower()}"
