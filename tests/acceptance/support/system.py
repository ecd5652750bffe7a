"""The real bot as a process, between a Slack-compatible workspace and a real host, seen only from outside."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.playground.client.client_actions import Click
from bot.playground.client.snapshot import snapshot
from bot.playground.events.sockets import Outcome
from bot.playground.server import RunningPlayground
from bot.playground.workspace.default_workspace import DEFAULT_WORKSPACE
from bot.playground.workspace.workspace import Workspace, parse_workspace
from bot.store.reader import StoreReader
from bot.store.store import open_readonly
from tests.support.forked import Forked
from tests.support.polling import eventually

CHANNEL = "C0OPS"
ENGINEER, RELEASER, ONCALL, DBA = "U0AMELIE", "U0BOB", "U0ONCALL", "U0DBA"
"""The on-call person may approve through the user group S0RELEASE alone; the database administrator may not."""

ENDS = {"succeeded", "failed", "rejected", "expired", "cancelled", "needs_human"}


def workspace() -> Workspace:
    """Give the playground's workspace, in which the on-call person is in the user group of the releasers."""
    group = {"id": "S0RELEASE", "handle": "releasers", "name": "Releasers", "members": [ONCALL]}
    channels = [*DEFAULT_WORKSPACE["channels"]]
    channels[1] = {**channels[1], "members": [*channels[1]["members"], "U0COUNTER"]}
    return parse_workspace({**DEFAULT_WORKSPACE, "usergroups": [group], "channels": channels})


