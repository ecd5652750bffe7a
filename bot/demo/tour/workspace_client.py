"""Acts as the people of the playground through its control API, and reads the channel.

docs/playground-reference.md describes it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp

from bot.demo.errors import DemoError
from bot.demo.workspace import CHANNEL

_POLL = 0.05
T = TypeVar("T")

ENDS = frozenset({"succeeded", "failed", "rejected", "expired", "cancelled", "needs_human"})
"""States in which a run does nothing by itself."""

Message = Mapping[str, Any]
"""A message as Slack describes it, with `metadata` and `reactions`."""


class ChannelView:
    """The channel at one moment.

    Args:
        state: the playground's answer to `GET /playground/state`.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = state

    @property
    def messages(self) -> tuple[Message, ...]:
        """Every message of the channel, those in threads too, oldest first."""
        for channel in self._state["channels"]:
            if channel["id"] == CHANNEL:
                return tuple(channel["messages"])
        return ()

    @property
    def names(self) -> Mapping[str, str]:
        """What a person is called, by user ID."""
        return {person["id"]: person["display_name"] or person["name"] for person in self._state["people"]}

    def files(self, name: str) -> tuple[Message, ...]:
        """The files of a name that stand in a message.

        Args:
            name: the file's name.
        """
        return tuple(file for message in self.messages for file in message.get("files") or () if file["name"] == name)

    def ephemerals(self, user: str) -> tuple[str, ...]:
        """The texts that only one person sees.

        Args:
            user: the person.
        """
        return tuple(item["text"] for item in self._state["ephemerals"] if item["user"] == user)

    def newest(self, kind: str, run: str = "") -> Message | None:
        """The newest message of a kind, if there is one.

        Args:
            kind: `run` (the card), `plan`, `approval`, `progress` or `result`.
            run: of this run; of any if empty.
        """
        for message in reversed(self.messages):
            if kind_of(message) == kind and run in ("", payload(message).get("run")):
                return message
        return None

    def runs(self) -> tuple[str, ...]:
        """The runs that have a card, oldest first."""
        return tuple(str(payload(message)["run"]) for message in self.messages if kind_of(message) == "run")

    def form(self, user: str) -> str:
        """The ID of the form that somebody has open; empty where none is.

        Args:
            user: the person.
        """
        stack = self._state["views"].get(user) or ()
        return str(stack[-1]["id"]) if stack else ""

    def content(self, name: str) -> str:
        """The text of the newest file of a name; empty where there is none.

        Args:
            name: the file's name.
        """
        return next((str(file["content"]) for file in reversed(self._state["files"]) if file["name"] == name), "")

    def is_over(self, run: str) -> bool:
        """Whether a run has ended or needs a person, and every message of its thread shows that.

        Args:
            run: the run.
        """
        states = [message for kind in ("run", "progress", "result") if (message := self.newest(kind, run)) is not None]
        return self.newest("result", run) is not None and all(payload(message)["state"] in ENDS for message in states)

    def state_of(self, run: str) -> str:
        """The state that a run's card shows.

        Args:
            run: the run.
        """
        card = self.newest("run", run)
        return str(payload(card).get("state", "")) if card is not None else ""


def kind_of(message: Message) -> str:
    """Give the kind of one of the bot's messages; empty for any other.

    Args:
        message: the message.
    """
    kind = str((message.get("metadata") or {}).get("event_type", ""))
    return kind.removeprefix("countersign_") if kind.startswith("countersign_") else ""


def payload(message: Message) -> Mapping[str, Any]:
    """Give the metadata payload of one of the bot's messages; empty for any other.

    Args:
        message: the message.
    """
    found: Mapping[str, Any] = (message.get("metadata") or {}).get("event_payload", {})
    return found


class WorkspaceClient:
    """Acts in a playground as any of its people.

    Args:
        session: an HTTP client.
        url: of the page, ending in `/`.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def view(self) -> ChannelView:
        """Read the workspace as it is now."""
        async with self._session.get(f"{self._url}playground/state") as answer:
            return ChannelView(await answer.json())

    async def type(self, user: str, text: str) -> None:
        """Type a slash command.

        Args:
            user: who.
            text: what.

        Raises:
            DemoError: the bot did not acknowledge it.
        """
        answer = await self._post("command", {"user": user, "channel": CHANNEL, "text": text})
        if answer.get("outcome") != "acked":
            raise DemoError(f"the bot did not acknowledge {text}: {answer.get('outcome')}")

    async def react(self, user: str, message: Message, name: str) -> None:
        """React to a message.

        Args:
            user: who.
            message: to what.
            name: of the emoji.
        """
        await self._post("react", {"user": user, "channel": CHANNEL, "ts": message["ts"], "name": name})

    async def press(self, user: str, message: Message, action: str) -> None:
        """Press a button.

        Args:
            user: who.
            message: on which.
            action: its `action_id`.

        Raises:
            DemoError: the bot did not acknowledge it.
        """
        body = {"user": user, "channel": CHANNEL, "ts": message["ts"], "action_id": action}
        answer = await self._post("click", body)
        if answer.get("outcome") != "acked":
            raise DemoError(f"the bot did not acknowledge {action}: {answer.get('outcome')}")

    async def submit(self, user: str, values: Mapping[str, Mapping[str, str]]) -> None:
        """Wait for somebody's form, fill it in and submit it.

        Args:
            user: who.
            values: by the IDs of block and action.

        Raises:
            DemoError: it did not open in time.
        """
        form = await self.until(lambda channel: channel.form(user), "the form")
        await self._post("submit", {"user": user, "view_id": form, "values": values})

    async def choose(self, entry: str) -> str:
        """Choose an entry of the demonstration's menu.

        Args:
            entry: its ID.

        Returns:
            What was answered.

        Raises:
            DemoError: it could not be done.
        """
        answer = await self._post("actions", {"id": entry})
        if not answer["done"]:
            raise DemoError(str(answer["text"]))
        return str(answer["text"])

    async def until(self, seen: Callable[[ChannelView], T | None], what: str, seconds: float = 60.0) -> T:
        """Poll the channel until something is there.

        Args:
            seen: gives it, or something false.
            what: it is, for the error.
            seconds: how long at most.

        Returns:
            What `seen` gave.

        Raises:
            DemoError: it did not come in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = seen(await self.view())
            if found:
                return found
            await asyncio.sleep(_POLL)
        raise DemoError(f"{what} was not seen within {seconds:.0f} seconds")

    async def _post(self, what: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        async with self._session.post(f"{self._url}playground/{what}", json=body) as response:
            answer: Mapping[str, Any] = await response.json()
        if not answer.get("ok"):
            raise DemoError(f"the playground did not do {what}: {answer.get('error')}")
        return answer


@asynccontextmanager
async def open_workspace_client(url: str) -> AsyncIterator[WorkspaceClient]:
    """Open a client of a playground.

    Args:
        url: of the page, ending in `/`.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield WorkspaceClient(session, url)
