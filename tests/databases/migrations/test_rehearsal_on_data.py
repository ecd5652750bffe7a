"""`rehearse: data`: the copy holds what the newest backup holds, on real parts; where it cannot, the plan says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.domain.errors import Reason
from bot.engine.ports import Failed
from bot.hosts.connections import Connections
from tests.databases.support.rehearsals import BACKUP, DataStage, found, nothing_left, of
from tests.support import CommitKind, numbers


@pytest.fixture
def stage(laravel_at_first: Application, hosts: Connections, tmp_path: Path) -> DataStage:
    return DataStage(laravel_at_first, hosts, tmp_path / "backups")


async def test_migrations_meet_the_rows_of_the_backup_and_not_those_of_today(
    stage: DataStage, mariadb: DatabaseServer
) -> None:
    live = stage.app.database.name
    await mariadb.query("UPDATE users SET name = 'as of then'", database=live)
    await mariadb.query("CREATE TRIGGER noticed AFTER UPDATE ON users FOR EACH ROW SET @noticed = 1", database=live)
    await mariadb.query(
        f"CREATE EVENT wakes ON SCHEDULE EVERY 1 SECOND DO DELETE FROM {live}.user_sessions", database=live
    )
    await stage.back_up()
    await mariadb.query("UPDATE users SET name = 'as of today'", database=live)
    position = mariadb.log_position()
    await stage.push(
        "meets_the_backup",
        "if (DB::table('users')->where('name', 'as of today')->exists()) throw new Exception('today');"
        "if (DB::table('users')->count() === 0) throw new Exception('nobody');"
        "DB::table('users')->update(['name' => 'as of tomorrow']);",
    )
    findings = found(await stage.rehearse_on(BACKUP))
    [rehearsal] = of(findings, "rehearsal")
    assert (rehearsal["outcome"], rehearsal["rows"], rehearsal["backup"]) == ("ok", "backup", BACKUP)
    assert rehearsal["made_at"].startswith("20")
    assert 0 <= int(rehearsal["age"]) < 600
    assert (rehearsal["no_data"], rehearsal["routines"]) == ("", "")
    assert await mariadb.query("SELECT DISTINCT name FROM users", database=live) == [{"name": "as of today"}]
    made = [statement.text.lower() for statement in mariadb.statements(position) if statement.ran]
    assert any("trigger `noticed`" in text for text in made)
    assert not any(text.startswith("create") and "event" in text.split("on schedule")[0] for text in made)
    await nothing_left(stage.app, mariadb)


async def test_data_that_a_migration_cannot_bear_is_found_before_anybody_is_asked(
    stage: DataStage, mariadb: DatabaseServer
) -> None:
    await mariadb.query("UPDATE users SET name = 'the same'", database=stage.app.database.name)
    await mariadb.query(
        f"INSERT INTO users (name, email, password) SELECT 'the same', UUID(), '' FROM {numbers(2)}",
        database=stage.app.database.name,
    )
    await stage.back_up()
    await stage.push("one_of_each", "Schema::table('users', fn (Blueprint $t) => $t->unique('name'));")
    outcome = await stage.rehearse_on(BACKUP)
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.REHEARSAL_FAILED
    assert "Duplicate entry 'the same'" in outcome.problem.facts["error"]
    assert outcome.problem.facts["rows"] == "backup"
    await nothing_left(stage.app, mariadb)


async def damaged(stage: DataStage) -> None:
    await stage.back_up()
    (file,) = stage.folder.glob("*.sql.*")
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)


async def cut_short(stage: DataStage) -> None:
    await stage.back_up()
    (file,) = stage.folder.glob("*.sql.*")
    file.write_bytes(file.read_bytes()[:-9])


async def encrypted(stage: DataStage) -> None:
    await stage.back_up()
    (manifest,) = stage.folder.glob("*.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"encrypted_to": "age1someone"}))


async def gone(stage: DataStage) -> None:
    await stage.back_up()
    shutil.rmtree(stage.folder)


@pytest.mark.parametrize(
    ("spoil", "backup", "no_data"),
    [
        (damaged, BACKUP, "backup_damaged"),
        (cut_short, BACKUP, "backup_unreadable"),
        (gone, BACKUP, "backup_unreadable"),
        (gone, None, "no_backup"),
        (encrypted, BACKUP, "backup_unreadable"),
    ],
)
async def test_a_backup_that_cannot_be_used_is_named_and_the_copy_is_made_of_the_live_database(
    stage: DataStage,
    mariadb: DatabaseServer,
    spoil: Callable[[DataStage], Awaitable[None]],
    backup: str | None,
    no_data: str,
) -> None:
    await spoil(stage)
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    [rehearsal] = of(found(await stage.rehearse_on(backup)), "rehearsal")
    assert (rehearsal["outcome"], rehearsal["rows"], rehearsal["backup"]) == ("ok", "copied", "")
    assert rehearsal["no_data"] == no_data
    await nothing_left(stage.app, mariadb)


async def test_a_backup_of_before_the_last_migration_is_not_rehearsed_on(
    stage: DataStage, mariadb: DatabaseServer
) -> None:
    await stage.back_up()
    await mariadb.query("ALTER TABLE users ADD since_then INT", database=stage.app.database.name)
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    [rehearsal] = of(found(await stage.rehearse_on(BACKUP)), "rehearsal")
    assert (rehearsal["rows"], rehearsal["no_data"]) == ("copied", "other_schema")
    assert "live alone has the column users.since_then" in rehearsal["no_data_detail"]
    await nothing_left(stage.app, mariadb)