@dataclass
class Bot:
    """A process `countersign serve`.

    Args:
        folder: its working directory; the store lies in it.
        environment: beside the usual one.
        module: what is run instead of `bot`.
    """

    folder: Path
    environment: Mapping[str, str]
    module: str = "bot"
    process: Forked | None = None
    lines: list[str] = field(default_factory=list)
    _readers: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        await self.launch()
        await eventually(self._ready_or_over, 30, what="the bot is ready")

    async def launch(self) -> None:
        """Start it, and wait for nothing."""
        self.lines.clear()
        self.process = self._forked(self.module, "serve")
        self._readers = [asyncio.create_task(self._read(stream)) for stream in await self.process.streams()]

    def _forked(self, module: str, *words: str) -> Forked:
        return Forked(module, words, self.folder, {**os.environ, **self.environment})

    async def _read(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self.lines.append(line.decode(errors="replace").rstrip())

    @property
    def is_ready(self) -> bool:
        """Whether it has printed that it is ready."""
        return "ready" in self.lines or any('"event": "ready"' in line for line in self.lines)

    def _ready_or_over(self) -> bool:
        if self.process is not None and self.process.returncode is not None:
            raise RuntimeError("the bot ended: " + "\n".join(self.lines[-20:]))
        return self.is_ready

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

    async def console(self, *words: str) -> tuple[int, str]:
        """Run another command of the program beside it; give its exit status and what it printed."""
        process = self._forked("bot", *words)
        out, err = await process.streams()
        printed, complained = await asyncio.gather(out.read(), err.read())
        return await process.wait(), (printed + complained).decode()

    async def json(self, *words: str) -> Any:
        """Run another command of the program with `--json`, and give what it printed."""
        status, printed = await self.console(*words, "--json")
        assert status == 0, printed
        return json.loads(printed)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[StoreReader]:
        """Read its store, also while it runs."""
        async with open_readonly(f"sqlite+aiosqlite:///{self.folder}/data/countersign.db") as reader:
            yield reader

    async def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        async with asyncio.timeout(30):
            status = await self.wait()
        self.process = None
        return status


@dataclass
class System:
    """A workspace, and the bot in it.

    Args:
        playground: the workspace.
        bot: the bot.
    """

    playground: RunningPlayground
    bot: Bot

    async def type(self, text: str, user: str = ENGINEER, channel: str = CHANNEL) -> None:
        """Type a slash command as a person."""
        delivery = await self.playground.client_actions.command(user, channel, text)
        assert delivery.outcome is Outcome.ACKED, delivery

    async def ask(self, text: str = "/deploy compte production", user: str = ENGINEER) -> str:
        """Type a slash command, and give the run that it starts."""
        before = len(self.messages("card"))
        await self.type(text, user)
        return (await self.runs(before + 1))[-1]

    async def answer(self, text: str, user: str = ENGINEER, channel: str = CHANNEL) -> str:
        """Type a slash command that starts no run, and give the answer that the person alone sees."""
        before = len(self.ephemerals(user))
        await self.type(text, user, channel)

        def answered() -> bool:
            found = self.ephemerals(user)[before:]
            return bool(found) and not found[-1].startswith("⏳ Reading")

        await eventually(answered, 20, what=f"an answer to {text[:60]!r}")
        return self.ephemerals(user)[-1]

    async def migrate_status(self) -> str:
        """Type `/migrate-status` as somebody who may only look, and give the blocks of the answer as text."""
        await self.answer("/migrate-status compte production", ONCALL)
        return str([item for item in self.snapshot()["ephemerals"] if item["user"] == ONCALL][-1]["blocks"])

    def messages(self, kind: str = "", run: str = "") -> list[dict[str, Any]]:
        """Give the bot's messages of a kind (`card`, `plan`, …: the end of the event type), oldest first."""
        wanted = {"": "countersign_", "card": "countersign_run"}.get(kind, f"countersign_{kind}")
        state, found = self.playground.state, []
        # Tests ask for this fifty times a second: the whole workspace would take a part of the machine from the bot.
        for message in state.conversation(CHANNEL).messages.values():
            metadata = message.metadata or {}
            payload = metadata.get("event_payload", {})
            if metadata.get("event_type", "").startswith(wanted) and (not run or payload.get("run") == run):
                found.append(state.message_for_page(message))
        return found

    def snapshot(self) -> dict[str, Any]:
        """Give the whole workspace as plain data."""
        return snapshot(self.playground.state, self.playground.sockets)

    def payload(self, kind: str, run: str = "") -> dict[str, Any]:
        """Give the metadata of the newest message of a kind; empty where there is none."""
        found = self.messages(kind, run)
        return found[-1]["metadata"]["event_payload"] if found else {}

    def steps(self, run: str) -> dict[str, str]:
        """Give the state of each step as the progress message shows it."""
        return {step["key"]: step["state"] for step in self.payload("progress", run).get("steps", [])}

    def state_history(self, run: str, kind: str) -> list[str]:
        """Give the states that a message of a run went through, in order, from the log of Slack's calls."""
        states: list[str] = []
        for call in self.playground.api.log:
            metadata = call.arguments.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if call.ok and metadata.get("event_type") == kind and payload.get("run") == run:
                states.append(payload["state"])
        return states

    async def runs(self, count: int) -> list[str]:
        """Wait for so many run cards and give their runs, oldest first."""
        await eventually(lambda: len(self.messages("card")) >= count, 30, what=f"{count} run cards")
        return [message["metadata"]["event_payload"]["run"] for message in self.messages("card")]

    async def gate(self, run: str, seconds: float = 240) -> dict[str, Any]:
        """Wait for the request to approve and give the message."""
        await eventually(
            lambda: self.payload("approval", run).get("state") == "open" or self._over(run), seconds, what="a gate"
        )
        assert not self._over(run), self.messages("result", run)
        await eventually(lambda: len(self.messages("approval", run)[-1].get("reactions", [])) >= 2, 20, what="seeds")
        return self.messages("approval", run)[-1]

    def react(self, message: Mapping[str, Any], user: str = RELEASER, name: str = "white_check_mark") -> None:
        """React to a message as a person."""
        self.playground.client_actions.react(user, CHANNEL, message["ts"], name)

    def unreact(self, message: Mapping[str, Any], user: str = RELEASER, name: str = "white_check_mark") -> None:
        """Take a reaction back."""
        self.playground.client_actions.unreact(user, CHANNEL, message["ts"], name)

    async def press(self, run: str, action: str, user: str = ENGINEER) -> None:
        """Press a button on a run's card."""
        card = self.messages("card", run)[-1]
        delivery = await self.playground.client_actions.click(user, CHANNEL, card["ts"], Click(action))
        assert delivery.outcome is Outcome.ACKED, delivery

    async def press_shown(self, action: str, user: str = ENGINEER) -> None:
        """Press a button on what a person alone was shown last."""
        shown = [item for item in self.snapshot()["ephemerals"] if item["user"] == user][-1]
        delivery = await self.playground.client_actions.click(user, CHANNEL, shown["ts"], Click(action))
        assert delivery.outcome is Outcome.ACKED, delivery

    async def decide(self, run: str, action: str, user: str = ENGINEER) -> str:
        """Press a button of a run's decision card, and give the run that goes on after it."""
        before = len(self.messages("card"))
        await eventually(lambda: action in self.result(run), 30, what=f"the button {action} of {run}")
        delivery = await self.playground.client_actions.click(
            user, CHANNEL, self.messages("result", run)[-1]["ts"], Click(action)
        )
        assert delivery.outcome is Outcome.ACKED, delivery
        return (await self.runs(before + 1))[-1]

    async def approved(self, run: str, user: str = RELEASER) -> str:
        """Wait for the gate, approve as a person, and give the run's last state."""
        self.react(await self.gate(run), user)
        return await self.end(run)

    def result(self, run: str) -> str:
        """Give the blocks of the outcome's message as JSON."""
        return json.dumps(self.messages("result", run)[-1]["blocks"], ensure_ascii=False)

    async def end(self, run: str, seconds: float = 240) -> str:
        """Wait for a run's outcome, and give its state; from then on the whole thread is true."""
        await eventually(lambda: self._over(run), seconds, what=f"the end of {run}")
        state = str(self.payload("result", run)["state"])
        assert self.payload("card", run)["state"] == state
        return state

    async def closed(self, run: str) -> None:
        """Wait until a run that needed a person is closed."""
        await eventually(lambda: self.payload("result", run).get("state") == "cancelled", 30, what=f"{run} is closed")

    def _over(self, run: str) -> bool:
        return self.payload("result", run).get("state") in ENDS

    def files(self) -> list[dict[str, Any]]:
        """Give the files that stand in the channel; one whose upload was never completed stands nowhere."""
        return [file for file in self.snapshot()["files"] if file["shares"].get("public")]

    def ephemerals(self, user: str) -> list[str]:
        """Give the texts that only one person saw."""
        return [item.text for item in self.playground.state.ephemerals if item.user == user]

    def print_conversation(self) -> None:
        """Print what can explain a failure; pytest shows it then."""
        for message in self.messages():
            print(message["metadata"]["event_type"], message["metadata"]["event_payload"])
        for ephemeral in self.snapshot()["ephemerals"]:
            print("only to", ephemeral["user"], ":", ephemeral["text"])
        print("\n".join(self.bot.lines[-80:]))


def environment(api_url: str, ops_file: Path, **more: str) -> dict[str, str]:
    """Give the bot's environment for a playground."""
    app = workspace().app
    return {
        "SLACK_BOT_TOKEN": app.bot_token,
        "SLACK_APP_TOKEN": app.app_token,
        "SLACK_API_URL": api_url,
        "OPS_FILE": str(ops_file),
        **more,
    }
