"""Reading a target: its hosts over SSH, its database over SQL, its backups, and the bot's own record of past runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.databases.backups.catalog import BackupCatalog
from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.writes_since import WritesSinceReader
from bot.databases.server.facts import DatabaseLook
from bot.domain.backups.backup import BackupList
from bot.domain.backups.leftovers import Leftover
from bot.domain.backups.retention import future_dated
from bot.domain.backups.writes_since import TableWrites
from bot.domain.runs.run import Run
from bot.domain.secret_references import reveal_secrets
from bot.domain.secrets import Secret
from bot.domain.targets.forge import ForgeAnswer
from bot.domain.targets.host_identity import HostIdentity
from bot.domain.targets.look import AppliedMigration, DatabaseFacts, HostFacts, HostQuestion, Look, Release, RowCount
from bot.domain.targets.order import Verification
from bot.domain.targets.privileges import MissingPrivilege
from bot.domain.targets.table_names import TableNames
from bot.domain.targets.target import Target
from bot.engine.queries.migration_report import SEARCHED_RUNS, referred_backups
from bot.engine.queries.releases import releases_of
from bot.engine.queries.verifications import verifications_of
from bot.forge.reader import ForgeReader
from bot.hosts.look import HostLook
from bot.store.reader import RunReader


@dataclass(frozen=True)
class LiveTargetReader:
    """Gives a look at any configured target (`bot.engine.ports.TargetReader`).

    Args:
        hosts: reads hosts.
        databases: reads databases.
        backups: reads the manifests of backups.
        leftovers: reads the databases that restores left beside the live one.
        writes: reads what was written since a backup.
        runs: the stored runs.
        variables: the secrets that stored plans refer to, by name.
        forge: reads checks of commits.
    """

    hosts: HostLook
    databases: DatabaseLook
    backups: BackupCatalog
    leftovers: LeftoverReader
    writes: WritesSinceReader
    runs: RunReader
    variables: Mapping[str, Secret]
    forge: ForgeReader

    def look(self, target: Target) -> Look:
        """Give a look at a target."""
        return TargetLook(self, target)

    def prepare(self, target: Target) -> None:
        """Open a shell on each host with a connection, and a session with the database, in the background."""
        for host in target.hosts:
            self.hosts.prepare(host)
        self.databases.prepare(target)


@dataclass(frozen=True)
class TargetLook:
    """A look at one target (`bot.domain.targets.look.Look`).

    Args:
        reader: what it reads with.
        target: which one.
    """

    reader: LiveTargetReader
    target: Target

    async def backups(self) -> BackupList:
        """Read the manifests of the target's backups."""
        backup_list = await self.reader.backups.backup_list(self.target)
        now = datetime.now(UTC)
        return replace(
            backup_list,
            referred=referred_backups(await self._latest_runs(), now),
            future_dated=frozenset(backup.backup for backup in future_dated(backup_list.backups, now)),
        )

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        """Read one host."""
        return await self.reader.hosts.host(name, question)

    async def identity(self, name: str) -> HostIdentity:
        """Read which host it is that answers, and its `.env`'s checksum."""
        return await self.reader.hosts.identity(name, self.target.path)

    async def database(self, table: str | None) -> DatabaseFacts:
        """Read the target's database."""
        return await self.reader.databases.database(self.target, table)

    async def applied(self, table: str) -> tuple[AppliedMigration, ...]:
        """Read which migrations were applied."""
        return await self.reader.databases.applied(self.target, table)

    async def missing_privileges(self) -> tuple[MissingPrivilege, ...]:
        """Read which privileges the target's account lacks."""
        return await self.reader.databases.missing_privileges(self.target)

    async def leftovers(self) -> tuple[Leftover, ...]:
        """Read what restores left beside the target's database."""
        return await self.reader.leftovers.read(self.target)

    async def writes_since(self, backup: str) -> tuple[TableWrites, ...]:
        """Read what was written to the live database since a backup."""
        return await self.reader.writes.since(self.target, await self.reader.backups.manifest(self.target, backup))

    async def rows(self, table: str, column: str | None) -> int:
        """Count the rows of a table, or those of them that have a value in a column."""
        return await self.reader.databases.rows(self.target, table, column)

    async def held(self, table: str, column: str) -> RowCount | None:
        """Count the rows of a table and those with a value in a column."""
        return await self.reader.databases.held(self.target, table, column)

    async def tables(self) -> TableNames:
        """Read the names of the tables and views of the target's database."""
        return await self.reader.databases.tables(self.target)

    async def schema(self) -> frozenset[str]:
        """Read the columns and indexes of the target's database."""
        return await self.reader.databases.schema(self.target)

    async def releases(self) -> tuple[Release, ...]:
        """Read the target's releases from past runs, newest first."""
        return releases_of(await self._latest_runs())

    async def verifications(self) -> tuple[Verification, ...]:
        """Read which commits were verified in the environment before, newest first."""
        if self.target.after is None:
            return ()
        app, before = self.target.name.app, self.target.after.environment
        return verifications_of(await self.reader.runs.of_target(app, before, SEARCHED_RUNS), datetime.now(UTC))

    async def commit_checks(self, sha: str) -> ForgeAnswer:
        """Read what the required checks say about a commit."""
        if self.target.repository is None or not self.target.checks:
            return ()
        return await self.reader.forge.checks(self.target.repository, sha, self.target.checks)

    async def past_runs(self) -> tuple[Run, ...]:
        """Read the latest runs on the target, newest first."""
        return await self._latest_runs()

    async def past(self, run: str) -> Run | None:
        """Read a past run on this target; None where there is none with this ID."""
        past_run = await self.reader.runs.get(run)
        if past_run is None or past_run.request.target != self.target.name:
            return None
        return replace(past_run, plan=reveal_secrets(past_run.plan, self.reader.variables))

    async def _latest_runs(self) -> tuple[Run, ...]:
        return await self.reader.runs.of_target(self.target.name.app, self.target.name.environment, SEARCHED_RUNS)
