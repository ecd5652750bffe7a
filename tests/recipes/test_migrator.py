"""The question to Laravel's migrator, answered by real artisan applications."""

import asyncio
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.shell import fill
from bot.domain.targets.migrator import MigratorAnswer, UsedDatabase, parse_migrator, row_lines, source_lines
from bot.recipes.load import load_recipe
from bot.recipes.parsers import Parser, read_status
from bot.recipes.recipe import MigrationTable
from tests.support.laravel_kinds import DATABASE_KINDS
from tests.support.laravel_oddities import (
    MIGRATIONS,
    PACKAGE,
    add_column,
    register,
    replace_in,
    use_package,
    write,
)

RAN = (
    "2025_09_01_081500_create_users_table",
    "2025_09_01_081600_create_oauth_access_tokens_table",
    "2025_09_02_093000_create_user_sessions_table",
)


async def printed(path: Path, **environment: str) -> str:
    migrations = load_recipe("laravel", Path()).migrations
    assert isinstance(migrations, MigrationTable)
    assert migrations.migrator is not None
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", fill(migrations.migrator.ask, {"php": "php"}).script(), cwd=path,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    answer, complaint = await process.communicate()
    assert process.returncode == 0, complaint
    return answer.decode()


async def ask(path: Path, **environment: str) -> MigratorAnswer:
    return parse_migrator(await printed(path, **environment))


def names(sources: tuple[MigrationSource, ...]) -> tuple[str, ...]:
    return tuple(source.name for source in sources)


