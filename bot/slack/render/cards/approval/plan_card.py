"""The plan card: what will happen, with the evidence that approvers need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.domain.backups.backup import Proof
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, StepState
from bot.slack.render import markup
from bot.slack.render.cards.approval import evidence, rollback_choice
from bot.slack.render.cards.backups import backup_findings
from bot.slack.render.cards.backups.backup_size import smaller_backup_warning
from bot.slack.render.cards.backups.unprovable import unprovable
from bot.slack.render.context import (
    ALREADY_DOWN,
    BACKUP,
    RenderContext,
    StepView,
    backup_finding,
    lifting_step,
    places,
    planned_downtime,
    step_views,
    target_name,
)
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, context, join_dots, join_lines, message, section

_MAX_COMMITS = 6
_MAX_MIGRATIONS = 12
_MAX_STEPS = 40
_REPLACES = "restore"
"""The kind of finding about what a restore replaces."""


def plan_card(run: Run, plan: Plan, digest: str, ctx: RenderContext) -> Message:
    """Build the message with the sealed plan of a run.

    Args:
        run: its snapshot.
        plan: the sealed plan, without secrets.
        digest: of the sealed plan.
        ctx: the render context.
    """
    translate = ctx.translator.translate
    after = _steps_after_approval(run, plan)
    payload = {
        "run": run.id,
        "plan": digest,
        "pending": list(plan.pending),
        **({"sha": plan.sha.text} if plan.sha else {}),
    }
    return message(
        translate("plan.notification", target=target_name(run), what=_summary(plan, ctx), run=run.id),
        (
            section(join_lines((translate("plan.title", target=target_name(run)), *_commits(plan, ctx)))),
            section(rollback_choice.rollback_choice(plan, ctx)),
            section(join_lines(_migrations(plan, ctx))),
            section(join_lines(evidence.changes(plan, ctx))),
            section(_replaces(plan, ctx)),
            section(backup_findings.dropped_tables(plan, ctx)),
            section(backup_findings.written_since(plan, ctx)),
            section(
                join_lines(
                    (
                        _backup(run, ctx),
                        smaller_backup_warning(run, ctx),
                        _downtime(plan, after, ctx),
                        *_findings(plan, ctx),
                    )
                )
            ),
            section(join_lines(_steps(plan, after, ctx))),
            section(evidence.statements(plan, ctx)),
            context(_skipped(plan, ctx)),
            context(translate("plan.digest", digest=digest[:12])),
        ),
        "countersign_plan",
        payload,
    )


def _summary(plan: Plan, ctx: RenderContext) -> Markup:
    count = ctx.translator.count
    commits = count("plan.commits", plan.commit_count) if plan.sha else Markup("")
    return Markup(", ".join(part for part in (commits, migration_count(plan, ctx)) if part))


def migration_count(plan: Plan, ctx: RenderContext) -> Markup:
    """Render the number of migrations that a plan runs or undoes, without emphasis; empty where there are none."""
    if not plan.migrations:
        return Markup("")
    key = "plan.undo" if plan.undo else "plan.migrations"
    return Markup(ctx.translator.count(key, len(plan.migrations)).replace("*", ""))


def _commits(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    if plan.sha is None:
        return ()
    translate, count = ctx.translator.translate, ctx.translator.count
    old = next((commit[:7] for _, commit in sorted(plan.basis.checked_out.items())), "")
    how_many = count("plan.commits", plan.commit_count)
    moved = (
        translate("plan.moves", old=old, new=plan.sha.short, commits=how_many)
        if old
        else join_dots((markup.code(plan.sha.short), how_many))
    )
    shown = [
        translate(
            "plan.commit",
            sha=commit.sha[:7],
            subject=Markup(markup.inline(markup.clip(commit.subject, 100))),
            author=markup.clip(commit.author, 40),
        )
        for commit in plan.commits[:_MAX_COMMITS]
    ]
    rest = plan.commit_count - len(shown)
    return (moved, *shown, count("plan.more", rest) if rest > 0 else Markup(""))


def _migrations(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    translate, count = ctx.translator.translate, ctx.translator.count
    if not plan.migrations:
        return (translate("plan.migrations.none"),) if plan.sha is not None else ()
    summary = (
        count("plan.undo" if plan.undo else "plan.migrations", len(plan.migrations)),
        translate("plan.destructive") if plan.destructive else Markup(""),
        evidence.headline(plan, ctx),
    )
    judged = evidence.migrations(plan, ctx)
    if any(judged):
        return (*summary, *judged)
    shown = [Markup("• " + markup.code(markup.clip(name, 120))) for name in plan.migrations[:_MAX_MIGRATIONS]]
    rest = len(plan.migrations) - len(shown)
    return (*summary, *shown, count("plan.more", rest) if rest else Markup(""))


def _backup(run: Run, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    planned = run.plan.backup if run.plan else None
    if run.request.action is Action.BACKUP or _drops_alone(run):
        return translate("plan.backup.alone", id=planned) if planned else Markup("")
    finding = backup_finding(run)
    if finding is not None:
        size = finding.facts.get("bytes") or finding.facts.get("size") or ""
        made = translate(
            "plan.backup",
            id=finding.facts.get("backup") or finding.facts.get("id") or planned or "",
            size=ctx.translator.size(int(size)) if size.isdigit() else size,
            sha=finding.facts.get("sha256", "")[:12],
            proof=_proof(finding.facts, ctx),
            restore=_restores_in(finding.facts.get("restore_seconds", ""), ctx),
        )
        return join_lines((made, unprovable(finding.facts, ctx)))
    return translate("plan.backup.planned", id=planned) if planned else translate("plan.backup.none")


def _drops_alone(run: Run) -> bool:
    return run.plan is not None and any(finding.kind == "drop_old" for finding in run.plan.findings)


def _proof(facts: Mapping[str, str], ctx: RenderContext) -> Markup:
    """Render how far a backup is verified, and since when."""
    proof = facts.get("proof") or Proof.CHECKED.value
    at = facts.get("proven_at")
    when = markup.time_of_day(datetime.fromisoformat(at)) if at else ""
    return ctx.translator.translate(f"proof.{proof}", when=when)


def _about_backup(facts: Mapping[str, str], ctx: RenderContext) -> dict[str, str]:
    """Render what a finding knows of a backup: its time, its proof, and how long restoring it takes."""
    if "fired_at" in facts:
        return {"fired": markup.time_of_day(datetime.fromisoformat(facts["fired_at"]))}
    if "made_at" not in facts:
        return {}
    return {
        "made": markup.time_of_day(datetime.fromisoformat(facts["made_at"])),
        "ago": markup.ago(datetime.fromisoformat(facts["made_at"])),
        "proof": _proof(facts, ctx),
        "restore": _restores_in(facts.get("seconds", ""), ctx),
    }


def _restores_in(seconds: str, ctx: RenderContext) -> str:
    return ctx.translator.duration(max(int(seconds), 1)) if seconds.isdigit() else ""


def _downtime(plan: Plan, after: tuple[StepView, ...], ctx: RenderContext) -> Markup:
    if any(finding.kind == ALREADY_DOWN for finding in plan.findings):
        return Markup("")
    pair = planned_downtime(plan)
    numbers = {step.key: index for index, step in enumerate(after, start=1)}
    lifting = lifting_step(plan)
    if lifting is not None and lifting.key in numbers:
        return ctx.translator.translate("plan.downtime.lifted", step=str(numbers[lifting.key]))
    if pair is None or not all(key in numbers for key in pair):
        return ctx.translator.translate("plan.downtime.none") if after else Markup("")
    first, last = numbers[pair[0]], numbers[pair[1]]
    estimates = [ctx.estimates.get(step.key) for step in after[first:last]]
    usual = (
        sum(estimate.seconds for estimate in estimates if estimate is not None)
        if estimates and None not in estimates
        else 0
    )
    usual = usual or _predicted_downtime(plan)
    return ctx.translator.translate(
        "plan.downtime",
        first=str(first),
        last=str(last),
        seconds=ctx.translator.duration(usual) if usual >= 1 else "",
    )


def _predicted_downtime(plan: Plan) -> float:
    """Return a restore's downtime in seconds, predicted from the proofs of backups; 0 where unknown."""
    facts = next((finding.facts for finding in plan.findings if finding.kind == "restore"), {})
    seconds = facts.get("downtime", "")
    return float(seconds) if seconds.isdigit() else 0.0


