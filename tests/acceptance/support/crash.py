"""The bot as it is, but mortal: `python -m tests.acceptance.support.crash serve` dies by SIGKILL at chosen points.

A point lies before and after each commit of the store, each start of an SSH session, each script that is sent, each
exit status that is read, each call of Slack's Web API and each acknowledgement. Every point that is passed is appended
to the file PASSED, one name a line; the last line of a process that was killed is where it died. Points are named by
what they are about, so that they are the same in every run:

    before commit step migrate running
    after ssh sent [migrate running]        the step that was written last stands in brackets
    before slack chat.postMessage result

Environment:
    PASSED   file that takes the names.
    DIE_AT   names, separated by `|`: the process dies when it passes any of them.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import getclosurevars
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.channel import SSHClientChannel
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from sqlalchemy.engine.default import DefaultDialect

from bot.domain.inbox import Posted
from bot.engine.run_changes import Change, MoveTo, StepIs, StepsAre
from bot.store.runs.update import record_together
from bot.store.sql.database import Database
from bot.store.sql.group_commit import GroupCommit


class Mortality:
    """Counts the points that are passed, and dies at some.

    Args:
        passed: the file that takes the names.
        die_at: names.
    """

    def __init__(self, passed: Path, die_at: frozenset[str]) -> None:
        self._file = os.open(passed, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._die_at = die_at
        self.step = "no step"
        """The step that was written last."""
        self.work = threading.local()
        """What the transaction of this thread is about."""

    def passes(self, name: str) -> None:
        os.write(self._file, f"{name}\n".encode())
        if name in self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()

    def around(self, name: Callable[..., str], method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Put a point before and one after an asynchronous method."""

        @wraps(method)
        async def mortal(*arguments: Any, **named: Any) -> Any:
            about = name(*arguments, **named)
            self.passes(f"before {about}")
            answer = await method(*arguments, **named)
            self.passes(f"after {about}")
            return answer

        return mortal


def about_write(work: Any) -> tuple[str, ...]:
    """Name a transaction by what it writes; one of several items, which are known when it has begun, by each."""
    captured = getclosurevars(work).nonlocals
    if not isinstance(captured.get("self"), GroupCommit):
        return (about_operation(captured.get("operation", work).__name__, captured.get("args", ())),)
    together = captured["self"]._together
    if together is not record_together:
        return (f"inbox {getattr(together, 'func', together).__name__}",)
    records = [captured["item"]] if "item" in captured else [item for item, _ in captured["batch"]]
    return tuple(dict.fromkeys(about_operation("record", (record.changes,)) for record in records))


def about_operation(name: str, arguments: tuple[Any, ...]) -> str:
    """Name an operation of the store by what it writes."""
    changes = [
        change for given in arguments if isinstance(given, tuple) for change in given if isinstance(change, Change)
    ]
    for change in changes:
        if isinstance(change, MoveTo):
            return f"move {change.state}"
    for change in changes:
        if isinstance(change, StepIs | StepsAre):
            rows = change.rows if isinstance(change, StepsAre) else (change.row,)
            begun = " begun" if rows[0].begun and rows[0].state == "running" else ""
            return f"step {'+'.join(dict.fromkeys(row.key for row in rows))} {rows[0].state}{begun}"
    if changes:
        return f"{name} {' '.join(type(change).__name__ for change in changes)}"
    for posted in arguments:
        if not isinstance(posted, Posted):
            continue
        return f"message {posted.slot.partition(':')[0]} {posted.state}"
    return name


def about_call(_client: Any, api_method: str, **named: Any) -> str:
    """Name a call of Slack's Web API by its method, and by the message that it is about."""
    arguments = {**(named.get("params") or {}), **(named.get("json") or {})}
    event = str((arguments.get("metadata") or {}).get("event_type", "")).removeprefix("countersign_")
    return f"slack {api_method} {event}".strip()


def make_mortal(mortality: Mortality) -> None:
    """Put the points into the libraries and into the store."""
    write, commit = Database.write, DefaultDialect.do_commit

    @wraps(write)
    async def mortal_write(self: Database, work: Any, *arguments: Any, **named: Any) -> Any:
        def told(connection: Any) -> Any:
            result = work(connection)
            about = about_write(work)
            mortality.work.about = about
            for name in about:
                if name.startswith("step "):
                    mortality.step = name.removeprefix("step ")
            return result

        return await write(self, told, *arguments, **named)

    def mortal_commit(self: DefaultDialect, connection: Any) -> None:
        about = getattr(mortality.work, "about", None) or ()
        mortality.work.about = None
        for name in about:
            mortality.passes(f"before commit {name}")
        commit(self, connection)
        for name in about:
            mortality.passes(f"after commit {name}")

    Database.write = mortal_write
    DefaultDialect.do_commit = mortal_commit
    connection = asyncssh.SSHClientConnection
    connection.create_process = mortality.around(
        lambda *_, **__: f"ssh start [{mortality.step}]", connection.create_process
    )
    sent, exit_status = asyncssh.SSHWriter.write_eof, SSHClientChannel._process_exit_status_request

    def mortal_sent(self: Any) -> None:
        mortality.passes(f"before ssh sent [{mortality.step}]")
        sent(self)
        mortality.passes(f"after ssh sent [{mortality.step}]")

    def mortal_exit_status(self: Any, packet: Any) -> Any:
        mortality.passes(f"before exit status [{mortality.step}]")
        answer = exit_status(self, packet)
        mortality.passes(f"after exit status [{mortality.step}]")
        return answer

    asyncssh.SSHWriter.write_eof = mortal_sent
    SSHClientChannel._process_exit_status_request = mortal_exit_status
    AsyncWebClient.api_call = mortality.around(about_call, AsyncWebClient.api_call)
    AsyncWebhookClient.send = mortality.around(lambda *_, **__: "slack response_url", AsyncWebhookClient.send)
    AsyncBaseSocketModeClient.send_socket_mode_response = mortality.around(
        lambda *_, **__: "slack acknowledgement", AsyncBaseSocketModeClient.send_socket_mode_response
    )


if __name__ == "__main__":
    points = frozenset(filter(None, os.environ.get("DIE_AT", "").split("|")))
    make_mortal(Mortality(Path(os.environ["PASSED"]), points))
    from bot.__main__ import main

    main()
