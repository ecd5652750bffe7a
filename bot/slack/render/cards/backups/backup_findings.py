"""Findings about backups: what a restore discards, and what dropping old tables destroys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.domain.backups.backup import Proof
from bot.domain.backups.writes_since import WriteState
from bot.domain.runs.plan import Finding, Plan
from bot.domain.runs.run import Run, RunState
from bot.slack.render import markup
from bot.slack.render.context import RenderContext, backup_finding
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_dots, join_lines

KINDS = frozenset({"written", "written_rest", "drop_old", "proven_backup"})
"""Kinds of findings that are rendered only here."""


def written_since(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what was written since the backup that is restored, by table; empty for other plans."""
    rest = next((finding.facts for finding in plan.findings if finding.kind == "written_rest"), None)
    if rest is None:
        return Markup("")
    translate, count = ctx.translator.translate, ctx.translator.count
    tables = tuple(_table(finding.facts, ctx) for finding in plan.findings if finding.kind == "written")
    if not tables:
        return translate("written.nothing")
    more, same = int(rest.get("more", "0")), int(rest.get("same", "0"))
    return join_lines(
        (
            translate("written.title"),
            *tables,
            count("written.more", more) if more else Markup(""),
            count("written.same", same) if same else Markup(""),
        )
    )


def dropped_tables(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what dropping old tables destroys; empty for other plans."""
    facts = next((finding.facts for finding in plan.findings if finding.kind == "drop_old"), None)
    if facts is None:
        return Markup("")
    translate = ctx.translator.translate
    size = facts.get("bytes", "")
    shown = {name: facts.get(name, "") for name in ("database", "tables", "run", "backup", "safety")}
    shown["size"] = ctx.translator.size(int(size)) if size.isdigit() else size
    shown["kept"] = _when(facts.get("kept_at", ""))
    well = facts.get("state") == RunState.SUCCEEDED.value and facts.get("left") == "before"
    proof = ctx.translator.translate(f"proof.{facts.get('safety_proof') or Proof.CHECKED.value}")
    return join_lines(
        (
            translate("finding.drop_old", **shown),
            translate("finding.drop_old.safe", safety=shown["safety"], proof=proof)
            if shown["safety"]
            else translate("finding.drop_old.unsafe"),
            Markup("") if well else translate("finding.drop_old.doubt"),
        )
    )


def _table(facts: Mapping[str, str], ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    what = translate(f"written.{facts['written']}", table=markup.clip(facts["table"], 64))
    at = _when(facts.get("at", "")) if facts["written"] in {WriteState.CHANGED, WriteState.NEW} else ""
    tells = facts["written"] in {WriteState.CHANGED, WriteState.ADDED} and facts.get("counted") != "yes"
    counter = translate("written.grown", n=_count(facts["grown"])) if tells and facts.get("grown") else ""
    return join_dots((what, _rows(facts, ctx), counter, translate("written.at", at=at) if at else ""))


def _rows(facts: Mapping[str, str], ctx: RenderContext) -> Markup:
    translate, count = ctx.translator.translate, ctx.translator.count
    then, now = _count(facts.get("then", "")), _count(facts.get("now", ""))
    shown = now if facts.get("counted") == "yes" or not now else translate("written.about", now=now)
    if then and now and (then != now or facts.get("counted") != "yes"):
        return translate("written.rows", then=then, now=shown)
    known = facts.get("then") or facts.get("now", "")
    return count("written.rows.then", int(known)) if known.isdigit() else Markup("")


def _proof_words(proof: str, ctx: RenderContext) -> Markup:
    key = f"proof.{proof}"
    return ctx.translator.translate(key if ctx.translator.has(key) else "proof.checked")


def _count(text: str) -> str:
    return f"{int(text):,}" if text.isdigit() else text


def _when(text: str) -> str:
    return markup.time_of_day(datetime.fromisoformat(text)) if text else ""


def relevant_backup(run: Run) -> Finding | None:
    """Return the backup that is restored, else the proven one that could be: the run's own or another."""
    if run.plan is None:
        return None
    restored = next((finding for finding in run.plan.findings if finding.kind == "restore"), None)
    if restored is not None:
        return restored
    own = backup_finding(run)
    if own is not None and own.facts.get("proof") == Proof.PROVEN.value:
        return own
    return next((finding for finding in run.plan.findings if finding.kind == "proven_backup"), None)


def proven_backup(finding: Finding | None, ctx: RenderContext) -> Markup:
    """Render how far the backup that the gate relies on is proven; empty where it relies on none."""
    if finding is None:
        return Markup("")
    facts = finding.facts
    seconds = facts.get("restore_seconds") or facts.get("seconds", "")
    at = facts.get("proven_at", "")
    proof = facts.get("proof", Proof.PROVEN.value)
    if proof != Proof.PROVEN.value:
        return ctx.translator.translate("backup.unproven", id=facts.get("backup", ""), proof=_proof_words(proof, ctx))
    return ctx.translator.translate(
        "backup.proven",
        id=facts.get("backup", ""),
        ago=markup.ago(datetime.fromisoformat(at)) if at else "",
        restore=ctx.translator.duration(max(int(seconds), 1)) if seconds.isdigit() else "",
    )
