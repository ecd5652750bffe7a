"""The checks of `countersign doctor` that concern Slack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.secrets import Secret
from bot.slack.manifest import REQUIRED, SCOPES
from bot.slack.transport.gateway import (
    Gateway,
    SlackBusyError,
    SlackRefusedError,
    SlackUncertainError,
    build_client,
    open_session,
)


@dataclass(frozen=True)
class SlackCheck:
    """The result of one check.

    Args:
        check: what was checked.
        ok: whether the bot can work.
        detail: the result, and how to correct it.
    """

    check: str
    ok: bool
    detail: str


async def check_tokens(bot_token: Secret, app_token: Secret, api_url: str | None) -> tuple[SlackCheck, ...]:
    """Check both tokens with Slack.

    Args:
        bot_token: `xoxb-…`.
        app_token: `xapp-…`.
        api_url: base of the Web API, ending in `/api/`; None is Slack's own.
    """
    async with open_session() as session:
        gateway = Gateway(build_client(bot_token.reveal(), api_url, session))
        try:
            identity = await gateway.identity()
        except (SlackRefusedError, SlackBusyError, SlackUncertainError) as error:
            return (SlackCheck("Slack bot token", ok=False, detail=_trouble("SLACK_BOT_TOKEN", error)),)
        who = f"{identity.user_name} in {identity.team_name}"
        findings = [SlackCheck("Slack bot token", ok=True, detail=who), *check_scopes(identity.scopes)]
        try:
            await gateway.open_connection(app_token.reveal())
        except (SlackRefusedError, SlackBusyError, SlackUncertainError) as error:
            findings.append(SlackCheck("Slack app token", ok=False, detail=_trouble("SLACK_APP_TOKEN", error)))
        else:
            findings.append(SlackCheck("Slack app token", ok=True, detail="Socket Mode can connect"))
    return tuple(findings)


def check_scopes(granted: Iterable[str]) -> tuple[SlackCheck, ...]:
    """Compare the scopes of the token with those that the bot needs.

    Args:
        granted: as Slack lists them; empty where Slack does not list them.
    """
    has = set(granted)
    if not has:
        return (SlackCheck("Slack scopes", ok=True, detail="Slack does not list them here; they are not checked"),)
    missing = sorted(set(SCOPES) - has)
    if not missing:
        return (SlackCheck("Slack scopes", ok=True, detail="all there"),)
    return tuple(
        SlackCheck(
            "Slack scopes",
            ok=scope not in REQUIRED,
            detail=f"{scope} is missing: it is needed to {SCOPES[scope]}. Add it to the app and install it again",
        )
        for scope in missing
    )


def _trouble(variable: str, error: Exception) -> str:
    match error:
        case SlackRefusedError():
            return f"Slack refuses {variable}: {error.error}"
        case SlackBusyError():
            return f"Slack asks to wait {error.seconds:.0f} s; try again then"
        case _:
            return f"Slack does not answer: {error}"
