"""The composition root: builds everything, owns every resource, and closes in reverse order."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from bot.audit.destinations import destination_of
from bot.audit.forwarder import Forwarder
from bot.config.load import Configuration
from bot.config.settings import AuditForward
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
from bot.databases.migrations.cleanup import ScratchCleanup
from bot.databases.migrations.lock_watchdog import WatchedPerformer
from bot.databases.migrations.preview import PreviewPerformer
from bot.databases.migrations.rehearsal import AsRehearsedPerformer, RehearsePerformer
from bot.databases.migrations.rehearsal_data import Elsewhere, RehearsalData
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.domain.backups.backup import BackupList
from bot.domain.backups.leftovers import Leftover
from bot.domain.backups.writes_since import TableWrites
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
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker
from bot.domain.targets.look import DatabaseFacts, HostFacts, HostQuestion, Look, Ran, Release
from bot.domain.targets.target import Target
from bot.engine.context import EngineContext
from bot.engine.engine import Engine
from bot.engine.jobs.backup_age import OverdueWatch
from bot.engine.jobs.lock_reminders import LockReminders
from bot.engine.jobs.schedule import NextFiring, Schedule
from bot.engine.phases.preflight import PreflightPerformer
from bot.engine.ports import Performer
from bot.engine.queries.migration_report import REMEMBERED, backups_spoken_of
from bot.engine.queries.releases import releases_of
from bot.hosts.branch_reader import BranchReader
from bot.hosts.connections import Connections
from bot.hosts.health import HealthPerformer
from bot.hosts.look import HostLook
from bot.hosts.pipes import Pipes
from bot.hosts.runner import Runner, ShellPerformer
from bot.hosts.tunnels import Tunnels
from bot.logs import announce_ready
from bot.monitoring import MeasuredPerformer, Measures, Monitoring, serve_monitoring
from bot.recipes.load import load_recipe
from bot.recipes.recipe import MigrationTable, Recipe
from bot.slack.app import SlackAccess, SlackApp
from bot.slack.ports import CommandSpec
from bot.slack.render.catalog import Catalog
from bot.store.leader_lease import LeaderLease
from bot.store.reader import StoreReader
from bot.store.store import SqlStore, SystemClock, open_store
from commands import all_commands, all_planners, ops_command, status_command
from commands.common import ran_now

_KEEP_EVENTS = timedelta(days=7)

_TICK = 15
"""Seconds between two looks at the schedules."""

_WATCH = 300
"""Seconds between two looks at the age of backups."""

_SLOW_TICK = 60
"""Seconds between two looks at what is reminded of once a day."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class TargetLook:
    """A look at one target: its hosts by SSH, its database by SQL (`bot.domain.targets.look.Look`).

    Args:
        hosts: reads hosts.
        databases: reads databases.
        shelves: reads backups.
        beside: reads what restores left.
        written: reads what was written since a backup.
        runs: the bot's own memory.
        target: which.
    """

    hosts: HostLook
    databases: DatabaseLook
    shelves: BackupCatalog
    beside: LeftoverReader
    written: WritesSinceReader
    runs: StoreReader
    target: Target

    async def backups(self) -> BackupList:
        """Read the manifests of the target's backups."""
        backup_list = await self.shelves.backup_list(self.target)
        name = self.target.name
        runs = await self.runs.of_target(name.app, name.environment, REMEMBERED)
        return replace(backup_list, referred=backups_spoken_of(runs, datetime.now(UTC)))

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        """Read one host."""
        return await self.hosts.host(name, question)

    async def database(self, table: str | None) -> DatabaseFacts:
        """Read the target's database."""
        return await self.databases.database(self.target, table)

    async def leftovers(self) -> tuple[Leftover, ...]:
        """Read what restores left beside the target's database."""
        return await self.beside.beside(self.target)

    async def written_since(self, backup: str) -> tuple[TableWrites, ...]:
        """Read what was written to the live database since a backup."""
        return await self.written.since(self.target, await self.shelves.manifest(self.target, backup))

    async def rows(self, table: str, column: str | None) -> int:
        """Count the rows of a table, or those of them that have a value in a column."""
        return await self.databases.rows(self.target, table, column)

    async def schema(self) -> frozenset[str]:
        """Read the columns and indexes of the target's database."""
        return await self.databases.schema(self.target)

    async def releases(self) -> tuple[Release, ...]:
        """Read what the bot remembers of the target's releases, newest first."""
        name = self.target.name
        return releases_of(await self.runs.of_target(name.app, name.environment, REMEMBERED))

    async def past(self, run: str) -> Run | None:
        """Read a run of the past on this target; None where there is none of this ID."""
        found = await self.runs.get(run)
        return found if found is not None and found.request.target == self.target.name else None


