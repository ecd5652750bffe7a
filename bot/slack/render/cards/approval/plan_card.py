"""The plan: what would happen, with the evidence that an approver needs."""

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
from bot.slack.render.cards.backups.backup_size import much_smaller
from bot.slack.render.context import (
    ALREADY_DOWN,
    BACKUP,
    Scene,
    Shown,
    backup_of,
    lifts_for_another,
    places,
    planned_downtime,
    shown_steps,
    target,
)
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, context, dotted, lines, message, section

_MOST_COMMITS = 6
_MOST_MIGRATIONS = 12
_MOST_STEPS = 40
_REPLACES = "restore"
"""The kind of finding that says what a restore replaces."""


def plan_card(run: Run, plan: Plan, digest: str, scene: Scene) -> Message:
    """Build the message with the sealed plan of a run.

    Args:
        run: its snapshot.
        plan: the sealed plan, without secrets.
        digest: of the plan that was sealed.
        scene: what rendering needs beside it.
    """
    say = scene.sentences.say
    after = _steps_after_approval(run, plan)
    payload = {
        "run": run.id,
        "plan": digest,
        "pending": list(plan.pending),
        **({"sha": plan.sha.text} if plan.sha else {}),
    }
    return message(
        say("plan.notification", target=target(run), what=_summary(plan, scene), run=run.id),
        (
            section(lines((say("plan.title", target=target(run)), *_commits(plan, scene)))),
            section(rollback_choice.way(plan, scene)),
            section(lines(_migrations(plan, scene))),
            section(lines(evidence.changes(plan, scene))),
            section(_replaces(plan, scene)),
            section(backup_findings.dropped(plan, scene)),
            section(backup_findings.written_since(plan, scene)),
            section(
                lines(
                    (
                        _backup(run, scene),
                        much_smaller(run, scene),
                        _downtime(plan, after, scene),
                        *_findings(plan, scene),
                    )
                )
            ),
            section(lines(_steps(plan, after, scene))),
            section(evidence.statements(plan, scene)),
            context(_skipped(plan, scene)),
            context(say("plan.digest", digest=digest[:12])),
        ),
        "countersign_plan",
        payload,
    )


def _summary(plan: Plan, scene: Scene) -> Markup:
    count = scene.sentences.count
    commits = count("plan.commits", plan.commit_count) if plan.sha else Markup("")
    return Markup(", ".join(part for part in (commits, how_many_migrations(plan, scene)) if part))


def how_many_migrations(plan: Plan, scene: Scene) -> Markup:
    """Say how many migrations a plan runs or undoes, without emphasis; nothing where there are none."""
    if not plan.migrations:
        return Markup("")
    key = "plan.undo" if plan.undo else "plan.migrations"
    return Markup(scene.sentences.count(key, len(plan.migrations)).replace("*", ""))


def _commits(plan: Plan, scene: Scene) -> tuple[Markup, ...]:
    if plan.sha is None:
        return ()
    say, count = scene.sentences.say, scene.sentences.count
    old = next((value[:7] for name, value in sorted(plan.basis.items()) if name.startswith("checked out")), "")
    how_many = count("plan.commits", plan.commit_count)
    moved = (
        say("plan.moves", old=old, new=plan.sha.short, commits=how_many)
        if old
        else dotted((markup.code(plan.sha.short), how_many))
    )
    shown = [
        say(
            "plan.commit",
            sha=commit.sha[:7],
            subject=Markup(markup.inline(markup.clip(commit.subject, 100))),
            author=markup.clip(commit.author, 40),
        )
        for commit in plan.commits[:_MOST_COMMITS]
    ]
    rest = plan.commit_count - len(shown)
    return (moved, *shown, count("plan.more", rest) if rest > 0 else Markup(""))


def _migrations(plan: Plan, scene: Scene) -> tuple[Markup, ...]:
    say, count = scene.sentences.say, scene.sentences.count
    if not plan.migrations:
        return (say("plan.migrations.none"),) if plan.sha is not None else ()
    told = (
        count("plan.undo" if plan.undo else "plan.migrations", len(plan.migrations)),
        say("plan.destructive") if plan.destructive else Markup(""),
        evidence.headline(plan, scene),
    )
    judged = evidence.migrations(plan, scene)
    if any(judged):
        return (*told, *judged)
    shown = [Markup("• " + markup.code(markup.clip(name, 120))) for name in plan.migrations[:_MOST_MIGRATIONS]]
    rest = len(plan.migrations) - len(shown)
    return (*told, *shown, count("plan.more", rest) if rest else Markup(""))


def _backup(run: Run, scene: Scene) -> Markup:
    say = scene.sentences.say
    planned = run.plan.backup if run.plan else None
    if run.request.action is Action.BACKUP or _drops_alone(run):
        return say("plan.backup.alone", id=planned) if planned else Markup("")
    found = backup_of(run)
    if found is not None:
        size = found.facts.get("bytes") or found.facts.get("size") or ""
        return say(
            "plan.backup",
            id=found.facts.get("backup") or found.facts.get("id") or planned or "",
            size=scene.sentences.size(int(size)) if size.isdigit() else size,
            sha=found.facts.get("sha256", "")[:12],
            proof=_proof(found.facts, scene),
            restore=_restores_in(found.facts.get("restore_seconds", ""), scene),
        )
    return say("plan.backup.planned", id=planned) if planned else say("plan.backup.none")


def _drops_alone(run: Run) -> bool:
    return run.plan is not None and any(finding.kind == "drop_old" for finding in run.plan.findings)


