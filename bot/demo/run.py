"""`countersign demo`: runs the demonstration until a signal, or plays the tour."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from rich.console import Console
from rich.text import Text

from bot.demo.environment import DemoEnvironment, set_up
from bot.demo.errors import DemoError
from bot.demo.terminal import TerminalReporter, console
from bot.demo.tour.findings import TABLE, describe, findings
from bot.demo.tour.tour import Tour
from bot.demo.tour.transcript_printer import TranscriptPrinter
from bot.demo.tour.workspace_client import open_workspace_client
from bot.demo.workspace import DEPLOY, RELEASER

TOUR_SECONDS = 180.0


async def until_signal(work: Coroutine[Any, Any, int]) -> int:
    """Do some work until SIGINT, SIGTERM or SIGHUP; the work releases what it holds before this returns.

    Args:
        work: gives an exit status.

    Returns:
        That of the work; 0 where a signal ended it.
    """
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def stop() -> None:
        # a second signal must not interrupt the tidying up
        if not asked.is_set():
            asked.set()
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if not asked.is_set():
            raise
        return 0


async def run_demo(port: int) -> int:
    """Start the demonstration and leave it to whoever opens the page.

    Args:
        port: the port of the page; 0 takes a free one.

    Raises:
        DemoError: a part did not start, or the playground ended.
    """
    output = console()
    announcer = TerminalReporter(output)
    _say(output, "Countersign on this machine alone: nothing to connect, nothing left behind.", "bold")
    output.print()
    try:
        async with set_up(port, announcer) as demo:
            _invite(output, demo)
            await demo.playground.gone()
            raise DemoError(f"the playground ended, so everything was stopped:\n{demo.playground.log_tail()}")
    except asyncio.CancelledError:
        _say(output, "Everything was stopped and removed.")
        raise


async def run_tour() -> int:
    """Play the tour in the terminal, and check its outcome.

    Returns:
        0 when everything was seen that should be, else 1.

    Raises:
        DemoError: a part did not start, or something that was waited for did not come.
    """
    output = console()
    _say(output, "Countersign, playing itself on this machine alone", "bold")
    output.print()
    try:
        async with asyncio.timeout(TOUR_SECONDS):
            async with set_up(0, TerminalReporter(output)) as demo, open_workspace_client(demo.url) as client:
                printer = TranscriptPrinter(output)
                seen = await Tour(demo, client, printer).play()
                found = await findings(demo, seen)
                printer.print_column(TABLE, await describe(demo))
                printer.files(*_dumps(demo, seen.backup))
                printer.print_findings(found)
                if all(finding.holds for finding in found):
                    return 0
                printer.print_bot_log(demo.bot.log_tail())
                return 1
    except TimeoutError:
        raise DemoError(f"the tour did not come to its end within {TOUR_SECONDS:.0f} seconds") from None


def _dumps(demo: DemoEnvironment, backup: str) -> tuple[str, list[tuple[str, int]]]:
    """The folder of the backups as the host has it, and name and size of what belongs to one backup."""
    folder = demo.application.backups
    files = sorted(folder.glob(f"{backup}.*")) if backup else []
    return f"/{folder.relative_to(demo.host.folder)}", [(file.name, file.stat().st_size) for file in files]


def _invite(output: Console, demo: DemoEnvironment) -> None:
    output.print()
    output.print(Text.assemble("  Open ", (demo.url, "bold cyan underline")))
    output.print()
    output.print(Text.assemble("  1  You are Amélie, the engineer: type ", (DEPLOY, "bold")))
    output.print("  2  Switch to Bob, the releaser, and react with ✅ to the request in the thread")
    output.print("  3  Watch the column arrive; under ⚡ are the next commit, and faults")
    output.print("  4  ⚡ Ask for signatures: the emoji is not enough then. Bob signs by")
    _say(output, f"   {demo.keys.command(RELEASER)}", "bold")
    output.print()
    _say(output, f"Ctrl-C stops everything and removes {demo.folder}.", "dim")


def _say(output: Console, sentence: str, style: str = "") -> None:
    output.print(Text(f"  {sentence}", style=style))
