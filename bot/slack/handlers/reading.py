"""Commands that only read, which may take half a minute: the acknowledgement says so, and the answer replaces it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from bot.domain.errors import RefusedError
from bot.domain.runs.request import ListBackups, MigrateStatusOptions, Origin
from bot.slack.context import SlackContext
from bot.slack.handlers.words import split_words

_log = logging.getLogger(__name__)


class ReadingNotice:
    """Gives what is shown at once to who typed a command.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context

    def __call__(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the acknowledgement of a command: a notice where it only reads, else nothing."""
        try:
            target = self._read_target(body)
        except Exception as error:
            # Acknowledged all the same: the command is recorded, and its handler meets the same error.
            _log.error("a command cannot be parsed: %s", type(error).__name__)
            return {}
        if target is None:
            return {}
        # Slack waits: whoever was never looked up is answered in the language of the channel.
        locale = self._context.directory.known_locale(str(body["user_id"]))
        text = self._context.translators.ready(locale).translate("answer.reading", target=target)
        return {"response_type": "ephemeral", "text": text}

    def _read_target(self, body: Mapping[str, Any]) -> str | None:
        """Return the target that a command reads; None where it reads none, or is refused."""
        spec = self._context.commands.get(str(body.get("command")))
        if spec is None:
            return None
        origin = Origin(str(body["user_id"]), str(body["channel_id"]), "")
        try:
            request = spec.parse(split_words(str(body.get("text") or "")), origin, self._context.operations)
        except RefusedError:
            return None
        return str(request.target) if isinstance(request.options, MigrateStatusOptions | ListBackups) else None
