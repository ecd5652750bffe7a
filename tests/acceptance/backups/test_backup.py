"""`/backup` on a real database, seen from outside."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

import json
from pathlib import Path

import pyrage
import pytest

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import half_written
from tests.acceptance.support.put_back import asked_to_restore, backed_up, beside, both_approve, made_by, sessions
from tests.acceptance.support.system import ENGINEER, RELEASER, System
from tests.databases.support.local import stand_in


@pytest.fixture
def system(system_with_scratch: System) -> System:
    return system_with_scratch


async def test_a_backup_runs_without_a_gate_and_says_its_name(system: System, laravel_at_first: Application) -> None:
    backup = await backed_up(system)
    assert system.messages("approval") == []
    files = sorted(path.name for path in Path(laravel_at_first.backups).iterdir())
    assert files == [f"{backup}.json", f"{backup}.sql.zst"]
    card = system.payload("card")
    assert (card["command"], card["state"]) == ("backup", "succeeded")
    for said in (system.result(""), json.dumps(system.messages("card")[-1]["blocks"], ensure_ascii=False)):
        assert f"💾 `{backup}` · " in said
        assert "*proven* · restores in about" in said
    near = backup[:-1] + ("A" if backup[-1] != "A" else "B")
    for typed, user, wanted in (
        ("/backup compte production userz", ENGINEER, ("no table `userz`", "mean `users`")),
        (f"/backup verify compte production {near}", ENGINEER, (f"no backup `{near}`", f"mean `{backup}`")),
        (f"/backup restore compte production {near}", RELEASER, (f"no backup `{near}`", f"mean `{backup}`")),
    ):
        answered = await system.answer(typed, user)
        assert all(part in answered for part in (*wanted, "Nothing was started")), answered
    assert len(system.messages("card")) == 1


async def test_a_host_that_forbids_a_private_server_says_so_and_what_helps(
    new_system: NewSystem, ssh_host: DemoHost, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    stand_in(ssh_host.commands.bin, "bwrap", "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
    system = await new_system(scratch="private")
    await system.bot.start()
    since = mariadb.log_position()
    try:
        backup = await backed_up(system)
    finally:
        (ssh_host.commands.bin / "bwrap").unlink()
    said = system.result("")
    assert f"💾 `{backup}` · " in said
    assert "checked, not proven" in said
    assert "It cannot be proven here: the host refuses this account a network of its own" in said
    assert "That says nothing against the backup." in said
    assert json.loads((laravel_at_first.backups / f"{backup}.json").read_text())["proof"] == "checked"
    assert [one.text for one in mariadb.statements(since) if one.ran and one.text.startswith("CREATE DATABASE")] == []
    verified = await system.ask(f"/backup verify compte production {backup}")
    assert await system.end(verified) == "succeeded"
    assert "*proven*" in system.result(verified)


async def test_two_backups_at_once_are_made_one_after_the_other(new_system: NewSystem, ssh_host: DemoHost) -> None:
    system = await new_system()
    await system.bot.start()
    first = await system.ask("/backup compte production")
    second = await system.ask("/backup compte production user_sessions")
    assert await system.end(first) == await system.end(second) == "succeeded"
    assert system.state_history(second, "countersign_run")[0] == "queued"
    async with system.bot.store() as store:
        one, two = await store.runs.get(first), await store.runs.get(second)
    assert one is not None
    assert two is not None
    assert one.ended_at is not None
    assert min(row.started_at for row in two.steps if row.started_at) >= one.ended_at
    assert half_written(ssh_host.folder) == []


async def test_the_list_tells_what_there_is_to_who_asked_alone(system: System) -> None:
    assert "There is no backup" in await system.answer("/backup list compte production")
    backup = await backed_up(system)
    await system.answer("/backup list compte production")
    shown = json.dumps(system.snapshot()["ephemerals"][-1], ensure_ascii=False)
    assert backup in shown
    assert "*proven*" in shown
    assert "restores in about" in shown
    assert system.messages("backups") == []


async def test_a_backup_is_proven_again_and_a_corrupt_one_is_refused(
    system: System, laravel_at_first: Application
) -> None:
    backup = await backed_up(system)
    verified = await system.ask(f"/backup verify compte production {backup}")
    assert await system.end(verified) == "succeeded", system.result(verified)
    assert system.payload("result", verified)["backup"] == backup
    dump = Path(laravel_at_first.backups) / f"{backup}.sql.zst"
    dump.write_bytes(dump.read_bytes()[:-30] + bytes(30))
    broken = await system.ask(f"/backup verify compte production {backup}")
    assert await system.end(broken) == "failed"
    assert "checksum differs" in system.result(broken)


async def test_a_restore_is_approved_by_two_and_brings_the_rows_back(
    system: System, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    name = laravel_at_first.database.name
    was = await sessions(mariadb, name)
    assert was
    backup = await backed_up(system)
    await mariadb.query("DELETE FROM user_sessions", database=name)
    run, gate = await asked_to_restore(system, backup)
    plan = json.dumps(system.messages("plan", run)[-1]["blocks"], ensure_ascii=False)
    assert "It replaces" in plan
    assert backup in plan
    both_approve(system, gate)
    assert await system.end(run) == "succeeded", system.result(run)
    assert await sessions(mariadb, name) == was
    steps = list(system.steps(run))
    assert steps.index("backup-check") < steps.index("maintenance-on") < steps.index("backup")
    assert steps.index("backup") < steps.index("restore-load") < steps.index("restore-swap")
    assert steps.index("restore-swap") < steps.index("maintenance-off")
    assert not (Path(laravel_at_first.path) / "storage/framework/down").exists()
    assert "• `user_sessions`: written to · 500 → 0 rows" in plan

    old = made_by(run, name, "before")
    assert f"`{backup}` is live, with the data of" in system.result(run)
    assert f"What was there before is in `{old}`" in system.result(run)
    assert await beside(mariadb, name) == {old}
    await system.answer("/backup list compte production")
    assert old in json.dumps(system.snapshot()["ephemerals"][-1])
    drop = await system.ask("/backup drop-old compte production", user=RELEASER)
    gate = await system.gate(drop)
    plan = json.dumps(system.messages("plan", drop)[-1]["blocks"], ensure_ascii=False)
    assert f"Drops `{old}` for good" in plan
    assert f"restored `{backup}`" in plan
    assert "The same data is in safety backup `S-" in plan
    both_approve(system, gate)
    assert await system.end(drop) == "succeeded", system.result(drop)
    assert await beside(mariadb, name) == set()
    assert await sessions(mariadb, name) == was
    again = await system.ask("/backup drop-old compte production", user=RELEASER)
    assert await system.end(again) == "succeeded"
    assert "Nothing to do" in system.result(again)


async def test_a_corrupt_backup_is_refused_before_anybody_is_asked(
    system: System, laravel_at_first: Application
) -> None:
    backup = await backed_up(system)
    dump = Path(laravel_at_first.backups) / f"{backup}.sql.zst"
    dump.write_bytes(dump.read_bytes()[:-30] + bytes(30))
    run = await system.ask(f"/backup restore compte production {backup}", user=RELEASER)
    assert await system.end(run) == "failed"
    assert system.messages("approval", run) == []
    assert "Nothing in production was changed" in system.result(run)
    await system.answer("/backup list compte production")
    listed = json.dumps(system.snapshot()["ephemerals"][-1], ensure_ascii=False)
    assert "*damaged*" in listed
    assert "proven" not in listed
    again = await system.ask(f"/backup restore compte production {backup}", user=RELEASER)
    assert await system.end(again) == "failed"
    assert "its file is not the one that was made" in system.result(again)


async def test_a_scheduled_backup_fires_by_itself(new_system: NewSystem, laravel_at_first: Application) -> None:
    made = await new_system(schedule="* * * * *")
    await made.bot.start()
    run = (await made.runs(1))[0]
    assert await made.end(run) == "succeeded", made.result(run)
    card = made.payload("card", run)
    assert (card["command"], card["requested_by"]) == ("backup", "schedule")
    assert made.messages("approval") == []
    manifest = Path(laravel_at_first.backups) / f"{made.payload('result', run)['backup']}.json"
    assert json.loads(manifest.read_text())["purpose"] == "scheduled"


async def test_an_encrypted_backup_that_the_bot_keeps_brings_the_rows_back(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    name = laravel_at_first.database.name
    identity = pyrage.x25519.Identity.generate()
    backups = {"store": {"directory": "kept"}, "encrypt_to": str(identity.to_public()), "identity": "${IDENTITY}"}
    system = await new_system(scratch=True, backups=backups, extra={"IDENTITY": str(identity)})
    await system.bot.start()
    was = await sessions(mariadb, name)
    assert was
    backup = await backed_up(system)
    kept = tmp_path / "kept" / "compte" / "production"
    assert sorted(file.name for file in kept.iterdir()) == [f"{backup}.json", f"{backup}.sql.zst.age"]
    assert list(laravel_at_first.backups.iterdir()) == []
    await system.answer("/backup list compte production")
    listed = json.dumps(system.snapshot()["ephemerals"][-1], ensure_ascii=False)
    assert f"`{backup}`" in listed
    assert "encrypted" in listed

    await mariadb.query("DELETE FROM user_sessions", database=name)
    run, gate = await asked_to_restore(system, backup)
    both_approve(system, gate)
    assert await system.end(run) == "succeeded", system.result(run)
    assert await sessions(mariadb, name) == was
    assert len(list(kept.glob("S-*.age"))) == 1, "the safety backup lies there too"
    assert str(identity) not in json.dumps(system.snapshot())
