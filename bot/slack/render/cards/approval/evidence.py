"""The evidence about migrations: the risk and its reason, the rehearsal, the schema's changes, the SQL.

The findings' kinds and facts are those of `bot.databases.migrations.evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.domain.runs.acts import Preview, Rehearse
from bot.domain.runs.plan import DESTRUCTIVE, Finding, Phase, Plan
from bot.slack.render import markup
from bot.slack.render.context import RenderContext, planned_downtime
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_dots, join_lines

KINDS = frozenset({"rehearsal", "migration", "statement", "old_code", "schema", "effect"})
"""Kinds of findings that are rendered only here; an `effect` is shown only after a run stopped half-way."""

_RISKS = ("safe", "unknown", "slow", "blocking", "destructive")
"""Risks, the gravest last."""

_MAX_MIGRATIONS = 10
_MAX_LINES = 12
_MAX_STATEMENTS = 8
_SQL_CHARACTERS = 400
_SECTION = 2800


def headline(plan: Plan, ctx: RenderContext) -> Markup:
    """Render the gravest risk and the rehearsal in one line; empty where there is no evidence."""
    risks = [finding.facts.get("risk", "") for finding in findings_of(plan, "migration")]
    known = [risk for risk in _RISKS if risk in risks]
    if not known:
        return _rehearsal(plan, ctx)
    worst = ctx.translator.translate(f"risk.{known[-1]}")
    return join_dots((worst, _rehearsal(plan, ctx), _rights(plan, ctx)))


def migrations(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render each migration's risk with its reason, its duration in the rehearsal, and whether it can be undone."""
    findings = findings_of(plan, "migration")
    shown = [_migration(finding.facts, plan, ctx) for finding in findings[:_MAX_MIGRATIONS]]
    rest = len(findings) - len(shown)
    return (*shown, ctx.translator.count("plan.more", rest) if rest else Markup(""))


