"""The bot's own way from an envelope to its acknowledgement and nothing behind it: listeners, inbox, store, sockets."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.slack.transport.gateway import Gateway, build_client, open_session
from bot.slack.transport.inbox import EventRecorder
from bot.slack.transport.listeners import command_recorder, register_all
from bot.slack.transport.sockets import SlackSockets
from bot.store.store import SystemClock, open_store


async def _nothing_wrong(_: Mapping[str, Any]) -> Mapping[str, str]:
    return {}


def _nothing_shown(_: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def _never_refused(_: Mapping[str, Any]) -> None:
    raise AssertionError("a command could not be recorded")


async def _main() -> None:
    clock = SystemClock()
    async with open_store("sqlite+aiosqlite:///data/countersign.db", clock) as store, open_session() as session:
        client = build_client(os.environ["SLACK_BOT_TOKEN"], os.environ["SLACK_API_URL"], session)
        app = AsyncApp(client=client, process_before_response=True, raise_error_for_unhandled_request=True)
        inbox = EventRecorder(store.inbox, clock)
        register_all(app, inbox, _nothing_wrong)
        token, record = os.environ["SLACK_APP_TOKEN"], command_recorder(inbox, _nothing_shown, _never_refused)
        sockets = SlackSockets(app, token, record, Gateway(client), lambda: None)
        await sockets.start()
        print("ready")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
