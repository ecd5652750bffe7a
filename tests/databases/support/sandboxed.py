"""Applications on a real host whose migrations run in a sandbox, and what that finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bot.databases.migrations.rehearsal_data import BackupDataSource
from bot.databases.migrations.sandboxed.rehearsal import SandboxRehearsalPerformer
from bot.databases.server.connector import Connector
from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.domain.runs.findings import Finding
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.runs.plan_json import findings_of
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Job, Outcome
from bot.hosts.connections import Connections
from bot.hosts.tunnels import Tunnels
from bot.recipes.load import load_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.step_acts import sandbox_rehearsal
from bot.recipes.step_inputs import StepInputs, template_values
from tests.databases.support.local import KeptOutput
from tests.databases.support.rehearsals import Stage

T = TypeVar("T")


class SandboxStage(Stage):
    """As `Stage`, in a sandbox."""

    def __init__(self, app: Application, connections: Connections) -> None:
        super().__init__(app, connections)
        databases = Connector(Tunnels(connections).open)
        self.sandboxed = SandboxRehearsalPerformer(
            self.backups.runner, connections, databases, BackupDataSource(self.backups)
        )
        self.output = KeptOutput()
        self.changes: dict[str, object] = {}

    @property
    def target(self) -> Target:
        """Where the application runs."""
        plain = super().target
        assert plain.database is not None
        return replace(plain, database=replace(plain.database, **self.changes))  # type: ignore[arg-type]

    async def in_sandbox(self, run: str = "R-AAAAA1", *, ref: str = "main") -> Outcome:
        """Rehearse what origin has and the host has not."""
        return await self.sandboxed.perform(await self.sandbox_job(run, ref=ref), self.output)

    async def sandbox_job(self, run: str = "R-AAAAA1", *, ref: str = "main") -> Job:
        """The step that rehearses what origin has and the host has not."""
        await git(self.app.path, "fetch", "--quiet", "origin")
        sha, head = (await git(self.app.path, "rev-parse", f"origin/{ref}")).strip(), await self.app.head()
        added = await git(self.app.path, "diff", "--name-only", head, sha, "--", "database/migrations")
        names = tuple(sorted(Path(file).stem for file in added.split()))
        inputs = StepInputs(run, RunKind.DEPLOY, head, sha, (), names, takes_down=False, backup=None)
        return self._job(run, inputs)

    async def undo_in_sandbox(self, count: int, run: str = "R-AAAAA1") -> Outcome:
        """Rehearse undoing the latest migrations."""
        files = await git(self.app.path, "ls-files", "--", "database/migrations")
        names = tuple(Path(file).stem for file in sorted(files.split(), reverse=True)[:count])
        head = await self.app.head()
        inputs = StepInputs(run, RunKind.ROLLBACK, head, "0" * 40, (), names, takes_down=False, backup=None)
        return await self.sandboxed.perform(self._job(run, inputs), self.output)

    def _job(self, run: str, inputs: StepInputs) -> Job:
        target = self.target
        act = sandbox_rehearsal(load_recipe("laravel", Path()), inputs, template_values(target, inputs))
        step = Step("rehearse", "Rehearse", Phase.PREPARE, ("web1",), Risk.READS, 600, act)
        return Job(run, 1, step, "web1", 1, target)


def those(outcome: Outcome, kind: type[T]) -> list[T]:
    """What a rehearsal found of a class."""
    assert isinstance(outcome, Done), outcome
    return [found for found in findings_of(outcome.facts) if isinstance(found, kind)]


def all_of(outcome: Outcome) -> tuple[Finding, ...]:
    """All that a rehearsal found."""
    assert isinstance(outcome, Done), outcome
    return findings_of(outcome.facts)
