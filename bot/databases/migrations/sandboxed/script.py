"""The script of a rehearsal in a sandbox, built from a plan and what the live server said of itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources

from bot.databases.backups.dump_script import OPTION_FILE, PREAMBLE, SHA256
from bot.databases.backups.host_script import HostScript
from bot.databases.migrations.rehearsal_script import CopiedData
from bot.databases.migrations.sandboxed.packages import Allowed, Unchanged
from bot.databases.migrations.sandboxed.packages_script import INSTALL, fetch_text
from bot.databases.server.checksums import CHECKSUM_SQL
from bot.databases.server.quoting import identifier, option_file
from bot.databases.server.schema_rows import SCHEMA_SQL
from bot.domain.runs.acts import Direction, MigrationRecords, SandboxRehearsal
from bot.domain.secrets import Secret
from bot.domain.shell import Command, Syntax, assignments
from bot.domain.targets.target import Database
from bot.sandbox.environment import (
    LARAVEL_REPLACED,
    LARAVEL_TREATMENTS,
    PYTHON_REPLACED,
    PYTHON_TREATMENTS,
    Environment,
    Treatment,
)
from bot.sandbox.plan import CodeBox, Sandbox, functions
from bot.sandbox.server import Endpoint, PrivateDatabase, PrivateServer, RelayedServer, SandboxServer

MIGRATE_SECONDS = 1800
"""Seconds after which migrations in a sandbox are ended."""

SCRATCH_OPTION_FILE = "scratch.cnf"
"""Name of the job's file with the options for another server."""

_SCRIPTS = resources.files("bot.databases").joinpath("scripts")


def _text(name: str) -> str:
    return _SCRIPTS.joinpath(name).read_text(encoding="utf-8")


_STATEMENTS_AWK, _FAILURE_AWK, _ROWS_SQL = _text("statements.awk"), _text("failure.awk"), _text("rows.sql")
_SCRIPT = "".join(_text(name) for name in ("dump_text.sh", "sandbox_copy.sh", "sandbox_rehearsal.sh"))


@dataclass(frozen=True)
class CopyLimits:
    """How much of the live database is copied.

    Args:
        up_to_kib: size up to which all rows are copied.
        sample_rows: rows of each table that are copied else.
    """

    up_to_kib: int = 128 * 1024
    sample_rows: int = 1000


def results_folder(attempt: int) -> str:
    """Name the folder of results of an attempt, in the folder that the steps of a run share."""
    return f"sandbox.{attempt}"


@dataclass(frozen=True)
class SandboxInputs:
    """What the script of a rehearsal is built from.

    Args:
        act: what is rehearsed.
        path: of the live checkout on the host.
        database: the live one.
        server: of the sandbox, like the live one; its size is that of all live tables.
        attempt: of the step.
        data: the backup whose rows the copy gets.
        limits: of the copy.
        packages: what may be downloaded for the commit; None where the recipe brings no packages.
    """

    act: SandboxRehearsal
    path: str
    database: Database
    server: SandboxServer
    attempt: int
    data: CopiedData
    limits: CopyLimits
    packages: Unchanged | Allowed | None


def sandbox_of(inputs: SandboxInputs) -> Sandbox:
    """Describe the sandbox of a rehearsal.

    Raises:
        ValueError: a path has a character that a sandbox cannot have.
    """
    act, database = inputs.act, inputs.database
    environment = None
    if act.environment_file:
        path = f"{inputs.path.rstrip('/')}/{act.environment_file}"
        is_python = act.python is not None
        environment = Environment(
            path,
            PYTHON_TREATMENTS if is_python else LARAVEL_TREATMENTS,
            PYTHON_REPLACED if is_python else LARAVEL_REPLACED,
            name=act.environment_file,
            known=_known(database) if is_python else {},
        )
    copied = inputs.data.bytes // 1024 if inputs.data.backup else min(inputs.server.data_kib, inputs.limits.up_to_kib)
    server: SandboxServer
    endpoint = Endpoint(database.port, (database.host,))
    match inputs.server:
        case PrivateServer():
            server = replace(inputs.server, endpoint=endpoint, users=(database.user,), data_kib=copied)
        case RelayedServer():
            server = replace(inputs.server, endpoint=endpoint, data_kib=copied)
    return Sandbox(
        results_folder(inputs.attempt), server, CodeBox(inputs.path.rstrip("/"), environment, python=act.python or "")
    )


