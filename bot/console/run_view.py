"""Runs on the terminal, from 40 columns on. Pure: a run in, something that rich can print out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.console.output import without_control_characters
from bot.console.run_output import StepOutput
from bot.console.run_text import in_words, problem_sentence, run_mark, step_mark, took, when
from bot.domain.runs.findings import facts_of
from bot.domain.runs.history import Record
from bot.domain.runs.plan import BOT, Plan
from bot.domain.runs.run import Gate, Run, StepRow, StepState, Vote, step_state

_WIDE = 70
"""From this many columns on, a run of the list has one line."""

_DIGEST_DIGITS = 12


def list_of(runs: tuple[Run, ...], now: datetime, width: int) -> RenderableType:
    """List runs, newest first.

    Args:
        runs: in the order in which they are shown.
        now: for what still goes.
        width: of the terminal, in columns.
    """
    if not runs:
        return Text("no runs yet")
    if width < _WIDE:
        return Group(*(_entry(run, now) for run in runs))
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    table.add_column("RUN", no_wrap=True)
    table.add_column("STATE", no_wrap=True)
    table.add_column("WHAT", overflow="fold")
    table.add_column("TOOK", justify="right", no_wrap=True)
    table.add_column("ASKED", no_wrap=True)
    for run in runs:
        table.add_row(
            _text(run.id), _state(run), _what(run), _text(_length(run, now)), _text(when(run.created_at)[:16])
        )
    return table


def whole(run: Run, digest: str, history: tuple[Record, ...], now: datetime) -> RenderableType:
    """Show one run: plan, gate, votes, steps and history.

    Args:
        run: the run, masked.
        digest: of its plan before it was masked; empty where there is none.
        history: its records, in order.
        now: for what still goes.
    """
    parts: list[RenderableType] = [_heading(run, now)]
    if run.plan is not None:
        parts.append(_section("PLAN", _plan(run.plan, digest)))
    if run.gate is not None:
        parts.append(_section("APPROVAL", _gate(run.gate, run.votes)))
    if run.steps:
        parts.append(_section("STEPS", _steps(run, now)))
    if run.facts:
        parts.append(_section("FOUND", [_pairs(run.facts.items())]))
    if history:
        parts.append(_section("HISTORY", [_history(history)]))
    return Group(*parts)


def log_heading(one: StepOutput) -> Text:
    """Give the line above a step's output."""
    place = "" if one.place == BOT else f" on {one.place}"
    attempt = f", attempt {one.attempt}" if one.attempt > 1 else ""
    state = f" ({one.state})" if one.state else ""
    return _text(f"── {one.title}{place}{attempt}{state} ──", "bold")


def _text(text: str, style: str = "") -> Text:
    return Text(without_control_characters(text), style=style, overflow="fold")


def _state(run: Run) -> Text:
    sign, style = run_mark(run.state)
    return _text(f"{sign} {in_words(run.state.value)}", style)


def _what(run: Run) -> Text:
    return _text(f"{run.request.action.value} {run.request.target}")


def _length(run: Run, now: datetime) -> str:
    return took((run.ended_at or now) - run.created_at)


def _entry(run: Run, now: datetime) -> RenderableType:
    first = Text.assemble(_text(run.id, "bold"), " ", _state(run))
    second = _text(f"{run.request.action.value} {run.request.target}")
    third = _text(f"{when(run.created_at)[:16]}, {_length(run, now)}", "dim")
    return Group(first, _indented(Group(second, third)))


def _indented(part: RenderableType) -> RenderableType:
    # Only a table needs the whole width, for its column at the right; text would be filled up with blanks.
    return Padding(part, (0, 0, 0, 2), expand=isinstance(part, Table))


def _section(title: str, lines: Iterable[RenderableType]) -> RenderableType:
    return Group(Text(""), Text(title, style="bold"), *(_indented(line) for line in lines))


def _heading(run: Run, now: datetime) -> RenderableType:
    state = _state(run)
    if run.ended:
        state.append(f" after {_length(run, now)}")
    elif run.place_in_queue:
        state.append(f", number {run.place_in_queue} in the queue")
    else:
        state.append(f", for {_length(run, now)}")
    lines: list[RenderableType] = [Text.assemble(_text(run.id, "bold"), "  ", _what(run)), state]
    if run.nothing_to_do:
        lines.append(_text("there was nothing to do"))
    if run.problem is not None:
        lines.append(_text(problem_sentence(run.problem), "red"))
    if run.cancelled_by:
        lines.append(_text(f"cancelled by {run.cancelled_by}"))
    origin = run.request.origin
    lines.append(_text(f"requested by {origin.user} in {origin.channel}, {when(run.created_at)}", "dim"))
    if run.request.typed:
        lines.append(_text(run.request.typed, "dim"))
    return Group(*lines)


