"""States, times, durations and problems as text for the terminal."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.errors import Problem
from bot.domain.runs.run import RunState, StepState

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


def problem_sentence(problem: Problem) -> str:
    """Write a problem: its reason in words, then its facts."""
    facts = ", ".join(f"{name} {value}" for name, value in problem.facts.items() if value)
    return f"{in_words(problem.reason.value)}: {facts}" if facts else in_words(problem.reason.value)
