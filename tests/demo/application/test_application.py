from collections.abc import Awaitable, Callable

import aiohttp
import asyncssh
import pytest

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.errors import DemoError
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.host.web import WebServer
from bot.recipes.parsers import Parser, read_status
from tests.support import CommitKind

TOKEN_ID = "2025_11_16_074003_add_token_id_to_user_sessions_table"

FIRST = (
    "2025_09_01_081500_create_users_table",
    "2025_09_01_081600_create_oauth_access_tokens_table",
    "2025_09_02_093000_create_user_sessions_table",
)


async def ran(application: Application) -> tuple[str, ...]:
    """Name the migrations that ran, of those that Laravel lists in its own words of today."""
    listed = read_status(Parser.LARAVEL, await application.artisan("migrate:status"))
    assert TOKEN_ID in listed.there
    return tuple(row.name for row in listed.ran)


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status


async def pull(application: Application) -> None:
    await git(application.path, "pull", "--quiet", "--ff-only", "origin", "main")


async def migrate_on(host: DemoHost, application: Application) -> asyncssh.SSHCompletedProcess:
    async with host.connect() as connection:
        return await connection.run(f"cd {application.path} && php artisan --no-ansi migrate --force", timeout=60)


async def test_the_second_commit_waits_in_the_origin(laravel: Application, mariadb: DatabaseServer) -> None:
    assert await laravel.tip() != await laravel.head()
    assert await git(laravel.path, "status", "--porcelain", "--ignored=no") == ""
    await git(laravel.path, "fetch", "--quiet")
    added = await git(laravel.path, "diff", "--name-only", "--diff-filter=A", "HEAD", "origin/main")
    assert added == f"database/migrations/{TOKEN_ID}.php"
    assert "token_id" not in await mariadb.columns(laravel.database.name, "user_sessions")


