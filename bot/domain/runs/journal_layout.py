"""Where a host keeps the journal and the notes of a run, by the version of the journal's layout. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bot.domain.names import is_name
from bot.domain.shell import Command, Syntax, Word

JOURNAL = "journal"
"""Fact of a step's row: the layout in which its attempt was begun; it is committed with the intent."""

STRETCH = "stretch"
"""Fact of the row of a stretch's first step: the keys of the others, committed with the intent."""


class JournalLayout(StrEnum):
    """Versions of the layout."""

    RUN = "1"
    """A folder for each run. Hosts that share a home share it."""
    RUN_AND_PLACE = "2"
    """A folder for each run at each place."""
    STRETCH = "3"
    """As `RUN_AND_PLACE`, in the row of a stretch's first step: a bot that knows of none must not go on."""


def layout_of(facts: Mapping[str, str]) -> JournalLayout:
    """Return the layout in which an attempt was begun.

    Args:
        facts: of its row. The first version committed none.

    Raises:
        ValueError: a later version of the bot began it.
    """
    return JournalLayout(facts.get(JOURNAL, JournalLayout.RUN.value))


def run_folder(run: str, place: str, layout: JournalLayout) -> str:
    """Return the name of the folder of a run.

    Args:
        run: its ID.
        place: name of the host. Names contain no `@`, so that no two runs and places have the same folder.
        layout: of the journal.

    Raises:
        ValueError: a name is not safe in a path.
    """
    if not (is_name(run) and is_name(place)):
        raise ValueError(f"not the identity of a step: {run!r} at {place!r}")
    return run if layout is JournalLayout.RUN else f"{run}@{place}"


def notes_folder(run: str, place: str, layout: JournalLayout) -> Command:
    """Return the shell word for the folder of a run's notes on a host, which steps know as `COUNTERSIGN_RUN_DIR`.

    Args:
        run: its ID.
        place: name of the host.
        layout: of the journal.

    Raises:
        ValueError: a name is not safe in a path.
    """
    folder = Word(run_folder(run, place, layout))
    return Command((Syntax('"${XDG_STATE_HOME:-$HOME/.local/state}"/countersign/'), folder, Syntax("/.marks")))
