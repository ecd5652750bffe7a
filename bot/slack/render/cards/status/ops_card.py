"""The answer to `/ops status`: a summary in the first line, then each target, the most urgent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bot.domain.runs.run import BEFORE_CHANGE
from bot.domain.targets.dashboard import Dashboard
from bot.domain.targets.overview import TargetOverview
from bot.slack.render import markup
from bot.slack.render.cards.status.outage_line import outage_lines
from bot.slack.render.cards.status.target_lines import (
    FREEZE,
    LOCK,
    OWED,
    URGENT_FIRST,
    DashboardEntry,
    anomaly_line,
    backup_line,
    dashboard_entries,
    freeze_line,
    last_run_line,
    live_line,
    lock_line,
    owed_line,
    person,
    run_line,
    snapshot_line,
)
from bot.slack.render.context import STATE_EMOJI, RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import Block, Message, context, join_dots, join_lines, message, section

_MAX_CHARACTERS = 10_000
"""Maximum characters of all targets together; targets beyond it are counted."""

_MAX_IN_A_SECTION = 2_500
_MAX_RUNS = 5
_MAX_OUTAGES = 10
_MAX_TOLD_WHOLLY = 10
"""Maximum targets that are shown in full; of more, only anomalies are shown."""


def ops_card(dashboard: Dashboard, ctx: RenderContext) -> Message:
    """Build the answer.

    Args:
        dashboard: of the requested targets.
        ctx: the render context.
    """
    ordered = dashboard_entries(dashboard)
    is_detailed = len(ordered) <= _MAX_TOLD_WHOLLY
    details_of = _facts if is_detailed else anomaly_line
    is_alone = len(ordered) == 1  # and named in the first line already
    shown, left = fit_within(
        [_target(entry, Markup("") if is_alone else _name(entry), details_of(entry, ctx), ctx) for entry in ordered],
        _MAX_CHARACTERS,
    )
    headline, down = summary_line(ordered, ctx), outage_lines(dashboard, ctx)[:_MAX_OUTAGES]
    rest = ctx.translator.count("ops.left", left) if left else Markup("")
    return message(
        down[0] if down else headline,
        (section(join_lines(down)), section(headline), *map(section, pack_sections(shown)), context(rest)),
        "countersign_ops",
        {
            "targets": [str(entry.overview.target) for entry in ordered],
            "runs": [run.id for entry in ordered for run in entry.overview.unfinished],
            "to_countersign": [run.id for entry in ordered for run in entry.overview.owed],
            "locked": [str(entry.overview.target) for entry in ordered if entry.overview.lock is not None],
        },
    )


def summary_line(entries: tuple[DashboardEntry, ...], ctx: RenderContext) -> Markup:
    """Render counts of what goes on, waits, is locked or frozen, in a line."""
    translate = ctx.translator.translate
    if not entries:
        return translate("ops.none")
    states = Counter(run.state for entry in entries for run in entry.overview.unfinished)
    counted = [
        translate("ops.count", emoji=STATE_EMOJI[state], n=str(states[state]), words=translate(f"state.{state.value}"))
        for state in URGENT_FIRST
        if states[state]
    ]
    marks = (
        (OWED, sum(len(entry.overview.owed) for entry in entries), "ops.owed_word"),
        (LOCK, sum(entry.overview.lock is not None for entry in entries), "ops.locked_word"),
        (FREEZE, sum(entry.freeze is not None for entry in entries), "ops.frozen_word"),
    )
    marked = [translate("ops.count", emoji=emoji, n=str(n), words=translate(key)) for emoji, n, key in marks if n]
    name = markup.bold(str(entries[0].overview.target)) if len(entries) == 1 else Markup("")
    is_quiet = not counted and not any(entry.overview.owed or entry.outage for entry in entries)
    return join_dots((name, *([translate("ops.quiet")] if is_quiet else counted), *marked))


def _name(entry: DashboardEntry) -> Markup:
    return markup.bold(str(entry.overview.target))


def _target(entry: DashboardEntry, head: Markup, details: Markup, ctx: RenderContext) -> Markup:
    """Render one target: a line for each run, what is live, and the details."""
    overview = entry.overview
    runs = [run_line(run, entry, ctx) for run in overview.unfinished[:_MAX_RUNS]]
    more = len(overview.unfinished) - len(runs)
    return join_lines(
        (
            head,
            *runs,
            ctx.translator.count("plan.more", more) if more else Markup(""),
            *(owed_line(run, ctx) for run in overview.owed[:_MAX_RUNS]),
            lock_line(entry, ctx),
            freeze_line(entry, ctx),
            live_line(entry, ctx),
            details,
        )
    )


def _facts(entry: DashboardEntry, ctx: RenderContext) -> Markup:
    return join_lines(
        (
            snapshot_line(entry, ctx),
            backup_line(entry, ctx),
            last_run_line(entry.overview, ctx),
        )
    )


def fit_within(targets: list[Markup], most: int) -> tuple[list[Markup], int]:
    """Return the first texts that fit within a limit, and how many are left out.

    Args:
        targets: one text a target.
        most: maximum characters of all of them.
    """
    used, shown = 0, []
    for text in targets:
        used += len(text) + 1
        if used > most:
            break
        shown.append(text)
    return shown, len(targets) - len(shown)


def pack_sections(texts: Iterable[Markup]) -> list[Markup]:
    """Join short texts into sections within Slack's limit."""
    groups: list[list[Markup]] = []
    used = _MAX_IN_A_SECTION + 1
    for text in texts:
        used += len(text) + 1
        if used > _MAX_IN_A_SECTION:
            groups.append([])
            used = len(text) + 1
        groups[-1].append(text)
    return [join_lines(group) for group in groups]


def lock_set_card(overview: TargetOverview, *, is_new: bool, ctx: RenderContext) -> Message:
    """Build the answer to `/ops lock`: the lock, and what it means for the runs that have begun.

    Args:
        overview: of the target, read after the lock was set.
        is_new: whether the lock was set now, and is not an earlier one that stays.
        ctx: the render context.
    """
    translate = ctx.translator.translate
    name = overview.target
    lock = overview.lock
    owner, since = (person(lock.owner), ctx.translator.moment(lock.since)) if lock else (Markup(""), Markup(""))
    why = ctx.masker.mask(lock.reason) if lock else ""
    key = "ops.lock.set" if is_new else "ops.lock.already"
    text = translate(key, target=str(name), app=name.app, environment=name.environment, who=owner, since=since, why=why)
    begun = [
        translate("ops.lock.waits" if run.state in BEFORE_CHANGE else "ops.lock.goes_on", run=run.id)
        for run in overview.unfinished[:_MAX_RUNS]
        if lock is not None and run.request.resumes is None and lock.blocks(run.request)
    ]
    blocks: tuple[Block | None, ...] = (section(text), section(join_lines(begun)))
    return message(text, blocks, "countersign_ops", {"targets": [str(name)], "locked": [str(name)] if lock else []})
