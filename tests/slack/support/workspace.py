"""A workspace in the playground, and the conversation with it over fakes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bot.domain.language import Language
from bot.domain.secrets import Secret
from bot.playground import RunningPlayground
from bot.slack import SlackAccess, SlackApp, SlackPorts
from bot.slack.translators import builtin_translators
from commands.migrate_status import MigrateStatus
from commands.ops import Ops
from commands.rollback import Rollback
from tests.slack.support.fake_engine import FakeEngine
from tests.slack.support.fakes import DeploySpec, FakeClock, FakeLeadership, NoMetrics
from tests.slack.support.memory_stores import MemoryHomes, MemoryInbox, MemoryMessages, MemoryNotices
from tests.slack.support.runs import MASKER, OPERATIONS
from tests.support.polling import eventually


class Workspace:
    """Everything a test needs; `app` may be stopped and started again, as a process is."""

    def __init__(self, server: RunningPlayground) -> None:
        self.server = server
        self.engine = FakeEngine()
        self.inbox = MemoryInbox()
        self.messages = MemoryMessages(self.engine)
        self.homes = MemoryHomes()
        self.notices = MemoryNotices()
        self.clock = FakeClock()
        self.leadership = FakeLeadership()

    @asynccontextmanager
    async def app(self) -> AsyncIterator[SlackApp]:
        access = SlackAccess(Secret("xoxb-playground"), Secret("xapp-playground"), self.server.api_url)
        ports = SlackPorts(
            inbox=self.inbox,
            messages=self.messages,
            homes=self.homes,
            lock_notices=self.notices,
            commands={"/deploy": DeploySpec(), "/rollback": Rollback({}), "/migrate-status": MigrateStatus({})},
            ops=Ops(),
            operations=OPERATIONS,
            masker=MASKER,
            clock=self.clock,
            leadership=self.leadership,
            replicas=lambda: 1,
            metrics=NoMetrics(),
        )
        async with SlackApp(access, ports, builtin_translators(Language.ENGLISH)) as app:
            self.engine.app = app
            await app.start(self.engine)
            try:
                yield app
            finally:
                self.engine.app = None

    def channel(self) -> list[Any]:
        """The messages of #ops that are in no thread."""
        return [item for item in self._all() if not item.is_reply]

    def thread(self) -> list[Any]:
        """The replies in #ops."""
        return [item for item in self._all() if item.is_reply]

    def by_type(self, event_type: str) -> list[Any]:
        """The messages whose metadata are of a type."""
        return [item for item in self._all() if (item.metadata or {}).get("event_type") == event_type]

    def _all(self) -> list[Any]:
        return list(self.server.state.conversation("C0OPS").messages.values())

    def whispers(self, user: str) -> list[str]:
        """What only one person sees."""
        return [item.text for item in self.server.state.ephemerals if item.user == user]

    def calls(self, method: str) -> int:
        """How often the app called a method."""
        return sum(1 for call in self.server.api.log if call.method == method)


async def posted_approval(workspace: Workspace):
    (approval,) = await eventually(lambda: workspace.by_type("countersign_approval"))
    await eventually(lambda: workspace.messages.rows["R-7K3F9Q", "approval"].ts)
    return approval
