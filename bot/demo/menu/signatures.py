"""Asking for signatures, and what somebody can do who has all of Slack and no key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.demo.errors import DemoError
from bot.demo.operations import write_operations
from bot.demo.people import PeopleKeys
from bot.demo.processes.served_bot import ServedBot
from bot.demo.tour.workspace_client import open_workspace_client, payload
from bot.demo.workspace import DEPLOY, ENGINEER, ONCALL, RELEASER


class Signatures:
    """Asks for signatures, as an operator would: in `ops.yaml`, and with a restart.

    Args:
        ops_file: that the bot reads.
        bot: the bot.
        keys: of the people.
        page: address of the playground's page.
    """

    def __init__(self, ops_file: Path, bot: ServedBot, keys: PeopleKeys, page: str) -> None:
        self._file = ops_file
        self._bot = bot
        self._keys = keys
        self._page = page

    async def ask(self) -> str:
        """Let approvals count with a signature alone.

        Returns:
            What was done, as a sentence; so do the others.

        Raises:
            DemoError: the bot is not there to be restarted; so do the others.
        """
        self._set(signed=True)
        return (
            "Every `approve:` in ops.yaml says `signed: true` now, and the bot starts anew to read it. "
            f"Type {DEPLOY}. To approve as Bob, save plan.txt from the thread, sign it in a terminal with "
            f"{self._keys.command(RELEASER)} and paste what it prints under *Sign*."
        )

    async def ask_no_more(self) -> str:
        """Let the emoji be enough again."""
        self._set(signed=False)
        return "`signed: true` is gone from ops.yaml, and the bot starts anew to read it: the emoji is enough again."

    async def steal_slack(self) -> str:
        """React as everybody who may approve the newest request, as somebody can who has all of Slack."""
        async with open_workspace_client(self._page) as client:
            request = (await client.view()).newest("approval")
            if request is None or payload(request).get("state") != "open":
                raise DemoError(f"No request waits for approval. Type {DEPLOY} first.")
            for user in (RELEASER, ONCALL, ENGINEER):
                await client.react(user, request, "white_check_mark")
        if payload(request).get("signed"):
            return (
                "Bob's, Noor's and Amélie's accounts say ✅. The request says whose signature is missing: nothing runs."
            )
        return "Bob's, Noor's and Amélie's accounts say ✅, and that was enough. Ask for signatures, and try it again."

    def _set(self, *, signed: bool) -> None:
        if not self._bot.running:
            raise DemoError("The bot is not there just now. ops.yaml is as it was.")
        content: dict[str, Any] = YAML(typ="safe").load(self._file)
        for policy in content["policies"].values():
            policy["approve"] = {key: _with(gate, signed=signed) for key, gate in policy["approve"].items()}
        write_operations(self._file, content)
        self._bot.stop()


def _with(gate: Mapping[str, Any], *, signed: bool) -> dict[str, Any]:
    plain = {name: value for name, value in gate.items() if name != "signed"}
    return {**plain, "signed": True} if signed else plain
