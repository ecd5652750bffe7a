"""The list of runs on the terminal, from 40 columns on. Pure."""

from __future__ import annotations

from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.console.people_names import PeopleNames
from bot.console.run_parts import as_text, state_text, what_text
from bot.console.run_text import took_briefly, zone
from bot.domain.runs.run import Run

_WIDE = 70
"""From this many columns on, a run of the list has one line."""


def list_of(runs: tuple[Run, ...], names: PeopleNames, now: datetime, width: int) -> RenderableType:
    """List runs, newest first.

    Args:
        runs: in the order in which they are shown.
        names: of people.
        now: for what still goes, and for how long ago something was.
        width: of the terminal, in columns.
    """
    if not runs:
        return as_text(names.words.say("none"))
    if width < _WIDE:
        return Group(*(_entry(run, names, now) for run in runs))
    words = names.words

    def column(name: str, **values: str) -> str:
        return words.say(f"column.{name}", **values)

    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    table.add_column(column("run"), no_wrap=True)
    table.add_column(column("state"), no_wrap=True)
    table.add_column(column("what"), overflow="fold")
    table.add_column(column("who"), max_width=12, overflow="ellipsis", no_wrap=True)
    table.add_column(column("when", zone=zone(now)), no_wrap=True)
    table.add_column(column("took"), justify="right", no_wrap=True)
    for run in runs:
        who = as_text(names.person_briefly(run.request.origin.user))
        started = as_text(words.when_briefly(run.created_at, now))
        table.add_row(
            as_text(run.id), state_text(run, now, words), what_text(run), who, started, as_text(_took(run, now))
        )
    return table


def _took(run: Run, now: datetime) -> str:
    return took_briefly((run.ended_at or now) - run.created_at)


def _entry(run: Run, names: PeopleNames, now: datetime) -> RenderableType:
    first = Text.assemble(as_text(run.id, "bold"), " ", state_text(run, now, names.words))
    who = names.person_briefly(run.request.origin.user)
    third = as_text(f"{who}, {names.words.when_briefly(run.created_at, now)} {zone(now)}, {_took(run, now)}", "dim")
    return Group(first, Padding(Group(what_text(run), third), (0, 0, 0, 2), expand=False))
