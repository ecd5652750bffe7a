"""Which performer performs each act."""

from __future__ import annotations

from collections.abc import Mapping

from bot.databases.backups.catalog import BackupCatalog
from bot.databases.backups.dump import DumpPerformer, NothingPendingPerformer, UndonePerformer
from bot.databases.backups.dump_context import known_before
from bot.databases.backups.dump_remote import StreamedDumpPerformer
from bot.databases.backups.leftovers import DropCopyPerformer, DropOldPerformer, LeftoverReader
from bot.databases.backups.mark_damaged import Condemning
from bot.databases.backups.placement import EitherWay, kept_elsewhere, unreadable_on_host
from bot.databases.backups.prune import PrunePerformer
from bot.databases.backups.prune_remote import RemotePrunePerformer
from bot.databases.backups.restore import LoadPerformer, SwapPerformer
from bot.databases.backups.restore_remote import StreamedLoadPerformer, StreamedProvePerformer
from bot.databases.backups.storage.registry import StorageRegistry
from bot.databases.backups.verify import ProvePerformer
from bot.databases.backups.writes_since import WritesSinceReader
from bot.databases.migrations.lock_watchdog import WatchedPerformer
from bot.databases.migrations.preview import PreviewPerformer
from bot.databases.migrations.rehearsal import AsRehearsedPerformer, RehearsePerformer
from bot.databases.migrations.rehearsal_data import Elsewhere, RehearsalData
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.domain.names import TargetName
from bot.domain.runs.acts import (
    Act,
    AsRehearsed,
    Discard,
    DropCopy,
    DropOld,
    Dump,
    Health,
    Load,
    NothingPending,
    Preflight,
    Preview,
    Prove,
    Rehearse,
    Shell,
    Swap,
    Undone,
)
from bot.domain.secrets import Secret
from bot.domain.targets.look import Ran
from bot.domain.targets.target import Target
from bot.engine.phases.preflight import PreflightPerformer
from bot.engine.ports import Performer
from bot.hosts.connections import Connections
from bot.hosts.health import HealthPerformer
from bot.hosts.look import HostLook
from bot.hosts.pipes import Pipes
from bot.hosts.runner import Runner, ShellPerformer
from bot.hosts.tunnels import Tunnels
from bot.recipes.recipe import MigrationTable, Recipe
from bot.store.reader import StoreReader
from bot.target_reader import LiveTargetReader
from commands.common import ran_now


def build_performers(
    connections: Connections,
    recipes: Mapping[TargetName, Recipe],
    runs: StoreReader,
    variables: Mapping[str, Secret],
) -> tuple[LiveTargetReader, Mapping[type[Act], Performer]]:
    """Build the reader of targets and the performers, over shared connections.

    Args:
        connections: to the hosts.
        recipes: the recipe of each target.
        runs: the bot's own store.
        variables: the secrets that stored plans refer to, by name.
    """
    runner = Runner(connections)
    databases = Connector(Tunnels(connections))
    database_look = DatabaseLook(databases)
    beside = LeftoverReader(databases)
    written = WritesSinceReader(databases)
    pipes = Pipes(connections)
    stores = StorageRegistry(connections, pipes)
    catalog = BackupCatalog(connections, stores)
    looks = LiveTargetReader(HostLook(connections), database_look, catalog, beside, written, runs, variables)
    through_bot = unreadable_on_host(catalog)

    async def ran_at(target: Target) -> tuple[Ran, ...] | None:
        return await ran_now(recipes[target.name], target, looks.look(target))

    known = known_before(catalog, ran_at, written.counters)

    def table_of(target: Target) -> str:
        migrations = recipes[target.name].migrations
        return migrations.table if isinstance(migrations, MigrationTable) else "migrations"

    performers: dict[type[Act], Performer] = {
        Shell: WatchedPerformer(ShellPerformer(runner), databases),
        Dump: EitherWay(
            DumpPerformer(runner, connections, known=known),
            StreamedDumpPerformer(runner, connections, pipes, stores, known),
            kept_elsewhere,
        ),
        Prove: Condemning(
            EitherWay(ProvePerformer(runner, connections), StreamedProvePerformer(runner, pipes, stores), through_bot),
            catalog,
            stores.backup_reader,
        ),
        Load: Condemning(
            EitherWay(LoadPerformer(runner, connections), StreamedLoadPerformer(runner, pipes, stores), through_bot),
            catalog,
            stores.backup_reader,
        ),
        Swap: SwapPerformer(runner, connections, beside, storages=stores),
        Discard: EitherWay(PrunePerformer(runner, looks), RemotePrunePerformer(stores, looks), kept_elsewhere),
        DropOld: DropOldPerformer(runner, beside),
        DropCopy: DropCopyPerformer(runner, beside),
        Preflight: PreflightPerformer(looks),
        Health: HealthPerformer(),
        NothingPending: NothingPendingPerformer(database_look, table_of),
        Undone: UndonePerformer(database_look, table_of),
        Preview: PreviewPerformer(looks.hosts, databases),
        Rehearse: RehearsePerformer(runner, connections, databases, RehearsalData(catalog, Elsewhere(pipes, stores))),
        AsRehearsed: AsRehearsedPerformer(databases),
    }
    return looks, performers
