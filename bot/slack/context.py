"""What the handlers, forms and publishers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain.secrets import Masker
from bot.domain.targets.target import Operations
from bot.engine.ports import Clock, Leadership
from bot.engine.stores import HomeViewerStore, LockNoticeStore, MessageStore
from bot.slack.ports import CommandSpec, EngineApi, OpsSpec
from bot.slack.publish.replies import Replies
from bot.slack.render.context import RenderContext
from bot.slack.render.text import Translator
from bot.slack.translators import Translators
from bot.slack.transport.channels import SlackChannels
from bot.slack.transport.directory import SlackDirectory
from bot.slack.transport.gateway import Gateway
from bot.slack.transport.reactions import SlackReactions


@dataclass(frozen=True, kw_only=True)
class SlackContext:
    """What the handlers, forms and publishers share, from the moment the engine is there.

    Args:
        engine: the engine's façade.
        gateway: Slack's Web API.
        replies: messages to one person.
        directory: looks up people's names.
        channels: knows in which channels the bot can post.
        reactions: reads the reactions on requests to approve.
        messages: what was posted about each run.
        homes: who opened the App Home.
        lock_notices: notices to the owners of locks.
        commands: by slash name (`/deploy`).
        ops: the command `/ops`.
        translators: of channels and of people.
        masker: masks secrets in everything that leaves the program.
        clock: the time.
        leadership: of publishing to Slack; one process at a time has it.
        workspace_url: of the workspace, for links to messages; empty where Slack does not say.
    """

    engine: EngineApi
    gateway: Gateway
    replies: Replies
    directory: SlackDirectory
    channels: SlackChannels
    reactions: SlackReactions
    messages: MessageStore
    homes: HomeViewerStore
    lock_notices: LockNoticeStore
    commands: Mapping[str, CommandSpec]
    ops: OpsSpec
    translators: Translators
    masker: Masker
    clock: Clock
    leadership: Leadership
    workspace_url: str

    @property
    def operations(self) -> Operations:
        """The operations file that is in force."""
        return self.engine.operations

    @property
    def translator(self) -> Translator:
        """The translator of what several people see."""
        return self.translators.channel

    async def translator_for(self, user: str) -> Translator:
        """Return the translator of what one person sees alone.

        Args:
            user: Slack's ID of the person.
        """
        return await self.translators.personal(await self.directory.locale(user))

    def render_context(self) -> RenderContext:
        """Build the context of what is rendered now for several people."""
        return RenderContext(self.translator, self.masker, self.operations.emoji, self.clock.now())

    async def render_context_for(self, user: str) -> RenderContext:
        """Build the context of what is rendered now for one person alone.

        Args:
            user: Slack's ID of the person.
        """
        return replace(self.render_context(), translator=await self.translator_for(user))
