"""States, times, durations and problems as text for the terminal."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.console.people_names import PeopleNames
from bot.console.words import ENGLISH, Words
from bot.domain.errors import Problem
from bot.domain.runs.run import Run, RunState, StepState
from bot.domain.secrets import Masker
from bot.domain.targets.target import EmojiNames
from bot.slack.render.context import RenderContext, state_words
from bot.slack.render.markup import unmarked

Mark = tuple[str, str]
"""A sign and its style. The sign alone suffices where there is no colour."""

_RUN_MARKS: dict[RunState, Mark] = {
    RunState.SUCCEEDED: ("✓", "green"),
    RunState.FAILED: ("✗", "red"),
    RunState.REJECTED: ("✗", "red"),
    RunState.EXPIRED: ("–", "yellow"),
    RunState.CANCELLED: ("–", "yellow"),
    RunState.NEEDS_HUMAN: ("!", "bold red"),
    RunState.AWAITING_APPROVAL: ("?", "bold yellow"),
}

_STEP_MARKS: dict[StepState, Mark] = {
    StepState.PENDING: ("·", "dim"),
    StepState.RUNNING: ("▸", "cyan"),
    StepState.DONE: ("✓", "green"),
    StepState.FAILED: ("✗", "red"),
    StepState.SKIPPED: ("–", "dim"),
    StepState.UNKNOWN: ("?", "bold red"),
}


def run_mark(state: RunState) -> Mark:
    """Give the sign of a run's state; all states that are going on share one."""
    return _RUN_MARKS.get(state, ("▸", "cyan"))


def step_mark(state: StepState) -> Mark:
    """Give the sign of a step's state."""
    return _STEP_MARKS[state]


def in_words(code: str) -> str:
    """Write a code as words: `needs_human` is `needs human`."""
    return code.replace("_", " ")


def when(instant: datetime) -> str:
    """Write an instant on this machine's wall clock, with its offset from UTC."""
    local = instant.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S} {local:%z}"


def zone(now: datetime) -> str:
    """Name the time zone of this machine: `UTC`, `CET`."""
    return now.astimezone().tzname() or f"{now.astimezone():%z}"


def took(length: timedelta) -> str:
    """Write a duration: `3.2 s`, `45 s`, `2 min 05 s`, `1 h 02 min`."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def took_briefly(length: timedelta) -> str:
    """Write a duration by its largest unit alone: `45 s`, `2 min`, `1 h`, `3 d`."""
    seconds = max(0, round(length.total_seconds()))
    units = ((86_400, "d"), (3_600, "h"), (60, "min"))
    return next((f"{seconds // unit} {name}" for unit, name in units if seconds >= unit), f"{seconds} s")


def counted(number: int, noun: str) -> str:
    """Write a number of things: `1 migration`, `2,000 migrations`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def state_sentence(run: Run, now: datetime, words: Words = ENGLISH) -> str:
    """Write the state of a run in the words of its card."""
    return str(state_words(run, RenderContext(words.translator, Masker(()), EmojiNames(), now)))


def problem_sentence(problem: Problem, names: PeopleNames | None = None, words: Words = ENGLISH) -> str:
    """Write what a problem is, in the words of Slack's messages; empty where the state of the run says it all.

    Args:
        problem: of a run or a step.
        names: of the people in it.
        words: of the language.
    """
    return _plain(words.translator.problem_text(_named(problem, names)))


def remedy_sentence(problem: Problem, names: PeopleNames | None = None, words: Words = ENGLISH) -> str:
    """Write what would be right; empty where nothing is to be said.

    Args:
        problem: of a run or a step.
        names: of the people in it.
        words: of the language.
    """
    return _plain(words.translator.remedy_text(_named(problem, names)))


def _named(problem: Problem, names: PeopleNames | None) -> Problem:
    if names is None:
        return problem
    facts = dict(problem.facts)
    for fact in ("by", "closed_by"):
        if facts.get(fact):
            facts[fact] = ", ".join(names.person(user) for user in facts[fact].split(", "))
    return Problem(problem.reason, facts)


def _plain(text: str) -> str:
    return " ".join(unmarked(text).split())
