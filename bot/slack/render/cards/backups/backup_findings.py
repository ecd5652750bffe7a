"""Findings about backups: what a restore discards, and what dropping old tables destroys."""

from __future__ import annotations

from bot.domain.backups.backup import Proof
from bot.domain.backups.leftovers import LeftoverKind
from bot.domain.backups.writes_since import WriteState
from bot.domain.runs.findings import (
    BackupMade,
    BackupToRestore,
    OldTables,
    OtherTables,
    ReliedOnBackup,
    TableWritten,
    first_of,
    those_of,
)
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import Run, RunState
from bot.slack.render import markup
from bot.slack.render.context import RenderContext, backup_finding
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_dots, join_lines


def written_since(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what was written since the backup that is restored, by table; empty for other plans."""
    rest = first_of(OtherTables, plan.findings)
    if rest is None:
        return Markup("")
    translate, count = ctx.translator.translate, ctx.translator.count
    tables = tuple(_table(found, ctx) for found in those_of(TableWritten, plan.findings))
    if not tables:
        return translate("written.nothing")
    return join_lines(
        (
            translate("written.title"),
            *tables,
            count("written.more", rest.more) if rest.more else Markup(""),
            count("written.same", rest.same) if rest.same else Markup(""),
        )
    )


def rows_since(plan: Plan, ctx: RenderContext) -> Markup:
    """Render how many rows the tables have gained since the backup; empty where that is none, or not known."""
    grown = [
        max(found.now - found.then, 0)
        for found in those_of(TableWritten, plan.findings)
        if found.then is not None and found.now is not None
    ]
    return ctx.translator.count("approval.more_rows", sum(grown)) if sum(grown) else Markup("")


def dropped_tables(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what dropping old tables destroys; empty for other plans."""
    found = first_of(OldTables, plan.findings)
    if found is None:
        return Markup("")
    translate = ctx.translator.translate
    well = found.state == RunState.SUCCEEDED.value and found.left is LeftoverKind.REPLACED
    return join_lines(
        (
            translate(
                "finding.drop_old",
                database=found.database,
                tables=str(found.tables) if found.tables is not None else "",
                size=ctx.translator.size(found.bytes) if found.bytes is not None else "",
                kept=ctx.translator.moment(found.kept_at) if found.kept_at is not None else "",
                run=found.run,
                backup=found.backup,
            ),
            translate("finding.drop_old.safe", safety=found.safety, proof=_proof_words(found.safety_proof, ctx))
            if found.safety
            else translate("finding.drop_old.unsafe"),
            Markup("") if well else translate("finding.drop_old.doubt"),
        )
    )


def _table(found: TableWritten, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    what = translate(f"written.{found.written.value}", table=markup.clip(found.table, 64))
    at = found.at if found.written in {WriteState.CHANGED, WriteState.NEW} else None
    tells = found.written in {WriteState.CHANGED, WriteState.ADDED} and not found.counted
    counter = (
        translate("written.grown", n=ctx.translator.number(found.grown)) if tells and found.grown is not None else ""
    )
    when = translate("written.at", at=ctx.translator.moment(at)) if at is not None else ""
    return join_dots((what, _rows(found, ctx), counter, when))


def _rows(found: TableWritten, ctx: RenderContext) -> Markup:
    then, now = found.then, found.now
    if then is not None and now is not None and (then != now or not found.counted):
        shown = (
            ctx.translator.number(now)
            if found.counted
            else ctx.translator.translate("written.about", now=ctx.translator.number(now))
        )
        return ctx.translator.translate("written.rows", then=ctx.translator.number(then), now=shown)
    known = then if then is not None else now
    if known is None:
        return Markup("")
    return ctx.translator.count("written.rows.then", known, rows=ctx.translator.number(known))


def _proof_words(proof: Proof | None, ctx: RenderContext) -> Markup:
    return ctx.translator.translate(f"proof.{(proof or Proof.CHECKED).value}")


def relevant_backup(run: Run) -> BackupToRestore | BackupMade | ReliedOnBackup | None:
    """Return the backup that is restored, else the proven one that could be: the run's own or another."""
    if run.plan is None:
        return None
    restored = first_of(BackupToRestore, run.plan.findings)
    if restored is not None:
        return restored
    own = backup_finding(run)
    if own is not None and own.proof is Proof.PROVEN:
        return own
    return first_of(ReliedOnBackup, run.plan.findings)


def proven_backup(found: BackupToRestore | BackupMade | ReliedOnBackup | None, ctx: RenderContext) -> Markup:
    """Render how far the backup that the gate relies on is proven; empty where it relies on none."""
    match found:
        case None:
            return Markup("")
        case ReliedOnBackup():
            proof, seconds = Proof.PROVEN, found.restore_seconds
        case BackupMade():
            proof, seconds = found.proof or Proof.PROVEN, found.restore_seconds or found.seconds
        case BackupToRestore():
            proof, seconds = found.proof or Proof.PROVEN, found.seconds
    if proof is not Proof.PROVEN:
        return ctx.translator.translate("backup.unproven", id=found.backup, proof=_proof_words(proof, ctx))
    return ctx.translator.translate(
        "backup.proven",
        id=found.backup,
        ago=ctx.translator.ago(found.proven_at) if found.proven_at is not None else "",
        restore=ctx.translator.duration(max(seconds, 1)) if seconds is not None else "",
    )