def _proof(facts: Mapping[str, str], scene: Scene) -> Markup:
    """Say how far a backup is known to be good, and since when."""
    proof = facts.get("proof") or Proof.CHECKED.value
    at = facts.get("proven_at")
    when = markup.time_of_day(datetime.fromisoformat(at)) if at else ""
    return scene.sentences.say(f"proof.{proof}", when=when)


def _about_backup(facts: Mapping[str, str], scene: Scene) -> dict[str, str]:
    """Say what a finding knows of a backup: when it was made, how good it is, how long restoring it takes."""
    if "fired_at" in facts:
        return {"fired": markup.time_of_day(datetime.fromisoformat(facts["fired_at"]))}
    if "made_at" not in facts:
        return {}
    return {
        "made": markup.time_of_day(datetime.fromisoformat(facts["made_at"])),
        "ago": markup.ago(datetime.fromisoformat(facts["made_at"])),
        "proof": _proof(facts, scene),
        "restore": _restores_in(facts.get("seconds", ""), scene),
    }


def _restores_in(seconds: str, scene: Scene) -> str:
    return scene.sentences.duration(max(int(seconds), 1)) if seconds.isdigit() else ""


def _downtime(plan: Plan, after: tuple[Shown, ...], scene: Scene) -> Markup:
    if any(finding.kind == ALREADY_DOWN for finding in plan.findings):
        return Markup("")
    pair = planned_downtime(plan)
    numbers = {step.key: index for index, step in enumerate(after, start=1)}
    lifting = lifts_for_another(plan)
    if lifting is not None and lifting.key in numbers:
        return scene.sentences.say("plan.downtime.lifted", step=str(numbers[lifting.key]))
    if pair is None or not all(key in numbers for key in pair):
        return scene.sentences.say("plan.downtime.none") if after else Markup("")
    first, last = numbers[pair[0]], numbers[pair[1]]
    known = [scene.estimates.get(step.key) for step in after[first:last]]
    usual = sum(found.seconds for found in known if found is not None) if known and None not in known else 0
    usual = usual or _predicted_downtime(plan)
    return scene.sentences.say(
        "plan.downtime",
        first=str(first),
        last=str(last),
        seconds=scene.sentences.duration(usual) if usual >= 1 else "",
    )


def _predicted_downtime(plan: Plan) -> float:
    """Give the seconds for which a restore should keep the site down, from the proofs of backups; 0 where unknown."""
    facts = next((finding.facts for finding in plan.findings if finding.kind == "restore"), {})
    seconds = facts.get("downtime", "")
    return float(seconds) if seconds.isdigit() else 0.0


def _replaces(plan: Plan, scene: Scene) -> Markup:
    """Say what a restore replaces; it comes before all else. Nothing of another plan."""
    facts = next((finding.facts for finding in plan.findings if finding.kind == _REPLACES), None)
    return (
        scene.sentences.say(f"finding.{_REPLACES}", **{**facts, **_about_backup(facts, scene)}) if facts else Markup("")
    )


def _findings(plan: Plan, scene: Scene) -> tuple[Markup, ...]:
    shown = []
    for finding in plan.findings:
        told_elsewhere = evidence.KINDS | backup_findings.KINDS | {BACKUP, rollback_choice.KIND, _REPLACES}
        if finding.kind in told_elsewhere:
            continue
        key = f"finding.{finding.kind}"
        if scene.sentences.knows(key):
            shown.append(scene.sentences.say(key, **{**finding.facts, **_about_backup(finding.facts, scene)}))
            continue
        what = markup.inline(markup.clip(", ".join(finding.facts.values()), 300))
        shown.append(scene.sentences.say("plan.finding", name=scene.sentences.fact(finding.kind), what=what))
    return tuple(shown)


def _steps_after_approval(run: Run, plan: Plan) -> tuple[Shown, ...]:
    """Give the steps behind the gate: those whose key the run's rows show as of the change or verify phase."""
    keys = {step.key for step in plan.steps if step.phase.value != "prepare"}
    found = tuple(step for step in shown_steps(run) if step.key in keys)
    if found:
        return found
    return tuple(
        Shown(number, step.key, step.title, step.phase, StepState.PENDING, ())
        for number, step in enumerate((s for s in plan.steps if s.key in keys), start=1)
    )


def _steps(plan: Plan, after: tuple[Shown, ...], scene: Scene) -> tuple[Markup, ...]:
    say, count = scene.sentences.say, scene.sentences.count
    if not after:
        return (say("plan.steps.none"),)
    hosts = {step.places for step in after if step.places}
    common = next(iter(hosts)) if len(hosts) == 1 else ()
    shown = [
        say(
            "plan.step",
            n=str(index),
            title=markup.clip(step.title, 80),
            places=Markup("") if step.places == common else places(step.places),
        )
        for index, step in enumerate(after[:_MOST_STEPS], start=1)
    ]
    rest = len(after) - len(shown)
    title = "plan.steps" if plan.requirement.needed else "plan.steps.ungated"
    return (say(title, places=places(common)), *shown, count("plan.more", rest) if rest else Markup(""))


def _skipped(plan: Plan, scene: Scene) -> Markup:
    if not plan.skipped:
        return Markup("")
    shown = [scene.sentences.say("plan.skip", title=step.title, why=step.why) for step in plan.skipped[:10]]
    rest = len(plan.skipped) - len(shown)
    if rest:
        shown.append(scene.sentences.count("plan.more", rest))
    return scene.sentences.say("plan.skipped", what=Markup(" · ".join(shown)))
