"""What a rehearsal of Alembic and Django in a sandbox finds, with their real tools, on a real host and server."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.databases.migrations.rehearsal_data import BackupDataSource
from bot.databases.migrations.sandboxed.rehearsal import SandboxRehearsalPerformer
from bot.databases.server.connector import Connector
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.errors import Reason
from bot.domain.runs.findings import (
    MigrationEffect,
    MigrationFinding,
    NotRehearsed,
    NotRehearsedReason,
    Rehearsed,
    RehearsedWhere,
    RowsChanged,
    SandboxAttempt,
    WayBack,
    WayBackState,
)
from bot.domain.runs.migration_risk import MigrationRisk
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.targets.target import Target
from bot.engine.ports import Failed, Job, Outcome
from bot.hosts.connections import Connections
from bot.hosts.tunnels import Tunnels
from bot.recipes.load import load_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.step_acts import sandbox_rehearsal
from bot.recipes.step_inputs import StepInputs, template_values
from tests.databases.support.local import KeptOutput
from tests.databases.support.rehearsals import Stage
from tests.databases.support.sandboxed import all_of, those
from tests.support.stacks import ALEMBIC_LIVE, ALEMBIC_NEXT, DJANGO_LIVE, DJANGO_NEXT, Stack

MIGRATE = {"alembic": ("-m", "alembic", "upgrade", "heads"), "django": ("manage.py", "migrate")}
ALEMBIC = ("27c0 add token_id", "0b91 index token_id")
DJANGO = ("accounts.0002_account_token_id", "accounts.0003_fill")


@dataclass
class StackStage:
    """An application of a stack on a host, whose migrations run in a sandbox.

    Args:
        recipe: of the stack.
        app: the application.
        stage: where it runs.
        performer: of the rehearsal.
    """

    recipe: str
    app: Stack
    stage: Stage
    performer: SandboxRehearsalPerformer

    @property
    def target(self) -> Target:
        checked, problems = load_recipe(self.recipe, Path()).check_vars({})
        assert not problems
        return replace(self.stage.target, recipe=self.recipe, vars=checked)

    async def rehearse(self, names: tuple[str, ...], way: RunKind = RunKind.DEPLOY) -> Outcome:
        """Rehearse what origin has, or undoing what is live."""
        await git(self.app.path, "fetch", "--quiet", "origin")
        sha = (await git(self.app.path, "rev-parse", "origin/main")).strip()
        inputs = StepInputs("R-AAAAA1", way, await self.app.head(), sha, (), names, takes_down=False, backup=None)
        act = sandbox_rehearsal(load_recipe(self.recipe, Path()), inputs, template_values(self.target, inputs))
        step = Step("sql", "Rehearse", Phase.PREPARE, ("web1",), Risk.READS, 600, act)
        return await self.performer.perform(Job("R-AAAAA1", 1, step, "web1", 1, self.target), KeptOutput())


@pytest.fixture
async def stacks(
    request: pytest.FixtureRequest, tmp_path: Path, hosts: Connections, database: DemoDatabase
) -> StackStage:
    recipe: str = request.param
    folder = tmp_path / "app"
    folder.mkdir()
    app = await Stack.create(folder, database, {"alembic": ALEMBIC_LIVE, "django": DJANGO_LIVE}[recipe])
    await app.tool(*MIGRATE[recipe])
    stage = Stage(app, hosts)  # type: ignore[arg-type]  # it has what is asked for
    databases = Connector(Tunnels(hosts).open)
    made = SandboxRehearsalPerformer(stage.backups.runner, hosts, databases, BackupDataSource(stage.backups))
    return StackStage(recipe, app, stage, made)


def of(recipe: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stacks", [recipe], indirect=True)


@pytest.mark.parametrize(
    ("stacks", "following", "names"),
    [("alembic", ALEMBIC_NEXT, ALEMBIC), ("django", DJANGO_NEXT, DJANGO)],
    indirect=["stacks"],
    ids=["alembic", "django"],
)
async def test_forward_and_back(
    stacks: StackStage, mariadb: DatabaseServer, following: dict[str, str], names: tuple[str, ...]
) -> None:
    await stacks.app.commit("feat: token_id", following)
    before = mariadb.log_position()
    outcome = await stacks.rehearse(names)
    [rehearsed] = those(outcome, Rehearsed)
    assert (rehearsed.migrations, rehearsed.where) == (2, RehearsedWhere.SANDBOX)
    assert [found.name for found in those(outcome, MigrationFinding)] == list(names)
    assert len(those(outcome, MigrationEffect)[0].brings) == 1
    assert [way.state for way in those(outcome, WayBack)] == [WayBackState.EXACT]
    assert those(outcome, SandboxAttempt) == []
    writes = ("insert", "update", "delete", "alter", "create", "drop", "truncate", "replace", "rename")
    live = mariadb.statements(before)
    assert live
    assert [one.text for one in live if one.ran and one.text.lower().startswith(writes)] == []


ROLLED_BACK = {"alembic": tuple(reversed(ALEMBIC)), "django": tuple(reversed(DJANGO))}


@pytest.mark.parametrize(
    ("stacks", "following"),
    [("alembic", ALEMBIC_NEXT), ("django", DJANGO_NEXT)],
    indirect=["stacks"],
    ids=["alembic", "django"],
)
async def test_undoing(stacks: StackStage, mariadb: DatabaseServer, following: dict[str, str]) -> None:
    await stacks.app.commit("feat: token_id", following)
    await git(stacks.app.path, "pull", "--quiet", "--ff-only")
    await stacks.app.tool(*MIGRATE[stacks.recipe])
    names = ROLLED_BACK[stacks.recipe]
    outcome = await stacks.rehearse(names, RunKind.ROLLBACK)
    assert [found.name for found in those(outcome, MigrationFinding)] == list(names)
    columns = await mariadb.columns(stacks.app.database.name, "accounts")
    assert "token_id" in columns


DELETES = """\
\"\"\"tidy

