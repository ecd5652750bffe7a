"""Builds the parts of the conversation, owns them, and closes them in reverse order."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from slack_bolt.async_app import AsyncApp

from bot.slack.context import SlackContext
from bot.slack.forms.submission import FormValidator
from bot.slack.handlers.failures import FailureHandler
from bot.slack.handlers.not_taken_in import NotTakenInNotice
from bot.slack.handlers.reading import ReadingNotice
from bot.slack.handlers.reconnect import ReconnectHandler
from bot.slack.handlers.registry import event_handlers
from bot.slack.ports import EngineApi, SlackPorts
from bot.slack.publish.home_sync import HomeSync
from bot.slack.publish.lock_notifier import LockNotifier
from bot.slack.publish.publisher import Publisher
from bot.slack.publish.replies import Replies
from bot.slack.publish.run_observers import RunObservers
from bot.slack.publish.run_sync import RunSync
from bot.slack.translators import Translators
from bot.slack.transport.channels import SlackChannels
from bot.slack.transport.directory import SlackDirectory
from bot.slack.transport.gateway import BotIdentity, Gateway, build_client, open_session
from bot.slack.transport.inbox import EventRecorder, InboxWorker
from bot.slack.transport.listeners import command_recorder, register_all
from bot.slack.transport.login import SlackAccess, log_in
from bot.slack.transport.reactions import SlackReactions
from bot.slack.transport.sockets import SlackSockets
from bot.slack.transport.turns import Turns

_log = logging.getLogger(__name__)

# Bolt and the SDK log payloads at DEBUG, which may contain what somebody typed.
_quiet = logging.getLogger("countersign.slack.bolt")
_quiet.setLevel(logging.WARNING)


class SlackApp:
    """The conversation with one workspace.

        async with SlackApp(access, ports, translators) as slack:
            engine = Engine(…, run_observer=slack.run_observer, directory=slack.directory, …)
            await slack.start(engine)

    Args:
        access: how Slack is reached.
        ports: what the conversation needs of the rest of the program.
        translators: of what people read.
    """

    def __init__(self, access: SlackAccess, ports: SlackPorts, translators: Translators) -> None:
        self._access = access
        self._ports = ports
        self._translators = translators
        self._identity = BotIdentity()
        self._parts = AsyncExitStack()
        self._sockets: SlackSockets | None = None
        self._worker: InboxWorker | None = None
        self._publisher: Publisher | None = None

    async def __aenter__(self) -> Self:
        """Build everything that needs no engine. Nothing is sent to Slack yet."""
        session = open_session()
        self._close_at_end(session.close)
        client = build_client(self._access.bot_token.reveal(), self._access.api_url, session)
        self._gateway = Gateway(client, self._ports.metrics.called, Turns(self._ports.replicas))
        self.channels = SlackChannels(self._gateway, lambda: self._identity)
        self.directory = SlackDirectory(self._gateway, lambda: self._identity.team)
        self.run_observer = RunObservers()
        self.reaction_reader = SlackReactions(
            self._gateway,
            self._ports.messages,
            self._ports.operations.emoji,
            lambda: self._identity.user,
            self.run_observer.run_changed,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything in reverse order."""
        await self._parts.aclose()

    async def start(self, engine: EngineApi) -> None:
        """Connect to Slack, and begin with what an earlier process left.

        Args:
            engine: the engine.

        Raises:
            SlackLoginRefusedError: the bot's token is not accepted.
        """
        self._identity = await log_in(self._gateway)
        context = self._build_context(engine)
        reconnected = ReconnectHandler(engine)
        self._close_at_end(reconnected.aclose)
        self._publisher = Publisher(context, RunSync(context))
        self._close_at_end(self._publisher.aclose)
        self._home_sync = HomeSync(context)
        self._close_at_end(self._home_sync.aclose)
        self.run_observer.add(self._publisher, self._home_sync)
        self._lock_notifier = LockNotifier(context)
        self._close_at_end(self._lock_notifier.aclose)
        inbox = EventRecorder(self._ports.inbox, context.clock, self._ports.metrics.recorded)
        handlers = event_handlers(context, self._home_sync, self._lock_notifier)
        self._worker = InboxWorker(inbox, self._ports.inbox, handlers, FailureHandler(context))
        self._close_at_end(self._worker.aclose)
        self._publisher.start()
        self._home_sync.start()
        self._lock_notifier.start()
        self._worker.start()
        not_taken_in = NotTakenInNotice(context)
        self._close_at_end(not_taken_in.aclose)
        token = self._access.app_token.reveal()
        bolt = self._build_bolt(inbox, context)
        self._sockets = SlackSockets(
            bolt, token, command_recorder(inbox, ReadingNotice(context), not_taken_in), self._gateway, reconnected
        )
        self._close_at_end(self._sockets.close)
        await self._sockets.start()

    @property
    def connected(self) -> bool:
        """Whether at least one socket is connected."""
        return self._sockets is not None and self._sockets.connected

    @property
    def socket_age(self) -> float:
        """Seconds since `connected` last changed; 0 before the start."""
        return self._sockets.age if self._sockets is not None else 0.0

    @property
    def unsynced_runs(self) -> int:
        """Number of runs that Slack does not agree with yet."""
        return self._publisher.unsynced_runs if self._publisher is not None else 0

    @property
    def unreachable_channels(self) -> Mapping[str, str]:
        """The channels in which Slack takes no message now, with its own name of the reason."""
        return self.channels.unreachable

    async def leave(self) -> None:
        """Hear nothing of Slack until `come_back`; the Web API is used as before."""
        if self._sockets is not None:
            await self._sockets.leave()

    async def come_back(self) -> None:
        """Connect to Slack again after `leave`."""
        if self._sockets is not None:
            self._sockets.come_back()

    async def drain(self, seconds: float = 10.0) -> None:
        """Take nothing more from Slack, handle what has arrived, and bring Slack up to date.

        Args:
            seconds: limit of the handling, and again of the publishing; the rest is done at the next start.
        """
        if self._sockets is not None:
            await self._sockets.close()
        if self._worker is not None:
            await self._worker.drain(seconds)
        if self._publisher is not None:
            await self._publisher.drain(seconds)

    def _build_context(self, engine: EngineApi) -> SlackContext:
        ports = self._ports
        return SlackContext(
            engine=engine,
            gateway=self._gateway,
            replies=Replies(self._gateway),
            directory=self.directory,
            channels=self.channels,
            reactions=self.reaction_reader,
            messages=ports.messages,
            homes=ports.homes,
            lock_notices=ports.lock_notices,
            commands=ports.commands,
            ops=ports.ops,
            translators=self._translators,
            masker=ports.masker,
            clock=ports.clock,
            leadership=ports.leadership,
            workspace_url=self._identity.workspace_url,
        )

    def _build_bolt(self, inbox: EventRecorder, context: SlackContext) -> AsyncApp:
        bolt = AsyncApp(
            # Without a name it reads the source files of every caller to find one.
            name="countersign",
            client=self._gateway.client,
            logger=_quiet,
            process_before_response=True,
            raise_error_for_unhandled_request=True,
        )
        register_all(bolt, inbox, FormValidator(context))
        return bolt

    def _close_at_end(self, close: Callable[[], Awaitable[None]]) -> None:
        """Close a part at the end; a failing close does not keep the others open."""

        async def close_part() -> None:
            try:
                await close()
            except Exception:
                _log.exception("a part of the conversation did not close well")

        self._parts.push_async_callback(close_part)