async def test_artisan_migrates_through_ssh_and_rolls_back(
    laravel: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    name = laravel.database.name
    before = await mariadb.query("SELECT COUNT(*) AS n FROM user_sessions", database=name)
    await pull(laravel)
    position = mariadb.log_position()
    done = await migrate_on(ssh_host, laravel)
    assert done.exit_status == 0, done.stdout
    assert (await mariadb.columns(name, "user_sessions"))["token_id"] == "varchar(100)"
    described = await mariadb.query("DESCRIBE user_sessions token_id", database=name)
    assert (described[0]["Null"], described[0]["Key"], described[0]["Default"]) == ("YES", "MUL", None)
    assert before == await mariadb.query("SELECT COUNT(*) AS n FROM user_sessions", database=name)
    assert before[0]["n"] > 100
    added = [s for s in mariadb.statements(position) if s.ran and "add `token_id`" in s.text]
    assert len(added) == 1
    assert len(ssh_host.commands.ran("php artisan --no-ansi migrate --force")) == 1
    assert await ran(laravel) == (*FIRST, TOKEN_ID)

    await laravel.artisan("migrate:rollback", "--step=1", "--force")
    assert "token_id" not in await mariadb.columns(name, "user_sessions")
    assert await ran(laravel) == FIRST


async def test_maintenance_shows_in_the_health_url(laravel: Application, ssh_host: DemoHost, web: WebServer) -> None:
    assert await status(web.health_url) == 200
    async with ssh_host.connect() as connection:
        await connection.run(f"cd {laravel.path} && php artisan down --retry=60", check=True)
        assert laravel.is_down
        assert await status(web.health_url) == 503
        await connection.run(f"cd {laravel.path} && php artisan up", check=True)
    assert not laravel.is_down
    assert await status(web.health_url) == 200


@pytest.mark.parametrize(
    "command", ["config:cache", "route:cache", "view:cache", "event:cache", "optimize", "queue:restart"]
)
async def test_caches_can_be_made_and_the_site_still_answers(
    laravel_at_first: Application, web: WebServer, command: str
) -> None:
    await laravel_at_first.artisan(command)
    assert await status(web.health_url) == 200
    assert await git(laravel_at_first.path, "status", "--porcelain") == ""


async def test_composer_and_npm_make_what_the_site_needs(laravel_at_first: Application, ssh_host: DemoHost) -> None:
    async with ssh_host.connect() as connection:
        done = await connection.run(
            f"cd {laravel_at_first.path} && rm -r vendor node_modules public/build && ! php artisan up 2>/dev/null"
            " && composer install --no-dev --optimize-autoloader && npm ci && npm run build && php artisan up"
        )
    assert done.exit_status == 0, done.stderr
    assert (laravel_at_first.path / "public/build/manifest.json").is_file()


@pytest.mark.parametrize("kind", [CommitKind.SAFE, CommitKind.SLOW, CommitKind.DESTRUCTIVE, CommitKind.SEVERAL])
async def test_migrating_kinds_go_up_and_down_again_and_again(
    laravel_at_first: Application, mariadb: DatabaseServer, kind: CommitKind
) -> None:
    application = laravel_at_first
    name = application.database.name

    async def schema() -> tuple[dict[str, str], dict[str, str]]:
        return await mariadb.columns(name, "users"), await mariadb.columns(name, "user_sessions")

    seen = [await schema()]
    for _ in range(2):
        sha = await application.next_commit(kind)
        await pull(application)
        assert await application.head() == sha
        await application.artisan("migrate", "--force")
        assert await schema() not in seen[-1:]
        seen.append(await schema())
    for earlier in reversed(seen[:-1]):
        await application.artisan("migrate:rollback", "--force")
        assert sorted(map(sorted, map(dict.items, await schema()))) == sorted(map(sorted, map(dict.items, earlier)))


async def test_what_drops_data_goes_on_when_no_column_is_left(
    laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    name = laravel_at_first.database.name
    for _ in range(4):
        await laravel_at_first.next_commit(CommitKind.DESTRUCTIVE)
    await pull(laravel_at_first)
    await laravel_at_first.artisan("migrate", "--force")
    assert not {"fax", "pager", "telex"} & set(await mariadb.columns(name, "users"))
    revoked = "SELECT COUNT(*) AS n FROM user_sessions WHERE revoked_at IS NOT NULL"
    assert await mariadb.query(revoked, database=name) == [{"n": 0}]


async def test_the_failing_kind_fails_at_its_second_statement(
    laravel_at_first: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    application = laravel_at_first
    before = await mariadb.columns(application.database.name, "users")
    await application.next_commit(CommitKind.FAILING)
    await pull(application)
    done = await migrate_on(ssh_host, application)
    assert done.exit_status == 1
    assert "1062 Duplicate entry" in str(done.stdout) + str(done.stderr)
    after = await mariadb.columns(application.database.name, "users")
    assert len(after) == len(before) + 1
    assert "and_unique_user_to_sessions" not in str(
        await mariadb.query("SELECT migration FROM migrations", database=application.database.name)
    )
    assert "production.ERROR" in application.log

    await application.next_commit(CommitKind.SAFE)
    await pull(application)
    assert (await migrate_on(ssh_host, application)).exit_status == 0


@pytest.mark.parametrize(
    ("kind", "touched"),
    [
        (CommitKind.CODE_ONLY, {"resources/views/login.blade.php"}),
        (CommitKind.ASSETS, {"package.json", "package-lock.json", "resources/css/app.css"}),
        (CommitKind.DEPENDENCIES, {"composer.lock"}),
    ],
)
async def test_other_kinds_touch_only_their_files(
    laravel_at_first: Application, web: WebServer, kind: CommitKind, touched: set[str]
) -> None:
    for _ in range(2):
        await laravel_at_first.next_commit(kind)
        await git(laravel_at_first.path, "fetch", "--quiet")
        assert set((await git(laravel_at_first.path, "diff", "--name-only", "HEAD", "origin/main")).split()) == touched
        await pull(laravel_at_first)
        assert await status(web.health_url) == 200


async def test_migrations_sort_in_the_order_of_their_commits(laravel: Application) -> None:
    for kind in (
        CommitKind.SEVERAL,
        CommitKind.SAFE,
        CommitKind.CODE_ONLY,
        CommitKind.SAFE,
        CommitKind.SLOW,
        CommitKind.SEVERAL,
    ):
        await laravel.next_commit(kind)
    log = await git(laravel.author, "log", "--reverse", "--name-only", "--diff-filter=A", "--format=", "--", "database")
    names = log.split()
    assert names == sorted(names)
    assert len(names) == len(set(names)) == 3 + 1 + 3 + 1 + 1 + 1 + 3


async def test_commits_are_the_same_each_time(new_laravel: Callable[..., Awaitable[Application]]) -> None:
    shas = []
    for _ in range(2):
        application: Application = await new_laravel()
        shas.append(
            [await application.next_commit(kind) for kind in (CommitKind.TOKEN_ID, CommitKind.SAFE, CommitKind.ASSETS)]
        )
    assert shas[0] == shas[1]


async def test_the_second_commit_can_be_made_once(laravel: Application) -> None:
    with pytest.raises(DemoError, match="added already"):
        await laravel.next_commit(CommitKind.TOKEN_ID)


async def test_a_diverged_origin_is_no_fast_forward(laravel: Application) -> None:
    for _ in range(2):
        sha = await laravel.diverge()
        assert await laravel.tip() == sha
        await git(laravel.path, "fetch", "--quiet")
        with pytest.raises(DemoError, match=r"fast-forward|diverging"):
            await git(laravel.path, "merge", "--ff-only", "origin/main")
        await git(laravel.path, "reset", "--quiet", "--hard", sha)


async def test_a_dirty_checkout_shows_in_git(laravel: Application) -> None:
    edited = laravel.dirty()
    assert await git(laravel.path, "status", "--porcelain") == f" M {edited}"


async def test_applications_do_not_share_anything(
    new_laravel: Callable[..., Awaitable[Application]], mariadb: DatabaseServer
) -> None:
    one: Application = await new_laravel()
    two: Application = await new_laravel()
    await one.next_commit(CommitKind.SAFE)
    await pull(one)
    await one.artisan("migrate", "--force")
    assert await two.tip() == await two.head() != await one.head()
    assert await mariadb.columns(one.database.name, "users") != await mariadb.columns(two.database.name, "users")
