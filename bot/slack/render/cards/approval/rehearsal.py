"""How and on what migrations were rehearsed, or why not; the way back, and what was tried from the sandbox."""

from __future__ import annotations

from bot.domain.runs.acts import Preview, Rehearse
from bot.domain.runs.findings import (
    NotRehearsed,
    NotRehearsedReason,
    Rehearsed,
    RehearsedRows,
    RehearsedWhere,
    RowsChanged,
    SandboxAttempt,
    SandboxLack,
    WayBack,
    WayBackState,
    first_of,
    those_of,
)
from bot.domain.runs.plan import Phase, Plan
from bot.slack.render import markup
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines

_MAX_LINES = 12
_MAX_ATTEMPTS = 5
_DIFF = 1400
"""Characters of a block of code."""


def rehearsal_summary(plan: Plan, ctx: RenderContext) -> Markup:
    """Render in one line how the migrations were rehearsed, or why not; empty where nothing says."""
    if (why := first_of(NotRehearsed, plan.findings)) is not None:
        if why.reason is NotRehearsedReason.AFTER_APPROVAL:
            return ctx.translator.translate("rehearsal.after_approval")
        return ctx.translator.translate("rehearsal.not_possible", why=_why(why, ctx))
    found = first_of(Rehearsed, plan.findings)
    if found is None:
        return Markup("")
    translate = ctx.translator.translate
    ok = ctx.translator.count(
        "rehearsal.ok",
        found.migrations or 0,
        where=translate("rehearsal.where.sandbox") if found.where is RehearsedWhere.SANDBOX else "",
        on=_on(found, ctx),
        seconds=ctx.translator.duration(float(found.seconds or 0)),
    )
    empty = translate("rehearsal.empty") if found.rows is RehearsedRows.NONE else Markup("")
    return Markup(" ".join(part for part in (ok, empty, _without_data(found, ctx)) if part))


def rights_of_rehearsal(plan: Plan, ctx: RenderContext) -> Markup:
    """Render that code of the commit ran with production's rights; empty where it did not."""
    found = first_of(Rehearsed, plan.findings)
    before = [step.act for step in plan.of(Phase.PREPARE)]
    ran = any(isinstance(act, Preview) or (isinstance(act, Rehearse) and found is not None) for act in before)
    beside = found is not None and found.where is RehearsedWhere.BESIDE_LIVE
    return ctx.translator.translate("rehearsal.with_rights") if ran or beside else Markup("")


def rehearsal_details(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render what preparing took, what the sandbox lacked, the way back, and what makes a rehearsal possible."""
    found, why = first_of(Rehearsed, plan.findings), first_of(NotRehearsed, plan.findings)
    preparing = (
        ctx.translator.translate("rehearsal.preparing", seconds=ctx.translator.duration(float(found.preparing)))
        if found is not None and found.preparing is not None
        else Markup("")
    )
    remedy = (
        join_lines((ctx.translator.translate("rehearsal.remedy"), markup.code_block("\n".join(why.remedy), _DIFF)))
        if why is not None and why.remedy
        else Markup("")
    )
    return (preparing, *_lacks(plan, ctx), *_way_back(plan, ctx), remedy)


def attempts(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render what the commit's code tried to reach from the sandbox, a line each."""
    found = those_of(SandboxAttempt, plan.findings)
    shown = [
        ctx.translator.translate(
            f"attempt.{each.attempt.value}", what=markup.clip(ctx.translator.detail(each.what), 120)
        )
        for each in found[:_MAX_ATTEMPTS]
    ]
    rest = len(found) - len(shown)
    return (*shown, ctx.translator.count("plan.more", rest) if rest else Markup(""))


def _lacks(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render what the sandbox could not do on its host, a line each."""
    return tuple(
        ctx.translator.translate(f"lack.{each.lack.value}", what=markup.clip(each.what, 60))
        for each in those_of(SandboxLack, plan.findings)[:_MAX_ATTEMPTS]
    )


def _why(found: NotRehearsed, ctx: RenderContext) -> Markup:
    translate, key = ctx.translator.translate, f"rehearsal.why.{found.reason.value}"
    if not ctx.translator.has(key):
        obstacle = translate(f"obstacle.{found.reason.value}")
        return translate("rehearsal.obstacle", obstacle=obstacle, detail=ctx.translator.detail(found.detail))
    return translate(
        key,
        detail=ctx.translator.detail(found.detail),
        package=found.package,
        host=found.host,
        limit=translate(f"rehearsal.limit.{found.limit.value}") if found.limit is not None else "",
    )


def _on(found: Rehearsed, ctx: RenderContext) -> Markup:
    """Render what data the rehearsal ran on, and how old it was."""
    translate = ctx.translator.translate
    if found.rows is RehearsedRows.SAMPLE:
        rows = found.sample_rows
        return translate("rehearsal.on.sample", n=ctx.translator.number(rows) if rows is not None else "")
    if found.rows is not RehearsedRows.BACKUP:
        server = found.where is RehearsedWhere.SCRATCH_SERVER
        return translate("rehearsal.on.scratch_server" if server else "rehearsal.on.copy")
    when = ctx.translator.moment(found.made_at) if found.made_at is not None else ""
    age = ctx.translator.duration(found.age) if found.age is not None else ""
    return translate("rehearsal.on.backup", backup=found.backup, when=when, age=age)


def _without_data(found: Rehearsed, ctx: RenderContext) -> Markup:
    if found.no_data is None:
        return Markup("")
    why = ctx.translator.translate(
        f"rehearsal.no_data.{found.no_data.value}", detail=ctx.translator.detail(found.no_data_detail)
    )
    return ctx.translator.translate("rehearsal.no_data", why=why)


def _way_back(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    found = first_of(WayBack, plan.findings)
    if found is None:
        return ()
    rows_are_gone = any(one.destroys for one in those_of(RowsChanged, plan.findings))
    state = "exact_without_rows" if found.state is WayBackState.EXACT and rows_are_gone else found.state.value
    said = ctx.translator.translate(f"way_back.{state}")
    if not found.lines or found.state is WayBackState.EXACT:
        return (said,)
    rest = len(found.lines) - _MAX_LINES
    shown = "\n".join((*found.lines[:_MAX_LINES], *([f"… {rest}"] if rest > 0 else [])))
    return (said, markup.code_block(shown, _DIFF))
