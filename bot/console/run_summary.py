"""One run on one screen of 80 columns and 24 lines: what it is, what is wrong, and how far it is. Pure.

The lines of each part are limited; the rest is in the view with every detail.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.console.output import without_control_characters
from bot.console.people_names import PeopleNames
from bot.console.run_parts import as_text, mark_text, place_text, span_text, state_line, what_text
from bot.console.run_text import counted, in_words, problem_sentence, remedy_sentence, when_and_age
from bot.domain.runs.maintenance import site_is_down
from bot.domain.runs.plan import Phase, Plan
from bot.domain.runs.run import BEFORE_CHANGE, Gate, Run, RunState, StepRow, StepState, Vote, step_state
from bot.slack.render.context import backup_id

_WIDTH = 80
_MOST_MIGRATIONS = 3
_MOST_STEPS = 2
_MOST_OUTPUT = 3
_PROBLEM_LINES = 2
_TROUBLED = frozenset({StepState.FAILED, StepState.UNKNOWN, StepState.RUNNING})


def summary_of(run: Run, names: PeopleNames, now: datetime) -> RenderableType:
    """Show what somebody needs who was woken up.

    Args:
        run: the run, masked.
        names: of people and channels.
        now: for what still goes.
    """
    parts: list[RenderableType] = [*_heading(run, names, now)]
    if run.plan is not None:
        parts += _plan(run.plan)
    if run.gate is not None:
        parts.append(_gate(run.gate, run.votes, names, now))
    parts += _left(run)
    if run.steps:
        parts += [Text(""), *_phases(run, now)]
    parts.append(Text(""))
    commands = f"countersign runs show {run.id} --verbose, countersign runs log {run.id}"
    parts.append(as_text(f"More: {commands}", "dim"))
    return Group(*parts)


def _heading(run: Run, names: PeopleNames, now: datetime) -> Iterator[RenderableType]:
    yield Text.assemble(as_text(run.id, "bold"), "  ", what_text(run))
    yield state_line(run, names, now)
    if run.problem is not None:
        sentences = (problem_sentence(run.problem, names), "red"), (remedy_sentence(run.problem, names), "")
        yield from (_lines(sentence, style) for sentence, style in sentences if sentence)
    origin = run.request.origin
    asked = f"requested by {names.person(origin.user)} in {names.channel(origin.channel)}"
    yield _line(f"{asked}, {when_and_age(run.created_at, now)}", "dim")
    if run.request.typed:
        yield _line(run.request.typed, "dim")


def _plan(plan: Plan) -> Iterator[RenderableType]:
    parts = []
    if plan.sha is not None:
        parts += [f"commit {plan.sha.short}", counted(plan.commit_count, "new commit")]
    if plan.pending:
        parts.append(counted(len(plan.pending), "migration"))
    line = as_text(", ".join(parts))
    if plan.destructive:
        line.append(", drops or rewrites data" if parts else "drops or rewrites data", "bold red")
    if line.plain:
        yield line
    for name in plan.pending[:_MOST_MIGRATIONS]:
        yield _line(f"  {name}")
    if len(plan.pending) > _MOST_MIGRATIONS:
        yield as_text(f"  and {len(plan.pending) - _MOST_MIGRATIONS} more", "dim")


def _gate(gate: Gate, votes: tuple[Vote, ...], names: PeopleNames, now: datetime) -> RenderableType:
    needed = gate.requirement.needed
    if not needed:
        return as_text("approval: the policy asks for none")
    counting = [vote for vote in votes if vote.counts and vote.choice == "approve"]
    by = f", by {', '.join(names.person(vote.user) for vote in counting)}" if counting else ""
    asked = ", ".join(gate.requirement.people.names)
    line = f"approval: {in_words(gate.state.value)}, {len(counting)} of {needed} from {asked}{by}"
    if gate.owed:
        return _line(f"{line}; changed in an emergency, to be countersigned afterwards", "bold red")
    if gate.state.value == "open":
        line += f", until {gate.expires_at.astimezone():%H:%M %Z}"
    return _line(line)


def _left(run: Run) -> Iterator[RenderableType]:
    if run.state in BEFORE_CHANGE:
        return
    down = site_is_down(run)
    if down:
        yield as_text("The site is in maintenance.", "bold red")
    elif down is None and run.state is RunState.NEEDS_HUMAN:
        yield as_text("Whether the site is in maintenance is unknown.", "bold red")
    if (backup := backup_id(run)) is not None:
        yield as_text(f"backup {backup}")


def _phases(run: Run, now: datetime) -> Iterator[RenderableType]:
    shown = 0
    for phase in Phase:
        keys = [key for key in run.step_order if run.rows(key)[0].phase is phase]
        if not keys:
            continue
        rows = tuple(row for key in keys for row in run.rows(key))
        done = sum(step_state(run.rows(key)) in {StepState.DONE, StepState.SKIPPED} for key in keys)
        yield _grid(mark_text(step_state(rows)), f"{phase.value}: {done} of {counted(len(keys), 'step')}", rows, now)
        for row in rows:
            if row.state in _TROUBLED and shown < _MOST_STEPS:
                yield from _troubled(row, now, output=shown == 0)
                shown += 1


def _troubled(row: StepRow, now: datetime, *, output: bool) -> Iterator[RenderableType]:
    yield _grid(Text.assemble("  ", mark_text(row.state)), f"{row.title}{place_text(row)}", (row,), now)
    tail = [line.strip() for line in without_control_characters(row.tail).splitlines() if line.strip()]
    for line in tail[-_MOST_OUTPUT:] if output else ():
        yield _line(f"    │ {line}", "dim")


def _grid(mark: Text, words: str, rows: tuple[StepRow, ...], now: datetime) -> RenderableType:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=len(mark.plain))
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(mark, as_text(words), Text(span_text(rows, now), style="dim"))
    return grid


def _line(text: str, style: str = "") -> Text:
    line = as_text(" ".join(text.splitlines()), style)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _lines(text: str, style: str = "") -> Text:
    line = as_text(text, style)
    # Words do not fill lines to their ends.
    line.truncate(_PROBLEM_LINES * (_WIDTH - 12), overflow="ellipsis")
    return line
