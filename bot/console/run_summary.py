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
from bot.console.run_text import problem_sentence, remedy_sentence
from bot.console.words import Words
from bot.domain.runs.approval import GateState
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
        parts += _plan(run.plan, names.words)
    if run.gate is not None:
        parts.append(_gate(run.gate, run.votes, names, now))
    parts += _left(run, names.words)
    if run.steps:
        parts += [Text(""), *_phases(run, names.words, now)]
    parts.append(Text(""))
    commands = f"countersign runs show {run.id} --verbose, countersign runs log {run.id}"
    parts.append(as_text(names.words.say("further", commands=commands), "dim"))
    return Group(*parts)


def _heading(run: Run, names: PeopleNames, now: datetime) -> Iterator[RenderableType]:
    yield Text.assemble(as_text(run.id, "bold"), "  ", what_text(run))
    yield state_line(run, names, now, names.words)
    if run.problem is not None:
        words = names.words
        sentences = (
            (problem_sentence(run.problem, names, words), "red"),
            (remedy_sentence(run.problem, names, words), ""),
        )
        yield from (_lines(sentence, style) for sentence, style in sentences if sentence)
    origin = run.request.origin
    asked = names.words.say(
        "requested",
        who=names.person(origin.user),
        channel=names.channel(origin.channel),
        when=names.words.when_and_age(run.created_at, now),
    )
    yield _line(asked, "dim")
    if run.request.typed:
        yield _line(run.request.typed, "dim")


def _plan(plan: Plan, words: Words) -> Iterator[RenderableType]:
    parts = []
    if plan.sha is not None:
        parts += [f"commit {plan.sha.short}", words.count("commits", plan.commit_count)]
    if plan.pending:
        parts.append(words.count("migrations", len(plan.pending)))
    line = as_text(", ".join(parts))
    if plan.destructive:
        line.append(f"{', ' if parts else ''}{words.say('destructive')}", "bold red")
    if line.plain:
        yield line
    for name in plan.pending[:_MOST_MIGRATIONS]:
        yield _line(f"  {name}")
    if len(plan.pending) > _MOST_MIGRATIONS:
        rest = words.say("more", n=str(len(plan.pending) - _MOST_MIGRATIONS))
        yield as_text(f"  {rest}", "dim")


def _gate(gate: Gate, votes: tuple[Vote, ...], names: PeopleNames, now: datetime) -> RenderableType:
    needed, words = gate.requirement.needed, names.words
    if not needed:
        return as_text(words.say("gate.none"))
    counting = [vote for vote in votes if vote.counts and vote.choice == "approve"]
    is_open = gate.state is GateState.OPEN and not gate.owed
    line = words.say(
        "gate",
        state=words.say(f"gate.{gate.state.value}"),
        given=str(len(counting)),
        needed=str(needed),
        people=", ".join(gate.requirement.people.names),
        who=", ".join(names.person(vote.user) for vote in counting),
        until=f"{gate.expires_at.astimezone():%H:%M %Z}" if is_open else "",
        owed=words.say("gate.owed") if gate.owed else "",
    )
    return _line(line, "bold red" if gate.owed else "")


def _left(run: Run, words: Words) -> Iterator[RenderableType]:
    if run.state in BEFORE_CHANGE:
        return
    down = site_is_down(run)
    if down:
        yield as_text(words.say("down"), "bold red")
    elif down is None and run.state is RunState.NEEDS_HUMAN:
        yield as_text(words.say("down.unknown"), "bold red")
    if (backup := backup_id(run)) is not None:
        yield as_text(words.translator.plain("result.backup", id=backup).replace("`", ""))


def _phases(run: Run, words: Words, now: datetime) -> Iterator[RenderableType]:
    shown = 0
    for phase in Phase:
        keys = [key for key in run.step_order if run.rows(key)[0].phase is phase]
        if not keys:
            continue
        rows = tuple(row for key in keys for row in run.rows(key))
        done = sum(step_state(run.rows(key)) in {StepState.DONE, StepState.SKIPPED} for key in keys)
        yield _grid(
            mark_text(step_state(rows)),
            words.count("steps", len(keys), phase=words.say(f"phase.{phase.value}"), done=str(done)),
            rows,
            now,
        )
        for row in rows:
            if row.state in _TROUBLED and shown < _MOST_STEPS:
                yield from _troubled(row, words, now, output=shown == 0)
                shown += 1


def _troubled(row: StepRow, words: Words, now: datetime, *, output: bool) -> Iterator[RenderableType]:
    yield _grid(
        Text.assemble("  ", mark_text(row.state)),
        f"{words.translator.phrase(row.title)}{place_text(row, words)}",
        (row,),
        now,
    )
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
