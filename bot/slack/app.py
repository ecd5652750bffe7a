"""The whole conversation: builds its parts, owns them, and closes them in reverse order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from slack_bolt.async_app import AsyncApp

from bot.domain.inbox import EventKind
from bot.domain.secrets import Masker, Secret
from bot.domain.targets.target import Operations
from bot.engine.ports import Clock, RunObserver
from bot.engine.stores import HomeStore, InboxStore, LockNoticeStore, MessageStore
from bot.slack.forms.filled import FormCheck
from bot.slack.handlers.buttons import ButtonHandler
from bot.slack.handlers.commands import CommandHandler
from bot.slack.handlers.failures import FailureHandler
from bot.slack.handlers.forms import FormHandler
from bot.slack.handlers.home import HomeHandler
from bot.slack.handlers.home_buttons import HomeButtons
from bot.slack.handlers.ops import OpsHandler
from bot.slack.handlers.reactions import ReactionHandler
from bot.slack.handlers.share import ShareHandler
from bot.slack.handlers.unlocking import Unlocking
from bot.slack.ports import CallMetrics, CommandSpec, EngineApi, Leadership, NoMetrics, OpsSpec
from bot.slack.publish.home_sync import HomeSync
from bot.slack.publish.lock_notifier import LockNotifier
from bot.slack.publish.publisher import Publisher
from bot.slack.publish.replies import Answers
from bot.slack.publish.run_sync import RunSync
from bot.slack.render.builtin_catalog import ENGLISH
from bot.slack.render.catalog import Catalog
from bot.slack.render.text import Translator
from bot.slack.transport.directory import SlackDirectory
from bot.slack.transport.gateway import (
    Gateway,
    SlackBusyError,
    SlackRefusedError,
    SlackUncertainError,
    build_client,
    open_session,
)
from bot.slack.transport.inbox import Handler, Inbox, InboxWorker, Received
from bot.slack.transport.listeners import command_recorder, register_all
from bot.slack.transport.reactions import SlackReactions
from bot.slack.transport.sockets import SlackSockets

_log = logging.getLogger(__name__)

# Bolt and the SDK print payloads at DEBUG: they may hold what somebody typed.
_quiet = logging.getLogger("countersign.slack.bolt")
_quiet.setLevel(logging.WARNING)

_FATAL = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})


class SlackLoginRefusedError(Exception):
    """Slack does not accept the bot's token.

    Args:
        error: Slack's own name of the reason.
    """

    def __init__(self, error: str) -> None:
        super().__init__(f"Slack refused the bot's token: {error}")
        self.error = error


@dataclass(frozen=True)
class SlackAccess:
    """How Slack is reached.

    Args:
        bot_token: `xoxb-…`.
        app_token: `xapp-…`.
        api_url: base of the Web API, ending in `/api/`; None is Slack's own.
    """

    bot_token: Secret
    app_token: Secret
    api_url: str | None = None


class SlackApp:
    """The conversation with one workspace.

        async with SlackApp(access, inbox, messages, homes, notices, commands, ops, operations, …) as room:
            engine = Engine(..., audience=room.audience, directory=room.directory, conversation=room.conversation)
            await room.start(engine)

    Args:
        access: how Slack is reached.
        inbox: where events are recorded.
        messages: what Slack was last told.
        homes: who opened the App Home.
        notices: what the owners of locks are still to be told.
        commands: by slash name (`/deploy`).
        ops: the command `/ops`.
        operations: the operations file.
        masker: of everything that leaves the program.
        clock: the time.
        telling: the duty of telling Slack about runs.
        observer: told what is called and how long recording takes.
        language: in which people are told.
    """

    def __init__(
        self,
        access: SlackAccess,
        inbox: InboxStore,
        messages: MessageStore,
        homes: HomeStore,
        notices: LockNoticeStore,
        commands: Mapping[str, CommandSpec],
        ops: OpsSpec,
        operations: Operations,
        masker: Masker,
        clock: Clock,
        telling: Leadership,
        observer: CallMetrics | None = None,
        language: Catalog = ENGLISH,
    ) -> None:
        self._access = access
        self._telling = telling
        self._observer = observer or NoMetrics()
        self._inbox_store = inbox
        self._messages = messages
        self._home_store = homes
        self._notices = notices
        self._commands = commands
        self._ops = ops
        self._operations = operations
        self._masker = masker
        self._clock = clock
        self._translator = Translator(language)
        self._me: Mapping[str, Any] = {}
        self._session: aiohttp.ClientSession | None = None
        self._sockets: SlackSockets | None = None
        self._worker: InboxWorker | None = None
        self._engine: EngineApi | None = None
        self._wakes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Build everything that needs no engine. Nothing is sent to Slack yet."""
        self._session = open_session()
        client = build_client(self._access.bot_token.reveal(), self._access.api_url, self._session)
        self.gateway = Gateway(client, self._observer.called)
        self._lock_notifier = LockNotifier(self.gateway, self._notices, self._translator, self._masker, self._telling)
        self.directory = SlackDirectory(self.gateway, lambda: str(self._me.get("team_id", "")))
        emoji = self._operations.emoji
        run_sync = RunSync(
            self.gateway, self._messages, self.directory, self._translator, self._masker, emoji, self._clock
        )
        self._publisher = Publisher(run_sync, self._messages, self._telling)
        self._home_sync = HomeSync(
            self.gateway,
            self._home_store,
            self._messages,
            lambda: str(self._me.get("url", "")),
            self._translator,
            self._masker,
            self._clock,
            self._telling,
        )
        self.run_observer: RunObserver = RunObservers((self._publisher, self._home_sync))
        self.reaction_reader = SlackReactions(
            self.gateway,
            self._messages,
            emoji,
            lambda: str(self._me.get("user_id", "")),
            self._publisher.run_changed,
        )
        self._inbox = Inbox(self._inbox_store, self._clock, self._observer.recorded)
        self._app = AsyncApp(
            client=client,
            logger=_quiet,
            process_before_response=True,
            raise_error_for_unhandled_request=True,
        )
        register_all(
            self._app, self._inbox, FormCheck(self._commands, self._operations, self._translator, lambda: self._engine)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything."""
        await self.aclose()

    async def start(self, engine: EngineApi) -> None:
        """Connect to Slack, and begin with what a process before this one left.

        Args:
            engine: the engine.

        Raises:
            SlackLoginRefusedError: the bot's token is not accepted.
        """
        self._engine = engine
        await self._introduce()
        answers = Answers(self.gateway)
        unlocking = Unlocking(engine, answers, self._lock_notifier, self._translator, self._masker)
        ops = OpsHandler(
            engine, self._ops, self._commands, unlocking, answers, self._translator, self._masker, self._clock
        )
        forms = FormHandler(engine, self._commands, self.gateway, answers, self._translator, self._masker, self._clock)
        commands = CommandHandler(engine, self._commands, ops, forms, answers, self._translator, self._clock)
        home = HomeHandler(self._home_sync)
        self._worker = InboxWorker(
            self._inbox,
            self._inbox_store,
            {
                EventKind.COMMAND: commands.command,
                EventKind.VIEW: commands.form,
                EventKind.REACTION: ReactionHandler(engine, self._messages),
                EventKind.BUTTON: _each(
                    ButtonHandler(engine, self._messages, answers, self._translator, self._masker),
                    ShareHandler(engine, self.gateway, answers, self._translator),
                    unlocking,
                    home.pressed,
                    HomeButtons(engine, forms, self.gateway, self._translator),
                    forms.pressed,
                ),
                EventKind.HOME: home.opened,
            },
            FailureHandler(answers, self._translator),
        )
        self._publisher.start(engine)
        self._home_sync.start(engine)
        self._lock_notifier.start()
        self._worker.start()
        token = self._access.app_token.reveal()
        self._sockets = SlackSockets(self._app, token, command_recorder(self._inbox), self.gateway, self._reconnected)
        await self._sockets.start()

    @property
    def connected(self) -> bool:
        """Whether at least one socket stands."""
        return self._sockets is not None and self._sockets.connected

    @property
    def socket_age(self) -> float:
        """Seconds since `connected` last changed; 0 before the start."""
        return self._sockets.age if self._sockets is not None else 0.0

    @property
    def behind(self) -> int:
        """How many runs Slack does not agree with yet."""
        return self._publisher.behind

    async def drain(self, seconds: float = 10.0) -> None:
        """Take nothing more from Slack, handle what has arrived, and bring Slack up to date.

        Args:
            seconds: for each of the two, at most; what is left is done at the next start.
        """
        if self._sockets is not None:
            await self._sockets.close()
        if self._worker is not None:
            await self._worker.drain(seconds)
        await self._publisher.drain(seconds)

    async def aclose(self) -> None:
        """Close everything, in reverse order; one failing close never stops the rest."""
        closers = (
            *((self._sockets.close,) if self._sockets else ()),
            *((self._worker.aclose,) if self._worker else ()),
            self._lock_notifier.aclose,
            self._home_sync.aclose,
            self._publisher.aclose,
            self._end_wakes,
            *((self._session.close,) if self._session else ()),
        )
        for close in closers:
            try:
                await close()
            except Exception:
                _log.exception("a part of the conversation did not close well")

    async def _introduce(self) -> None:
        """Learn who the bot is: its own reactions are no votes, and people of other workspaces do not count."""
        pause = 0.5
        while not self._me:
            try:
                self._me = await self.gateway.who_am_i()
            except SlackRefusedError as refused:
                if refused.error in _FATAL:
                    raise SlackLoginRefusedError(refused.error) from None
                await asyncio.sleep(pause)
            except SlackBusyError as busy:
                await asyncio.sleep(busy.seconds)
            except SlackUncertainError:
                await asyncio.sleep(pause)
            pause = min(pause * 2, 15.0)

    def _reconnected(self) -> None:
        """Have the reactions read anew: those made while nothing was connected were not announced."""
        task = asyncio.create_task(self._wake_all())
        self._wakes.add(task)
        task.add_done_callback(self._wakes.discard)

    async def _wake_all(self) -> None:
        if self._engine is None:
            return
        try:
            for run in await self._engine.awaiting():
                self._engine.wake(run)
        except Exception:
            _log.exception("cannot read which runs wait for approval")

    async def _end_wakes(self) -> None:
        for task in self._wakes:
            task.cancel()
        await asyncio.gather(*self._wakes, return_exceptions=True)


@dataclass(frozen=True)
class RunObservers:
    """Several who want to know of changes. Implements `bot.engine.ports.RunObserver`.

    Args:
        observers: in the order in which they are told.
    """

    observers: tuple[RunObserver, ...]

    def run_changed(self, run: str) -> None:
        """Tell each of them that a run has changed; returns at once."""
        for observer in self.observers:
            observer.run_changed(run)


def _each(*handlers: Handler) -> Handler:
    """Give an event to several handlers, each of which leaves alone what is not its own."""

    async def handle(received: Received) -> None:
        for handler in handlers:
            await handler(received)

    return handle
