"""`countersign runs cancel`: leaves a request in the store and reports whether the bot has taken it."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Awaitable, Callable

from bot.console.output import print_text
from bot.console.store_access import NO_SUCH_RUN, Terminal, print_no_such_run, run_named
from bot.domain.policies.people import CONSOLE
from bot.domain.runs.run import BEFORE_CHANGE, Run, RunState
from bot.store import RequestWriter

PATIENCE = 12.0
"""Seconds for which the bot is waited for: it looks every three."""

_POLL = 0.3


def cancel_question(
    typed: str, *, as_json: bool, patience: float = PATIENCE
) -> Callable[[RequestWriter, Terminal], Awaitable[int]]:
    """Make the question that cancels a run.

    Args:
        typed: the run, as it was typed.
        as_json: whether the answer is for a script.
        patience: seconds for which the bot is waited for.
    """

    async def question(store: RequestWriter, terminal: Terminal) -> int:
        named = await run_named(typed, store)
        if named is None:
            await print_no_such_run(typed, store, terminal)
            return NO_SUCH_RUN
        run = await store.cancel_requests.ask(named.id, f"{CONSOLE}:{getpass.getuser()}"[:100], terminal.now) or named
        taken = run.ended or await _taken(store, run.id, patience)
        if as_json:
            terminal.data({"run": run.id, "state": run.state.value, "asked": not run.ended, "taken": taken})
            return 0
        for line in _lines(run, taken=taken):
            print_text(terminal.out, line)
        return 0

    return question


async def _taken(store: RequestWriter, run: str, patience: float) -> bool:
    until = time.monotonic() + patience
    while any(waiting.run == run for waiting in await store.cancel_requests.waiting()):
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(_POLL)
    return True


def _lines(run: Run, *, taken: bool) -> tuple[str, ...]:
    if run.ended:
        return (f"{run.id} is over already ({run.state.value}); nothing was done",)
    meaning = _meaning(run)
    if not taken:
        return (
            f"asked to cancel {run.id}; the bot has not taken it: it is not running, or cannot reach this store",
            f"it will take it when it is back; then {meaning}",
            "a step that runs on a host goes on until then: docs/on-call.md says how to end it there",
        )
    return (f"the bot is cancelling {run.id}: {meaning}", f"how it ends: countersign runs show {run.id}")


def _meaning(run: Run) -> str:
    if run.state is RunState.NEEDS_HUMAN:
        return "it is closed, nothing more is changed, and the next run on its target can start"
    if run.state in BEFORE_CHANGE:
        return "it ends, and nothing in production was changed"
    if run.state is RunState.VERIFYING:
        return "its checks stop; the change itself is done and stays"
    return "its running step is ended on the host and no later step starts; what it did so far stays"
