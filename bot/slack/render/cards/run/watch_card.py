"""What the watch of a target after a run says: a line below the outcome, and a message where the line is crossed."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.policies.people import People
from bot.domain.runs.run import Run
from bot.domain.runs.watching import Sighting, Watching, WatchState
from bot.slack.render import markup
from bot.slack.render.cards.approval.people import mentions_of_all, voters
from bot.slack.render.cards.run.rollback_button import rollback_button
from bot.slack.render.context import RenderContext, target_name
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, actions, join_dots, join_lines, message, section
from bot.slack.render.text import PRESENT

WATCH, UNREAD = "watch", "watch_unread"

_MAX_DETAIL = 200


def watch_line(run: Run, ctx: RenderContext) -> Markup:
    """Render how the watch stands; empty where there is none."""
    watching = run.watching
    if watching is None:
        return Markup("")
    translate = ctx.translator.translate
    match watching.state:
        case WatchState.WATCHING:
            line = translate("watch.going", until=ctx.translator.moment(watching.until))
        case WatchState.OVER:
            length = (watching.until - (run.ended_at or watching.until)).total_seconds()
            gap = PRESENT if watching.had_a_gap else ""
            line = translate("watch.over", length=ctx.translator.duration(length), gap=gap)
        case WatchState.CROSSED:
            line = translate("watch.crossed", what=_names(watching.crossed, ctx))
        case WatchState.SUPERSEDED:
            line = translate("watch.superseded", run=watching.successor)
    unread = translate("watch.not_read", what=_names(watching.unread, ctx)) if watching.unread else Markup("")
    return join_dots((line, unread))


def watch_messages(run: Run, ctx: RenderContext) -> dict[str, Message]:
    """Build the messages of the watch, by their slots: what cannot be read, said once, and what crossed the line."""
    watching = run.watching
    if watching is None:
        return {}
    messages = {UNREAD: _unread_message(run, watching, ctx)} if watching.unread else {}
    if watching.state is WatchState.CROSSED:
        messages[WATCH] = _alert(run, watching, ctx)
    return messages


def _unread_message(run: Run, watching: Watching, ctx: RenderContext) -> Message:
    translate = ctx.translator.translate
    first = watching.unread[:1]
    body = translate("watch.unread", what=Markup("\n".join(_lines(first, ctx))))
    text = translate("watch.unread_notification", target=target_name(run), run=run.id)
    return message(text, (section(body),), "countersign_watch", {"run": run.id, "state": "unread"})


def _alert(run: Run, watching: Watching, ctx: RenderContext) -> Message:
    translate = ctx.translator.translate
    called = mentions_of_all(_people(run, ctx))
    way_back = rollback_button(run, ctx)
    body = join_lines(
        (
            translate("watch.alert", who=called, target=target_name(run)),
            *_lines(watching.crossed, ctx),
            translate("watch.way_back" if way_back is not None else "watch.no_way_back"),
        )
    )
    what = _names(watching.crossed, ctx)
    payload = {"run": run.id, "state": watching.state.value, "crossed": [one.what.value for one in watching.crossed]}
    return message(
        translate("watch.notification", target=target_name(run), what=what, run=run.id),
        (section(body), actions("watch_buttons", way_back)),
        "countersign_watch",
        payload,
        announced=True,
    )


def _people(run: Run, ctx: RenderContext) -> People:
    """Return who must act: who asked for it, who approved it, and who is on call."""
    asker = run.request.origin.user
    approved = voters(run, run.gate, "approve") if run.gate is not None else ()
    users = {user for user in (asker, *approved) if user[:1] in ("U", "W")}
    return People((), ctx.on_call.users | users, ctx.on_call.groups)


def _names(sightings: Sequence[Sighting], ctx: RenderContext) -> Markup:
    return Markup(", ".join(ctx.translator.translate(f"watch.{one.what.value}") for one in sightings))


def _lines(sightings: Sequence[Sighting], ctx: RenderContext) -> list[Markup]:
    return [
        ctx.translator.translate(
            "watch.line",
            name=ctx.translator.translate(f"watch.{one.what.value}"),
            detail=markup.clip(ctx.masker.mask(one.detail), _MAX_DETAIL),
        )
        for one in sightings
    ]
