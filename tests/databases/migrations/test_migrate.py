"""Running exactly the approved migrations, by real artisan over SSH against a real MariaDB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.databases.migrations.migrate import MigratePerformer
from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason
from bot.domain.runs.acts import ApprovedLoss, Direction, Migrate
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.targets.migrator import MigratorAnswer, parse_migrator
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Failed, Job, Outcome
from bot.hosts.connections import Connections
from bot.hosts.runner import Runner
from bot.recipes.load import load_recipe
from bot.recipes.recipe import MigrationTable, RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps
from tests.databases.support.local import KeptOutput
from tests.hosts.support.jobs import a_run
from tests.support.laravel_oddities import (
    MIGRATIONS,
    PACKAGE,
    add_column,
    commit,
    drop_column,
    migration,
    pull,
    replace_in,
    source_of,
    use_package,
    write,
)

FIRST, SECOND = "2026_01_01_000000_first", "2026_01_02_000000_second"
OF_PACKAGE = f"{PACKAGE}/database/migrations/2026_01_01_120000_of_a_package.php"


def path_of(name: str) -> str:
    return f"{MIGRATIONS}/{name}.php"


@dataclass
class Site:
    """A live application whose approved commit is checked out.

    Args:
        app: the application.
        mariadb: with its database.
        hosts: connections.
        target: where.
    """

    app: Application
    mariadb: DatabaseServer
    hosts: Connections
    target: Target
    output: KeptOutput

    @property
    def performer(self) -> MigratePerformer:
        return MigratePerformer(Runner(self.hosts), self.hosts)

    async def brings(self, files: dict[str, str]) -> None:
        """Commit files and check them out."""
        await commit(self.app, files)
        await pull(self.app)

    async def says(self) -> MigratorAnswer:
        """What its migrator says."""
        migrations = load_recipe("laravel", Path()).migrations
        assert isinstance(migrations, MigrationTable)
        act = self.step(await self.app.head()).act
        assert isinstance(act, Migrate)
        script = f"cd '{self.app.path}' || exit\n{act.ask.script()}"
        return parse_migrator(await self.app.run("sh", "-c", script))

    def step(self, head: str, way: RunKind = RunKind.DEPLOY, files: tuple[MigrationSource, ...] = ()) -> Any:
        names = tuple(file.name for file in files) or ("one",)
        inputs = StepInputs(
            "R-7K3F9Q", way, head, head, (), names, takes_down=False, backup=None, files=files, table="migrations"
        )
        steps, _ = recipe_steps(load_recipe("laravel", Path()), self.target, inputs)
        return next(step for step in steps if isinstance(step.act, Migrate))

    async def job(self, way: RunKind = RunKind.DEPLOY, *paths: str, **changes: object) -> Job:
        """The step for some files, or for all that are pending."""
        files = tuple(source_of(self.app.path, path) for path in paths)
        step = self.step(await self.app.head(), way, files or (await self.says()).pending)
        step = replace(step, act=replace(step.act, **changes))
        return Job(a_run(), 1, step, "web1", 1, self.target)

    async def perform(self, job: Job) -> Outcome:
        self.output = KeptOutput()
        return await self.performer.perform(job, self.output)

    async def columns(self, table: str = "users") -> dict[str, str]:
        return dict(await self.mariadb.columns(self.app.database.name, table))

    async def recorded(self, table: str = "migrations") -> list[str]:
        rows = await self.mariadb.query(
            f"SELECT migration FROM `{table}` ORDER BY id",
            database=self.app.database.name,
        )
        return [str(row["migration"]) for row in rows]


@pytest.fixture
def site(
    laravel_at_first: Application,
    mariadb: DatabaseServer,
    hosts: Connections,
    target_of: Callable[..., Target],
) -> Site:
    target = replace(
        target_of(laravel_at_first.database),
        path=str(laravel_at_first.path),
        vars={"php": "php", "retry": 60, "render": "", "maintenance": "if-migrations"},
    )
    return Site(laravel_at_first, mariadb, hosts, target, KeptOutput())


def failed(outcome: Outcome, reason: Reason) -> dict[str, str]:
    assert isinstance(outcome, Failed), outcome
    assert outcome.problem.reason is reason, outcome
    return dict(outcome.problem.facts)


async def test_exactly_the_approved_migrations_run(site: Site, ssh_host: DemoHost) -> None:
    use_package(site.app.author)
    write(site.app.path, {OF_PACKAGE: add_column("of_package")})
    await site.brings(
        {
            path_of(FIRST): add_column("first"),
            path_of(SECOND): add_column("second"),
            f"{MIGRATIONS}/Helper.php": "<?php class Helper {}",
            path_of("2026_01_03_000000_with a 'blank' and $HOME"): add_column("odd"),
        }
    )
    outcome = await site.perform(await site.job())
    assert outcome == Done({"migrations": "4", "rows_counted": ""}), site.output.text
    assert {"first", "second", "of_package", "odd"} <= (await site.columns()).keys()
    wanted = [FIRST, "2026_01_01_120000_of_a_package", SECOND, "2026_01_03_000000_with a 'blank' and $HOME"]
    assert (await site.recorded())[-4:] == wanted
    [command] = ssh_host.commands.ran("php artisan migrate --force")
    assert f"--path={site.app.path}/{path_of(FIRST)}" in command.argv


UNTRACKED = "2025_12_31_000000_untracked"


@pytest.mark.parametrize(
    ("spoil", "fact", "words"),
    [
        ({path_of(UNTRACKED): drop_column("email")}, "unplanned", f"{UNTRACKED} from {path_of(UNTRACKED)}"),
        ({OF_PACKAGE: drop_column("email")}, "unplanned", "2026_01_01_120000_of_a_package from package acme/audit"),
        ({path_of(FIRST): drop_column("email")}, "changed", f"{FIRST} from {path_of(FIRST)}"),
        (
            {f"{PACKAGE}/database/migrations/{SECOND}.php": add_column("second"), path_of(SECOND): None},
            "changed",
            f"{SECOND} from package acme/audit",
        ),
        ({path_of(SECOND): None}, "missing", f"{SECOND} from {path_of(SECOND)}"),
    ],
    ids=["untracked", "package", "changed", "moved to a package", "gone"],
)
async def test_nothing_runs_where_anything_else_would(
    site: Site, ssh_host: DemoHost, spoil: dict[str, str | None], fact: str, words: str
) -> None:
    use_package(site.app.author)
    await site.brings({path_of(FIRST): add_column("first"), path_of(SECOND): add_column("second")})
    job = await site.job()
    write(site.app.path, {path: text for path, text in spoil.items() if text is not None})
    for path, text in spoil.items():
        if text is None:
            (site.app.path / path).unlink()
    recorded, columns = await site.recorded(), await site.columns()
    facts = failed(await site.perform(job), Reason.MIGRATIONS_NOT_APPROVED)
    assert facts == {fact: words}
    assert (await site.recorded(), await site.columns()) == (recorded, columns)
    assert not ssh_host.commands.ran("php artisan migrate")


async def test_a_migration_that_ran_meanwhile_is_not_run_again(site: Site) -> None:
    await site.brings({path_of(FIRST): add_column("first"), path_of(SECOND): add_column("second")})
    job = await site.job()
    await site.app.artisan("migrate", "--force", f"--path={path_of(FIRST)}")
    assert failed(await site.perform(job), Reason.MIGRATIONS_NOT_APPROVED) == {
        "missing": f"{FIRST} from {path_of(FIRST)}"
    }
    assert "second" not in await site.columns()


async def test_what_a_migration_runs_beside_the_plan_is_told(site: Site) -> None:
    other = "vendor/acme/audit/hidden/2026_05_05_000000_hidden.php"
    write(site.app.path, {other: add_column("hidden")})
    calls = f"Artisan::call('migrate', ['--force' => true, '--path' => '{other}']);"
    await site.brings({path_of(FIRST): migration(calls)})
    facts = failed(await site.perform(await site.job()), Reason.MIGRATED_OTHERWISE)
    assert facts == {"unplanned": "2026_05_05_000000_hidden from an unknown file"}


async def test_another_table_and_a_prefix_change_nothing(site: Site) -> None:
    replace_in(site.app.author / "config/database.php", "'migrations' => 'migrations'", "'migrations' => 'changes'")
    replace_in(site.app.author / "config/database.php", "'prefix' => ''", "'prefix' => 'app_'")
    name = site.app.database.name
    for table in ("users", "oauth_access_tokens", "user_sessions"):
        await site.mariadb.query(f"RENAME TABLE `{table}` TO `app_{table}`", database=name)
    await site.mariadb.query("RENAME TABLE migrations TO app_changes", database=name)
    await site.brings({path_of(FIRST): add_column("first")})
    assert isinstance(await site.perform(await site.job()), Done), site.output.text
    assert "first" in await site.columns("app_users")
    assert (await site.recorded("app_changes"))[-1] == FIRST


DUMP = """CREATE TABLE `migrations` (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, migration varchar(255) NOT NULL, batch int NOT NULL
);
CREATE TABLE squashed (id int);
INSERT INTO `migrations` VALUES (1,'2014_01_01_000000_squashed',1);
"""


async def empty(site: Site) -> None:
    for table in ("user_sessions", "oauth_access_tokens", "users", "migrations"):
        await site.mariadb.query(f"DROP TABLE `{table}`", database=site.app.database.name)


async def test_an_approved_dump_of_the_schema_is_loaded_and_the_migrations_run(site: Site) -> None:
    dump = "database/schema/mysql-schema.sql"
    for file in (site.app.author / MIGRATIONS).iterdir():
        file.unlink()
    await site.brings({dump: DUMP, path_of(FIRST): add_column("first", "squashed")})
    await empty(site)
    approved = replace(source_of(site.app.path, dump), name="")
    outcome = await site.perform(await site.job(dumps=(approved,)))
    assert isinstance(outcome, Done), (outcome, site.output.text)
    assert await site.recorded() == ["2014_01_01_000000_squashed", FIRST]
    assert "first" in await site.columns("squashed")


async def test_a_dump_of_the_schema_that_is_not_approved_is_not_loaded(site: Site) -> None:
    dump = "database/schema/mysql-schema.sql"
    await site.brings({path_of(FIRST): add_column("first")})
    job = await site.job()
    await site.mariadb.query("DELETE FROM migrations", database=site.app.database.name)
    write(site.app.path, {dump: "DROP TABLE users;"})
    approved = replace(source_of(site.app.path, dump), name="", sha256="0" * 64)
    assert isinstance(job.step.act, Migrate)
    act = replace(job.step.act, files=(await site.says()).pending, dumps=(approved,))
    facts = failed(await site.perform(replace(job, step=replace(job.step, act=act))), Reason.MIGRATIONS_NOT_APPROVED)
    assert facts == {"dump": dump}
    assert await site.columns()


async def test_more_rows_that_are_gone_than_approved_are_told(site: Site) -> None:
    await site.brings({path_of(FIRST): migration("DB::table('users')->where('id', '<=', 50)->delete();")})
    losses = (ApprovedLoss("users", 200, 49), ApprovedLoss("none_such", 0, 0))
    facts = failed(await site.perform(await site.job(losses=losses)), Reason.ROWS_LOST)
    assert facts == {"tables": "users: 50 of 200, approved 49"}


async def test_as_many_rows_as_approved_may_go(site: Site) -> None:
    await site.brings({path_of(FIRST): migration("DB::table('users')->where('id', '<=', 50)->delete();")})
    outcome = await site.perform(await site.job(losses=(ApprovedLoss("users", 200, 50),)))
    assert outcome == Done({"migrations": "1", "rows_counted": "users"})


async def test_an_application_that_does_not_start_runs_nothing(site: Site) -> None:
    await site.brings({path_of(FIRST): add_column("first")})
    job = await site.job()
    (site.app.path / "bootstrap/app.php").write_text("<?php throw new Exception('it is broken');")
    facts = failed(await site.perform(job), Reason.MIGRATOR_UNANSWERED)
    assert "it is broken" in facts["detail"]
    assert "first" not in await site.columns()


async def test_a_migration_that_fails_fails_with_its_status(site: Site) -> None:
    await site.brings({path_of(FIRST): migration("throw new Exception('no');"), path_of(SECOND): add_column("second")})
    assert failed(await site.perform(await site.job()), Reason.EXIT_STATUS)["status"] == "1"
    assert b"no" in site.output.text
    assert "second" not in await site.columns()


async def test_another_commit_than_the_approved_one_is_refused(site: Site) -> None:
    await site.brings({path_of(FIRST): add_column("first")})
    outcome = await site.perform(await site.job(expects="f" * 40))
    failed(outcome, Reason.MOVED)
    assert "first" not in await site.columns()


async def test_a_plan_without_files_runs_nothing(site: Site) -> None:
    await site.brings({path_of(FIRST): add_column("first")})
    failed(await site.perform(await site.job(files=())), Reason.MIGRATIONS_NOT_APPROVED)
    assert "first" not in await site.columns()


# ── undoing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def two_ran(site: Site) -> None:
    await site.brings({path_of(FIRST): add_column("first"), path_of(SECOND): add_column("second")})
    await site.app.artisan("migrate", "--force", "--step")


async def test_exactly_the_approved_migrations_are_undone(site: Site) -> None:
    await two_ran(site)
    outcome = await site.perform(await site.job(RunKind.ROLLBACK, path_of(SECOND), path_of(FIRST)))
    assert outcome == Done({"migrations": "2"}), site.output.text
    assert not {"first", "second"} & (await site.columns()).keys()
    assert len(await site.recorded()) == 3


async def test_one_of_several_that_were_undone_before_leaves_the_others_alone(site: Site) -> None:
    await two_ran(site)
    job = await site.job(RunKind.ROLLBACK, path_of(SECOND), path_of(FIRST))
    await site.app.artisan("migrate:rollback", "--force", "--step=1")
    act = job.step.act
    assert isinstance(act, Migrate)
    remaining = replace(job, step=replace(job.step, act=replace(act, files=act.files[1:])))
    assert isinstance(await site.perform(remaining), Done), site.output.text
    assert len(await site.recorded()) == 3


async def test_nothing_is_undone_where_something_else_would_be(site: Site) -> None:
    await two_ran(site)
    job = await site.job(RunKind.ROLLBACK, path_of(SECOND))
    later = "2026_02_02_000000_later"
    await commit(site.app, {path_of(later): add_column("later")})
    write(site.app.path, {path_of(later): add_column("later")})
    await site.app.artisan("migrate", "--force")
    facts = failed(await site.perform(job), Reason.MIGRATIONS_NOT_APPROVED)
    assert facts == {"latest": later}
    (site.app.path / path_of(later)).unlink()
    await site.mariadb.query("DELETE FROM migrations WHERE migration = %s", later, database=site.app.database.name)
    write(site.app.path, {path_of(SECOND): drop_column("email")})
    facts = failed(await site.perform(replace(job, run=a_run())), Reason.MIGRATIONS_NOT_APPROVED)
    assert facts == {"changed": f"{SECOND} from {path_of(SECOND)}"}
    (site.app.path / path_of(SECOND)).unlink()
    facts = failed(await site.perform(replace(job, run=a_run())), Reason.MIGRATIONS_NOT_APPROVED)
    assert facts == {"missing": f"{SECOND} from {path_of(SECOND)}"}
    assert {"second", "email"} <= (await site.columns()).keys()


# ── what cannot be known from the journal ────────────────────────────────────────────────────────────────────────────


async def test_the_check_tells_what_took_effect(site: Site) -> None:
    await site.brings({path_of(FIRST): add_column("first"), path_of(SECOND): add_column("second")})
    job = await site.job()
    assert job.step.check is not None
    assert await site.performer.check(job) is Effect.CANNOT_TELL, "nothing was asked before"
    assert isinstance(await site.perform(job), Done)
    assert await site.performer.check(job) is Effect.TOOK
    await site.app.artisan("migrate:rollback", "--force", "--step=1")
    assert await site.performer.check(job) is Effect.CANNOT_TELL
    await site.mariadb.query(
        "INSERT INTO migrations (migration, batch) VALUES (%s, 9), ('2026_x_y', 9)",
        SECOND,
        database=site.app.database.name,
    )
    assert await site.performer.check(job) is Effect.CANNOT_TELL, "more ran than was approved"


async def test_a_step_that_is_resumed_is_judged_too(site: Site) -> None:
    await site.brings({path_of(FIRST): add_column("first")})
    job = await site.job()
    assert isinstance(await site.perform(job), Done)
    assert await site.performer.resume(job, KeptOutput()) == Done({"migrations": "1", "rows_counted": ""})
    assert job.step.act.direction is Direction.UP  # type: ignore[union-attr]  # it is a `Migrate`
    assert await git(site.app.path, "status", "--porcelain") == ""
