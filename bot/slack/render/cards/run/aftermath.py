"""What a run left that stopped half-way: the live commit, and the state of each migration."""

from __future__ import annotations

from bot.domain.runs.aftermath import LIVE, MigrationOutcome, MigrationProgress, aftermath_of
from bot.domain.runs.decisions import schema_begun, was_live
from bot.domain.runs.run import Run
from bot.slack.render import markup
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines

_MAX_NAMED = 3
_LONGEST_ERROR = 300
_EASILY_TOLD = frozenset({MigrationProgress.DONE, MigrationProgress.NOT})
"""States of which many migrations are shown as a number; the plan card names them."""

_MAX_LINES = 8
_EMOJI = {
    MigrationProgress.DONE: "✅",
    MigrationProgress.PARTLY: "⚠️",
    MigrationProgress.NOT: "⚪",
    MigrationProgress.UNKNOWN: "❓",
}


def live_commit(run: Run, ctx: RenderContext) -> Markup:
    """Render which commit is live, and whether it is the run's; empty where it was not read since."""
    live = run.facts.get(LIVE, "")
    if not live:
        return Markup("")
    shown = ", ".join(part[:7] if _is_sha(part) else part for part in live.split(", "))
    sha = run.plan.sha.text if run.plan is not None and run.plan.sha is not None else ""
    key = "new" if live == sha else "old" if live == was_live(run) else "other"
    return ctx.translator.translate(f"aftermath.commit.{key}", sha=shown)


def migration_states(run: Run, ctx: RenderContext) -> Markup:
    """Render the state of each migration; empty where the schema was not touched."""
    if not schema_begun(run):
        return Markup("")
    translate = ctx.translator.translate
    fates = aftermath_of(run.facts)
    if fates is None:
        return translate("aftermath.not_seen")
    way = "undo" if run.plan and run.plan.undo else "apply"
    shown: list[Markup] = []
    for progress in MigrationProgress:
        group = [fate for fate in fates if fate.progress is progress]
        if len(group) > _MAX_NAMED and progress in _EASILY_TOLD:
            words = f"aftermath.{way}.{progress.value}.many"
            shown.append(translate(words, emoji=_EMOJI[progress], n=str(len(group))))
        else:
            shown += [_fate(fate, ctx, way) for fate in group]
    return join_lines(tuple(shown))


def _fate(fate: MigrationOutcome, ctx: RenderContext, way: str) -> Markup:
    translate = ctx.translator.translate
    name = markup.code(markup.clip(fate.name, 120))
    text = translate(f"aftermath.{way}.{fate.progress.value}", emoji=_EMOJI[fate.progress], name=name)
    if fate.progress is not MigrationProgress.PARTLY:
        return text
    there = markup.code_block("\n".join(fate.there[:_MAX_LINES]), 900)
    missing = (
        join_lines((translate("aftermath.missing"), markup.code_block("\n".join(fate.missing[:_MAX_LINES]), 900)))
        if fate.missing
        else translate(f"aftermath.{way}.unrecorded")
    )
    return join_lines((text, translate("aftermath.there"), there, missing))


def _is_sha(text: str) -> bool:
    return len(text) == 40 and all(letter in "0123456789abcdef" for letter in text)