def _plan(plan: Plan, digest: str) -> list[RenderableType]:
    lines: list[RenderableType] = [_text(f"digest {digest[:_DIGEST_DIGITS]}…", "dim")]
    if plan.sha is not None:
        lines.append(_text(f"commit {plan.sha.short}, {_count(plan.commit_count, 'new commit')}"))
    lines += [_indented(_text(f"{each.sha[:7]} {each.subject} ({each.author})")) for each in plan.commits]
    if plan.pending:
        lines.append(_text(_count(len(plan.pending), "migration")))
        lines += [_indented(_text(name)) for name in plan.pending]
    if plan.destructive:
        lines.append(_text("drops or rewrites data", "bold red"))
    for finding in plan.findings:
        lines.append(_text(in_words(finding.kind)))
        lines.append(_indented(_pairs(facts_of(finding).items())))
    lines += [_text(f"not needed: {each.title} ({in_words(each.why)})", "dim") for each in plan.skipped]
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _gate(gate: Gate, votes: tuple[Vote, ...]) -> list[RenderableType]:
    needed = gate.requirement.needed
    if not needed:
        return [_text(f"{in_words(gate.state.value)}: the policy asks for none")]
    given = sum(vote.counts and vote.choice == "approve" for vote in votes)
    names = ", ".join(gate.requirement.people.names)
    lines: list[RenderableType] = [
        _text(f"{in_words(gate.state.value)}: {given} of {needed} from {names}"),
        *([_text("done in an emergency; to be countersigned afterwards", "bold red")] if gate.owed else []),
        _text(f"open from {when(gate.opened_at)} until {when(gate.expires_at)}", "dim"),
    ]
    for vote in votes:
        sign, style = ("✓", "green") if vote.choice == "approve" else ("✗", "red")
        if vote.counts:
            lines.append(_text(f"{sign} {vote.user}", style))
        else:
            lines.append(_text(f"{sign} {vote.user} does not count: {in_words(vote.reason)}", "dim"))
    return lines


def _steps(run: Run, now: datetime) -> list[RenderableType]:
    lines: list[RenderableType] = []
    phase = None
    for key in run.step_order:
        rows = run.rows(key)
        if rows[0].phase is not phase:
            phase = rows[0].phase
            lines.append(_text(phase.value, "dim"))
        lines.append(_step(rows, now))
    return lines


def _step(rows: tuple[StepRow, ...], now: datetime) -> RenderableType:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=1)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    first = rows[0]
    alone = len(rows) == 1
    title = Text.assemble(_text(first.title), _text(_where(first) if alone else "", "dim"))
    grid.add_row(_mark(step_state(rows)), title, _span(rows, now))
    if alone:
        _details(grid, first)
        return grid
    for row in rows:
        grid.add_row("", Text.assemble(_mark(row.state), _text(_where(row), "dim")), _span((row,), now))
        _details(grid, row)
    return grid


def _where(row: StepRow) -> str:
    place = "" if row.place == BOT else f" {row.place}"
    return f"{place} (attempt {row.attempt})" if row.attempt > 1 else place


def _mark(state: StepState) -> Text:
    sign, style = step_mark(state)
    return Text(sign, style=style)


def _details(grid: Table, row: StepRow) -> None:
    if row.problem is not None:
        grid.add_row("", _text(problem_sentence(row.problem), "red"), "")
        if row.tail.strip():
            grid.add_row("", _text(row.tail.rstrip("\n"), "dim"), "")
    if row.results:
        grid.add_row("", _pairs(row.results.items()), "")


def _span(rows: tuple[StepRow, ...], now: datetime) -> Text:
    starts = [row.started_at for row in rows if row.started_at is not None]
    if not starts:
        return Text("")
    ends = [row.ended_at or (now if row.state is StepState.RUNNING else None) for row in rows]
    known = [end for end in ends if end is not None]
    return Text(took(max(known) - min(starts)) if known else "", style="dim")


def _pairs(pairs: Iterable[tuple[str, str]]) -> Text:
    return _text("\n".join(f"{in_words(name)}: {value}" for name, value in pairs), "dim")


def _history(history: tuple[Record, ...]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for record in history:
        time = when(datetime.fromisoformat(record.at))[11:19]
        facts = ", ".join(f"{in_words(name)} {value}" for name, value in record.entry.facts.items() if value)
        line = Text.assemble(_text(in_words(record.entry.event)), _text(f" by {record.entry.actor}", "dim"))
        if facts:
            line.append_text(_text(f" {facts}", "dim"))
        grid.add_row(time, line)
    return grid
