"""`rehearse: data` with backups that the host cannot read itself: the bot has them, or the key, and brings them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason
from bot.domain.runs.acts import Rehearse
from bot.domain.secrets import Secret
from bot.domain.targets.target import Backups, BotDirectory, Target
from bot.engine.ports import Job, Outcome, Unknown
from bot.hosts.connections import Connections
from tests.databases.support.local import KeptOutput
from tests.databases.support.rehearsals import BACKUP, DataStage, found, nothing_left, of
from tests.support import CommitKind, eventually, numbers

IDENTITY = pyrage.x25519.Identity.generate()
KEY, OPENS = str(IDENTITY.to_public()), Secret(str(IDENTITY))


class ElsewhereStage(DataStage):
    """As `DataStage`, with backups that the bot brings."""

    def __init__(self, app: Application, connections: Connections, folder: Path, backups: Backups) -> None:
        super().__init__(app, connections, folder)
        self.settings = backups

    @property
    def target(self) -> Target:
        return replace(super().target, backups=self.settings)

    async def job_on(self, backup: str, run: str = "R-AAAAA1") -> Job:
        job = await self.job(run)
        assert isinstance(job.step.act, Rehearse)
        return replace(job, step=replace(job.step, act=replace(job.step.act, backup=backup)))

    @property
    def file(self) -> Path:
        [file] = [path for path in self.folder.rglob(f"{BACKUP}.*") if path.suffix != ".json"]
        return file


@pytest.fixture
def stage_with(laravel_at_first: Application, hosts: Connections, tmp_path: Path) -> Callable[..., ElsewhereStage]:
    def make(*, kept_by_bot: bool, **more: Any) -> ElsewhereStage:
        folder = tmp_path / "kept"
        backups = Backups("", store=BotDirectory(str(folder))) if kept_by_bot else Backups(str(folder))
        return ElsewhereStage(laravel_at_first, hosts, folder, replace(backups, **more))

    return make


@pytest.mark.parametrize(
    ("kept_by_bot", "more"),
    [
        (True, {}),
        (True, {"encrypt_to": KEY, "identity": OPENS}),
        (False, {"encrypt_to": KEY, "identity": OPENS}),
    ],
    ids=["kept by the bot", "kept by the bot, encrypted", "on the host, encrypted"],
)
async def test_migrations_meet_the_rows_of_a_backup_that_the_bot_brings(
    kept_by_bot: bool, more: dict[str, Any], stage_with: Callable[..., ElsewhereStage], mariadb: DatabaseServer
) -> None:
    stage = stage_with(kept_by_bot=kept_by_bot, **more)
    live = stage.app.database.name
    await mariadb.query("UPDATE users SET name = 'as of then'", database=live)
    await stage.back_up()
    await mariadb.query("UPDATE users SET name = 'as of today'", database=live)
    await stage.push(
        "meets_the_backup",
        "if (DB::table('users')->where('name', '<>', 'as of then')->exists()) throw new Exception('today');"
        "if (DB::table('users')->count() === 0) throw new Exception('nobody');"
        "DB::table('users')->update(['name' => 'as of tomorrow']);",
    )
    [rehearsal] = of(found(await stage.rehearse_on(BACKUP)), "rehearsal")
    assert (rehearsal["outcome"], rehearsal["rows"], rehearsal["backup"]) == ("ok", "backup", BACKUP)
    assert rehearsal["no_data"] == ""
    await nothing_left(stage.app, mariadb)


@pytest.mark.parametrize("content", [b"", b"not what was made"], ids=["empty", "other"])
async def test_what_comes_and_is_not_what_was_made_leaves_the_copy_to_the_live_database(
    content: bytes, stage_with: Callable[..., ElsewhereStage], mariadb: DatabaseServer
) -> None:
    stage = stage_with(kept_by_bot=True)
    await stage.back_up()
    size = stage.file.stat().st_size
    stage.file.write_bytes(content.ljust(size, b"\0") if content else b"")
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    [rehearsal] = of(found(await stage.rehearse_on(BACKUP)), "rehearsal")
    assert (rehearsal["outcome"], rehearsal["rows"], rehearsal["backup"]) == ("ok", "copied", "")
    assert rehearsal["no_data"] == "backup_unreadable"
    await nothing_left(stage.app, mariadb)


async def test_a_key_that_the_bot_has_not_is_said(
    stage_with: Callable[..., ElsewhereStage], mariadb: DatabaseServer
) -> None:
    stage = stage_with(kept_by_bot=True, encrypt_to=KEY)
    await stage.back_up()
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    [rehearsal] = of(found(await stage.rehearse_on(BACKUP)), "rehearsal")
    assert (rehearsal["rows"], rehearsal["no_data"]) == ("copied", "backup_unreadable")
    assert "`backups.identity` is not set" in rehearsal["no_data_detail"]
    await nothing_left(stage.app, mariadb)


async def test_another_key_than_the_one_it_takes_leaves_the_copy_to_the_live_database(
    stage_with: Callable[..., ElsewhereStage], mariadb: DatabaseServer
) -> None:
    other = Secret(str(pyrage.x25519.Identity.generate()))
    stage = stage_with(kept_by_bot=True, encrypt_to=KEY, identity=other)
    await stage.back_up()
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    [rehearsal] = of(found(await stage.rehearse_on(BACKUP)), "rehearsal")
    assert (rehearsal["outcome"], rehearsal["rows"]) == ("ok", "copied")
    assert rehearsal["no_data"] == "backup_unreadable"
    await nothing_left(stage.app, mariadb)


async def test_a_line_that_is_cut_while_it_comes_lets_the_rehearsal_be_made_again(
    stage_with: Callable[..., ElsewhereStage], mariadb: DatabaseServer, ssh_host: DemoHost
) -> None:
    stage = stage_with(kept_by_bot=True)
    live = stage.app.database.name
    # more than pipes hold, and a table lock at its end: the stream is under way when it is cut
    await mariadb.query("CREATE TABLE wide (body LONGBLOB)", database=live)
    await mariadb.query(f"INSERT INTO wide SELECT RANDOM_BYTES(1024) FROM {numbers(20000)}", database=live)
    await stage.back_up()
    await stage.app.next_commit(CommitKind.TOKEN_ID)
    job = await stage.job_on(BACKUP)

    async def cut_when_it_comes(told: KeptOutput) -> Outcome:
        rehearsing = asyncio.create_task(stage.performer.perform(job, told))
        await eventually(lambda: list(ssh_host.home.rglob("*.in")) or rehearsing.done(), 60, what="the pipe")
        ssh_host.cut_sessions()
        return await rehearsing

    outcome = await cut_when_it_comes(KeptOutput())
    assert isinstance(outcome, Unknown), outcome
    assert outcome.problem.reason is Reason.HOST_UNREACHABLE
    outcome = await stage.performer.perform(replace(job, attempt=2), KeptOutput())
    [rehearsal] = of(found(outcome), "rehearsal")
    assert (rehearsal["outcome"], rehearsal["rows"], rehearsal["backup"]) == ("ok", "backup", BACKUP)
    await nothing_left(stage.app, mariadb)