@dataclass(frozen=True)
class LiveTargetReader:
    """Gives the way to read a target (`bot.engine.ports.TargetReader`).

    Args:
        hosts: reads hosts.
        databases: reads databases.
        shelves: reads backups.
        beside: reads what restores left.
        written: reads what was written since a backup.
        runs: the bot's own memory.
    """

    hosts: HostLook
    databases: DatabaseLook
    shelves: BackupCatalog
    beside: LeftoverReader
    written: WritesSinceReader
    runs: StoreReader

    def look(self, target: Target) -> Look:
        """Give a look at a target."""
        return TargetLook(self.hosts, self.databases, self.shelves, self.beside, self.written, self.runs, target)


async def serve(configuration: Configuration, language: Catalog) -> None:
    """Run the bot until SIGTERM or SIGINT; then take nothing more in, leave what runs on hosts running, and return.

    Args:
        configuration: validated.
        language: in which people are told.

    Raises:
        StoreError: the store cannot be opened.
        SlackLoginRefusedError: Slack does not accept the token.
        OSError: `HTTP_ADDR` cannot be listened on.
    """
    settings, operations = configuration.settings, configuration.operations
    masker = configuration.masker()
    clock = SystemClock()
    stopped = _stop_signal()
    recipes = load_recipes(operations.targets)
    commands, status = all_commands(recipes), status_command(recipes)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.store_url.reveal(), clock))
        forwarder = (
            await stack.enter_async_context(_forwarding(store, settings.audit_forward, masker))
            if settings.audit_forward is not None
            else None
        )
        measures = Measures()
        connections = await stack.enter_async_context(Connections(operations.hosts, failed=measures.ssh_failed))
        access = SlackAccess(settings.slack_bot_token, settings.slack_app_token, settings.slack_api_url)
        by_name: dict[str, CommandSpec] = {command.name: command for command in commands} | {status.name: status}
        telling = await stack.enter_async_context(LeaderLease(store, "tell Slack"))
        room = await stack.enter_async_context(
            SlackApp(
                access,
                store,
                store,
                store,
                store,
                by_name,
                ops_command(),
                operations,
                masker,
                clock,
                telling,
                measures,
                language,
            )
        )
        looks, performers = build_edges(connections, recipes, store)
        engine = Engine(
            EngineContext(
                store=store,
                locks=store,
                operations=operations,
                planners=all_planners(recipes),
                status=status,
                performers={act: MeasuredPerformer(does, measures) for act, does in performers.items()},
                target_reader=looks,
                branches=BranchReader(connections),
                reaction_reader=room.reaction_reader,
                directory=room.directory,
                run_observer=room.run_observer,
                clock=clock,
                masker=masker,
                owner=_owner(),
            )
        )
        stack.push_async_callback(engine.drain)
        monitoring = Monitoring(room, store, telling, forwarder, measures)
        if settings.http_addr is not None:
            await stack.enter_async_context(
                serve_monitoring(settings.http_addr.host, settings.http_addr.port, monitoring)
            )
        ticker = _ticker()
        stack.callback(ticker.shutdown, wait=False)
        schedule = Schedule(store, engine, clock, _owner(), schedules(operations.targets), operations.targets)
        locks = LockReminders(store, clock, operations.targets)
        ticker.add_job(_prune, "interval", hours=6, args=(store, clock), id="prune-inbox")
        sweeper = ScratchCleanup(Connector(Tunnels(connections)), connections, store)
        swept = {"args": (tuple(operations.targets.values()),), "id": "sweep-scratch"}
        at_once = {"next_run_time": clock.now(), "misfire_grace_time": None}
        ticker.add_job(sweeper.sweep, "interval", hours=6, **swept, **at_once)
        if not await _started(room.start(engine), stopped):
            return
        await engine.start()
        await schedule.tick()
        watch = OverdueWatch(engine, store, looks, clock, operations.targets)
        ticker.add_job(
            watch.tick, "interval", seconds=_WATCH, id="overdue", next_run_time=clock.now(), misfire_grace_time=None
        )
        ticker.add_job(schedule.tick, "interval", seconds=_TICK, id="schedule", coalesce=True, max_instances=1)
        ticker.add_job(
            locks.tick, "interval", seconds=_SLOW_TICK, id="locks", coalesce=True, max_instances=1, **at_once
        )
        # What was loaded stays: the collector need not walk it again, while Slack waits for an acknowledgement.
        gc.collect()
        gc.freeze()
        announce_ready(settings.log_format)
        await stopped.wait()
        _log.info("draining")
        await room.drain()
        await engine.drain()


