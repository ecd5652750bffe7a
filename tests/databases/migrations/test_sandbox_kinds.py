"""A rehearsal in a sandbox finds the database of an application however that says where it is."""

from __future__ import annotations

import pytest

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.domain.runs.findings import MigrationFinding, SandboxAttempt
from bot.domain.runs.migration_risk import MigrationRisk, RiskReason
from bot.hosts.connections import Connections
from tests.databases.support.sandboxed import SandboxStage, those
from tests.support.laravel_kinds import DATABASE_KINDS
from tests.support.laravel_oddities import MIGRATIONS, commit, migration, pull


async def stage_of(kind: str, app: Application, hosts: Connections, mariadb: DatabaseServer) -> SandboxStage:
    """Give an application of a kind, live."""
    DATABASE_KINDS[kind].configure(app.author, app.database, mariadb.socket)
    await commit(app, {})
    await pull(app)
    DATABASE_KINDS[kind].set_up(app.path, app.database, mariadb.socket)
    return SandboxStage(app, hosts)


@pytest.mark.parametrize("kind", ["names of its own", "read and write", "URL"])
async def test_its_keys_are_read_whatever_they_are_called(
    kind: str, laravel_at_first: Application, hosts: Connections, mariadb: DatabaseServer
) -> None:
    stage = await stage_of(kind, laravel_at_first, hosts, mariadb)
    await stage.push("seen", "Schema::table('users', function (Blueprint $t) { $t->string('seen', 9)->nullable(); });")
    outcome = await stage.in_sandbox()
    assert [one.risk for one in those(outcome, MigrationFinding)] == [MigrationRisk.SAFE]
    assert those(outcome, SandboxAttempt) == []


async def test_a_database_that_only_production_has_is_named(
    laravel_at_first: Application, hosts: Connections, mariadb: DatabaseServer
) -> None:
    stage = await stage_of("second connection", laravel_at_first, hosts, mariadb)
    await stage.push("trail", "Schema::connection('audit')->create('trail', function (Blueprint $t) { $t->id(); });")
    [finding] = those(await stage.in_sandbox(), MigrationFinding)
    assert (finding.risk, finding.reason) == (MigrationRisk.UNKNOWN, RiskReason.SANDBOX_ONLY)
    assert f"to database '{laravel_at_first.database.name}_audit'" in finding.what


async def test_a_migration_with_a_connection_of_its_own_is_never_called_safe(
    laravel_at_first: Application, hosts: Connections, mariadb: DatabaseServer
) -> None:
    stage = await stage_of("second connection", laravel_at_first, hosts, mariadb)
    text = migration("Schema::create('trail', function (Blueprint $t) { $t->id(); });", "Schema::drop('trail');")
    text = text.replace("extends Migration {", "extends Migration {\n    protected $connection = 'audit';")
    await commit(stage.app, {f"{MIGRATIONS}/2026_01_01_000000_trail.php": text})
    [finding] = those(await stage.in_sandbox(), MigrationFinding)
    assert (finding.risk, finding.reason) == (MigrationRisk.UNKNOWN, RiskReason.SANDBOX_ONLY)
    assert f"to database '{laravel_at_first.database.name}_audit'" in finding.what
