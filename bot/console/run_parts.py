"""Pieces that several views of runs on the terminal share. Pure."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from bot.console.output import without_control_characters
from bot.console.people_names import PeopleNames
from bot.console.run_text import run_mark, state_sentence, step_mark, took
from bot.console.words import ENGLISH, Words
from bot.domain.runs.plan import BOT
from bot.domain.runs.run import Run, StepRow, StepState


def as_text(text: str, style: str = "") -> Text:
    """Make a text of hosts and people safe for the terminal."""
    return Text(without_control_characters(text), style=style, overflow="fold")


def state_text(run: Run, now: datetime, words: Words = ENGLISH) -> Text:
    """Give the sign and the state of a run."""
    sign, style = run_mark(run.state)
    return as_text(f"{sign} {state_sentence(run, now, words)}", style)


def what_text(run: Run) -> Text:
    """Name what a run does, and on which target."""
    return as_text(f"{run.request.action.value} {run.request.target}")


def mark_text(state: StepState) -> Text:
    """Give the sign of a step's state."""
    sign, style = step_mark(state)
    return Text(sign, style=style)


def place_text(row: StepRow, words: Words = ENGLISH) -> str:
    """Name where a step ran, and which attempt it was; empty for the bot itself."""
    place = "" if row.place == BOT else f" {row.place}"
    return f"{place} ({words.say('attempt', n=str(row.attempt))})" if row.attempt > 1 else place


def span_text(rows: tuple[StepRow, ...], now: datetime) -> str:
    """Write how long steps took from the first start to the last end; empty where that is unknown."""
    starts = [row.started_at for row in rows if row.started_at is not None]
    if not starts:
        return ""
    ends = [row.ended_at or (now if row.state is StepState.RUNNING else None) for row in rows]
    known = [end for end in ends if end is not None]
    return took(max(known) - min(starts)) if known else ""


def state_line(run: Run, names: PeopleNames, now: datetime, words: Words = ENGLISH) -> Text:
    """Write how a run stands: its state, for how long, and who cancelled it."""
    sign, style = run_mark(run.state)
    if run.ended and not run.nothing_to_do:
        key = "ended"
    elif run.place_in_queue:
        key = "queued"
    else:
        key = "only" if run.ended else "going"
    line = words.say(
        f"state.{key}",
        state=state_sentence(run, now, words),
        took=took((run.ended_at or now) - run.created_at),
        n=str(run.place_in_queue),
        who=names.person(run.cancelled_by) if run.cancelled_by else "",
    )
    return as_text(f"{sign} {line}", style)
