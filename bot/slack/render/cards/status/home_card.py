"""The App Home: what needs this person, what is going on, the state of each target, recent runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from bot.domain.names import TargetName
from bot.domain.runs.maintenance import site_is_down
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.dashboard import Dashboard, HomeView
from bot.domain.targets.outage import Outage
from bot.slack.render import markup
from bot.slack.render.cards.run.cause import cause
from bot.slack.render.cards.run.decision_buttons import decision_buttons
from bot.slack.render.cards.run.translated_run import translated_run
from bot.slack.render.cards.status.home_filter import filter_menu, matches, read_filter
from bot.slack.render.cards.status.ops_card import fit_within, pack_sections, summary_line
from bot.slack.render.cards.status.outage_line import brought_up_line, outage_lines
from bot.slack.render.cards.status.target_lines import (
    DashboardEntry,
    anomaly_line,
    backup_line,
    dashboard_entries,
    freeze_line,
    live_line,
    lock_line,
    owed_line,
    person,
    run_status,
    snapshot_line,
)
from bot.slack.render.context import STATE_EMOJI, RenderContext, action_name, exception_line, state_words, target_name
from bot.slack.render.markup import Markup
from bot.slack.render.message import (
    Block,
    actions,
    button,
    context,
    header,
    join_dots,
    join_lines,
    link_button,
    section,
)

DEPLOY, STATUS, BACKUP, ROLL_BACK = "home_deploy", "home_status", "home_backup", "home_rollback"
REFRESH, FILTER, THREAD = "home_refresh", "home_filter", "home_thread"

MAX_DETAILED = 8
"""Maximum targets that are shown in detail; the others get a line each."""

_MAX_RUNS = 8
"""Maximum runs in each list: a Home has at most 100 blocks in all."""

_MAX_CHARACTERS = 14_000

Links = Mapping[str, str]
"""URL of each run's thread, by run ID; a run whose card is not posted is missing."""


def home_card(home_view: HomeView, links: Links, ctx: RenderContext) -> Block:
    """Build the view.

    Args:
        home_view: the part of the dashboard that concerns this person.
        links: to the threads of runs.
        ctx: the render context.
    """
    entries = dashboard_entries(home_view.dashboard)
    down = outage_lines(home_view.dashboard, ctx)
    translate = ctx.translator.translate
    if not entries:
        return _view(home_view, (section(translate("home.nothing")), _foot(home_view, ctx)))
    needed, going = home_view.needed, home_view.going
    ended = [run for run in home_view.recent if run.ended]  # the others are shown above
    blocks = (
        *_outages(home_view.dashboard.outages, down, ctx),
        header(_headline(len(needed), ctx)) if needed or not down else None,
        context(join_dots((summary_line(entries, ctx), translate("home.as_of", when=ctx.translator.moment(ctx.now))))),
        *_each(needed, lambda run: _needed(run, home_view, links, ctx), ctx),
        header(translate("home.going")) if going else None,
        *_each(going, lambda run: _going(run, home_view, links, ctx), ctx),
        header(translate("home.environments")),
        *_target_blocks(entries, home_view, ctx),
        header(translate("home.recent")) if ended else None,
        *map(section, pack_sections(_recent(translated_run(run, ctx), links, ctx) for run in ended)),
        _foot(home_view, ctx),
    )
    return _view(home_view, blocks)


def _view(home_view: HomeView, blocks: Iterable[Block | None]) -> Block:
    shown = [block for block in blocks if block is not None]
    return {"type": "home", "private_metadata": json.dumps({"chosen": home_view.chosen}), "blocks": shown}


def _outages(outages: tuple[Outage, ...], lines: tuple[Markup, ...], ctx: RenderContext) -> tuple[Block | None, ...]:
    """Render the sites that are down, before anything else; with a heading where no run is about to bring one up."""
    stuck = [outage for outage in outages if not outage.is_moving]
    rest = len(lines) - _MAX_RUNS
    more = ctx.translator.count("plan.more", rest) if rest > 0 else Markup("")
    return _outage_title(stuck, ctx), section(join_lines((*lines[:_MAX_RUNS], more)))


