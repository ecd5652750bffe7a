import asyncio
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from bot.engine.run_changes import FactsAre
from bot.store import StoreError, StoreLockedError, StoreMissingError, open_readonly, open_store
from bot.store.history.verify import first_broken
from bot.store.schema import metadata
from bot.store.sql import upgrade
from tests.store.support.samples import entry, made, running

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense s3cret", "not a URL"),
        ("sqlite:///data/x.db", "cannot use 'sqlite'"),
        ("postgresql+asyncpg://u:s3cret@h/d", "cannot use 'postgresql"),
        ("sqlite+aiosqlite://", "names no file"),
        ("sqlite+aiosqlite:///:memory:", "names no file"),
        ("mysql+aiomysql://u:s3cret@127.0.0.1", "names no file or database"),
    ],
)
async def test_a_url_that_names_no_store_is_refused_with_what_would_be_right(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says) as caught:
        async with open_store(url):
            pass
    assert "sqlite+aiosqlite:///data/countersign.db" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_the_file_and_its_folder_are_their_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "odd ?#% name.db"
    async with open_store(f"sqlite+aiosqlite:///{str(path).replace('%', '%25').replace('?', '%3F')}"):
        pass
    files = list(path.parent.iterdir())
    assert {file.name for file in files} >= {f"{files[0].name.removesuffix('.lock')}.lock"}
    assert all(file.stat().st_mode & 0o077 == 0 for file in [*files, path.parent])


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be made: (Not a directory|File exists)"):
        async with open_store(f"sqlite+aiosqlite:///{tmp_path}/file/x.db"):
            pass


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="is not an SQLite database"):
        async with open_store(f"sqlite+aiosqlite:///{tmp_path}/x.db"):
            pass


async def test_a_server_that_is_down_is_told_at_once(free_port: int) -> None:
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        async with open_store(f"mysql+aiomysql://u:s3cret@127.0.0.1:{free_port}/x"):
            pass
    assert "s3cret" not in str(caught.value)


@pytest.mark.xdist_group("mariadb")
async def test_a_wrong_password_is_told(mariadb_url: str) -> None:
    user, rest = mariadb_url.split("://")[1].split(":", 1)
    wrong = f"mysql+aiomysql://{user}:s3cret@{rest.split('@')[1]}"
    with pytest.raises(StoreError, match="refused the login") as caught:
        async with open_store(wrong):
            pass
    assert "s3cret" not in str(caught.value)


SECOND = """
import asyncio, sys
from bot.store import StoreLockedError, open_store

async def main():
    try:
        async with open_store(sys.argv[1]):
            pass
    except StoreLockedError as error:
        print(error)

asyncio.run(main())
"""


async def test_a_second_process_is_told_who_has_the_store(sqlite_url: str) -> None:
    async with open_store(sqlite_url):
        second = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            SECOND,
            sqlite_url,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
        )
        out, _ = await second.communicate()
        assert f"in use by process {os.getpid()} on".encode() in out
        with pytest.raises(StoreLockedError):
            async with open_store(sqlite_url):
                pass
    async with open_store(sqlite_url):
        pass


async def test_sqlite_is_set_to_lose_nothing(sqlite_url: str) -> None:
    async with open_store(sqlite_url) as store:
        wanted = {"journal_mode": "delete", "synchronous": 3}
        for pragma, value in wanted.items():
            found = await store._database.read(
                lambda connection, pragma=pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            )
            assert found == value


def plain(url: str) -> str:
    return url.replace("+aiosqlite", "").replace("+aiomysql", "+pymysql")


