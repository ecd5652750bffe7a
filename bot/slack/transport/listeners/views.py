"""Submitted forms. The acknowledgement carries the errors, so forms are validated here."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.inbox import EventKind
from bot.slack.transport.inbox import EventRecorder
from bot.slack.transport.listeners.identity import interaction_identity

ValidateForm = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, str]]]
"""Returns the errors of a submitted form, by the block of their field, from its payload."""


def register(app: AsyncApp, inbox: EventRecorder, check: ValidateForm) -> None:
    """Register the listeners."""

    async def on_submission(ack: AsyncAck, body: dict[str, Any]) -> None:
        errors = await check(body)
        if errors:
            await ack(response_action="errors", errors=dict(errors))
            return
        await inbox.receive(interaction_identity("view", body), EventKind.VIEW, body)
        await ack()

    async def on_closed(ack: AsyncAck) -> None:
        await ack()

    app.view_submission(re.compile(r".*"))(on_submission)
    app.view_closed(re.compile(r".*"))(on_closed)
