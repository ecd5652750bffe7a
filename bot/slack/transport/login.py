"""Logging in: the tokens, and who the bot is in its workspace."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from bot.background import backoff
from bot.domain.secrets import Secret
from bot.slack.transport.gateway import BotIdentity, Gateway, SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.refusals import RefusalKind, names_of

_log = logging.getLogger(__name__)

FATAL = names_of(RefusalKind.TOKEN)
"""Refusals of a token that no waiting mends."""

_RETRY_SECONDS = 0.5
_MAX_RETRY_SECONDS = 15.0


class SlackLoginRefusedError(Exception):
    """Slack does not accept a token, and never will as it is.

    Args:
        error: Slack's own name of the reason.
        what: what the token is called.
    """

    def __init__(self, error: str, what: str = "bot's token") -> None:
        super().__init__(f"Slack refused the {what}: {error}")
        self.error = error


class SocketModeRefusedError(SlackLoginRefusedError):
    """Slack does not accept the app token, or the app has no Socket Mode.

    Args:
        error: Slack's own name of the reason.
    """

    def __init__(self, error: str) -> None:
        super().__init__(error, "app token (SLACK_APP_TOKEN)")


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


async def log_in(gateway: Gateway) -> BotIdentity:
    """Ask Slack who the bot is, however long it takes to answer.

    The bot's own reactions are no votes, and people of other workspaces do not count.

    Raises:
        SlackLoginRefusedError: the bot's token is not accepted.
    """
    failures = 0
    while True:
        failures += 1
        pause = backoff(failures, first=_RETRY_SECONDS, longest=_MAX_RETRY_SECONDS)
        try:
            return await gateway.identity()
        except SlackRefusedError as refused:
            if refused.error in FATAL:
                raise SlackLoginRefusedError(refused.error) from None
            _log.warning("Slack does not let the bot in yet: %s", refused.error)
        except SlackBusyError as busy:
            pause = busy.seconds
        except SlackUncertainError as uncertain:
            _log.warning("Slack does not answer yet: %s", uncertain)
        await asyncio.sleep(pause)
