"""Posts and edits messages; what Slack refuses because of its contents goes again with less of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from bot.slack.render.message import Message, with_objects_alone
from bot.slack.transport.channels import SlackChannels
from bot.slack.transport.gateway import Gateway, SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.refusals import UNREACHABLE, RefusalKind, kind_of
from bot.slack.transport.turns import ESSENTIAL, Urgency

_log = logging.getLogger(__name__)

_NO_PARENT = frozenset({"thread_not_found", "message_not_found"})
_ASTRAY = "thread_not_found"
"""What is said of a reply that Slack posted outside of its thread, which it does without an error."""

Sent = TypeVar("Sent")


class ParentGoneError(Exception):
    """The message under which a reply belongs is gone or takes no replies, and the reply is nowhere.

    Args:
        error: Slack's own name of the reason.
    """

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Delivery:
    """Sends the messages of runs.

    Args:
        gateway: Slack's Web API.
        channels: is told which channels accept messages.
    """

    def __init__(self, gateway: Gateway, channels: SlackChannels) -> None:
        self._gateway = gateway
        self._channels = channels

    async def post(self, channel: str, message: Message, thread: str | None, urgency: Urgency) -> str:
        """Post a message.

        Args:
            channel: Slack's ID.
            message: the message.
            thread: the parent of the thread in which it belongs; None for the channel itself.
            urgency: how it waits for its turn.

        Returns:
            Its `ts`.

        Raises:
            ParentGoneError: there is no such parent, or it takes no replies.
            SlackRefusedError: refused, with less of its contents too.
            SlackBusyError, SlackUncertainError, SupersededError: as `Gateway` raises them.
        """
        try:
            receipt = await _with_less(
                message, lambda part: self._gateway.post(channel, part, thread, _after(message, part, urgency))
            )
        except SlackRefusedError as refused:
            if kind_of(refused.error) is RefusalKind.PARENT:
                raise ParentGoneError(refused.error) from None
            self._note(channel, refused)
            raise
        self._channels.accepted(channel)
        if thread is not None and receipt.thread != thread and await self._is_astray(channel, thread, receipt.ts):
            await self._take_back(channel, receipt.ts)
            raise ParentGoneError(_ASTRAY)
        return receipt.ts

    async def edit(self, channel: str, ts: str, message: Message, urgency: Urgency) -> None:
        """Edit a message.

        Raises:
            SlackRefusedError: refused, with less of its contents too.
            SlackBusyError, SlackUncertainError, SupersededError: as `Gateway` raises them.
        """
        try:
            await _with_less(
                message, lambda part: self._gateway.update(channel, ts, part, _after(message, part, urgency))
            )
        except SlackRefusedError as refused:
            self._note(channel, refused)
            raise

    def _note(self, channel: str, refused: SlackRefusedError) -> None:
        """Note that a channel takes nothing; only a message that is posted there again shows the opposite."""
        if kind_of(refused.error) in UNREACHABLE:
            self._channels.refused(channel, refused.error)

    async def _is_astray(self, channel: str, thread: str, ts: str) -> bool:
        """Return whether a reply stands outside of its thread: Slack posts it there if the parent was deleted.

        An answer that names no thread is no proof: the thread itself is read.
        """
        try:
            replies = await self._gateway.thread_messages(channel, thread)
        except SlackRefusedError as refused:
            return refused.error in _NO_PARENT
        except (SlackBusyError, SlackUncertainError):
            return False
        return all(str(reply.get("ts")) != ts for reply in replies)

    async def _take_back(self, channel: str, ts: str) -> None:
        try:
            await self._gateway.delete(channel, ts)
        except (SlackRefusedError, SlackBusyError, SlackUncertainError) as error:
            _log.warning("a reply stands outside of its thread: %s", error)


def _after(message: Message, part: Message, urgency: Urgency) -> Urgency:
    """Return how a part of a message waits: what takes the place of a refused message is superseded by nothing."""
    return urgency if part is message else ESSENTIAL


async def _with_less(message: Message, send: Callable[[Message], Awaitable[Sent]]) -> Sent:
    """Send a message; while it is refused because of its contents, with less of them."""
    try:
        return await send(message)
    except SlackRefusedError as refused:
        first, parts = refused, lesser(message, refused.error)
    for part in parts:
        try:
            answer = await send(part)
        except SlackRefusedError:
            continue
        _log.warning("Slack refused a part of a message", extra={"error": first.error, "kind": message.event_type})
        return answer
    raise first


def lesser(message: Message, error: str) -> tuple[Message, ...]:
    """Give what may be accepted in place of a refused message, the most first; empty where no less of it would be.

    Args:
        message: as it was refused.
        error: Slack's own name of the reason.
    """
    without_metadata = replace(message, event_type="", payload=None)
    without_blocks = replace(message, blocks=())
    bare = replace(without_metadata, blocks=())
    parts: tuple[Message, ...] = ()
    match kind_of(error):
        case RefusalKind.METADATA:
            parts = (with_objects_alone(message), without_metadata, bare)
        case RefusalKind.BLOCKS:
            parts = (without_blocks, bare)
        case RefusalKind.CONTENTS:
            parts = (with_objects_alone(message), without_metadata, without_blocks, bare)
        case RefusalKind.BROADCAST | RefusalKind.RIGHTS:
            parts = (replace(message, announced=False),)
    return tuple(part for part in parts if part != message)
