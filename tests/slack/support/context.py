"""A context of the conversation whose parts are in memory."""

from __future__ import annotations

from typing import Any

from bot.domain.language import Language
from bot.slack.context import SlackContext
from bot.slack.translators import builtin_translators
from commands.ops import Ops
from tests.slack.support.fake_engine import FakeEngine
from tests.slack.support.fakes import DeploySpec, FakeClock, FakeLeadership
from tests.slack.support.runs import MASKER


class NoLocales:
    """A directory that knows in which language nobody uses Slack."""

    async def locale(self, user: str) -> str:
        """Return no locale."""
        return ""

    def known_locale(self, user: str) -> str:
        """Return no locale."""
        return ""


def slack_context(engine: FakeEngine, **parts: Any) -> SlackContext:
    """Build a context; what is not given and not needed is None."""
    unused = dict.fromkeys(("gateway", "replies", "channels", "reactions", "messages", "homes", "lock_notices"))
    shared = {
        "directory": NoLocales(),
        "commands": {"/deploy": DeploySpec()},
        "ops": Ops(),
        "translators": builtin_translators(Language.ENGLISH),
        "masker": MASKER,
        "clock": FakeClock(),
        "leadership": FakeLeadership(),
        "workspace_url": "",
    }
    return SlackContext(engine=engine, **(unused | shared | parts))