Revision ID: 3c3c
\"\"\"
import sqlalchemy as sa
from alembic import op

revision, down_revision = "3c3c", "1a5e"


def upgrade():
    for (number,) in op.get_bind().execute(sa.text("SELECT id FROM accounts")).fetchall():
        op.get_bind().execute(sa.text("DELETE FROM accounts WHERE id = :id"), {"id": number})


def downgrade():
    raise RuntimeError("no way back")
"""
REMOVES = """\
from django.db import migrations


def tidy(apps, schema_editor):
    for account in apps.get_model("accounts", "Account").objects.all():
        account.delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(tidy)]
"""


@pytest.mark.parametrize(
    ("stacks", "file", "text", "name"),
    [
        ("alembic", "migrations/versions/3c3c_tidy.py", DELETES, "3c3c tidy"),
        ("django", "accounts/migrations/0002_tidy.py", REMOVES, "accounts.0002_tidy"),
    ],
    indirect=["stacks"],
    ids=["alembic", "django"],
)
async def test_rows_that_go_are_destructive(
    stacks: StackStage, mariadb: DatabaseServer, file: str, text: str, name: str
) -> None:
    for who in ("amelie", "bruno", "chloe"):
        await mariadb.query(f"INSERT INTO accounts (name) VALUES ('{who}')", database=stacks.app.database.name)
    await stacks.app.commit("chore: tidy", {file: text})
    outcome = await stacks.rehearse((name,))
    [rows] = those(outcome, RowsChanged)
    assert (rows.table, rows.before, rows.deleted) == ("accounts", 3, 3)
    [migration] = those(outcome, MigrationFinding)
    assert (migration.name, migration.risk) == (name, MigrationRisk.DESTRUCTIVE)
    assert [way.state for way in those(outcome, WayBack)] == [WayBackState.FAILED]
    assert "amelie" not in repr(all_of(outcome))


@of("alembic")
async def test_what_fails_as_in_production_ends_the_run(stacks: StackStage) -> None:
    twice = DELETES.replace(
        "    for (number,)", "    op.add_column('accounts', sa.Column('name', sa.Integer))\n    for (number,)"
    )
    await stacks.app.commit("feat: twice", {"migrations/versions/3c3c_tidy.py": twice})
    outcome = await stacks.rehearse(("3c3c tidy",))
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.REHEARSAL_FAILED
    assert outcome.problem.facts["migration"] == "3c3c tidy"
    assert "1060" in outcome.problem.facts["error"]


@pytest.mark.parametrize("stacks", ["alembic", "django"], indirect=True)
async def test_an_application_with_another_database(stacks: StackStage) -> None:
    """Its own checkout says so in its settings; the server hears nothing of it."""
    file, text = {
        "alembic": ("migrations/env.py", ALEMBIC_LIVE["migrations/env.py"].replace("url = ", "url = 'sqlite://' or ")),
        "django": (
            "settings.py",
            DJANGO_LIVE["settings.py"]
            + 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/tmp/x"}}\n',
        ),
    }[stacks.recipe]
    await stacks.app.commit("feat: other", {file: text})
    outcome = await stacks.rehearse({"alembic": ALEMBIC, "django": DJANGO}[stacks.recipe])
    [why] = those(outcome, NotRehearsed)
    assert why.reason is NotRehearsedReason.NOT_MYSQL


@of("alembic")
async def test_an_environment_that_names_another_database(stacks: StackStage) -> None:
    with (stacks.app.path / ".env").open("a") as file:
        file.write("DATABASE_URL=postgresql+psycopg://u:secret@db.example.com/x\n")
    outcome = await stacks.rehearse(())
    [why] = those(outcome, NotRehearsed)
    assert (why.reason, why.detail) == (NotRehearsedReason.NOT_MYSQL, "its environment names postgresql")


@of("alembic")
async def test_links_of_the_commit_where_the_virtual_environment_lies(stacks: StackStage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (stacks.app.folder / "author/.venv").symlink_to(outside)
    await stacks.app.commit("feat: token_id", ALEMBIC_NEXT)
    outcome = await stacks.rehearse(ALEMBIC)
    assert len(those(outcome, MigrationFinding)) == 2
    assert list(outside.iterdir()) == []