def _replaces(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what a restore replaces; empty for other plans."""
    facts = next((finding.facts for finding in plan.findings if finding.kind == _REPLACES), None)
    return (
        ctx.translator.translate(f"finding.{_REPLACES}", **{**facts, **_about_backup(facts, ctx)})
        if facts
        else Markup("")
    )


def _findings(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    shown = []
    for finding in plan.findings:
        told_elsewhere = evidence.KINDS | backup_findings.KINDS | {BACKUP, rollback_choice.KIND, _REPLACES}
        if finding.kind in told_elsewhere:
            continue
        key = f"finding.{finding.kind}"
        if ctx.translator.has(key):
            shown.append(ctx.translator.translate(key, **{**finding.facts, **_about_backup(finding.facts, ctx)}))
            continue
        what = markup.inline(markup.clip(", ".join(finding.facts.values()), 300))
        shown.append(ctx.translator.translate("plan.finding", name=ctx.translator.fact(finding.kind), what=what))
    return tuple(shown)


def _steps_after_approval(run: Run, plan: Plan) -> tuple[StepView, ...]:
    """Return the steps of the change and verify phases."""
    keys = {step.key for step in plan.steps if step.phase.value != "prepare"}
    views = tuple(step for step in step_views(run) if step.key in keys)
    if views:
        return views
    return tuple(
        StepView(number, step.key, step.title, step.phase, StepState.PENDING, ())
        for number, step in enumerate((s for s in plan.steps if s.key in keys), start=1)
    )


def _steps(plan: Plan, after: tuple[StepView, ...], ctx: RenderContext) -> tuple[Markup, ...]:
    translate, count = ctx.translator.translate, ctx.translator.count
    if not after:
        return (translate("plan.steps.none"),)
    hosts = {step.places for step in after if step.places}
    common = next(iter(hosts)) if len(hosts) == 1 else ()
    shown = [
        translate(
            "plan.step",
            n=str(index),
            title=markup.clip(step.title, 80),
            places=Markup("") if step.places == common else places(step.places),
        )
        for index, step in enumerate(after[:_MAX_STEPS], start=1)
    ]
    rest = len(after) - len(shown)
    title = "plan.steps" if plan.requirement.needed else "plan.steps.ungated"
    return (translate(title, places=places(common)), *shown, count("plan.more", rest) if rest else Markup(""))


def _skipped(plan: Plan, ctx: RenderContext) -> Markup:
    if not plan.skipped:
        return Markup("")
    shown = [ctx.translator.translate("plan.skip", title=step.title, why=step.why) for step in plan.skipped[:10]]
    rest = len(plan.skipped) - len(shown)
    if rest:
        shown.append(ctx.translator.count("plan.more", rest))
    return ctx.translator.translate("plan.skipped", what=Markup(" · ".join(shown)))
