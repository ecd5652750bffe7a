"""The migrations that run are the approved ones, whatever packages, hosts and caches bring; told from outside."""

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import DBA, RELEASER, System
from tests.support.laravel_oddities import (
    MIGRATIONS,
    PACKAGE,
    add_column,
    commit,
    drop_column,
    migration,
    replace_in,
    use_package,
    write,
)

NEXT, STRAY = "2026_01_01_000000_next", "2026_01_02_000000_stray"
STRAY_FILE = f"{MIGRATIONS}/{STRAY}.php"
OF_PACKAGE = f"{PACKAGE}/database/migrations/2026_01_03_000000_of_a_package.php"


async def countersigned(system: System, run: str) -> str:
    """Approve as everybody who may: what was not rehearsed takes two."""
    request = await system.gate(run)
    for who in (RELEASER, DBA):
        system.react(request, who)
    return await system.end(run)


async def test_a_file_that_lies_untracked_on_the_host_is_found_before_anybody_is_asked(
    system: System, laravel_at_first: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    laravel = laravel_at_first
    write(laravel.path, {STRAY_FILE: drop_column("email")})
    await commit(laravel, {f"{MIGRATIONS}/{NEXT}.php": add_column("next")})
    assert STRAY in await system.migrate_status(), "artisan would run it"
    run = await system.ask()
    assert await system.end(run) == "failed"
    assert STRAY_FILE in system.result(run)
    assert system.messages("approval", run) == []
    assert changes(ssh_host) == {}
    assert "email" in await mariadb.columns(laravel.database.name, "users")


async def test_what_comes_behind_the_approval_is_not_run(
    system: System, laravel_at_first: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    laravel = laravel_at_first
    use_package(laravel.author)
    await commit(laravel, {f"{MIGRATIONS}/{NEXT}.php": add_column("next")})
    run = await system.ask()
    request = await system.gate(run)
    assert system.payload("plan", run)["pending"] == [NEXT]
    write(laravel.path, {OF_PACKAGE: drop_column("email")})
    for who in (RELEASER, DBA):
        system.react(request, who)
    assert await system.end(run) == "needs_human"
    assert "2026_01_03_000000_of_a_package from package acme/audit` is pending and is not in the plan" in system.result(
        run
    )
    columns = await mariadb.columns(laravel.database.name, "users")
    assert "email" in columns
    assert "next" not in columns
    assert changes(ssh_host)["php artisan migrate"] == 0


async def test_migrations_read_the_configuration_of_their_own_commit(
    system: System, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    laravel = laravel_at_first
    await laravel.artisan("config:cache")
    replace_in(laravel.author / "config/app.php", "return [", "return [\n    'column' => 'brought',")
    column = (
        "Schema::table('users', function (Blueprint $table) { $table->string(config('app.column'))->nullable(); });"
    )
    await commit(laravel, {f"{MIGRATIONS}/{NEXT}.php": migration(column)})
    assert await countersigned(system, await system.ask()) == "succeeded"
    assert "brought" in await mariadb.columns(laravel.database.name, "users")


async def test_a_prefix_and_a_renamed_table_are_deployed_and_told(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    laravel, name = laravel_at_first, laravel_at_first.database.name
    for table in ("users", "oauth_access_tokens", "user_sessions"):
        await mariadb.query(f"RENAME TABLE `{table}` TO `app_{table}`", database=name)
    await mariadb.query("RENAME TABLE migrations TO app_changes", database=name)
    for folder in (laravel.author, laravel.path):
        replace_in(folder / "config/database.php", "'prefix' => ''", "'prefix' => 'app_'")
        replace_in(folder / "config/database.php", "'migrations' => 'migrations'", "'migrations' => 'changes'")
    await commit(laravel, {f"{MIGRATIONS}/Helper.php": "<?php class Helper {}"})
    await laravel.run("git", "checkout", "--quiet", "--", ".")
    await laravel.run("git", "pull", "--quiet")
    system = await new_system(scratch=True)
    await system.bot.start()
    assert "The schema is up to date: 3 migrations, none pending" in await system.migrate_status()
    await commit(laravel, {f"{MIGRATIONS}/{NEXT}.php": add_column("next")})
    run = await system.ask()
    assert await countersigned(system, run) == "succeeded"
    assert system.payload("plan", run)["pending"] == [NEXT]
    assert "app_users.next" in str(system.messages("plan", run)[-1]["blocks"]), "it was rehearsed"
    assert "next" in await mariadb.columns(name, "app_users")
    assert "The schema is up to date: 4 migrations, none pending" in await system.migrate_status()


async def test_the_status_does_not_call_up_to_date_what_artisan_does_not(
    system: System, laravel_at_first: Application
) -> None:
    laravel = laravel_at_first
    use_package(laravel.author)
    await commit(laravel, {})
    await laravel.run("git", "pull", "--quiet")
    write(laravel.path, {OF_PACKAGE: add_column("of_package")})
    assert "| No" in await laravel.artisan("migrate:status")
    told = await system.migrate_status()
    assert "1 migration of the live code is pending" in told
    assert "2026_01_03_000000_of_a_package" in told
    assert await countersigned(system, await system.ask()) == "succeeded"
    assert "up to date" in await system.migrate_status()
    (laravel.path / "bootstrap/app.php").write_text("<?php throw new Exception('it is broken');")
    told = await system.migrate_status()
    assert "could not list its migrations" in told
    assert "up to date" not in told


async def test_what_a_new_package_brings_is_told_and_deployed_next(
    system: System, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    laravel = laravel_at_first
    write(laravel.path, {OF_PACKAGE: add_column("of_package")})
    use_package(laravel.author)
    (laravel.author / "composer.lock").write_text((laravel.author / "composer.lock").read_text() + "\n")
    await commit(laravel, {})
    first = await system.ask()
    assert await countersigned(system, first) == "failed"
    assert "2026_01_03_000000_of_a_package from package acme/audit" in system.result(first)
    assert "of_package" not in await mariadb.columns(laravel.database.name, "users")
    second = await system.ask()
    assert await countersigned(system, second) == "succeeded"
    assert system.payload("plan", second)["pending"] == ["2026_01_03_000000_of_a_package"]
    assert "of_package" in await mariadb.columns(laravel.database.name, "users")
