"""Putting a backup back on a real MariaDB: beside the live tables, compared, swapped, and undone where it fails."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

from pathlib import Path

import pytest

from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.restore import LoadPerformer, SwapPerformer
from bot.databases.backups.restore_script import RestoreStage
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.backups.backup import Proof
from bot.domain.errors import Reason, problem
from bot.domain.runs.acts import Load, Swap
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Failed, Job, Outcome, Output, Unknown
from tests.databases.support.contents import checksums, databases_beside, definitions, execute, session_of
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover, stand_in
from tests.databases.support.manifests import manifest_of, rewrite
from tests.databases.support.steps import (
    BACKUP,
    copy_and_old,
    done,
    job_of,
    loaded,
    performer,
    prove_job,
    refused,
    step_job,
    swap_job_of,
)

ODD = "od`d \"na'me"


@pytest.fixture
def scratch() -> bool:
    return True


DAMAGE = (
    "DELETE FROM sessions",
    "DELETE FROM people WHERE id > 1",
    "DROP VIEW adult_names",
    "DROP TRIGGER grow",
    "CREATE TABLE newer (id INT PRIMARY KEY)",
    "CREATE VIEW newest AS SELECT id FROM newer",
    "CREATE TRIGGER other BEFORE INSERT ON newer FOR EACH ROW SET NEW.id = NEW.id + 1",
    "ALTER EVENT tidy COMMENT 'changed'",
)


async def test_everything_comes_back_and_what_was_there_is_kept(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    was = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    await execute(filled, *DAMAGE)
    damaged = await checksums(mariadb, filled.name)
    await loaded(host, target, made["sha256"])
    output = KeptOutput()
    outcome = await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == was
    old = copy_and_old(target)[1]
    assert await databases_beside(mariadb, target) == [old]
    assert await checksums(mariadb, old) == damaged
    references = await mariadb.query(
        "SELECT DISTINCT unique_constraint_schema AS s FROM information_schema.referential_constraints"
        " WHERE constraint_schema = %s",
        filled.name,
    )
    assert [row["s"] for row in references] == [filled.name]
    async with session_of(filled) as cursor:
        await cursor.execute("INSERT INTO sessions (id) VALUES (77)")
        await cursor.execute("SELECT person FROM sessions WHERE id = 77")
        assert await cursor.fetchone() == (1,)  # the trigger is at work


async def test_a_table_is_put_back_alone(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    was = await checksums(mariadb, filled.name)
    objects = await definitions(mariadb, filled.name)
    made = done(await performer(host).perform(job_of(target, ODD), KeptOutput()))
    async with session_of(filled) as cursor:
        await cursor.execute(f"DELETE FROM `{ODD.replace('`', '``')}`")
        await cursor.execute("INSERT INTO people (id) VALUES (9)")
    now = await checksums(mariadb, filled.name)
    await loaded(host, target, made["sha256"])
    output = KeptOutput()
    outcome = await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    assert await checksums(mariadb, filled.name) == now | {ODD: was[ODD]}
    assert await definitions(mariadb, filled.name) == objects


async def test_a_table_that_others_refer_to_is_not_torn_out(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    made = done(await performer(host).perform(job_of(target, "people"), KeptOutput()))
    before = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    await loaded(host, target, made["sha256"])
    said = refused(
        await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), KeptOutput()),
        RestoreStage.REFERENCES,
    )
    assert "sessions refers to people" in said
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == before


async def test_a_copy_that_went_between_compare_and_swap_leaves_the_live_data_as_it_was(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    before = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    await loaded(host, target, made["sha256"])
    await mariadb.query(f"DROP DATABASE `{copy_and_old(target)[0]}`")
    refused(
        await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), KeptOutput()), RestoreStage.OBJECTS
    )
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == before


async def test_a_swap_that_fails_after_the_tables_moved_puts_all_back(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    async with session_of(filled) as cursor:
        await cursor.execute("DELETE FROM sessions")
    before = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    await loaded(host, target, made["sha256"])
    events = next(Path(host.notes).rglob("*.events.sql"))
    events.write_text("CREATE EVENT broken;\n")
    said = refused(
        await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), KeptOutput()), RestoreStage.OBJECTS
    )
    assert "put back" in said
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == before


async def test_views_that_are_broken_by_now_stand_in_no_way(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    was = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    await execute(
        filled, "DROP VIEW adults", "CREATE TABLE briefly (a INT)", "CREATE VIEW `brok'en` AS SELECT a FROM briefly"
    )
    await execute(filled, "DROP TABLE briefly")
    await loaded(host, target, made["sha256"])
    output = KeptOutput()
    done(await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), output))
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == was
    assert b"VIEW `brok'en` AS" in output.text


async def test_what_was_broken_before_does_not_hinder_the_undoing(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    await execute(filled, "DROP VIEW adults")
    before = await checksums(mariadb, filled.name)
    await loaded(host, target, made["sha256"])
    events = next(Path(host.notes).rglob("*.events.sql"))
    events.write_text("CREATE EVENT broken;\n")
    said = refused(
        await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), KeptOutput()), RestoreStage.OBJECTS
    )
    assert "put back as it was" in said
    assert await checksums(mariadb, filled.name) == before


async def test_an_ended_swap_puts_all_back(
    filled: DemoDatabase, target: Target, mariadb: DatabaseServer, tmp_path: Path, leftovers: LeftoverReader
) -> None:
    host = LocalHost(tmp_path / "bin")
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    before = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    await loaded(host, target, made["sha256"])
    # Ends the script as `cancel` does, just when the tables have moved.
    stand_in(
        tmp_path / "bin", "awk",
        'case "$*" in *wanted*|*object*) kill -TERM "$PPID"; sleep 0.2 ;; esac\nexec /usr/bin/awk "$@"',
    )  # fmt: skip
    output = KeptOutput()
    outcome = await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), output)
    assert not isinstance(outcome, Done | Unknown), outcome
    assert b"put back as it was" in output.text
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == before


async def test_a_file_that_changed_since_it_was_approved_is_not_restored(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    assert filled.name
    done(await performer(host).perform(job_of(target), KeptOutput()))
    job = step_job(target, Load(BACKUP, "0" * 64, copy_and_old(target)[0]))
    refused(await LoadPerformer(access_to(host)).perform(job, KeptOutput()), RestoreStage.FILE)
    assert await databases_beside(mariadb, target) == []


@pytest.mark.parametrize(
    "change",
    [
        {"packed_sha256": "1" * 64},
        {"chosen": ["people"]},
        {"tables": ["people"]},
        {"rows": {}},
        {"objects": []},
        {"started": "2020-01-01T00:00:00Z"},
        {"server": "8.4.0"},
    ],
)
async def test_a_manifest_that_changed_since_it_was_approved_is_neither_loaded_nor_swapped_in(
    filled: DemoDatabase,
    target: Target,
    host: LocalHost,
    mariadb: DatabaseServer,
    leftovers: LeftoverReader,
    change: dict[str, object],
) -> None:
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    approved = manifest_of(target).stable_sha256
    fresh, old = copy_and_old(target)
    load = step_job(target, Load(BACKUP, made["sha256"], fresh, approved))
    before = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    rewrite(target, **change)
    said = refused(await LoadPerformer(access_to(host)).perform(load, KeptOutput()), RestoreStage.FILE)
    assert "manifest" in said
    assert await databases_beside(mariadb, target) == []
    swap = step_job(target, Swap(BACKUP, fresh, old, approved))
    refused(await SwapPerformer(access_to(host), leftovers).perform(swap, KeptOutput()), RestoreStage.FILE)
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == before


async def test_a_proof_since_the_approval_does_not_stop_a_restore(
    filled: DemoDatabase, target: Target, host: LocalHost, leftovers: LeftoverReader
) -> None:
    assert filled.name
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    approved = manifest_of(target).stable_sha256
    fresh, old = copy_and_old(target)
    done(await prover(access_to(host)).perform(prove_job(target), KeptOutput()))
    assert manifest_of(target).proof is Proof.PROVEN
    load = step_job(target, Load(BACKUP, made["sha256"], fresh, approved))
    done(await LoadPerformer(access_to(host)).perform(load, KeptOutput()))
    swap = step_job(target, Swap(BACKUP, fresh, old, approved))
    done(await SwapPerformer(access_to(host), leftovers).perform(swap, KeptOutput()))


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (("restore",), Failed),  # the one for the old tables is made before anything is touched
        (("before",), Done),  # the copy goes last of all
        (("before", "restore"), Unknown),
    ],
)
async def test_a_host_that_died_in_the_swap_is_told_from_what_is_there(
    left: tuple[str, ...],
    told: type,
    filled: DemoDatabase,
    target: Target,
    mariadb: DatabaseServer,
    leftovers: LeftoverReader,
) -> None:
    for kind in left:
        await mariadb.query(f"CREATE DATABASE `{filled.name}_countersign_{kind}_x`")

    class Died(LocalHost):
        async def resume(self, job: Job, output: Output) -> Outcome:
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, why="no_status"))

    host = Died()
    outcome = await SwapPerformer(access_to(host), leftovers).resume(swap_job_of(target), KeptOutput())
    assert isinstance(outcome, told), outcome


async def test_words_beyond_ascii_come_back(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, leftovers: LeftoverReader
) -> None:
    await execute(
        filled,
        "CREATE TABLE `été` (`né` INT DEFAULT 1 COMMENT 'où', kind ENUM('ñ', '漢') DEFAULT '漢') COMMENT 'çà'",
        "INSERT INTO `été` VALUES (1, 'ñ')",
        "CREATE VIEW `vue été` AS SELECT 'é漢' AS `à` FROM `été`",
        "CREATE TRIGGER `gâche` BEFORE INSERT ON `été` FOR EACH ROW SET NEW.kind = '漢'",
        "CREATE PROCEDURE `procédé` () SELECT 'é漢🎉'",
        "CREATE EVENT `fête` ON SCHEDULE EVERY 1 DAY DO DELETE FROM `été` WHERE kind = '漢'",
    )
    was = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    await loaded(host, target, made["sha256"])
    output = KeptOutput()
    outcome = await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == was
