"""The composition root: builds everything, owns every resource, and closes in reverse order."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from bot.audit.destinations import destination_of
from bot.audit.forwarder import Forwarder, FromNowOn, Lines, all_forwarding
from bot.audit.webhooks.http import ReceiverConnection
from bot.audit.webhooks.recipient import WebhookRecipient, lease_name
from bot.config.cron import firing_times
from bot.config.load import Configuration
from bot.config.settings import AuditForward
from bot.databases.migrations.cleanup import ScratchCleanup
from bot.databases.server.connector import Connector
from bot.databases.server.idle_sessions import IdleSessions
from bot.domain.secrets import Masker
from bot.domain.targets.receiver import Receiver
from bot.engine.context import EngineContext
from bot.engine.engine import Engine
from bot.engine.jobs.backup_age import OverdueWatch
from bot.engine.jobs.inbox_pruning import InboxPruning
from bot.engine.jobs.lock_reminders import LockReminders
from bot.engine.jobs.schedule import Schedule
from bot.forge.reader import ForgeReader
from bot.hosts.branch_reader import BranchReader
from bot.hosts.connections import Connections
from bot.hosts.tunnels import Tunnels
from bot.hosts.watch_reader import HostWatchReader
from bot.logs import announce_ready
from bot.monitoring import Measures, Monitoring, measured, serve_monitoring
from bot.performers import build_performers
from bot.recipes.load import load_recipes
from bot.recurring_jobs import BACKUP_AGE, CLEANUP, LOCK_REMINDERS, SCHEDULES, recurring_jobs
from bot.signatures.verifier import SignatureVerifier
from bot.slack import Presence, SlackAccess, SlackApp, SlackPorts
from bot.slack.ports import CommandSpec
from bot.slack.translators import Translators
from bot.store.leader_lease import LeaderLease
from bot.store.store import SqlStore, SystemClock, open_store
from commands import all_commands, ops_command, planner_for, status_command

_RECEIVERS_SECONDS = 1.0

_log = structlog.get_logger()


async def serve(configuration: Configuration, translators: Translators) -> None:
    """Run the bot until SIGTERM or SIGINT; then accept nothing new, leave steps on hosts running, and return.

    Args:
        configuration: validated.
        translators: of what people read in Slack.

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
        receivers = await _receivers(stack, store, operations.receivers, masker)
        measures = Measures()
        connections = await stack.enter_async_context(Connections(operations.hosts, failed=measures.ssh_failed))
        idle = await stack.enter_async_context(IdleSessions())
        access = SlackAccess(settings.slack_bot_token, settings.slack_app_token, settings.slack_api_url)
        by_name: dict[str, CommandSpec] = {command.name: command for command in commands} | {status.name: status}
        leadership = await stack.enter_async_context(LeaderLease(store, "tell Slack"))
        ports = SlackPorts(
            inbox=store.inbox,
            messages=store.messages,
            homes=store.home_viewers,
            lock_notices=store.lock_notices,
            commands=by_name,
            ops=ops_command(),
            operations=operations,
            masker=masker,
            clock=clock,
            leadership=leadership,
            replicas=store.replica_count,
            metrics=measures,
        )
        slack = await stack.enter_async_context(SlackApp(access, ports, translators))
        target_reader, performers = build_performers(
            connections, idle, recipes, store.runs, operations.variables, ForgeReader(settings.forge_token)
        )
        engine = Engine(
            EngineContext(
                runs=store.runs,
                leases=store.leases,
                overviews=store.overviews,
                locks=store.locks,
                cancel_requests=store.cancel_requests,
                history=store.history,
                operations=operations,
                recipes={name: recipe.sha256 for name, recipe in recipes.items()},
                planner_for=partial(planner_for, recipes=recipes),
                status=status,
                performers={act: measured(does, measures) for act, does in performers.items()},
                target_reader=target_reader,
                branches=BranchReader(connections),
                reaction_reader=slack.reaction_reader,
                directory=slack.directory,
                channels=slack.channels,
                run_observer=slack.run_observer,
                clock=clock,
                masker=masker,
                owner=_owner(),
                signature_verifier=SignatureVerifier(operations.signers),
                watch_reader=HostWatchReader(connections),
            )
        )
        stack.push_async_callback(engine.drain)
        monitoring = Monitoring(slack, store, leadership, forwarder, measures, receivers)
        if settings.http_addr is not None:
            await stack.enter_async_context(
                serve_monitoring(settings.http_addr.host, settings.http_addr.port, monitoring)
            )
        jobs = await stack.enter_async_context(recurring_jobs(clock))
        targets = operations.targets
        cleanup = ScratchCleanup(Connector(Tunnels(connections).open), connections, store.runs.get)
        jobs.every(CLEANUP, InboxPruning(store.inbox, clock).tick, "prune-inbox")
        jobs.now_and_every(CLEANUP, partial(cleanup.sweep, tuple(targets.values())), "sweep-scratch")
        if not await _started(slack.start(engine), stopped):
            return
        await engine.start()
        presence = await stack.enter_async_context(Presence(slack, store))
        store.watch.call_on_change(presence.store_changed)
        schedule = Schedule(store.schedule_claims, engine, clock, _owner(), firing_times(targets), targets)
        await schedule.tick()
        overdue = OverdueWatch(engine, store.runs, target_reader, clock, targets)
        jobs.now_and_every(BACKUP_AGE, overdue.tick, "overdue")
        jobs.every(SCHEDULES, schedule.tick, "schedule")
        jobs.now_and_every(LOCK_REMINDERS, LockReminders(store.locks, store.lock_notices, clock, targets).tick, "locks")
        # What was loaded stays: the collector need not walk it again, while Slack waits for an acknowledgement.
        gc.collect()
        gc.freeze()
        announce_ready(settings.log_format)
        await stopped.wait()
        _log.info("draining")
        await slack.drain()
        await engine.drain()


@asynccontextmanager
async def _forwarding(store: SqlStore, where: AuditForward, masker: Masker) -> AsyncIterator[Forwarder]:
    """Forward the history until the end of the block; each destination gets all of it, from its first record on."""
    name = f"forward history {hashlib.sha256(str(where).encode()).hexdigest()[:16]}"
    async with (
        LeaderLease(store, name) as cursor,
        Forwarder(store.history, cursor, Lines(destination_of(where), masker), str(where)) as forwarder,
    ):
        yield forwarder


async def _receivers(
    stack: AsyncExitStack, store: SqlStore, receivers: tuple[Receiver, ...], masker: Masker
) -> dict[str, Forwarder]:
    """Tell the receivers until the stack is closed; each hears of what happens from its first start on."""
    told: dict[str, Forwarder] = {}
    for number, receiver in enumerate(receivers):
        lease = await stack.enter_async_context(LeaderLease(store, lease_name(receiver)))
        recipient = WebhookRecipient(receiver, store.runs, ReceiverConnection(receiver), masker)
        name = f"notify[{number}] {receiver.host}"
        cursor = FromNowOn(lease, store.history)
        told[name] = Forwarder(store.history, cursor, recipient, name, interval=_RECEIVERS_SECONDS)
    await stack.enter_async_context(all_forwarding(tuple(told.values())))
    return told


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


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
