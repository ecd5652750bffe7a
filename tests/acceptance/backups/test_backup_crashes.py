"""The bot is killed at the named points of a backup, its proof and a restore, and started again.

After each: nothing half-written is called a backup, no scratch database is left, and the data is as it should be.
"""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.store.history.verify import first_broken
from tests.acceptance.conftest import NewSystem
from tests.acceptance.faults.test_crashes import MORTAL, Lives
from tests.acceptance.support.outside import half_written
from tests.acceptance.support.put_back import backed_up, beside, made_by, sessions
from tests.acceptance.support.system import DBA, ONCALL, RELEASER, System


def around(step: str) -> tuple[str, ...]:
    """The points of a step: its intent, that the host has begun it, its end there, and the note of that."""
    return (
        f"after commit step {step} running",
        f"after commit step {step} running begun",
        f"before exit status [{step} running begun]",
        f"after commit step {step} done",
    )


def committed(points: set[str]) -> set[str]:
    """Those of the points that are passed in any case; how an end on the host is met depends on the life before."""
    return {point for point in points if point.startswith("after commit")}


async def told_once(system: System, run: str, *kinds: str) -> None:
    """Look that each message stands once, and all of them say that it went well."""
    found = sorted(message["metadata"]["event_type"] for message in system.messages("", run))
    assert found == sorted(f"countersign_{kind}" for kind in (*kinds, "plan", "progress", "result", "run"))
    assert {system.payload(kind, run)["state"] for kind in ("card", "progress", "result")} == {"succeeded"}
    async with system.bot.store() as store:
        assert await first_broken(store.history) is None


async def test_a_backup_and_its_proof_survive(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    class Backup(Lives):
        asked = (RELEASER, "/backup compte production")

    deadly = {point for step in ("backup", "backup-proof") for point in around(step)}
    lives = Backup(await new_system(module=MORTAL, scratch=True), tmp_path / "passed", deadly)
    assert await lives.play() == "succeeded", lives.system.result("")
    assert committed(deadly) <= set(lives.died_at)
    run = lives.system.payload("card")["run"]
    await told_once(lives.system, run)
    backup = lives.system.payload("result")["backup"]
    files = sorted(path.name for path in Path(laravel_at_first.backups).iterdir())
    assert files == [f"{backup}.json", f"{backup}.sql.zst"]
    assert '"proof": "proven"' in (Path(laravel_at_first.backups) / f"{backup}.json").read_text()
    assert await beside(mariadb, laravel_at_first.database.name) == set()


async def test_a_restore_survives_also_between_swap_and_verify(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    name = laravel_at_first.database.name
    first = await new_system(scratch=True)
    await first.bot.start()
    backup = await backed_up(first)
    await first.bot.stop()
    was = await sessions(mariadb, name)
    await mariadb.query("DELETE FROM user_sessions", database=name)

    class Restore(Lives):
        asked = (RELEASER, f"/backup restore compte production {backup}")
        approvers = (ONCALL, DBA)

    points = (
        "after commit step backup-check done",
        *around("restore-load")[1:3],
        *around("restore-swap"),
        "before exit status [maintenance-off running begun]",
    )
    system = await new_system(module=MORTAL, scratch=True)
    lives = Restore(system, tmp_path / "passed", set(points))
    assert await lives.play() == "succeeded", system.result("")
    assert committed(set(points)) <= set(lives.died_at)
    run = system.payload("card")["run"]
    await told_once(system, run, "approval")
    assert await sessions(mariadb, name) == was
    old = made_by(run, name, "before")
    assert await beside(mariadb, name) == {old}
    assert await mariadb.query("SELECT COUNT(*) AS n FROM user_sessions", database=old) == [{"n": 0}]
    assert not laravel_at_first.is_down
    assert half_written(laravel_at_first.backups) == []
