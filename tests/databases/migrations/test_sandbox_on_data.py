"""Rehearsals in a sandbox on the rows of a backup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.databases.backups.dump import DumpPerformer
from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.domain.runs.acts import Dump, SandboxRehearsal
from bot.domain.runs.findings import MigrationFinding, NoBackupData, Rehearsed, RehearsedRows, RowsChanged
from bot.domain.runs.migration_risk import MigrationRisk
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.targets.target import Backups, RehearseOn, Target
from bot.engine.ports import Done, Job, Outcome
from bot.hosts.connections import Connections
from tests.databases.support.local import KeptOutput
from tests.databases.support.sandboxed import SandboxStage, those

BACKUP = "B-20261116-AAAAAA"


class SandboxDataStage(SandboxStage):
    """As `SandboxStage`, with backups."""

    def __init__(self, app: Application, connections: Connections, folder: Path) -> None:
        super().__init__(app, connections)
        self.folder = folder
        self.changes = {"rehearse": RehearseOn.DATA}

    @property
    def target(self) -> Target:
        return replace(super().target, backups=Backups(str(self.folder)))

    async def back_up(self) -> None:
        step = Step("backup", "Back up", Phase.PREPARE, ("web1",), Risk.READS, 600, Dump(BACKUP))
        job = Job("R-AAAAAA", 1, step, "web1", 1, self.target)
        outcome = await DumpPerformer(self.backups).perform(job, KeptOutput())
        assert isinstance(outcome, Done), outcome

    async def on_backup(self) -> Outcome:
        job = await self.sandbox_job()
        assert isinstance(job.step.act, SandboxRehearsal)
        act = replace(job.step.act, backup=BACKUP)
        return await self.sandboxed.perform(replace(job, step=replace(job.step, act=act)), self.output)


@pytest.fixture
def stage(laravel_at_first: Application, hosts: Connections, tmp_path: Path) -> SandboxDataStage:
    return SandboxDataStage(laravel_at_first, hosts, tmp_path / "backups")


async def test_migrations_meet_the_rows_of_the_backup(stage: SandboxDataStage, mariadb: DatabaseServer) -> None:
    await stage.back_up()
    await mariadb.query("DELETE FROM user_sessions", database=stage.app.database.name)
    await stage.push("all", "DB::table('user_sessions')->where('id', '<=', 5)->delete();", "")
    outcome = await stage.on_backup()
    (rehearsed,) = those(outcome, Rehearsed)
    assert (rehearsed.rows, rehearsed.backup, rehearsed.no_data) == (RehearsedRows.BACKUP, BACKUP, None)
    assert rehearsed.made_at is not None
    assert rehearsed.age is not None
    (rows,) = those(outcome, RowsChanged)
    assert (rows.before, rows.deleted) == (500, 5)
    (migration,) = those(outcome, MigrationFinding)
    assert migration.risk is MigrationRisk.DESTRUCTIVE


async def test_a_backup_of_another_schema_is_not_used(stage: SandboxDataStage, mariadb: DatabaseServer) -> None:
    await stage.back_up()
    await mariadb.query("ALTER TABLE users ADD added_since INT", database=stage.app.database.name)
    await stage.push("one", "DB::statement('alter table users drop added_since');", "")
    outcome = await stage.on_backup()
    (rehearsed,) = those(outcome, Rehearsed)
    assert (rehearsed.rows, rehearsed.backup) == (RehearsedRows.COPIED, "")
    assert rehearsed.no_data is NoBackupData.OTHER_SCHEMA


async def test_a_backup_from_before_a_migration_that_left_the_schema_is_not_used(
    stage: SandboxDataStage, mariadb: DatabaseServer
) -> None:
    await stage.back_up()
    sql = "INSERT INTO migrations (migration, batch) VALUES ('2026_01_01_000000_since', 9)"
    await mariadb.query(sql, database=stage.app.database.name)
    await stage.push("one", "Schema::create('one', function ($t) { $t->id(); });", "Schema::drop('one');")
    (rehearsed,) = those(await stage.on_backup(), Rehearsed)
    assert (rehearsed.rows, rehearsed.no_data) == (RehearsedRows.COPIED, NoBackupData.OTHER_SCHEMA)


async def test_a_damaged_backup_is_not_used(stage: SandboxDataStage) -> None:
    await stage.back_up()
    (dump,) = stage.folder.glob(f"{BACKUP}.sql.*")
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)
    await stage.push("one", "Schema::create('one', function ($t) { $t->id(); });", "Schema::drop('one');")
    outcome = await stage.on_backup()
    (rehearsed,) = those(outcome, Rehearsed)
    assert (rehearsed.rows, rehearsed.no_data) == (RehearsedRows.COPIED, NoBackupData.BACKUP_DAMAGED)
