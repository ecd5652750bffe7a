"""Applications on a real host whose migrations are rehearsed, and what rehearsals find and leave."""

from dataclasses import replace
from pathlib import Path

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.dump import DumpPerformer
from bot.databases.migrations.rehearsal import AsRehearsedPerformer, RehearsePerformer
from bot.databases.migrations.rehearsal_data import BackupDataSource
from bot.databases.server.connector import Connector
from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from bot.domain.names import TargetName
from bot.domain.policies.policy import Policy
from bot.domain.runs.acts import Dump, Rehearse
from bot.domain.runs.findings import Finding, facts_of
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.runs.plan_json import findings_of
from bot.domain.secrets import Secret
from bot.domain.targets.scratch import ScratchBeside, ScratchNone, ScratchServer
from bot.domain.targets.target import Backups, Database, RehearseOn, Target
from bot.engine.ports import Done, Job, Outcome
from bot.hosts.connections import Connections
from bot.hosts.pipes import Pipes
from bot.hosts.runner import Runner
from bot.hosts.tunnels import Tunnels
from bot.recipes.load import load_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps
from tests.databases.support.local import KeptOutput

BACKUP = "B-20261116-AAAAAA"


class Stage:
    """An application on a host, and the performers that rehearse its next commit."""

    def __init__(self, app: Application, connections: Connections) -> None:
        databases = Connector(Tunnels(connections).open)
        self.app = app
        self.backups = BackupAccess(Runner(connections), connections, Pipes(connections))
        self.performer = RehearsePerformer(self.backups.runner, connections, databases, BackupDataSource(self.backups))
        self.comparer = AsRehearsedPerformer(databases)
        self.scratch = True
        self.server: ScratchServer | None = None

    @property
    def target(self) -> Target:
        """Where the application runs."""
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
                "web1",
                made.host,
                made.port,
                made.name,
                made.user,
                Secret(made.password),
                scratch=self.server or (ScratchBeside() if self.scratch else ScratchNone()),
            ),
            vars={"php": "php", "retry": 60, "render": "", "maintenance": "if-migrations"},
        )

    async def job(self, run: str) -> Job:
        """The step that rehearses what origin has and the host has not."""
        await git(self.app.path, "fetch", "--quiet", "origin")
        sha, head = await self.app.tip(), await self.app.head()
        added = await git(self.app.path, "diff", "--name-only", head, sha, "--", "database/migrations")
        names = tuple(sorted(Path(file).stem for file in added.split()))
        inputs = StepInputs(run, RunKind.DEPLOY, head, sha, (), names, takes_down=False, backup=None)
        steps, _ = recipe_steps(load_recipe("laravel", Path()), self.target, inputs)
        step = next(step for step in steps if isinstance(step.act, Rehearse))
        return Job(run, 1, step, "web1", 1, self.target)

    async def undo(self, count: int, run: str = "R-AAAAA1", lost: str = "") -> Outcome:
        """Rehearse undoing the latest migrations; the files of the live commit name them."""
        files = await git(self.app.path, "ls-files", "--", "database/migrations")
        names = (lost,) if lost else tuple(Path(file).stem for file in sorted(files.split(), reverse=True)[:count])
        head = await self.app.head()
        inputs = StepInputs(run, RunKind.ROLLBACK, head, "0" * 40, (), names, takes_down=False, backup=None)
        steps, _ = recipe_steps(load_recipe("laravel", Path()), self.target, inputs)
        step = next(step for step in steps if isinstance(step.act, Rehearse))
        return await self.performer.perform(Job(run, 1, step, "web1", 1, self.target), KeptOutput())

    async def rehearse(self, run: str = "R-AAAAA1") -> Outcome:
        """Rehearse what origin has and the host has not."""
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


class DataStage(Stage):
    """As `Stage`, with backups, which migrations are rehearsed on."""

    def __init__(self, app: Application, connections: Connections, folder: Path) -> None:
        super().__init__(app, connections)
        self.folder = folder
        self.dumper = DumpPerformer(self.backups)

    @property
    def target(self) -> Target:
        """Where the application runs, and keeps its backups."""
        plain = super().target
        assert plain.database is not None
        database = replace(plain.database, rehearse=RehearseOn.DATA)
        return replace(plain, database=database, backups=Backups(str(self.folder)))

    async def back_up(self) -> None:
        """Dump the application's database."""
        step = Step("backup", "Back up", Phase.PREPARE, ("web1",), Risk.READS, 600, Dump(BACKUP))
        outcome = await self.dumper.perform(Job("R-AAAAAA", 1, step, "web1", 1, self.target), KeptOutput())
        assert isinstance(outcome, Done), outcome

    async def rehearse_on(self, backup: str | None, run: str = "R-AAAAA1") -> Outcome:
        """Rehearse what origin has, on the data of a backup."""
        job = await self.job(run)
        assert isinstance(job.step.act, Rehearse)
        act = replace(job.step.act, backup=backup)
        return await self.performer.perform(replace(job, step=replace(job.step, act=act)), KeptOutput())


def found(outcome: Outcome) -> tuple[Finding, ...]:
    """What a rehearsal that succeeded found."""
    assert isinstance(outcome, Done), outcome
    return findings_of(outcome.facts)


def of(findings: tuple[Finding, ...], kind: str) -> list[dict[str, str]]:
    """Facts of the findings of one kind."""
    return [facts_of(finding) for finding in findings if finding.kind == kind]


async def nothing_left(app: Application, mariadb: DatabaseServer) -> None:
    """Fail where a rehearsal left a database, a worktree or a changed file."""
    rows = await mariadb.query("SELECT schema_name AS name FROM information_schema.schemata")
    assert [row["name"] for row in rows if row["name"].startswith(f"{app.database.name}_countersign_")] == []
    assert sorted(app.path.glob(".git/countersign-*")) == []
    assert len((await git(app.path, "worktree", "list", "--porcelain")).split("\n\n")) == 1
    assert await git(app.path, "status", "--porcelain") == ""