def changes(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render the schema's changes as a diff, and those that break the code that is live now."""
    translate = ctx.translator.translate
    if plan.undo and planned_downtime(plan) is not None:
        return (schema_diff(plan),)  # the newer code does not run while its schema is undone
    breaks = [
        translate(
            "evidence.undo.old_code" if plan.undo else "evidence.old_code",
            what=finding.facts.get("what", ""),
            effect=_effect(finding.facts, ctx),
        )
        for finding in findings_of(plan, "old_code")[:_MAX_LINES]
    ]
    return (schema_diff(plan), *breaks)


def schema_diff(plan: Plan) -> Markup:
    """Render the changes of the tables, a line each; empty where there are none."""
    diff = [line for finding in findings_of(plan, "schema") for line in finding.facts.get("lines", "").splitlines()]
    shown = "\n".join(diff[:_MAX_LINES]) + (f"\n… {len(diff) - _MAX_LINES}" if len(diff) > _MAX_LINES else "")
    return markup.code_block(shown, _SECTION // 2) if diff else Markup("")


def statements(plan: Plan, ctx: RenderContext) -> Markup:
    """Render the SQL, each statement with its table and how the server would execute it."""
    findings = findings_of(plan, "statement")
    shown = [_statement(finding.facts, ctx) for finding in findings[:_MAX_STATEMENTS]]
    rest = len(findings) - len(shown)
    more = ctx.translator.count("plan.more", rest) if rest else Markup("")
    return markup.clip_markup(join_lines((*shown, more)), _SECTION)


def findings_of(plan: Plan, kind: str) -> tuple[Finding, ...]:
    """Return the findings of a kind, in order."""
    return tuple(finding for finding in plan.findings if finding.kind == kind)


def _rehearsal(plan: Plan, ctx: RenderContext) -> Markup:
    findings = findings_of(plan, "rehearsal")
    if not findings:
        return Markup("")
    facts = findings[0].facts
    translate = ctx.translator.translate
    if facts.get("outcome") != "ok":
        why = f"rehearsal.why.{facts.get('why', '')}"
        reason = translate(why, detail=facts.get("detail", "")) if ctx.translator.has(why) else facts.get("why", "")
        return translate("rehearsal.not_possible", why=reason)
    seconds = ctx.translator.duration(number(facts.get("seconds", "")))
    count = int(facts.get("migrations") or 0)
    ok = ctx.translator.count("rehearsal.ok", count, seconds=seconds, on=_copied_from(facts, ctx))
    empty = translate("rehearsal.empty") if facts.get("rows") == "none" else Markup("")
    return Markup(" ".join(part for part in (ok, empty, _without_data(facts, ctx)) if part))


def _rights(plan: Plan, ctx: RenderContext) -> Markup:
    """Render that code of the commit ran with production's rights; empty where it did not."""
    rehearsed = any(finding.facts.get("outcome") == "ok" for finding in findings_of(plan, "rehearsal"))
    before = [step.act for step in plan.of(Phase.PREPARE)]
    ran = any(isinstance(act, Preview) or (isinstance(act, Rehearse) and rehearsed) for act in before)
    return ctx.translator.translate("rehearsal.with_rights") if ran else Markup("")


def _copied_from(facts: Mapping[str, str], ctx: RenderContext) -> Markup:
    """Render what data the rehearsal ran on, and how old it was."""
    translate = ctx.translator.translate
    if facts.get("rows") != "backup":
        return translate("rehearsal.on.copy")
    made_at, age = facts.get("made_at", ""), facts.get("age", "")
    when = markup.time_of_day(datetime.fromisoformat(made_at)) if made_at else ""
    age = ctx.translator.duration(int(age)) if age.isdigit() else ""
    return translate("rehearsal.on.backup", backup=facts.get("backup", ""), when=when, age=age)


def _without_data(facts: Mapping[str, str], ctx: RenderContext) -> Markup:
    why = f"rehearsal.no_data.{facts.get('no_data', '')}"
    if not ctx.translator.has(why):
        return Markup("")
    reason = ctx.translator.translate(why, detail=facts.get("no_data_detail", ""))
    return ctx.translator.translate("rehearsal.no_data", why=reason)


def _migration(facts: Mapping[str, str], plan: Plan, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    reason = f"risk.why.{facts.get('reason', '')}"
    what = facts.get("what", "")
    why = translate(reason, what=what) if ctx.translator.has(reason) else markup.inline(facts.get("reason", ""))
    down = f"evidence.{'undo' if plan.undo else 'down'}.{facts.get('down', '')}"
    if facts.get("risk") == DESTRUCTIVE and down == "evidence.down.yes":
        down = "evidence.down.without_data"
    took = facts.get("seconds", "")
    details = join_dots(
        (
            translate("evidence.took", seconds=ctx.translator.duration(number(took))) if took else "",
            translate(down) if ctx.translator.has(down) else "",
        )
    )
    name = markup.code(markup.clip(facts.get("name", ""), 120))
    return join_lines(
        (
            Markup(f"• {name}"),
            Markup(f"    {translate('risk.' + facts.get('risk', 'unknown'))} — {why}"),
            Markup(f"    {details}") if details else Markup(""),
        )
    )


def _statement(facts: Mapping[str, str], ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    rows = facts.get("rows", "")
    size = facts.get("bytes", "")
    about = join_dots(
        (
            markup.code(facts["table"]) if facts.get("table") else "",
            ctx.translator.count("evidence.rows", int(rows), rows=f"{int(rows):,}") if rows.isdigit() else "",
            ctx.translator.size(int(size)) if size.isdigit() else "",
            translate("evidence.online", online=facts["online"]) if facts.get("online") else "",
            translate("evidence.writes_wait") if facts.get("writes_wait") == "yes" else "",
            translate("evidence.destroys") if facts.get("destroys") == "yes" else "",
        )
    )
    sql = markup.code_block(markup.clip(facts.get("sql", ""), _SQL_CHARACTERS), _SQL_CHARACTERS + 20)
    return join_lines((about, sql))


def _effect(facts: Mapping[str, str], ctx: RenderContext) -> Markup:
    key = f"effect.{facts.get('effect', '')}"
    return ctx.translator.translate(key) if ctx.translator.has(key) else Markup(markup.inline(facts.get("effect", "")))


def number(text: str) -> float:
    """Parse a number of a finding; 0 where it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0
