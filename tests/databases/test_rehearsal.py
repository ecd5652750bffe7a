"""The rehearsal on real parts: MariaDB, artisan and git over a real sshd."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.databases.connect import Connections as DatabaseConnections
from bot.databases.rehearsing import AsRehearsedPerformer, RehearsePerformer
from bot.demo.application import Application
from bot.demo.database import DatabaseServer
from bot.demo.git import git
from bot.demo.host import Host as DemoHost
from bot.domain.errors import Reason
from bot.domain.names import TargetName
from bot.domain.plan import AsRehearsed, Finding, Phase, Rehearse, Risk, Step
from bot.domain.plan_json import findings_of
from bot.domain.policy import Policy
from bot.domain.secrets import Secret
from bot.domain.target import Database, Host, Target
from bot.engine.ports import Done, Ending, Failed, Job, Outcome
from bot.hosts.connections import Connections
from bot.hosts.runner import Runner
from bot.hosts.tunnels import Tunnels
from bot.recipes.load import load_recipe
from bot.recipes.recipe import Way
from bot.recipes.steps import Situation, planned
from tests.databases.local import KeptOutput
from tests.support import Kind, eventually

TOKEN_ID = "2025_11_16_074003_add_token_id_to_user_sessions_table"


class Stage:
    """An application on a host, and the performers that rehearse its next commit."""

    def __init__(self, app: Application, connections: Connections) -> None:
        databases = DatabaseConnections(Tunnels(connections))
        self.app = app
        self.performer = RehearsePerformer(Runner(connections), connections, databases)
        self.comparer = AsRehearsedPerformer(databases)
        self.scratch = True

    @property
    def target(self) -> Target:
        made = self.app.database
        return Target(
            name=TargetName("compte", "production"),
            recipe="laravel",
            channels=("C0OPS",),
            policy=Policy("production", {}, {}),
            hosts=("web1",),
            path=str(self.app.path),
            branch="main",
            database=Database(
                "web1", made.host, made.port, made.name, made.user, Secret(made.password), scratch=self.scratch
            ),
            vars={"php": "php", "retry": 60},
        )

    async def job(self, run: str) -> Job:
        await git(self.app.path, "fetch", "--quiet", "origin")
        sha, head = await self.app.tip(), await self.app.head()
        added = await git(self.app.path, "diff", "--name-only", head, sha, "--", "database/migrations")
        names = tuple(sorted(Path(file).stem for file in added.split()))
        situation = Situation(run, Way.DEPLOY, head, sha, (), names, takes_down=False, backup=None)
        steps, _ = planned(load_recipe("laravel", Path()), self.target, situation)
        step = next(step for step in steps if isinstance(step.act, Rehearse))
        return Job(run, 1, step, "web1", 1, self.target)

    async def rehearse(self, run: str = "R-AAAAA1") -> Outcome:
        return await self.performer.perform(await self.job(run), KeptOutput())

    async def push(self, name: str, up: str, down: str = "throw new Exception('no way back');") -> None:
        """Push a migration of the test's own."""
        title = "".join(word.capitalize() for word in name.split("_"))
        text = (
            "<?php\nuse Illuminate\\Database\\Migrations\\Migration;\nuse Illuminate\\Database\\Schema\\Blueprint;\n"
            "use Illuminate\\Support\\Facades\\DB;\nuse Illuminate\\Support\\Facades\\Schema;\n"
            f"class {title} extends Migration {{\n  public function up() {{ {up} }}\n"
            f"  public function down() {{ {down} }}\n}}\n"
        )
        file = self.app.author / "database" / "migrations" / f"2026_01_01_000000_{name}.php"
        file.write_text(text)
        await git(self.app.author, "add", "--all")
        await git(self.app.author, "commit", "--quiet", "-m", name)
        await git(self.app.author, "push", "--quiet", str(self.app.origin), "HEAD:main")


@pytest.fixture
async def hosts(ssh_host: DemoHost) -> AsyncIterator[Connections]:
    web1 = Host(
        "web1",
        ssh_host.address,
        ssh_host.port,
        ssh_host.user,
        key=str(ssh_host.key),
        known_hosts=str(ssh_host.known_hosts),
    )
    async with Connections({"web1": web1}) as connections:
        yield connections


@pytest.fixture
def stage(laravel_at_first: Application, hosts: Connections) -> Stage:
    return Stage(laravel_at_first, hosts)


def found(outcome: Outcome) -> tuple[Finding, ...]:
    assert isinstance(outcome, Done), outcome
    return findings_of(outcome.facts)


def of(findings: tuple[Finding, ...], kind: str) -> list[dict[str, str]]:
    return [dict(finding.facts) for finding in findings if finding.kind == kind]


async def nothing_left(app: Application, mariadb: DatabaseServer) -> None:
    rows = await mariadb.query("SELECT schema_name AS name FROM information_schema.schemata")
    assert [row["name"] for row in rows if row["name"].startswith(f"{app.database.name}_countersign_")] == []
    assert sorted(app.path.glob(".git/countersign-*")) == []
    assert len((await git(app.path, "worktree", "list", "--porcelain")).split("\n\n")) == 1
    assert await git(app.path, "status", "--porcelain") == ""


async def test_the_usual_migration(stage: Stage, mariadb: DatabaseServer) -> None:
    await stage.app.next_commit(Kind.TOKEN_ID)
    before = mariadb.log_position()
    findings = found(await stage.rehearse())
    (rehearsal,) = of(findings, "rehearsal")
    assert (rehearsal["outcome"], rehearsal["migrations"], rehearsal["rows"]) == ("ok", "1", "copied")
    (migration,) = of(findings, "migration")
    assert (migration["name"], migration["risk"], migration["down"]) == (TOKEN_ID, "safe", "yes")
    assert float(migration["seconds"]) > 0
    column, index = of(findings, "statement")
    assert column["sql"].startswith("alter table `user_sessions` add `token_id` varchar(100)")
    assert (column["online"], index["online"]) == ("INSTANT", "NOCOPY")
    assert 0 < int(column["rows"]) < 5000
    (schema,) = of(findings, "schema")
    assert schema["lines"] == "+ user_sessions.token_id varchar(100) NULL, index"
    assert of(findings, "old_code") == []
    assert "token_id" not in await mariadb.columns(stage.app.database.name, "user_sessions")
    await nothing_left(stage.app, mariadb)
    passwords = [s for s in mariadb.statements(before) if stage.app.database.password in s.text]
    assert passwords == []
