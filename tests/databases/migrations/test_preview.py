"""SQL that Alembic and Django say they would run: told apart by rules, and read on real parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.databases.migrations.preview import PreviewPerformer
from bot.databases.migrations.preview_sql import sql_of, statements_of
from bot.databases.migrations.sql.ddl import EffectKind, Operation
from bot.databases.server.connector import Connector
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.host import DemoHost
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.acts import Preview
from bot.domain.runs.findings import facts_of
from bot.domain.runs.plan_json import findings_of
from bot.domain.secrets import Secret
from bot.domain.targets.scratch import ScratchBeside
from bot.domain.targets.target import Database, Target
from bot.engine.ports import Done, Job
from bot.hosts.connections import Connections
from bot.hosts.look import HostLook
from bot.hosts.tunnels import Tunnels
from bot.recipes.load import load_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps
from tests.databases.support.local import KeptOutput
from tests.hosts.support.jobs import host_of
from tests.support.examples import HEAD, TARGET
from tests.support.stacks import ALEMBIC_LIVE, ALEMBIC_NEXT, DJANGO_LIVE, DJANGO_NEXT, Stack

OFFLINE = """\
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL
);

-- Running upgrade  -> 1a5e

CREATE TABLE accounts (name VARCHAR(9) DEFAULT 'a;b', PRIMARY KEY (id));

INSERT INTO alembic_version (version_num) VALUES ('1a5e');

-- Running upgrade 1a5e -> 27c0

ALTER TABLE accounts DROP COLUMN fax;

UPDATE alembic_version SET version_num='27c0' WHERE alembic_version.version_num = '1a5e';

-- Running upgrade 27c0, b1 -> 0b91

"""

SQLMIGRATE = """\
-- Running accounts.0002_fax
--
-- Remove field fax from Account
--
ALTER TABLE `accounts` DROP COLUMN `fax`;
-- Running accounts.0003_fill
--
-- Raw Python operation
--
-- THIS OPERATION CANNOT BE WRITTEN AS SQL
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            OFFLINE,
            {
                "1a5e": [(Operation.CREATE_TABLE, EffectKind.TABLE_CREATED)],
                "27c0": [(Operation.ALTER_TABLE, EffectKind.COLUMN_DROPPED)],
                "0b91": [],
            },
        ),
        (
            SQLMIGRATE,
            {
                "accounts.0002_fax": [(Operation.ALTER_TABLE, EffectKind.COLUMN_DROPPED)],
                "accounts.0003_fill": [(Operation.OTHER, EffectKind.UNKNOWN)],
            },
        ),
        ("nothing\n-- Running\n", {}),
        ("-- Running a\nUPDATE t SET x = 'open", {"a": [(Operation.OTHER, EffectKind.UNKNOWN)]}),
    ],
)
def test_each_statement_belongs_to_its_migration(
    text: str, expected: Mapping[str, list[tuple[Operation, EffectKind]]]
) -> None:
    found = {name: statements_of(sql) for name, sql in sql_of(text).items()}
    assert {name: [(one.operation, one.effects[0].kind) for one in of] for name, of in found.items()} == expected


DROPS = {
    "alembic": {
        **ALEMBIC_NEXT,
        "migrations/versions/9f00_drop_name.py": (
            '"""drop name"""\nfrom alembic import op\nrevision, down_revision = "9f00", "0b91"\n'
            'def upgrade():\n    op.drop_column("accounts", "name")\n'
        ),
    },
    "django": {
        "accounts/migrations/0002_remove_account_name.py": (
            "from django.db import migrations\nclass Migration(migrations.Migration):\n"
            '    dependencies = [("accounts", "0001_initial")]\n'
            '    operations = [migrations.RemoveField("Account", "name")]\n'
        )
    },
    "reads": {
        "migrations/versions/9f00_reads.py": (
            '"""reads"""\nfrom alembic import op\nrevision, down_revision = "9f00", "1a5e"\n'
            'def upgrade():\n    op.get_bind().exec_driver_sql("SELECT 1").scalar()\n'
        )
    },
}


@dataclass(frozen=True)
class HostsAlone:
    """Looks at targets that can read nothing but hosts."""

    connections: Connections

    def look(self, target: Target) -> Any:
        return HostLook(self.connections)