def build_edges(
    connections: Connections, recipes: Mapping[TargetName, Recipe], runs: StoreReader
) -> tuple[LiveTargetReader, Mapping[type[Act], Performer]]:
    """Build what reads and what performs, over shared connections.

    Args:
        connections: to the hosts.
        recipes: the recipe of each target.
        runs: the bot's own memory.
    """
    runner = Runner(connections)
    databases = Connector(Tunnels(connections))
    database_look = DatabaseLook(databases)
    beside = LeftoverReader(databases)
    written = WritesSinceReader(databases)
    pipes = Pipes(connections)
    stores = StorageRegistry(connections, pipes)
    catalog = BackupCatalog(connections, stores)
    looks = LiveTargetReader(HostLook(connections), database_look, catalog, beside, written, runs)
    through_bot = unreadable_on_host(catalog)

    async def ran_at(target: Target) -> tuple[Ran, ...] | None:
        return await ran_now(recipes[target.name], target, looks.look(target))

    known = known_before(catalog, ran_at, written.counters)

    def table_of(target: Target) -> str:
        kept = recipes[target.name].migrations
        return kept.table if isinstance(kept, MigrationTable) else "migrations"

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


def load_recipes(targets: Mapping[TargetName, Target]) -> Mapping[TargetName, Recipe]:
    """Load the recipe of each target; the configuration has checked that each one can be."""
    return {name: load_recipe(target.recipe, Path()) for name, target in targets.items()}


def schedules(targets: Mapping[TargetName, Target]) -> Mapping[TargetName, NextFiring]:
    """Give when the backups of each target fire, where they have a schedule."""

    def firing_of(trigger: CronTrigger) -> NextFiring:
        return lambda after: cast("datetime | None", trigger.get_next_fire_time(None, after))

    return {
        name: firing_of(CronTrigger.from_crontab(target.backups.schedule, timezone=target.backups.timezone))
        for name, target in targets.items()
        if target.backups is not None and target.backups.schedule is not None
    }


@asynccontextmanager
async def _forwarding(store: SqlStore, where: AuditForward, masker: Masker) -> AsyncIterator[Forwarder]:
    """Forward the history until the end of the block; each destination gets all of it, from its first record on."""
    name = f"forward history {hashlib.sha256(str(where).encode()).hexdigest()[:16]}"
    async with (
        LeaderLease(store, name) as cursor,
        Forwarder(store, cursor, destination_of(where), masker) as forwarder,
    ):
        yield forwarder


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def _ticker() -> AsyncIOScheduler:
    """A ticker with nothing remembered: what must not be missed is claimed in the store."""
    ticker = AsyncIOScheduler(timezone="UTC")
    ticker.start()
    return ticker


async def _started(work: Coroutine[None, None, None], stopped: asyncio.Event) -> bool:
    """Wait for a start that may take long (Slack may be down); false where the signal to stop came first."""
    starting = asyncio.create_task(work)
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return False
    starting.result()
    return True


async def _prune(store: SqlStore, clock: SystemClock) -> None:
    removed = await store.prune(clock.now() - _KEEP_EVENTS)
    _log.info("inbox_pruned", events=removed)
