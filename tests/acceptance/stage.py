"""The real bot as a process, between a Slack-compatible workspace and a real host, seen only from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.playground.default_workspace import default_workspace
from bot.playground.server import RunningPlayground
from bot.playground.snapshot import snapshot
from bot.playground.sockets import Outcome
from tests.support.polling import eventually

CHANNEL = "C0OPS"
ENGINEER, RELEASER, ONCALL = "U0AMELIE", "U0BOB", "U0ONCALL"
ROOT = Path(__file__).resolve().parents[2]

ENDS = {"succeeded", "failed", "rejected", "expired", "cancelled", "needs_human"}


@dataclass
class Bot:
    """A process `countersign serve`.

    Args:
        folder: its working directory; the store lies in it.
        environment: beside the usual one.
        command: what is run instead of `python -m bot serve`.
    """

    folder: Path
    environment: Mapping[str, str]
    command: tuple[str, ...] = ("-m", "bot", "serve")
    process: asyncio.subprocess.Process | None = None
    lines: list[str] = field(default_factory=list)
    _readers: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        await self.launch()
        await eventually(self._ready_or_over, 30, what="the bot is ready")

    async def launch(self) -> None:
        """Start it, and wait for nothing."""
        self.lines.clear()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self.command,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read(stream)) for stream in (self.process.stdout, self.process.stderr)
        ]

    async def _read(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self.lines.append(line.decode(errors="replace").rstrip())

    def _ready_or_over(self) -> bool:
        if self.process is not None and self.process.returncode is not None:
            raise RuntimeError("the bot ended: " + "\n".join(self.lines[-20:]))
        return "ready" in self.lines or any('"event": "ready"' in line for line in self.lines)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM, and give its exit status."""
        return await self._end(signal.SIGTERM)

    async def wait(self) -> int:
        """Wait for its end, whoever brings it about."""
        assert self.process is not None
        status = await self.process.wait()
        await asyncio.gather(*self._readers)
        return status

    async def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(30):
            status = await self.wait()
        self.process = None
        return status


@dataclass
class Stage:
    """A workspace, and the bot in it.

    Args:
        playground: the workspace.
        bot: the bot.
    """

    playground: RunningPlayground
    bot: Bot

    async def type(self, text: str, user: str = ENGINEER) -> None:
        """Type a slash command as a person."""
        delivery = await self.playground.acting.command(user, CHANNEL, text)
        assert delivery.outcome is Outcome.ACKED, delivery

    def messages(self, kind: str = "", run: str = "") -> list[dict[str, Any]]:
        """Give the bot's messages of a kind (`card`, `plan`, …: the end of the event type), oldest first."""
        wanted = {"": "", "card": "countersign_run"}.get(kind, f"countersign_{kind}")
        found = []
        for message in self.snapshot()["channels"][0]["messages"]:
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload", {})
            if metadata.get("event_type", "").startswith(wanted) and (not run or payload.get("run") == run):
                found.append(message)
        return found

    def snapshot(self) -> dict[str, Any]:
        """Give the whole workspace as plain data."""
        return snapshot(self.playground.state, self.playground.sockets)

    def payload(self, kind: str, run: str = "") -> dict[str, Any]:
        """Give the metadata of the newest message of a kind; empty where there is none."""
        found = self.messages(kind, run)
        return found[-1]["metadata"]["event_payload"] if found else {}

    async def runs(self, count: int) -> list[str]:
        """Wait for so many run cards and give their runs, oldest first."""
        await eventually(lambda: len(self.messages("card")) >= count, 30, what=f"{count} run cards")
        return [message["metadata"]["event_payload"]["run"] for message in self.messages("card")]

    async def gate(self, run: str, seconds: float = 60) -> dict[str, Any]:
        """Wait for the request to approve and give the message."""
        await eventually(
            lambda: self.payload("approval", run).get("state") == "open" or self._over(run), seconds, what="a gate"
        )
        assert not self._over(run), self.messages("result", run)
        return self.messages("approval", run)[-1]

    def react(self, message: Mapping[str, Any], user: str = RELEASER, name: str = "white_check_mark") -> None:
        """React to a message as a person."""
        self.playground.acting.react(user, CHANNEL, message["ts"], name)

    async def end(self, run: str, seconds: float = 90) -> str:
        """Wait for a run's outcome, told in its thread and on its card, and give its state."""
        await eventually(lambda: self._over(run), seconds, what=f"the end of {run}")
        return str(self.payload("result", run)["state"])

    def _over(self, run: str) -> bool:
        state = self.payload("result", run).get("state")
        return state in ENDS and self.payload("card", run).get("state") == state

    def ephemerals(self, user: str) -> list[str]:
        """Give the texts that only one person saw."""
        return [item["text"] for item in self.snapshot()["ephemerals"] if item["user"] == user]


def environment(api_url: str, ops_file: Path, **more: str) -> dict[str, str]:
    """Give the bot's environment for a playground."""
    workspace = default_workspace()
    return {
        "SLACK_BOT_TOKEN": workspace.app.bot_token,
        "SLACK_APP_TOKEN": workspace.app.app_token,
        "SLACK_API_URL": api_url,
        "OPS_FILE": str(ops_file),
        **more,
    }
