"""Plain example values for tests of pure rules: a target, what a host and a database answer, a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.backups.backup import BackupList
from bot.domain.backups.leftovers import Leftover
from bot.domain.backups.writes_since import TableWrites
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.policies.people import ANYONE, People
from bot.domain.policies.policy import BackupBefore, Policy, Requirement
from bot.domain.runs.plan import Commit
from bot.domain.runs.request import (
    Action,
    BackupOptions,
    DeployOptions,
    MigrateStatusOptions,
    Origin,
    Request,
    RequestOptions,
    RestoreBackup,
    RollbackOptions,
)
from bot.domain.runs.run import Run, RunState
from bot.domain.secrets import Secret
from bot.domain.targets.forge import ForgeAnswer
from bot.domain.targets.host_identity import HostIdentity
from bot.domain.targets.look import AppliedMigration, DatabaseFacts, HostFacts, HostQuestion, Release, RowCount
from bot.domain.targets.order import Verification
from bot.domain.targets.privileges import MissingPrivilege
from bot.domain.targets.table_names import TableNames
from bot.domain.targets.target import Backups, Database, EmojiNames, Host, Operations, Target, VarValue

HEAD = "1" * 40
NEXT = "2" * 40
NOON = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
NAME = TargetName("compte", "production")

RELEASERS = People(("releasers",), frozenset({"U0BOB"}), frozenset({"S0RELEASE"}))
GATE = Requirement(1, RELEASERS, timedelta(minutes=30), allow_requester=False)

POLICY = Policy(
    "production",
    run={Action.DEPLOY: ANYONE},
    approve={"deploy": GATE},
    backup_before={Action.DEPLOY: BackupBefore.IF_MIGRATIONS},
)

VARS: Mapping[str, VarValue] = {
    "php": "php",
    "services": ("php8.2-fpm",),
    "health_url": "https://compte.example.com/login",
    "maintenance": "if-migrations",
    "retry": 60,
    "render": "",
}

TARGET = Target(
    name=NAME,
    recipe="laravel",
    channels=("C0OPS",),
    policy=POLICY,
    hosts=("web1",),
    path="/var/www/compte.example.com",
    branch="main",
    database=Database("web1", "127.0.0.1", 3306, "compte", "compte", Secret("correct horse")),
    backups=Backups("/var/backups/compte"),
    vars=VARS,
)

OPERATIONS = Operations(
    EmojiNames(), {"releasers": RELEASERS}, {"web1": Host("web1", "compte.example.com", 22, "deploy")}, {NAME: TARGET}
)

ORIGIN = Origin("U0AMELIE", "C0OPS", "Ev1")
REQUEST = Request(DeployOptions("main"), NAME, ORIGIN, "/deploy compte production")
PLAIN: dict[Action, RequestOptions] = {
    Action.DEPLOY: DeployOptions("main"),
    Action.ROLLBACK: RollbackOptions(),
    Action.BACKUP: BackupOptions(),
    Action.RESTORE: RestoreBackup("B-20261116-7K3F9Q"),
    Action.MIGRATE_STATUS: MigrateStatusOptions(),
}
"""The options of a minimal request, by action."""
RUN = Run("R-7K3F9Q", 1, REQUEST, RunState.PLANNING, 1, NOON)

HOST = HostFacts(
    host="web1",
    is_checkout=True,
    head=HEAD,
    branch="main",
    dirty=(),
    sha=NEXT,
    fast_forward=True,
    commits=(Commit(NEXT, "Amélie", "feat(sessions): revoke the token"),),
    commit_count=1,
    changed=("database/migrations/2025_11_16_074003_add_token_id.php", "app/Models/UserSession.php"),
    migrations=("2025_01_01_000000_create_users.php", "2025_11_16_074003_add_token_id.php"),
    on_branch=True,
    existing=frozenset({"vendor", "resources/views", "package.json", "package-lock.json"}),
    maintenance=False,
    missing_tools=(),
    free_kib=10_000_000,
    free_inodes=1_000_000,
)

DATABASE = DatabaseFacts(
    "10.11.19-MariaDB", True, (AppliedMigration("2025_01_01_000000_create_users", 1),), (), 1_000_000
)


def sha256(text: str) -> str:
    """Give the SHA-256 of a text, such as of the path of a file that stands for its contents."""
    return hashlib.sha256(text.encode()).hexdigest()


class Sight:
    """A `Look` that gives what it was given, and records what it was asked.

    Args:
        hosts: by name.
        database: what the database answers.
    """

    def __init__(self, *hosts: HostFacts, database: DatabaseFacts = DATABASE) -> None:
        self.hosts = {facts.host: facts for facts in hosts or (HOST,)}
        self.facts = database
        self.runs: dict[str, Run] = {}
        self.counts: dict[tuple[str, str | None], int] = {}
        self.known: tuple[Release, ...] = ()
        self.verified: tuple[Verification, ...] = ()
        self.checks: ForgeAnswer = ()
        self.lines: frozenset[str] = frozenset()
        self.asked: list[HostQuestion] = []
        self.identities: dict[str, HostIdentity] = {}
        self.backup_list = BackupList(NAME.app, NAME.environment, ())
        self.left: tuple[Leftover, ...] = ()
        self.missing: tuple[MissingPrivilege, ...] = ()
        self.held_rows: dict[tuple[str, str], RowCount | Reason] = {}
        self.tables_there: TableNames | None = TableNames(frozenset())
        self.since: tuple[TableWrites, ...] | None = ()
        self.silent: dict[str, RefusedError] = {}

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        self.asked.append(question)
        if name in self.silent:
            raise self.silent[name]
        facts = self.hosts[name]
        if not question.hashed:
            return facts
        return replace(facts, hashes={path: sha256(path) for path in question.hashed if not path.endswith("/")})

    async def identity(self, name: str) -> HostIdentity:
        if name in self.silent:
            raise self.silent[name]
        return self.identities.get(
            name, HostIdentity(name, f"{name}.example.com", 22, "deploy", "SHA256:key", "e" * 64)
        )

    async def database(self, table: str | None) -> DatabaseFacts:
        return self.facts

    async def applied(self, table: str) -> tuple[AppliedMigration, ...]:
        return (await self.database(table)).ran

    async def past(self, run: str) -> Run | None:
        return self.runs.get(run)

    async def past_runs(self) -> tuple[Run, ...]:
        return tuple(self.runs.values())

    async def backups(self) -> BackupList:
        return self.backup_list

    async def missing_privileges(self) -> tuple[MissingPrivilege, ...]:
        return self.missing

    async def leftovers(self) -> tuple[Leftover, ...]:
        return self.left

    async def writes_since(self, backup: str) -> tuple[TableWrites, ...]:
        if self.since is None:
            raise RefusedError(problem(Reason.DATABASE_UNREACHABLE, database="compte"))
        return self.since

    async def rows(self, table: str, column: str | None) -> int:
        return self.counts.get((table, column), 0)

    async def held(self, table: str, column: str) -> RowCount | None:
        found = self.held_rows.get((table, column))
        if isinstance(found, Reason):
            raise RefusedError(problem(found))
        return found

    async def tables(self) -> TableNames:
        if self.tables_there is None:
            raise RefusedError(problem(Reason.DATABASE_UNREACHABLE, database="compte"))
        return self.tables_there

    async def schema(self) -> frozenset[str]:
        return self.lines

    async def releases(self) -> tuple[Release, ...]:
        return self.known

    async def verifications(self) -> tuple[Verification, ...]:
        return self.verified

    async def commit_checks(self, sha: str) -> ForgeAnswer:
        return self.checks

    def remember(self, *runs: Run) -> None:
        """Set the past runs, newest first."""
        self.runs = {run.id: run for run in runs}

    def moves(self, name: str, **changes: object) -> None:
        """Change what a host answers from now on."""
        self.hosts[name] = replace(self.hosts[name], **changes)  # type: ignore[arg-type]  # test data by field name
