"""One run with every detail, on the terminal from 40 columns on. Pure: a run in, something that rich can print out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.console.people_names import PeopleNames
from bot.console.run_output import StepOutput
from bot.console.run_parts import as_text, mark_text, place_text, span_text, state_line, what_text
from bot.console.run_text import counted, in_words, problem_sentence, when
from bot.console.words import ENGLISH, Words
from bot.domain.runs.findings import facts_of
from bot.domain.runs.history import Record
from bot.domain.runs.plan import BOT, Plan
from bot.domain.runs.run import Gate, Run, StepRow, Vote, step_state

_DIGEST_DIGITS = 12


def whole(run: Run, digest: str, history: tuple[Record, ...], names: PeopleNames, now: datetime) -> RenderableType:
    """Show one run: plan, gate, votes, steps and history.

    Args:
        run: the run, masked.
        digest: of its plan before it was masked; empty where there is none.
        history: its records, in order.
        names: of people and channels.
        now: for what still goes.
    """
    parts: list[RenderableType] = [_heading(run, names, now)]
    if run.plan is not None:
        parts.append(_section("PLAN", _plan(run.plan, digest)))
    if run.gate is not None:
        parts.append(_section("APPROVAL", _gate(run.gate, run.votes, names)))
    if run.steps:
        parts.append(_section("STEPS", _steps(run, now)))
    if run.facts:
        parts.append(_section("FOUND", [_pairs(run.facts.items())]))
    if history:
        parts.append(_section("HISTORY", [_history(history, names)]))
    return Group(*parts)


def log_heading(one: StepOutput, words: Words = ENGLISH) -> Text:
    """Give the line above a step's output."""
    place = "" if one.place == BOT else " " + words.say("on", place=one.place)
    attempt = f", {words.say('attempt', n=str(one.attempt))}" if one.attempt > 1 else ""
    state = f" ({words.say(f'step.{one.state}')})" if one.state else ""
    return as_text(f"── {words.translator.phrase(one.title)}{place}{attempt}{state} ──", "bold")


def _indented(part: RenderableType) -> RenderableType:
    # Only a table needs the whole width, for its column at the right; text would be filled up with blanks.
    return Padding(part, (0, 0, 0, 2), expand=isinstance(part, Table))


def _section(title: str, lines: Iterable[RenderableType]) -> RenderableType:
    return Group(Text(""), Text(title, style="bold"), *(_indented(line) for line in lines))


def _heading(run: Run, names: PeopleNames, now: datetime) -> RenderableType:
    lines: list[RenderableType] = [
        Text.assemble(as_text(run.id, "bold"), "  ", what_text(run)),
        state_line(run, names, now),
    ]
    if run.problem is not None and (sentence := problem_sentence(run.problem, names)):
        lines.append(as_text(sentence, "red"))
    origin = run.request.origin
    asked = f"requested by {names.person(origin.user)} in {names.channel(origin.channel)}"
    lines.append(as_text(f"{asked}, {when(run.created_at)}", "dim"))
    if run.request.typed:
        lines.append(as_text(run.request.typed, "dim"))
    return Group(*lines)


def _plan(plan: Plan, digest: str) -> list[RenderableType]:
    lines: list[RenderableType] = [as_text(f"digest {digest[:_DIGEST_DIGITS]}…", "dim")]
    if plan.sha is not None:
        lines.append(as_text(f"commit {plan.sha.short}, {counted(plan.commit_count, 'new commit')}"))
    lines += [_indented(as_text(f"{each.sha[:7]} {each.subject} ({each.author})")) for each in plan.commits]
    if plan.pending:
        lines.append(as_text(counted(len(plan.pending), "migration")))
        lines += [_indented(as_text(name)) for name in plan.pending]
    if plan.destructive:
        lines.append(as_text("drops or rewrites data", "bold red"))
    for finding in plan.findings:
        lines.append(as_text(in_words(finding.kind)))
        lines.append(_indented(_pairs(facts_of(finding).items())))
    lines += [as_text(f"not needed: {each.title} ({in_words(each.why)})", "dim") for each in plan.skipped]
    return lines


def _gate(gate: Gate, votes: tuple[Vote, ...], names: PeopleNames) -> list[RenderableType]:
    needed = gate.requirement.needed
    if not needed:
        return [as_text(f"{in_words(gate.state.value)}: the policy asks for none")]
    given = sum(vote.counts and vote.choice == "approve" for vote in votes)
    asked = ", ".join(gate.requirement.people.names)
    lines: list[RenderableType] = [
        as_text(f"{in_words(gate.state.value)}: {given} of {needed} from {asked}"),
        *([as_text("done in an emergency; to be countersigned afterwards", "bold red")] if gate.owed else []),
        as_text(f"open from {when(gate.opened_at)} until {when(gate.expires_at)}", "dim"),
    ]
    for vote in votes:
        sign, style = ("✓", "green") if vote.choice == "approve" else ("✗", "red")
        if vote.counts:
            lines.append(as_text(f"{sign} {names.person(vote.user)}", style))
        else:
            lines.append(as_text(f"{sign} {names.person(vote.user)} does not count: {in_words(vote.reason)}", "dim"))
    return lines


def _steps(run: Run, now: datetime) -> list[RenderableType]:
    lines: list[RenderableType] = []
    phase = None
    for key in run.step_order:
        rows = run.rows(key)
        if rows[0].phase is not phase:
            phase = rows[0].phase
            lines.append(as_text(phase.value, "dim"))
        lines.append(_step(rows, now))
    return lines


def _step(rows: tuple[StepRow, ...], now: datetime) -> RenderableType:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=1)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    first = rows[0]
    alone = len(rows) == 1
    title = Text.assemble(as_text(first.title), as_text(place_text(first) if alone else "", "dim"))
    grid.add_row(mark_text(step_state(rows)), title, Text(span_text(rows, now), style="dim"))
    if alone:
        _details(grid, first)
        return grid
    for row in rows:
        place = Text.assemble(mark_text(row.state), as_text(place_text(row), "dim"))
        grid.add_row("", place, Text(span_text((row,), now), style="dim"))
        _details(grid, row)
    return grid


def _details(grid: Table, row: StepRow) -> None:
    if row.problem is not None:
        grid.add_row("", as_text(problem_sentence(row.problem), "red"), "")
        if row.tail.strip():
            grid.add_row("", as_text(row.tail.rstrip("\n"), "dim"), "")
    if row.results:
        grid.add_row("", _pairs(row.results.items()), "")


def _pairs(pairs: Iterable[tuple[str, str]]) -> Text:
    return as_text("\n".join(f"{in_words(name)}: {value}" for name, value in pairs), "dim")


def _history(history: tuple[Record, ...], names: PeopleNames) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for record in history:
        time = when(datetime.fromisoformat(record.at))[11:19]
        facts = ", ".join(f"{in_words(name)} {value}" for name, value in record.entry.facts.items() if value)
        line = Text.assemble(
            as_text(in_words(record.entry.event)), as_text(f" by {names.person(record.entry.actor)}", "dim")
        )
        if facts:
            line.append_text(as_text(f" {facts}", "dim"))
        grid.add_row(time, line)
    return grid
