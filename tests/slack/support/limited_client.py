"""The SDK's client, answered by a Slack in memory that enforces its limits."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.playground.rate_limits import RateLimits
from bot.playground.web_api.registry import METHODS
from tests.slack.support.runs import BOB


class LimitedClient:
    """Knows messages and their reactions; everybody is a member of everything."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        """By `ts`: `channel`, `thread_ts`, `metadata`, `posted` and `edited` (times of the first and the last)."""
        self.payloads: dict[tuple[str, str], dict[str, Any]] = {}
        """The latest metadata by type and run."""
        self.reactions: defaultdict[str, dict[str, float]] = defaultdict(dict)
        """By `ts`: when each emoji was added."""
        self.refused: list[str] = []
        self.calls: defaultdict[str, int] = defaultdict(int)
        self._limits = RateLimits()
        self._chance = random.Random(3)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        async def call(**arguments: Any) -> Any:
            await asyncio.sleep(self._chance.uniform(0.01, 0.15))
            method = METHODS[name.replace("_", ".", 1).replace("usergroups.users_list", "usergroups.users.list")]
            self.calls[name] += 1
            channel = str(arguments.get("channel", ""))
            if self._limits.wait(method.name, channel, method.tier, time.monotonic()):
                self.refused.append(name)
                answer = SimpleNamespace(status_code=429, headers={"Retry-After": "30"}, get={}.get)
                raise SlackApiError("ratelimited", answer)
            found = getattr(self, f"_{name}")(**arguments)
            await asyncio.sleep(self._chance.uniform(0.01, 0.15))
            return found

        call.__name__ = name
        return call

    def of_type(self, event_type: str) -> list[dict[str, Any]]:
        """The messages of a type."""
        return [one for one in self.messages.values() if one["metadata"]["event_type"] == event_type]

    def _note(self, metadata: Any) -> None:
        self.payloads[metadata["event_type"], metadata["event_payload"]["run"]] = metadata["event_payload"]

    def _chat_postMessage(self, *, channel: str, metadata: Any, thread_ts: str = "", **_: Any) -> Any:  # noqa: N802
        ts = f"{1_700_000_000 + len(self.messages)}.000100"
        now = time.monotonic()
        self.messages[ts] = {
            "ts": ts,
            "channel": channel,
            "thread_ts": thread_ts,
            "metadata": metadata,
            "posted": now,
            "edited": now,
        }
        self._note(metadata)
        return {"ts": ts, "message": {"thread_ts": thread_ts}}

    def _chat_update(self, *, ts: str, metadata: Any, **_: Any) -> Any:
        self.messages[ts] |= {"metadata": metadata, "edited": time.monotonic()}
        self._note(metadata)
        return {}

    def _reactions_add(self, *, timestamp: str, name: str, **_: Any) -> Any:
        self.reactions[timestamp][name] = time.monotonic()
        return {}

    def _reactions_get(self, **_: Any) -> Any:
        return {"message": {"reactions": [{"name": "white_check_mark", "users": [BOB], "count": 1}]}}

    def _users_info(self, *, user: str, **_: Any) -> Any:
        return {"user": {"id": user, "team_id": "T1", "name": user.lower()}}

    def _usergroups_users_list(self, **_: Any) -> Any:
        return {"users": [BOB]}

    def _conversations_members(self, **_: Any) -> Any:
        return {"members": [BOB]}
