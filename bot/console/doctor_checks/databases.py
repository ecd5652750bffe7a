"""The databases: login, version, size, and whether other sessions can be seen."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.console.doctor_checks.formats import milliseconds, size
from bot.console.doctor_checks.problem_text import explain
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.domain.errors import RefusedError
from bot.domain.targets.look import Replication
from bot.domain.targets.privileges import Capability, MissingPrivilege
from bot.domain.targets.target import Target
from bot.hosts.connections import Connections
from bot.hosts.tunnels import Tunnels
from bot.recipes.recipe import MigrationTable, Recipe


@dataclass(frozen=True)
class DatabaseCheck:
    """The results of one database.

    Args:
        kib: how big it is, in kibibytes; None where it could not be read.
        version: of the server, as it says itself; None where it could not be read.
        results: in order.
    """

    kib: int | None
    version: str | None
    results: tuple[CheckResult, ...]


async def check_database(connections: Connections, target: Target, recipe: Recipe) -> DatabaseCheck:
    """Log in to a target's database and look at it.

    Args:
        connections: to the hosts, for a database that is reached through one.
        target: whose database; without one there are no results.
        recipe: names the table of migrations.
    """
    database = target.database
    if database is None:
        return DatabaseCheck(None, None, ())
    what = f"database of {target.name}"
    kept = recipe.migrations
    table = kept.table if isinstance(kept, MigrationTable) else None
    began = time.monotonic()
    look = DatabaseLook(Connector(Tunnels(connections).open))
    try:
        facts = await look.database(target, table)
        missing = await look.missing_privileges(target)
    except RefusedError as refusal:
        return DatabaseCheck(None, None, (fail(what, explain(refusal.problem)),))
    took = milliseconds(time.monotonic() - began)
    kib = facts.size_bytes // 1024
    way = f" through {database.via}" if database.via else ""
    ran = (
        "" if table is None else f", {len(facts.ran)} migrations ran" if facts.has_table else f", no table {table} yet"
    )
    login = ok(what, f"{database.name} as {database.user}{way}, {facts.version}, {size(kib)}{ran}; read in {took}")
    sessions = _sessions(what, database.user, sees_all=facts.sees_all_sessions)
    privileges = (_privileges(what, capability, missing) for capability in _asked(target))
    writes = _writes(what, facts.replication)
    return DatabaseCheck(kib, facts.version, (login, sessions, *writes, *privileges))


def _asked(target: Target) -> tuple[Capability, ...]:
    """Give what the operations file asks of the account beside looking."""
    if target.backups is None:
        return ()
    restores = target.database is not None and target.database.may_copy_beside
    return (Capability.BACKUP, Capability.RESTORE) if restores else (Capability.BACKUP,)


def _privileges(what: str, capability: Capability, missing: Iterable[MissingPrivilege]) -> CheckResult:
    what = f"{what}: privileges for a {capability.value}"
    lacks = [one for one in missing if one.capability is capability]
    if not lacks:
        return ok(what, "none is missing")
    return warn(what, f"missing: {'; '.join(str(one) for one in lacks)} - see docs/setup.md")


def _writes(what: str, replication: Replication) -> tuple[CheckResult, ...]:
    if not replication.read_only:
        return ()
    primaries = ", ".join(primary.address for primary in replication.primaries)
    replica = f"it is a replica of {primaries}, which `database:` should name" if primaries else "is it a replica?"
    said = f"the server refuses them ({replication.read_only}): no migration and no restore is planned - {replica}"
    return (warn(f"{what}: writes", said),)


def _sessions(what: str, user: str, *, sees_all: bool) -> CheckResult:
    what = f"{what}: sessions"
    if sees_all:
        return ok(what, "everybody's are visible (privilege PROCESS)")
    return warn(
        what,
        "only its own are visible, so a session that would block a migration may be missed - "
        f"GRANT PROCESS ON *.* TO the account {user}",
    )