def _outage_title(stuck: list[Outage], ctx: RenderContext) -> Block | None:
    match stuck:
        case []:
            return None
        case [one]:
            return header(
                ctx.translator.translate("outage" if one.certain else "outage.unsure", target=str(one.target))
            )
        case _:
            return header(ctx.translator.count("outage.many", len(stuck)))


def _headline(needed: int, ctx: RenderContext) -> Markup:
    return ctx.translator.count("home.needs", needed) if needed else ctx.translator.translate("home.needs_nothing")


def _each(
    runs: tuple[Run, ...], render: Callable[[Run], tuple[Block | None, ...]], ctx: RenderContext
) -> list[Block | None]:
    shown = [block for run in runs[:_MAX_RUNS] for block in render(run)]
    more = len(runs) - _MAX_RUNS
    return [*shown, context(ctx.translator.count("plan.more", more)) if more > 0 else None]


def _needed(run: Run, home_view: HomeView, links: Links, ctx: RenderContext) -> tuple[Block | None, ...]:
    """Render a run that needs this person: what, why, until when, with a button to its thread and those to decide."""
    shown = translated_run(run, ctx)
    is_held = run.state is RunState.NEEDS_HUMAN
    news = _decision(shown, home_view.dashboard, ctx) if is_held else _gate(run, ctx)
    text = section(join_lines((_title(shown, ctx), _commit(shown, ctx), exception_line(shown, ctx), news)))
    thread = _thread(run, links, ctx)
    return (
        text,
        context(_request_line(shown, ctx)),
        actions(
            f"home_run {run.id}",
            thread and {**thread, "style": "primary"},
            *(decision_buttons(run, ctx) if is_held else ()),
        ),
    )


def _decision(run: Run, dashboard: Dashboard, ctx: RenderContext) -> Markup:
    snapshot = dashboard.snapshots.get(run.request.target)
    was_down = site_is_down(run) is not False
    is_up = was_down and all(outage.target != run.request.target for outage in dashboard.outages)
    return join_lines(
        (
            ctx.translator.translate("home.decide", wrong=cause(run, ctx)),
            brought_up_line(run, snapshot, ctx) if is_up else Markup(""),
        )
    )


def _gate(run: Run, ctx: RenderContext) -> Markup:
    if run.gate is None:
        return Markup("")
    given = sum(1 for vote in run.votes if vote.counts and vote.choice == "approve")
    count = run.gate.requirement.needed
    given_of = ctx.translator.translate("card.given", given=str(given), needed=str(count)) if count > 1 else Markup("")
    key = "home.countersign" if run.gate.afterwards else "home.approve"
    until = ctx.translator.translate(key, until=ctx.translator.moment(run.gate.expires_at))
    return join_dots((until, given_of))


def _going(run: Run, home_view: HomeView, links: Links, ctx: RenderContext) -> tuple[Block | None, ...]:
    """Render a run that goes on or waits for others."""
    shown = translated_run(run, ctx)
    news = owed_line(run, ctx) if run.ended else run_status(shown, home_view.dashboard.usual.get(run.id, {}), ctx)
    text = section(join_lines((_title(shown, ctx), news, _commit(shown, ctx))))
    return text, context(_request_line(shown, ctx)), actions(f"home_run {run.id}", _thread(run, links, ctx))


def _title(run: Run, ctx: RenderContext) -> Markup:
    return ctx.translator.translate(
        "home.run",
        emoji=STATE_EMOJI[run.state],
        action=action_name(run, ctx),
        target=target_name(run),
        state=state_words(run, ctx),
    )


def _commit(run: Run, ctx: RenderContext) -> Markup:
    if run.plan is None or run.plan.sha is None:
        return Markup("")
    sha = run.plan.sha
    subject = next((commit.subject for commit in run.plan.commits if commit.sha == sha.text), "")
    return ctx.translator.translate(
        "card.commit", sha=sha.short, subject=Markup(markup.inline(markup.clip(subject, 90)))
    )


def _request_line(run: Run, ctx: RenderContext) -> Markup:
    requester = person(run.request.origin.user)
    return ctx.translator.translate("card.asked", run=run.id, who=requester, when=ctx.translator.moment(run.created_at))


