"""Which performer performs each act."""

from __future__ import annotations

from collections.abc import Mapping

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.dump import DumpPerformer
from bot.databases.backups.dump_context import dump_context_reader
from bot.databases.backups.leftovers import DropCopyPerformer, DropOldPerformer, LeftoverReader
from bot.databases.backups.prune import PrunePerformer
from bot.databases.backups.restore import LoadPerformer, SwapPerformer
from bot.databases.backups.verify import ProvePerformer
from bot.databases.backups.writes_since import WritesSinceReader
from bot.databases.migrations.applied import AppliedPerformer
from bot.databases.migrations.lock_watchdog import WatchedPerformer, WatchedStretchPerformer
from bot.databases.migrations.migrate import MigratePerformer
from bot.databases.migrations.preview import PreviewPerformer
from bot.databases.migrations.rehearsal import AsRehearsedPerformer, RehearsePerformer
from bot.databases.migrations.rehearsal_data import BackupDataSource
from bot.databases.migrations.sandboxed.download import DownloadPerformer
from bot.databases.migrations.sandboxed.rehearsal import SandboxRehearsalPerformer
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.databases.server.idle_sessions import IdleSessions
from bot.domain.names import TargetName
from bot.domain.runs.acts import (
    Act,
    AsRehearsed,
    Discard,
    Download,
    DropCopy,
    DropOld,
    Dump,
    Health,
    HostHealth,
    Load,
    Migrate,
    NothingPending,
    Preflight,
    Preview,
    Prove,
    Rehearse,
    SandboxRehearsal,
    Shell,
    Swap,
    Undone,
)
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.secrets import Secret
from bot.domain.targets.look import AppliedMigration
from bot.domain.targets.target import Target
from bot.engine.phases.preflight import PreflightPerformer
from bot.engine.ports import Performer
from bot.forge.reader import ForgeReader
from bot.hosts.connections import Connections
from bot.hosts.health import HealthPerformer
from bot.hosts.host_health import HostHealthPerformer
from bot.hosts.look import HostLook
from bot.hosts.pipes import Pipes
from bot.hosts.runner import Runner, ShellPerformer
from bot.hosts.tunnels import Tunnels
from bot.recipes.recipe import MigrationTable, Recipe
from bot.store.reader import RunReader
from bot.target_reader import LiveTargetReader
from commands.common import pending_now, ran_now


def build_performers(
    connections: Connections,
    idle: IdleSessions,
    recipes: Mapping[TargetName, Recipe],
    runs: RunReader,
    variables: Mapping[str, Secret],
    forge: ForgeReader,
) -> tuple[LiveTargetReader, Mapping[type[Act], Performer]]:
    """Build the reader of targets and the performers, over shared connections.

    Args:
        connections: to the hosts.
        idle: keeps sessions with databases.
        recipes: the recipe of each target.
        runs: the stored runs.
        variables: the secrets that stored plans refer to, by name.
        forge: reads checks of commits.
    """
    runner = Runner(connections)
    databases = Connector(Tunnels(connections).open, idle=idle)
    database_look = DatabaseLook(databases)
    beside = LeftoverReader(databases)
    written = WritesSinceReader(databases)
    backups = BackupAccess(runner, connections, Pipes(connections))
    looks = LiveTargetReader(
        HostLook(connections), database_look, backups.catalog, beside, written, runs, variables, forge
    )

    async def ran_at(target: Target) -> tuple[AppliedMigration, ...] | None:
        return await ran_now(recipes[target.name], target, looks.look(target))

    def table_of(target: Target) -> str:
        migrations = recipes[target.name].migrations
        return migrations.table if isinstance(migrations, MigrationTable) else "migrations"

    async def pending_of(target: Target) -> tuple[MigrationSource, ...] | None:
        return await pending_now(recipes[target.name], target, looks.look(target))

    applied = AppliedPerformer(database_look, table_of, pending_of)
    performers: dict[type[Act], Performer] = {
        Shell: WatchedStretchPerformer(ShellPerformer(runner), databases),
        Migrate: WatchedPerformer(MigratePerformer(runner, connections), databases),
        Dump: DumpPerformer(backups, dump_context_reader(backups.catalog, ran_at, written.counters)),
        Prove: ProvePerformer(backups, databases),
        Load: LoadPerformer(backups),
        Swap: SwapPerformer(backups, beside),
        Discard: PrunePerformer(backups, looks),
        DropOld: DropOldPerformer(runner, beside),
        DropCopy: DropCopyPerformer(runner, beside),
        Preflight: PreflightPerformer(looks),
        Health: HealthPerformer(),
        HostHealth: HostHealthPerformer(Tunnels(connections).open),
        NothingPending: applied,
        Undone: applied,
        Preview: PreviewPerformer(looks, databases),
        Rehearse: RehearsePerformer(runner, connections, databases, BackupDataSource(backups)),
        SandboxRehearsal: SandboxRehearsalPerformer(runner, connections, databases, BackupDataSource(backups)),
        Download: DownloadPerformer(runner, connections),
        AsRehearsed: AsRehearsedPerformer(databases),
    }
    return looks, performers
