"""Proving backups on a real MariaDB: restored into a scratch database, and compared with what was dumped."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.databases.backups.restore_script import RestoreStage
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.backups.backup import Proof
from bot.domain.secrets import Secret
from bot.domain.targets.target import Target
from bot.engine.ports import Done
from tests.databases.support.contents import databases_beside, owned_by_another
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover, stand_in
from tests.databases.support.manifests import manifest_of, rewrite
from tests.databases.support.steps import done, job_of, performer, prove_job, refused
from tests.support.vendors import PROGRAMS

OBJECTS = (
    "event tidy",
    "function double_it",
    "procedure count`them",
    "trigger grow",
    "view adult_names",
    "view adults",
)


@pytest.fixture
def scratch() -> bool:
    return True


@pytest.fixture
async def backup(filled: DemoDatabase, target: Target, host: LocalHost) -> dict[str, str]:
    return done(await performer(host).perform(job_of(target), KeptOutput()))


@pytest.mark.usefixtures("backup")
async def test_what_comes_out_is_what_was_dumped(target: Target, host: LocalHost, mariadb: DatabaseServer) -> None:
    output = KeptOutput()
    outcome = await prover(access_to(host)).perform(prove_job(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    assert outcome.facts["proof"] == "proven"
    assert int(outcome.facts["restore_seconds"]) >= 0
    manifest = manifest_of(target)
    assert manifest.proof is Proof.PROVEN
    assert manifest.info().proven_at is not None
    assert set(manifest.rows) == set(manifest.tables)
    assert manifest.rows["people"][0] == manifest.rows["people"][2] == 3
    assert set(manifest.objects or ()) == set(OBJECTS)
    assert await databases_beside(mariadb, target) == []


@pytest.mark.usefixtures("backup")
async def test_a_proof_can_be_made_again(target: Target, host: LocalHost) -> None:
    prove = prover(access_to(host))
    assert isinstance(await prove.perform(prove_job(target), KeptOutput()), Done)
    again = replace(prove_job(target), attempt=2)
    assert isinstance(await prove.perform(again, KeptOutput()), Done)
    assert manifest_of(target).proof is Proof.PROVEN


@pytest.mark.usefixtures("backup")
async def test_without_a_scratch_database_it_is_checked_and_not_proven(target: Target, host: LocalHost) -> None:
    outcome = await prover(access_to(host)).perform(prove_job(target, scratch=False), KeptOutput())
    assert isinstance(outcome, Done)
    assert outcome.facts["proof"] == "checked"


@pytest.mark.usefixtures("backup")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": {"people": [4, "1", 4, "1"]}}, "people: 3 rows"),
        ({"rows": {"people": [3, "1", 3, "1"]}}, "people: 3 rows"),
        ({"tables": ["people"]}, "unexpected: table od`d"),
        ({"objects": [*OBJECTS, "event gone"]}, "missing: object event gone"),
    ],
)
async def test_what_differs_is_refuted_and_named(
    changes: dict[str, object], said: str, target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    rewrite(target, **changes)
    outcome = await prover(access_to(host)).perform(prove_job(target), KeptOutput())
    assert said in refused(outcome, RestoreStage.REFUTED), outcome
    assert manifest_of(target).proof is Proof.REFUTED
    assert await databases_beside(mariadb, target) == []


@pytest.mark.usefixtures("backup")
async def test_rows_that_moved_while_the_dump_began_lie_between(target: Target, host: LocalHost) -> None:
    rows = {name: list(figures) for name, figures in manifest_of(target).rows.items()}
    rewrite(target, rows=rows | {"people": [2, "1", 5, "2"]})
    assert isinstance(await prover(access_to(host)).perform(prove_job(target), KeptOutput()), Done)


@pytest.mark.usefixtures("backup")
@pytest.mark.parametrize("damage", ["corrupt", "truncated", "swapped", "gone"])
async def test_a_file_that_is_not_the_one_that_was_made_is_refused(
    damage: str, target: Target, host: LocalHost, backup: dict[str, str], mariadb: DatabaseServer
) -> None:
    dump = Path(backup["path"])
    whole = dump.read_bytes()
    match damage:
        case "corrupt":
            dump.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        case "truncated":
            dump.write_bytes(whole[:-20])
        case "swapped":
            dump.write_bytes(whole[::-1])
        case "gone":
            dump.unlink()
    refused(await prover(access_to(host)).perform(prove_job(target), KeptOutput()), RestoreStage.FILE)
    outcome = await prover(access_to(host)).perform(prove_job(target, scratch=False), KeptOutput())
    refused(outcome, RestoreStage.FILE)
    assert await databases_beside(mariadb, target) == []


@pytest.mark.usefixtures("backup")
async def test_a_backup_of_another_app_is_refused(target: Target, host: LocalHost) -> None:
    rewrite(target, app="another")
    said = refused(await prover(access_to(host)).perform(prove_job(target), KeptOutput()), RestoreStage.FILE)
    assert "another" in said


@pytest.mark.usefixtures("backup")
async def test_a_wrong_password_refutes_nothing(target: Target, host: LocalHost) -> None:
    assert target.database is not None
    locked_out = replace(target, database=replace(target.database, password=Secret("wrong-password")))
    said = refused(await prover(access_to(host)).perform(prove_job(locked_out), KeptOutput()), RestoreStage.CONNECT)
    assert "1045" in said
    assert manifest_of(target).proof is Proof.CHECKED


@pytest.mark.usefixtures("backup")
async def test_what_an_earlier_proof_left_is_cleaned_up(
    target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    assert target.database is not None
    await mariadb.query(f"CREATE DATABASE `{target.database.name}_countersign_proof_aaaaaa`")
    assert isinstance(await prover(access_to(host)).perform(prove_job(target), KeptOutput()), Done)
    assert await databases_beside(mariadb, target) == []


async def test_an_empty_database_is_proven(database: DemoDatabase, target: Target, host: LocalHost) -> None:
    done(await performer(host).perform(job_of(target), KeptOutput()))
    outcome = await prover(access_to(host)).perform(prove_job(target), KeptOutput())
    assert isinstance(outcome, Done), outcome
    assert outcome.facts["proof"] == "proven"


async def test_chosen_tables_are_proven(filled: DemoDatabase, target: Target, host: LocalHost) -> None:
    job = job_of(target, "people", "od`d \"na'me")
    done(await performer(host).perform(job, KeptOutput()))
    output = KeptOutput()
    outcome = await prover(access_to(host)).perform(prove_job(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    assert set(manifest_of(target).rows) == {"people", "od`d \"na'me"}


async def test_an_owner_who_is_gone_stands_in_no_way(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    owner = await owned_by_another(mariadb, filled, "born")
    done(await performer(host).perform(job_of(target), KeptOutput()))
    await mariadb.query(f"DROP USER {owner}")
    output = KeptOutput()
    outcome = await prover(access_to(host)).perform(prove_job(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    assert outcome.facts["proof"] == "proven"


async def test_a_connection_that_is_killed_half_way_refutes_nothing(
    filled: DemoDatabase, target: Target, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    slowly = 'all=$(mktemp); /usr/bin/zstd "$@" >"$all"; head -c 2500 "$all"; sleep 2; tail -c +2501 "$all"; rm "$all"'
    path = stand_in(tmp_path / "bin", "zstd", f'case "$*" in *-d*) {slowly} ;; *) exec /usr/bin/zstd "$@" ;; esac')
    done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    host = LocalHost(path)
    proving = asyncio.create_task(prover(access_to(host)).perform(prove_job(target), KeptOutput()))
    scratch = f"{filled.name}_countersign_proof_7k3f9q"

    async def loading() -> list[int]:
        rows = await mariadb.query(
            "SELECT id FROM information_schema.processlist WHERE db = %s AND command = 'Sleep' AND time >= 1",
            scratch,
        )
        return [row["id"] for row in rows]

    async with asyncio.timeout(20):
        while not (found := await loading()):  # noqa: ASYNC110 - the server tells nobody of its sessions
            await asyncio.sleep(0.05)
    await mariadb.query(f"KILL {found[0]}")
    refused(await proving, RestoreStage.INTERRUPTED)
    assert manifest_of(target).proof is Proof.CHECKED
    assert await databases_beside(mariadb, target) == []


@pytest.mark.usefixtures("backup")
async def test_a_program_that_is_killed_while_it_unpacks_refutes_nothing(
    target: Target, tmp_path: Path, mariadb: DatabaseServer
) -> None:
    cut = '/usr/bin/zstd "$@" | head -c 1500; kill -s KILL $$'
    path = stand_in(tmp_path / "bin", "zstd", f'case "$*" in *-d*) {cut} ;; *) exec /usr/bin/zstd "$@" ;; esac')
    outcome = await prover(access_to(LocalHost(path))).perform(prove_job(target), KeptOutput())
    assert "unpack=137" in refused(outcome, RestoreStage.INTERRUPTED)
    assert manifest_of(target).proof is Proof.CHECKED
    assert await databases_beside(mariadb, target) == []


@pytest.mark.usefixtures("backup")
@pytest.mark.parametrize("asked", ["*--unbuffered*", "*JSON_QUOTE*"])
async def test_a_copy_that_cannot_be_read_to_its_end_refutes_nothing(
    asked: str, target: Target, tmp_path: Path, mariadb: DatabaseServer
) -> None:
    lost = "echo 'ERROR 2013 (HY000) at line 3: Lost connection to server during query' >&2; exit 1"
    path = stand_in(
        tmp_path / "bin", PROGRAMS.client, f'case "$*" in {asked}) {lost} ;; esac; exec /usr/bin/{PROGRAMS.client} "$@"'
    )
    outcome = await prover(access_to(LocalHost(path))).perform(prove_job(target), KeptOutput())
    assert "Lost connection" in refused(outcome, RestoreStage.INTERRUPTED)
    assert manifest_of(target).proof is Proof.CHECKED
    assert await databases_beside(mariadb, target) == []