def _thread(run: Run, links: Links, ctx: RenderContext) -> Block | None:
    url = links.get(run.id)
    return link_button(THREAD, ctx.translator.translate("button.home_thread"), run.id, url) if url else None


# ── targets ─────────────────────────────────────────────────────────────────────────────────────────


def _target_blocks(entries: tuple[DashboardEntry, ...], home_view: HomeView, ctx: RenderContext) -> list[Block | None]:
    names = tuple(entry.overview.target for entry in entries)
    menu = filter_menu(FILTER, names, home_view.chosen, ctx.translator) if len(entries) > MAX_DETAILED else None
    refresh = button(REFRESH, ctx.translator.translate("button.home_refresh"), "all")
    home_filter = read_filter(home_view.chosen, names)
    chosen_entries = [entry for entry in entries if matches(entry.overview.target, home_filter)]
    detailed, rest = chosen_entries[:MAX_DETAILED], chosen_entries[MAX_DETAILED:]
    if not home_filter and len(entries) > MAX_DETAILED:
        # Without a filter, targets that need no detail get a line each, however few the others are.
        detailed = [entry for entry in detailed if entry.needs_a_look]
        rest = [entry for entry in chosen_entries if entry not in detailed]
    shown, left = fit_within([_line(entry, ctx) for entry in rest], _MAX_CHARACTERS)
    return [
        actions("home_view", menu, refresh),
        *(block for entry in detailed for block in _target_detail(entry, home_view, ctx)),
        *map(section, pack_sections(shown)),
        context(ctx.translator.count("home.left", left)) if left else None,
    ]


def _target_detail(entry: DashboardEntry, home_view: HomeView, ctx: RenderContext) -> tuple[Block | None, ...]:
    """Render one target in detail, with the buttons that this person may use."""
    name = entry.overview.target
    title = ctx.translator.translate("home.environment", emoji=entry.emoji, target=str(name))
    anomaly = anomaly_line(entry, ctx)
    main = (
        title,
        live_line(entry, ctx),
        anomaly,
        lock_line(entry, ctx),
        freeze_line(entry, ctx),
    )
    small = (Markup("") if anomaly else snapshot_line(entry, ctx), backup_line(entry, ctx))
    buttons = _buttons(name, home_view, ctx)
    return section(join_lines(main)), context(join_lines(small)), actions(f"home_env {name}", *buttons)


def _buttons(name: TargetName, home_view: HomeView, ctx: RenderContext) -> list[Block | None]:
    """Build the buttons that this person may use."""
    offered = (
        (DEPLOY, Action.DEPLOY),
        (STATUS, Action.MIGRATE_STATUS),
        (BACKUP, Action.BACKUP),
        (ROLL_BACK, Action.ROLLBACK),
    )
    return [
        button(action_id, ctx.translator.translate(f"button.{action_id}"), str(name))
        for action_id, requested in offered
        if name in home_view.may.get(requested, ())
    ]


def _line(entry: DashboardEntry, ctx: RenderContext) -> Markup:
    title = ctx.translator.translate("home.environment", emoji=entry.emoji, target=str(entry.overview.target))
    return join_dots((title, live_line(entry, ctx), anomaly_line(entry, ctx)))


# ── the rest ────────────────────────────────────────────────────────────────────────────────────────


def _recent(run: Run, links: Links, ctx: RenderContext) -> Markup:
    what = ctx.translator.translate("home.what", action=action_name(run, ctx), target=target_name(run))
    url = links.get(run.id)
    return ctx.translator.translate(
        "home.past",
        emoji=STATE_EMOJI[run.state],
        what=markup.link(url, what) if url else markup.bold(what),
        state=state_words(run, ctx),
        sha=run.plan.sha.short if run.plan is not None and run.plan.sha is not None else "",
        who=person(run.request.origin.user),
        when=ctx.translator.moment(run.ended_at or run.created_at),
    )


def _foot(home_view: HomeView, ctx: RenderContext) -> Block | None:
    translate = ctx.translator.translate
    unsure = translate("ops.help.uncertain") if home_view.uncertain else Markup("")
    return context(join_lines((unsure, translate("home.foot"))))