async def test_it_names_files_and_rows(laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    write(path, {f"{MIGRATIONS}/2026_01_01_000000_next.php": add_column("next")})
    found = await ask(path)
    assert (found.table, found.has_table, found.schema) == ("migrations", True, None)
    assert names(found.ran) == RAN
    assert [(row.name, row.batch) for row in found.rows] == [(name, 1) for name in RAN]
    [pending] = found.pending
    assert pending.path == f"{MIGRATIONS}/2026_01_01_000000_next.php"
    assert pending.sha256 == hashlib.sha256((path / pending.path).read_bytes()).hexdigest()


async def test_it_asks_as_the_framework_does(laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    use_package(path)
    write(
        path,
        {
            f"{PACKAGE}/database/migrations/2025_09_01_090000_of_a_package.php": add_column("audited"),
            f"{PACKAGE}/database/migrations/2026_01_01_000000_twice.php": "<?php // the application's own wins",
            f"{MIGRATIONS}/2026_01_01_000000_twice.php": add_column("twice"),
            f"{MIGRATIONS}/Helper.php": "<?php class Helper {}",
            f"{MIGRATIONS}/notes_to_self.txt": "",
            f"{MIGRATIONS}/2026_01_02_000000_é \"quoted\" and $blank.php": add_column("odd"),
        },
    )  # fmt: skip
    found = await ask(path)
    assert names(found.pending) == (
        "2025_09_01_090000_of_a_package",
        "2026_01_01_000000_twice",
        '2026_01_02_000000_é "quoted" and $blank',
    )
    package, twice, _ = found.pending
    assert (package.path, package.origin) == (
        f"{PACKAGE}/database/migrations/2025_09_01_090000_of_a_package.php",
        "package acme/audit",
    )
    assert twice.path == f"{MIGRATIONS}/2026_01_01_000000_twice.php"
    status = await laravel_at_first.run("env", "COLUMNS=400", "php", "artisan", "--no-ansi", "migrate:status")
    listed = read_status(Parser.LARAVEL, status)
    ran = {row.name for row in listed.ran}
    assert tuple(name for name in listed.there if name not in ran) == names(found.pending)


@pytest.mark.parametrize("kind", DATABASE_KINDS)
async def test_it_says_which_database_the_application_uses_however_that_is_configured(
    kind: str, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    path, database = laravel_at_first.path, laravel_at_first.database
    DATABASE_KINDS[kind].configure(path, database, mariadb.socket)
    DATABASE_KINDS[kind].set_up(path, database, mariadb.socket)
    text = await printed(path)
    used = parse_migrator(text).database
    others = (f"{database.name}_audit",) if kind == "second connection" else ()
    by_itself = await mariadb.query("SELECT CONCAT(@@hostname, ':', @@port, ' ', @@datadir) AS server")
    assert used == UsedDatabase("mysql", database.name, by_itself[0]["server"], others)
    said = [json.loads(line) for line in text.splitlines()]
    means = {line["key"]: line["means"] for line in said if line["is"] == "env"}
    assert means == DATABASE_KINDS[kind].means
    assert database.password not in text


async def test_a_prefix_and_another_table_are_named(laravel_at_first: Application, mariadb: DatabaseServer) -> None:
    path = laravel_at_first.path
    replace_in(path / "config/database.php", "'prefix' => ''", "'prefix' => 'app_'")
    replace_in(path / "config/database.php", "'migrations' => 'migrations'", "'migrations' => 'changes'")
    found = await ask(path)
    assert (found.table, found.has_table) == ("app_changes", False)
    assert names(found.pending) == RAN
    assert (found.ran, found.rows) == ((), ())
    await laravel_at_first.run("php", "artisan", "migrate:install")
    assert (await ask(path)).has_table
    tables = await mariadb.query("SHOW TABLES LIKE 'app_changes'", database=laravel_at_first.database.name)
    assert len(tables) == 1


async def test_a_dump_of_the_schema_is_named_where_it_would_be_loaded(laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    write(path, {"database/schema/mysql-schema.sql": "-- a dump"})
    assert (await ask(path)).schema is None
    replace_in(path / "config/database.php", "'migrations' => 'migrations'", "'migrations' => 'changes'")
    found = (await ask(path)).schema
    assert found is not None
    assert (found.path, found.sha256) == (
        "database/schema/mysql-schema.sql",
        hashlib.sha256(b"-- a dump").hexdigest(),
    )


async def test_migrations_that_were_squashed_into_a_dump_are_named(laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    await laravel_at_first.artisan("schema:dump", "--prune")
    assert not (path / MIGRATIONS).exists()
    write(path, {f"{MIGRATIONS}/2026_01_01_000000_next.php": add_column("next")})
    found = await ask(path)
    assert (found.squashed, found.ran, names(found.pending)) == (RAN, (), ("2026_01_01_000000_next",))
    [dump] = (path / "database/schema").iterdir()
    dump.write_text(dump.read_text().replace(RAN[1], "2025_another"))
    assert (await ask(path)).squashed == (RAN[0], RAN[2])


async def test_a_folder_elsewhere_is_named_as_it_is_called_here(laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    (path / "database").rename(path.parent / "its database")
    (path / "database").symlink_to(path.parent / "its database")
    assert {source.path.rpartition("/")[0] for source in (await ask(path)).ran} == {MIGRATIONS}


async def test_what_the_application_prints_does_not_reach_the_answer(laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    noise = """echo '{"is":"row","name":"forged","batch":1}', "\\n"; trigger_error('x', E_USER_DEPRECATED);"""
    register(path, "NoisyProvider", noise)
    replace_in(path / "bootstrap/app.php", "<?php", "<?php\necho 'no line';\ntrigger_error('x');")
    assert names((await ask(path)).ran) == RAN
    assert "forged" not in await printed(path)


async def test_rows_are_counted_as_asked(laravel_at_first: Application) -> None:
    found = await ask(laravel_at_first.path, COUNTERSIGN_COUNT="users\nnone`such\nmigrations")
    assert found.counts == {"users": 200, "none`such": None, "migrations": len(RAN)}


async def test_lines_are_written_as_the_answer_has_them(laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    write(path, {f'{MIGRATIONS}/2026_01_02_000000_é😀 "q" \\b & <x>\'.php': add_column("odd")})
    text = await printed(path)
    found = parse_migrator(text)
    lines = [line.partition(',"file":')[0].partition(',"batch":')[0] for line in text.splitlines()]
    for kind, sources in (("pending", found.pending), ("ran", found.ran)):
        assert source_lines(sources, kind).splitlines() == [line for line in lines if f'"is":"{kind}"' in line]
    assert row_lines(row.name for row in found.rows).splitlines() == [line for line in lines if '"is":"row"' in line]


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"is":"table","name":"m","exists":true}\n',
        '{"is":"end"}\n',
        '{"is":"table","name":"m"}\n{"is":"end"}\n',
        '{"is":"table","name":1,"exists":true}\n{"is":"end"}\n',
        '{"is":"table","name":"m","exists":true}\n{"is":"row","name":"a","batch":"1"}\n{"is":"end"}\n',
        '{"is":"table","name":"m","exists":true}\n{"is":"pending","name":"a"}\n{"is":"end"}\n',
        '{"is":"table","name":"m","exists":true}\n{"is":"row\n{"is":"end"}\n',
    ],
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="migrator"):
        parse_migrator(text)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("vendor/acme/audit/database/migrations/a_b.php", "package acme/audit"),
        ("vendor/a_b.php", "vendor/a_b.php"),
        ("database/migrations/a_b.php", "database/migrations/a_b.php"),
        ("/srv/shared/a_b.php", "/srv/shared/a_b.php"),
    ],
)
def test_the_origin_of_a_file(path: str, wanted: str) -> None:
    assert MigrationSource("a_b", path, "").origin == wanted


def test_noise_around_an_answer_is_skipped() -> None:
    line: Mapping[str, str] = {"table": '{"is":"table","name":"m","exists":false}', "end": '{"is":"end"}'}
    found = parse_migrator(f"Deprecated: x\n{line['table']}\nWarning\n{line['end']}\n")
    assert (found.table, found.pending) == ("m", ())