async def previewed(
    app: Stack,
    host: DemoHost,
    database: DemoDatabase,
    recipe: str,
    names: tuple[str, ...],
    way: RunKind = RunKind.DEPLOY,
) -> list[tuple[str, dict[str, str]]]:
    await git(app.path, "fetch", "--quiet")
    password = Secret(database.password)
    made = Database("web1", database.host, database.port, database.name, database.user, password, ScratchBeside())
    loaded = load_recipe(recipe, Path())
    policy = replace(TARGET.policy, rehearsal=RehearsalMode.TRUSTED)
    target = replace(TARGET, path=str(app.path), vars=loaded.check_vars({})[0], database=made, policy=policy)
    sha = await git(app.path, "rev-parse", "origin/main" if way is RunKind.DEPLOY else "HEAD")
    # a rollback shows what undoing does by the code that is live, whatever it goes back to
    live, asked = (HEAD, sha) if way is RunKind.DEPLOY else (sha, HEAD)
    inputs = StepInputs("R-7K3F9Q", way, live, asked, (), names, takes_down=False, backup=None)
    step = next(step for step in recipe_steps(loaded, target, inputs)[0] if isinstance(step.act, Preview))
    async with Connections({"web1": host_of(host)}) as connections:
        performer = PreviewPerformer(HostsAlone(connections), Connector(Tunnels(connections).open))
        outcome = await performer.perform(Job("R-7K3F9Q", 1, step, "web1", 1, target), KeptOutput())
    assert isinstance(outcome, Done), outcome
    return [(finding.kind, facts_of(finding)) for finding in findings_of(outcome.facts)]


@pytest.mark.parametrize(
    ("recipe", "live", "following", "migrate", "names"),
    [
        (
            "alembic",
            ALEMBIC_LIVE,
            "alembic",
            ("-m", "alembic", "upgrade", "heads"),
            ("27c0 add token_id", "0b91 index token_id", "9f00 drop name"),
        ),
        ("django", DJANGO_LIVE, "django", ("manage.py", "migrate"), ("accounts.0002_remove_account_name",)),
    ],
)
async def test_what_drops_data_is_found_without_running_anything(
    tmp_path: Path,
    ssh_host: DemoHost,
    database: DemoDatabase,
    mariadb: DatabaseServer,
    recipe: str,
    live: Mapping[str, str],
    following: str,
    migrate: tuple[str, ...],
    names: tuple[str, ...],
) -> None:
    app = await Stack.create(tmp_path, database, live)
    await app.tool(*migrate)
    await app.commit("next", DROPS[following])
    findings = await previewed(app, ssh_host, database, recipe, names)
    migrations = [facts for kind, facts in findings if kind == "migration"]
    assert [facts["name"] for facts in migrations] == list(names)
    assert (migrations[-1]["risk"], migrations[-1]["what"]) == ("destructive", "accounts.name")
    assert {facts["risk"] for facts in migrations[:-1]} <= {"safe"}
    assert [facts["effect"] for kind, facts in findings if kind == "old_code"] == ["column_dropped"]
    assert "name" in await mariadb.columns(database.name, "accounts")
    rows = await mariadb.query("SHOW DATABASES LIKE %s", f"{database.name}%")
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("recipe", "live", "following", "migrate", "names", "what"),
    [
        (
            "alembic",
            ALEMBIC_LIVE,
            ALEMBIC_NEXT,
            ("-m", "alembic", "upgrade", "heads"),
            ("0b91 index token_id", "27c0 add token_id"),
            "accounts.token_id",
        ),
        (
            "django",
            DJANGO_LIVE,
            DJANGO_NEXT,
            ("manage.py", "migrate"),
            ("accounts.0003_fill", "accounts.0002_account_token_id"),
            "accounts.token_id",
        ),
    ],
)
async def test_what_undoing_drops_is_found_without_running_anything(
    tmp_path: Path,
    ssh_host: DemoHost,
    database: DemoDatabase,
    mariadb: DatabaseServer,
    recipe: str,
    live: Mapping[str, str],
    following: Mapping[str, str],
    migrate: tuple[str, ...],
    names: tuple[str, ...],
    what: str,
) -> None:
    app = await Stack.create(tmp_path, database, live)
    await app.commit("next", following)
    await git(app.path, "pull", "--quiet")
    await app.tool(*migrate)
    findings = await previewed(app, ssh_host, database, recipe, names, RunKind.ROLLBACK)
    migrations = [facts for kind, facts in findings if kind == "migration"]
    assert [facts["name"] for facts in migrations] == list(names)
    assert (migrations[-1]["risk"], migrations[-1]["what"]) == ("destructive", what)
    assert "token_id" in await mariadb.columns(database.name, "accounts")


async def test_a_migration_that_reads_the_database_has_no_sql_and_the_finding_says_so(
    tmp_path: Path, ssh_host: DemoHost, database: DemoDatabase
) -> None:
    app = await Stack.create(tmp_path, database, ALEMBIC_LIVE)
    await app.tool("-m", "alembic", "upgrade", "heads")
    await app.commit("next", DROPS["reads"])
    findings = await previewed(app, ssh_host, database, "alembic", ("9f00 reads",))
    [rehearsal] = [facts for kind, facts in findings if kind == "rehearsal"]
    assert (rehearsal["outcome"], rehearsal["why"]) == ("not_possible", "recipe")
    assert "AttributeError" in rehearsal["detail"]
    [migration] = [facts for kind, facts in findings if kind == "migration"]
    assert (migration["risk"], migration["reason"], migration["preview"]) == ("unknown", "not_previewed", "no")
