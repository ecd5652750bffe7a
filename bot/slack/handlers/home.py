"""The App Home: what can be typed here."""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.gateway import Gateway, SlackBusy, SlackRefused, SlackUncertain
from bot.slack.inbox import Received
from bot.slack.message import lines, section
from bot.slack.ports import Listed
from bot.slack.sentences import Sentences


class HomeHandler:
    """Shows somebody their App Home.

    Args:
        gateway: to Slack.
        commands: by slash name.
        sentences: of the language that is spoken.
    """

    def __init__(self, gateway: Gateway, commands: Mapping[str, Listed], sentences: Sentences) -> None:
        self._gateway = gateway
        self._commands = commands
        self._sentences = sentences

    async def __call__(self, received: Received) -> None:
        """Publish the Home of who opened it."""
        event = received.payload["event"]
        if event.get("tab", "home") != "home":
            return
        say = self._sentences.say
        told = (
            say("home.command", usage=f"{spec.name} {spec.usage}", description=spec.description)
            for _, spec in sorted(self._commands.items())
        )
        view = {"type": "home", "blocks": [section(lines((say("home.intro"), *told)))]}
        try:
            await self._gateway.publish_home(str(event["user"]), view)
        except (SlackRefused, SlackBusy, SlackUncertain):
            return  # it is published again when it is opened again
