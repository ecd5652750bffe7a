"""The demonstration's output in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_WIDTH = 80


def console() -> Console:
    """Give the console on standard output: at most 80 columns wide, and without colours where it is no terminal."""
    found = Console(highlight=False, markup=False, emoji=False)
    return Console(highlight=False, markup=False, emoji=False, width=min(found.width, _WIDTH))


class TerminalReporter:
    """Prints progress (`bot.demo.environment.ProgressReporter`).

    Args:
        output: where to.
    """

    def __init__(self, output: Console) -> None:
        self._output = output

    def started(self, what: str, where: str) -> None:
        """Print that a part has started."""
        row = Table.grid(padding=(0, 1))
        row.add_column(width=3, justify="right")
        row.add_column(width=12)
        row.add_column()
        row.add_row(Text("✓", style="green"), Text(what, style="bold"), Text(where, style="dim"))
        self._output.print(row)

    def notice(self, sentence: str) -> None:
        """Print a notice."""
        self._output.print(Padding(Text(f"• {sentence}"), (0, 0, 0, 2)))