async def test_the_migrations_make_exactly_the_schema(url: str) -> None:
    async with open_store(url):
        pass
    engine = create_engine(plain(url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def shape(engine: Engine) -> dict[str, Any]:
    """The columns and indexes of a file, whatever their order, and the rows that are there from the start."""
    with engine.connect() as connection:
        found = inspect(connection)
        return {
            table: (
                sorted((column | {"type": str(column["type"])} for column in found.get_columns(table)), key=str),
                sorted(found.get_indexes(table), key=str),
                found.get_pk_constraint(table)["constrained_columns"],
                sorted(found.get_unique_constraints(table), key=str),
                connection.execute(text(f"SELECT * FROM {table}")).mappings().all(),
            )
            for table in found.get_table_names()
        }


def test_an_empty_file_gets_what_all_migrations_together_make() -> None:
    made, migrated = create_engine("sqlite://"), create_engine("sqlite://")
    with made.begin() as connection:
        upgrade.upgrade(connection, "the store")
    with migrated.begin() as connection:
        upgrade.migrate(connection)
    assert shape(made) == shape(migrated)


async def test_a_store_of_a_newer_version_is_left_alone(url: str) -> None:
    async with open_store(url) as store:
        await made(store)
    engine = create_engine(plain(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="newer version"):
        async with open_store(url):
            pass
    with pytest.raises(StoreError, match="newer version"):
        async with open_readonly(url):
            pass


@pytest.mark.xdist_group("mariadb")
async def test_two_processes_may_bring_one_server_up_together(mariadb_url: str) -> None:
    async def opened() -> None:
        async with open_store(mariadb_url) as store:
            await store.runs.recent(1)

    await asyncio.gather(*(opened() for _ in range(4)))


async def test_a_store_that_is_not_there_is_not_made_by_reading(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="countersign serve"):
        async with open_readonly(url):
            pass
    assert not (tmp_path / "data").exists()


async def test_reading_while_the_owner_writes(url: str) -> None:
    async with open_store(url) as store:
        lease = await running(store)

        async def write() -> None:
            for number in range(50):
                await store.runs.write(lease, (FactsAre({"n": str(number)}),), (entry(event=f"e{number}"),))

        writing = asyncio.create_task(write())
        async with open_readonly(url) as reader:
            seen = 0
            while not writing.done():
                run = await reader.runs.get(lease.run)
                records = await reader.history.all()
                assert run is not None
                assert len(records) >= seen
                seen = len(records)
            assert await first_broken(reader.history) is None
            latest = await reader.runs.get(lease.run)
        await writing
        assert latest == await store.runs.get(lease.run)


async def test_a_reader_writes_nothing(sqlite_url: str) -> None:
    async with open_store(sqlite_url) as store, open_readonly(sqlite_url) as reader:
        await made(store)
        with pytest.raises(StoreError, match="may not be written"):
            await reader._database.read(lambda connection: connection.exec_driver_sql("DELETE FROM runs").rowcount)
        assert len(await store.runs.recent(5)) == 1


async def test_reading_rolls_back_what_a_killed_owner_left_half_written(sqlite_url: str) -> None:
    async with open_store(sqlite_url) as store:
        await made(store)
    path = sqlite_url.removeprefix("sqlite+aiosqlite:///")
    # A spilled page cache puts uncommitted pages into the file, with a journal that must be played back.
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_size=1'); c.execute('PRAGMA cache_spill=1'); c.execute('BEGIN IMMEDIATE')\n"
        "c.execute('DELETE FROM history'); c.execute('UPDATE runs SET state = ?', ('succeeded',))\n"
        "c.executemany('INSERT INTO commits VALUES (?, 0)', [(f'{n:032}',) for n in range(5000)])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", code, path)
    assert await killed.wait() == -9
    assert os.path.getsize(path + "-journal") > 0  # noqa: ASYNC240, PTH202 - a test may wait for the disk
    async with open_readonly(sqlite_url) as reader:
        assert [run.state.value for run in await reader.runs.recent(9)] == ["queued"]
        assert await first_broken(reader.history) is None
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM commits").fetchone() == (0,)
    connection.close()


def test_the_newest_schema_is_named_by_the_newest_file() -> None:
    scripts = ScriptDirectory(str(Path(upgrade.__file__).parents[1] / "migrations"))
    assert upgrade.head() == scripts.get_current_head()


async def test_a_store_that_is_up_to_date_is_opened_without_alembic(sqlite_url: str) -> None:
    async with open_store(sqlite_url):
        pass
    program = (
        "import asyncio, sys\nfrom bot.store.store import open_store\n"
        f"async def main():\n    async with open_store({sqlite_url!r}):\n        pass\n"
        "asyncio.run(main())\nprint('alembic' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    said, _ = await process.communicate()
    assert said == b"False\n"
