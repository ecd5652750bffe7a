"""Running exactly the approved migrations of Alembic and Django, by their real tools over SSH."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.databases.migrations.migrate import MigratePerformer
from bot.databases.migrations.patient_reader import PatientReader
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.errors import Reason
from bot.domain.runs.acts import ApprovedLoss, Migrate
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.shell import Command, Syntax, command
from bot.domain.targets.migrator import MigratorAnswer, parse_migrator
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Failed, Job, Outcome
from bot.hosts.connections import Connections
from bot.hosts.runner import Runner
from bot.recipes.load import load_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps
from tests.databases.support.local import KeptOutput
from tests.hosts.support.jobs import a_run
from tests.support.stacks import ALEMBIC_LIVE, ALEMBIC_NEXT, DJANGO_LIVE, DJANGO_NEXT, Stack

ALEMBIC_BESIDE = {
    "migrations/versions/5e1f_beside.py": '"""beside\n\nRevision ID: 5e1f\n"""\n'
    "from alembic import op\n\nrevision, down_revision = '5e1f', '1a5e'\n\n\n"
    "def upgrade():\n    op.execute(\"INSERT INTO alembic_version VALUES ('f00d')\")\n"
}
DJANGO_BESIDE = {
    "accounts/migrations/0002_beside.py": "from django.db import migrations\n\n\n"
    "class Migration(migrations.Migration):\n    dependencies = [('accounts', '0001_initial')]\n"
    '    operations = [migrations.RunSQL("INSERT INTO django_migrations (app, name, applied)'
    " VALUES ('accounts', 'f00d', now())\")]\n"
}


@dataclass(frozen=True)
class Kind:
    """An application of a stack.

    Args:
        recipe: of the stack.
        live: files of the live commit.
        migrate: how its tool runs all migrations.
        following: files of the next commit.
        names: of its migrations, in order.
        last: the file of the last one.
        beside: files of another commit, whose migration records another one.
        other: that one's name.
    """

    recipe: str
    live: dict[str, str]
    migrate: tuple[str, ...]
    following: dict[str, str]
    names: tuple[str, ...]
    last: str
    beside: dict[str, str]
    other: str


ALEMBIC = Kind(
    "alembic",
    ALEMBIC_LIVE,
    ("-m", "alembic", "upgrade", "heads"),
    ALEMBIC_NEXT,
    ("27c0 add token_id", "0b91 index token_id"),
    "migrations/versions/0b91_index_token_id.py",
    ALEMBIC_BESIDE,
    "f00d",
)
DJANGO = Kind(
    "django",
    DJANGO_LIVE,
    ("manage.py", "migrate"),
    DJANGO_NEXT,
    ("accounts.0002_account_token_id", "accounts.0003_fill"),
    "accounts/migrations/0003_fill.py",
    DJANGO_BESIDE,
    "accounts.f00d",
)


@dataclass
class Site:
    """A live application whose approved commit is checked out.

    Args:
        kind: of application.
        app: the application.
        hosts: connections.
        target: where.
        mariadb: with its database.
    """

    kind: Kind
    app: Stack
    hosts: Connections
    target: Target
    mariadb: DatabaseServer
    output: KeptOutput = field(default_factory=KeptOutput)

    @property
    def performer(self) -> MigratePerformer:
        return MigratePerformer(Runner(self.hosts), self.hosts)

    async def brings(self, files: dict[str, str]) -> None:
        await self.app.commit("feat: next", files)
        await git(self.app.path, "pull", "--quiet", "--ff-only")

    def step(self, head: str, names: tuple[str, ...]) -> Any:
        inputs = StepInputs("R-7K3F9Q", RunKind.DEPLOY, head, head, (), names, takes_down=False, backup=None)
        steps, _ = recipe_steps(load_recipe(self.kind.recipe, Path()), self.target, inputs)
        return next(step for step in steps if isinstance(step.act, Migrate))

    async def says(self, step: Any) -> MigratorAnswer:
        enter = command("cd", "--", str(self.app.path))
        ask = Command((*enter.parts, Syntax("\n"), *step.act.ask.parts))
        return parse_migrator((await PatientReader(self.hosts).read("web1", ask)).decode())

    async def job(self, *names: str, **changes: object) -> Job:
        """The step for the migrations that are pending, by their files, or for some by their names alone."""
        step = self.step(await self.app.head(), names or ("one",))
        if not names:
            changes = {"files": (await self.says(step)).pending, **changes}
        return Job(a_run(), 1, replace(step, act=replace(step.act, **changes)), "web1", 1, self.target)

    async def perform(self, job: Job) -> Outcome:
        self.output = KeptOutput()
        return await self.performer.perform(job, self.output)

    async def columns(self) -> set[str]:
        return set(await self.mariadb.columns(self.app.database.name, "accounts"))


@pytest.fixture(params=[ALEMBIC, DJANGO], ids=lambda kind: kind.recipe)
async def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    hosts: Connections,
    database: DemoDatabase,
    mariadb: DatabaseServer,
    target_of: Callable[..., Target],
) -> Site:
    kind: Kind = request.param
    folder = tmp_path / "app"
    folder.mkdir()
    app = await Stack.create(folder, database, kind.live)
    await app.tool(*kind.migrate)
    checked, problems = load_recipe(kind.recipe, Path()).check_vars({})
    assert not problems
    target = replace(target_of(database), recipe=kind.recipe, path=str(app.path), vars=checked)
    return Site(kind, app, hosts, target, mariadb)


def failed(outcome: Outcome, reason: Reason) -> dict[str, str]:
    assert isinstance(outcome, Failed), outcome
    assert outcome.problem.reason is reason, outcome
    return dict(outcome.problem.facts)


async def test_the_approved_files_run_and_nothing_else(site: Site) -> None:
    await site.brings(site.kind.following)
    job = await site.job(losses=(ApprovedLoss("accounts", 0, 0),))
    assert isinstance(job.step.act, Migrate)
    assert job.step.act.names == site.kind.names
    assert job.step.act.files[-1].path == site.kind.last
    file = site.app.path / site.kind.last
    approved = file.read_text()
    file.write_text(approved + "\n# more\n")
    assert list(failed(await site.perform(job), Reason.MIGRATIONS_NOT_APPROVED)) == ["changed"]
    assert "token_id" not in await site.columns()
    file.write_text(approved)
    job = replace(job, run=a_run())
    assert await site.perform(job) == Done({"migrations": "2", "rows_counted": "accounts"}), site.output.text
    assert "token_id" in await site.columns()
    assert await site.performer.check(job) is Effect.TOOK
    assert list(failed(await site.perform(replace(job, run=a_run())), Reason.MIGRATIONS_NOT_APPROVED)) == ["missing"]


async def test_without_a_rehearsal_the_names_are_compared(site: Site) -> None:
    await site.brings(site.kind.following)
    first, second = site.kind.names
    facts = failed(await site.perform(await site.job(first)), Reason.MIGRATIONS_NOT_APPROVED)
    assert facts == {"unplanned": f"{second} from {site.kind.last}"}
    facts = failed(await site.perform(await site.job(first, second, "another")), Reason.MIGRATIONS_NOT_APPROVED)
    assert facts == {"missing": "another"}
    assert "token_id" not in await site.columns()
    job = await site.job(first, second)
    assert job.step.act.files == (MigrationSource(first, "", ""), MigrationSource(second, "", ""))  # type: ignore[union-attr]  # it migrates
    assert isinstance(await site.perform(job), Done), site.output.text


async def test_what_is_recorded_beside_the_plan_is_told(site: Site) -> None:
    await site.brings(site.kind.beside)
    facts = failed(await site.perform(await site.job()), Reason.MIGRATED_OTHERWISE)
    assert facts == {"unplanned": f"{site.kind.other} from an unknown file"}