def sandbox_job(inputs: SandboxInputs) -> HostScript:
    """Build the script.

    Raises:
        ValueError: a value that cannot be used; the message names it and holds no secret.
    """
    act, database, data = inputs.act, inputs.database, inputs.data
    sandbox = sandbox_of(inputs)
    copy = _copy_of(inputs.server)
    names = _beside(inputs.server)
    packages = inputs.packages
    values = {
        "sha": act.sha,
        "source": database.name,
        "copy": copy.name,
        "copy_sql": identifier(copy.name),
        "create_sql": copy.create(),
        **names,
        "elsewhere": SCRATCH_OPTION_FILE if isinstance(inputs.server, RelayedServer) else "",
        "table": act.table,
        **_recorded(act),
        "optional_environment": "yes" if act.python is not None else "",
        "data_kib": str(inputs.server.data_kib),
        "copy_up_to": str(inputs.limits.up_to_kib),
        "sample_rows": str(inputs.limits.sample_rows),
        "backup": data.backup,
        "dump": data.path,
        "sha256": data.sha256,
        "made_epoch": data.made_epoch,
        "pipe": data.pipe,
        "no_data": data.why_not,
        "no_data_detail": data.detail,
        "schema_sql": SCHEMA_SQL,
        "checksum_sql": CHECKSUM_SQL,
        "rows_sql": _ROWS_SQL.replace("countersign_before", names["before"]),
        "statements_awk": _STATEMENTS_AWK,
        "failure_awk": _FAILURE_AWK,
        "packages": "none" if packages is None else "fetched" if isinstance(packages, Allowed) else "same",
        "fetch": fetch_text(packages, inputs.path) if isinstance(packages, Allowed) else "",
        "install": INSTALL,
        "setup": act.setup.script(),
        "ask": act.ask.script() if act.ask is not None else "",
        "apply": act.apply.script(),
        "undo": act.undo.script() if act.undo is not None else "",
        "seconds": str(MIGRATE_SECONDS),
    }
    before = (*assignments(values), Syntax(PREAMBLE + SHA256), *functions(sandbox).parts)
    script = Command((*before, Syntax("\n" + _SCRIPT)))
    return HostScript(script, _option_files(inputs))


def _option_files(inputs: SandboxInputs) -> dict[str, Secret]:
    files = {OPTION_FILE: option_file(inputs.database)}
    if isinstance(inputs.server, RelayedServer):
        # Any host's name does: it only says through whom the bot would reach the server.
        elsewhere = inputs.database.copies_at("")
        if elsewhere is None:
            raise ValueError("the target has no scratch server")
        files[SCRATCH_OPTION_FILE] = option_file(elsewhere)
    return files


def _copy_of(server: SandboxServer) -> PrivateDatabase:
    match server:
        case PrivateServer(databases=(database,)):
            return database
        case RelayedServer(database=database):
            return database
    raise ValueError("a rehearsal has one database")


def _beside(server: SandboxServer) -> dict[str, str]:
    """Name the further databases of a rehearsal."""
    match server:
        case PrivateServer():
            return {name: f"countersign_{name}" for name in ("evidence", "before", "tables")}
        case RelayedServer():
            name = server.database.name
            return {"evidence": f"{name}_e", "before": f"{name}_b", "tables": f"{name}_t"}


def _recorded(act: SandboxRehearsal) -> dict[str, str]:
    """Say what the private server notes when the framework records a migration.

    Returns:
        Shell variables: lines EVENT ROW for triggers, and SQL for the name, where ROW is `@`.
    """
    match act.records:
        case None:
            return {"recorded": "INSERT NEW\nDELETE OLD", "recorded_name": "@.migration"}
        case MigrationRecords.DJANGO:
            return {"recorded": "INSERT NEW\nDELETE OLD", "recorded_name": "CONCAT(@.app, '.', @.name)"}
        case MigrationRecords.ALEMBIC:
            # A row is written over; those that a merge takes away are of migrations that had run before.
            is_up = act.direction is Direction.UP
            recorded = "INSERT NEW\nUPDATE NEW" if is_up else "UPDATE OLD\nDELETE OLD"
            return {"recorded": recorded, "recorded_name": "@.version_num"}


def _known(database: Database) -> dict[str, Treatment]:
    """Say what becomes of values by which applications without conventions for keys find their database."""
    return {
        str(database.port): Treatment.KEEP,
        database.name: Treatment.NAME,
        database.user: Treatment.USER,
        database.host: Treatment.HOST,
    }
