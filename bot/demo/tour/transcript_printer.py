"""Prints the tour in the terminal: who types what, what the bot answers, each step as it is done."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.filesize import decimal
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from bot.demo.tour.findings import TourFinding
from bot.demo.tour.workspace_client import ENDS, ChannelView, Message, kind_of, payload

_BOT = "Countersign"
_MARKS = {"done": ("✓", "green"), "failed": ("✗", "red"), "unknown": ("?", "yellow"), "skipped": ("–", "dim")}
_MAX_LINES = 6
"""Lines of a section that are printed; the rest is for the page."""


class TranscriptPrinter:
    """Prints a conversation as it grows.

    Args:
        output: where to.
        clock: gives seconds that only grow.
    """

    def __init__(self, output: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._output = output
        self._clock = clock
        self._begun = clock()
        self._printed: dict[str, str] = {}
        self._steps: set[str] = set()

    def begin(self) -> None:
        """Print the heading; times count from here."""
        self._begun = self._clock()
        self._rule("#ops")

    def typed(self, user: str, text: str, channel: ChannelView) -> None:
        """Print that somebody typed a command.

        Args:
            user: who.
            text: what.
            channel: knows the name.
        """
        self._line(channel.names[user], Text(text, style="bold"), "magenta")

    def reacted(self, user: str, emoji: str, channel: ChannelView) -> None:
        """Print that somebody reacted to the request to approve.

        Args:
            user: who.
            emoji: how.
            channel: knows the name.
        """
        self._line(channel.names[user], Text(emoji), "yellow")

    def print_new(self, channel: ChannelView) -> None:
        """Print what is new in the channel.

        Args:
            channel: the channel as it is now.
        """
        # a card that is there already changes last: what happened in its thread led to it
        known_cards = {
            message["ts"] for message in channel.messages if kind_of(message) == "run"
        } & self._printed.keys()
        for message in sorted(channel.messages, key=lambda each: each["ts"] in known_cards):
            if not _is_early(message, channel):
                self._message(message, channel)

    def print_column(self, table: str, row: Mapping[str, object]) -> None:
        """Show a column as the database describes it.

        Args:
            table: the table's name.
            row: of `DESCRIBE`; empty if there is no such column.
        """
        self._rule("what came of it")
        self._output.print(Text.assemble("  mysql> ", (f"DESCRIBE {table}", "bold")))
        shown = Table(box=None, padding=(0, 2), header_style="dim", show_edge=False)
        shown.add_column("")
        names = ("Field", "Type", "Null", "Key", "Default")
        for name in names:
            shown.add_column(name)
        if row:
            values = ("NULL" if row[name] is None else str(row[name]) for name in names)
            shown.add_row("  ", *(Text(value, style="cyan") for value in values))
        self._output.print(shown)

    def files(self, folder: str, files: Sequence[tuple[str, int]]) -> None:
        """Show files of the host.

        Args:
            folder: their folder on the host.
            files: name and size in bytes of each.
        """
        self._output.print()
        self._output.print(Text.assemble("  web1$ ", (f"ls {folder}", "bold")))
        for name, size in files:
            self._output.print(Text.assemble("    ", (name, "cyan"), f"  {decimal(size)}"))

    def print_findings(self, found: Sequence[TourFinding]) -> None:
        """Print each check and whether it passed.

        Args:
            found: what was found.
        """
        self._output.print()
        for finding in found:
            mark = Text("✓", style="green") if finding.holds else Text("✗", style="bold red")
            said = finding.claim if finding.holds else f"{finding.claim}: no, {finding.instead}"
            self._output.print(_hanging(Text(" "), mark, Text(said), widths=(1, 1)))
        wrong = sum(not finding.holds for finding in found)
        self._output.print()
        if wrong:
            self._output.print(Text(f"  {wrong} of {len(found)} things are not as they should be.", style="bold red"))
        else:
            seconds = self._clock() - self._begun
            self._output.print(Text(f"  All of this was seen, {seconds:.0f} seconds after the command.", style="bold"))

    def print_bot_log(self, text: str) -> None:
        """Show the end of the bot's log, which goes with everything else.

        Args:
            text: its last lines.
        """
        self._rule("the end of the bot’s log")
        self._output.print(Text(text), soft_wrap=True)

    def _message(self, message: Message, channel: ChannelView) -> None:
        kind, text = kind_of(message), _without_run(str(message["text"]))
        is_new = message["ts"] not in self._printed
        if kind == "progress":
            self._printed[message["ts"]] = ""
            self._progress(message)
        elif is_new and message.get("files"):
            self._printed[message["ts"]] = text
            for file in message["files"]:
                self._line(_BOT, Text(f"{file['name']}, {decimal(file['size'])}"), "cyan")
        elif kind and self._printed.get(message["ts"]) != text:
            self._printed[message["ts"]] = text
            self._line(_BOT, Text(text, style="bold" if kind == "run" else ""), "cyan")
            if kind in ("plan", "result") and is_new:
                for line in _lines(message, channel.names):
                    self._line("", Text(line), "")

    def _progress(self, message: Message) -> None:
        for step in payload(message).get("steps", ()):
            mark = _MARKS.get(step["state"])
            if mark is not None and step["key"] not in self._steps:
                self._steps.add(step["key"])
                self._line("", Text.assemble(mark, " ", step["title"]), "")

    def _line(self, who: str, what: RenderableType, style: str) -> None:
        seconds = self._clock() - self._begun
        when = Text(f"{seconds:.1f} s" if who else "", style="dim")
        self._output.print(_hanging(when, Text(who, style=f"bold {style}" if style else ""), what, widths=(7, 11)))

    def _rule(self, title: str) -> None:
        self._output.print()
        self._output.print(Rule(Text(title, style="dim"), align="left", style="dim"))


def _hanging(first: Text, second: Text, rest: RenderableType, widths: tuple[int, int]) -> Table:
    """One line of three columns; what is too long goes on below its own column."""
    row = Table.grid(padding=(0, 1))
    row.add_column(width=widths[0], justify="right")
    row.add_column(width=widths[1])
    row.add_column()
    row.add_row(first, second, rest)
    return row


def _is_early(message: Message, channel: ChannelView) -> bool:
    """Whether a message shows the end while the progress in the thread still lacks the last steps."""
    shown = payload(message)
    if kind_of(message) not in ("run", "result") or shown["state"] not in ENDS:
        return False
    progress = channel.newest("progress", shown["run"])
    return progress is not None and payload(progress)["state"] not in ENDS


def _without_run(text: str) -> str:
    return re.sub(r" \(R-[0-9A-Z]+\)$", "", text)


def _lines(message: Message, names: Mapping[str, str]) -> Iterator[str]:
    """The lines of a message's sections as plain text, but not the numbered steps: each is printed when it is done."""
    for block in message.get("blocks") or ():
        if block["type"] != "section" or "text" not in block:
            continue
        lines = plain(block["text"]["text"], names).splitlines()
        if not any(line.startswith("1. ") for line in lines):
            yield from lines[:_MAX_LINES]


def plain(mrkdwn: str, names: Mapping[str, str]) -> str:
    """Take Slack's marks out of a text.

    Args:
        mrkdwn: as in a message.
        names: what a person is called, by user ID.
    """
    text = re.sub(r"<@([A-Z0-9]+)(?:\|[^>]*)?>", lambda found: names.get(found[1], found[1]), mrkdwn)
    text = re.sub(r"<![^|>]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<[^|>]*\|([^>]*)>|<([^|>]*)>", lambda found: found[1] or found[2], text)
    text = re.sub(r"(?<!\w)([*_~`])(\S(?:.*?\S)?)\1(?!\w)", r"\2", text)
    text = re.sub(r"(?<!\w)([*_~`])(\S(?:.*?\S)?)\1(?!\w)", r"\2", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
