"""Outcomes that concern backups: the backup that was made or proven, what was restored, an unfinished swap."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.backups.backup import Proof
from bot.domain.runs.acts import Dump, Prove, Swap
from bot.domain.runs.findings import BackupToRestore, OldTables, first_of
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, RunState, StepState, step_state
from bot.slack.render.cards.backups.unprovable import unprovable
from bot.slack.render.context import RenderContext, step_views, troubled_step
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines


def made_backup(run: Run, ctx: RenderContext) -> Markup:
    """Render the backup that a `/backup` run made or proved, with size and proof; empty for other runs."""
    facts = _backup_facts(run) if run.request.action is Action.BACKUP else {}
    if not facts or run.state is not RunState.SUCCEEDED:
        return Markup("")
    proof = facts.get("proof") or Proof.CHECKED.value
    size, took = facts.get("bytes", ""), facts.get("restore_seconds", "")
    kept = ctx.translator.translate(
        "outcome.kept",
        id=facts["backup"],
        size=ctx.translator.size(int(size)) if size.isdigit() else "",
        proof=ctx.translator.translate(f"proof.{proof}"),
        restore=ctx.translator.duration(max(int(took), 1)) if took.isdigit() and proof == Proof.PROVEN.value else "",
    )
    return join_lines((kept, unprovable(facts, ctx)))


def restore_result(run: Run, ctx: RenderContext) -> Markup:
    """Render what is live after a successful restore, and where the replaced data is."""
    if run.plan is None or run.state is not RunState.SUCCEEDED or run.nothing_to_do:
        return Markup("")
    found = first_of(BackupToRestore, run.plan.findings)
    if found is None:
        return Markup("")
    translate = ctx.translator.translate
    target = run.request.target
    return join_lines(
        (
            translate(
                "outcome.put_back.tables" if found.tables else "outcome.put_back",
                id=found.backup,
                tables=", ".join(found.tables),
                made=ctx.translator.moment(found.made_at) if found.made_at is not None else "",
            ),
            translate("outcome.replaced", old=found.old, app=target.app, environment=target.environment),
        )
    )


def dropped_tables(run: Run, ctx: RenderContext) -> Markup:
    """Render which old tables a run dropped."""
    found = first_of(OldTables, run.plan.findings) if run.plan is not None else None
    if found is None or run.state is not RunState.SUCCEEDED:
        return Markup("")
    return ctx.translator.translate("outcome.dropped", database=found.database)


def unknown_swap(run: Run, ctx: RenderContext) -> Markup:
    """Render where tables may be when the outcome of their swap is unknown; empty otherwise."""
    trouble = troubled_step(step_views(run))
    if run.plan is None or trouble is None or run.state is not RunState.NEEDS_HUMAN:
        return Markup("")
    swap = next((step.act for step in run.plan.steps if step.key == trouble.key and isinstance(step.act, Swap)), None)
    if swap is None:
        return Markup("")
    restored = first_of(BackupToRestore, run.plan.findings)
    live = restored.database if restored is not None else ""
    return ctx.translator.translate("outcome.in_doubt", live=live, fresh=swap.fresh, old=swap.old)


def _backup_facts(run: Run) -> Mapping[str, str]:
    """Return the steps' facts about the run's backup; later steps override earlier ones."""
    facts: dict[str, str] = {}
    for step in run.plan.steps if run.plan is not None else ():
        rows = run.rows(step.key)
        if isinstance(step.act, Dump | Prove) and rows and step_state(rows) is StepState.DONE:
            facts |= rows[0].facts
    return facts if facts.get("backup") else {}
