"""The plan card: what will happen, with the evidence that approvers need."""

from __future__ import annotations

from bot.domain.backups.backup import Proof
from bot.domain.runs.findings import (
    AllAtOnce,
    AlreadyDown,
    BackupMade,
    BackupToRestore,
    CheckFound,
    ChecksWaived,
    Finding,
    HostsDiffer,
    LacksPrivileges,
    LaidOut,
    LeftOut,
    MigrationEffect,
    MigrationFile,
    MigrationFinding,
    MissedBackup,
    NotRehearsed,
    OldCode,
    OldTables,
    OnReplica,
    OtherTables,
    OutOfOrder,
    Rehearsed,
    ReliedOnBackup,
    RollbackChoice,
    RowsChanged,
    SandboxAttempt,
    SandboxLack,
    SchemaChange,
    SchemaDigest,
    StatementFinding,
    SwitchOrder,
    TableWritten,
    UnknownFinding,
    UsualSteps,
    ValuesLost,
    VerifiedBefore,
    WayBack,
    facts_of,
    first_of,
    those_of,
)
from bot.domain.runs.maintenance import lifting_step, planned_downtime
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, StepState
from bot.domain.targets.forge import CheckState
from bot.domain.targets.look import Primary
from bot.slack.render import markup
from bot.slack.render.cards.approval import data_changes, evidence, hosts, rehearsal, rollback_choice
from bot.slack.render.cards.approval.request_mark import request_mark
from bot.slack.render.cards.backups import backup_findings
from bot.slack.render.cards.backups.backup_size import smaller_backup_warning
from bot.slack.render.cards.backups.unprovable import unprovable
from bot.slack.render.cards.replica_line import replica_line
from bot.slack.render.context import (
    RenderContext,
    StepView,
    backup_finding,
    places,
    step_views,
    target_name,
)
from bot.slack.render.links import compare_link
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, context, join_dots, join_lines, message, section
from bot.slack.render.text import PRESENT

_MAX_COMMITS = 6
_MAX_MIGRATIONS = 12
_MAX_STEPS = 40
_MAX_SKIPPED = 20
_MAX_CHECKS = 8

_SHOWN_ELSEWHERE = (
    Rehearsed,
    NotRehearsed,
    MigrationFinding,
    StatementFinding,
    ValuesLost,
    OldCode,
    MigrationEffect,
    SchemaChange,
    RowsChanged,
    WayBack,
    SandboxAttempt,
    SandboxLack,
    MigrationFile,
    SchemaDigest,
    BackupMade,
    ReliedOnBackup,
    BackupToRestore,
    TableWritten,
    OtherTables,
    OldTables,
    RollbackChoice,
    CheckFound,
    UsualSteps,
)
"""Findings that have a place of their own; the effect of a migration is shown only after a run that stopped half-way,
and the files and the digest are for the comparison behind the gate."""


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
        **request_mark(run),
    }
    return message(
        translate("plan.notification", target=target_name(run), what=_summary(plan, ctx), run=run.id),
        (
            section(join_lines((translate("plan.title", target=target_name(run)), *_commits(plan, ctx)))),
            section(rollback_choice.rollback_choice(plan, ctx)),
            section(join_lines(data_changes.data_changes(plan, ctx))),
            section(join_lines(rehearsal.attempts(plan, ctx))),
            *(section(part) for part in _migrations(plan, ctx)),
            section(join_lines(rehearsal.rehearsal_details(plan, ctx))),
            section(join_lines(evidence.changes(plan, ctx))),
            section(_restore("finding.restore", plan, ctx)),
            section(backup_findings.dropped_tables(plan, ctx)),
            section(backup_findings.written_since(plan, ctx)),
            section(
                join_lines(
                    (
                        _backup(run, ctx),
                        smaller_backup_warning(run, ctx),
                        _downtime(plan, after, ctx),
                        hosts.batches_line(plan, ctx),
                        *_findings(plan, ctx),
                    )
                )
            ),
            section(_checks(plan, ctx)),
            section(join_lines(_steps(plan, after, ctx))),
            section(evidence.other_statements(plan, ctx)),
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


def commit_before(plan: Plan) -> str:
    """Return the short hash of the commit that is checked out; empty where none is known."""
    return next((commit[:7] for _, commit in sorted(plan.basis.checked_out.items())), "")


def _commits(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    if plan.sha is None:
        return ()
    translate, count = ctx.translator.translate, ctx.translator.count
    old = commit_before(plan)
    is_way_back = plan.request.action is Action.ROLLBACK
    how_many = count("plan.commits.removed" if is_way_back else "plan.commits", plan.commit_count)
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
    return (
        join_dots((moved, _compare(plan, ctx))),
        *shown,
        count("plan.more", rest) if rest > 0 else Markup(""),
    )


def _compare(plan: Plan, ctx: RenderContext) -> Markup:
    """Link to the comparison of the two commits at the forge; empty where no forge is named, or nothing to compare."""
    old = next((commit for _, commit in sorted(plan.basis.checked_out.items())), "")
    if ctx.repository is None or plan.sha is None or not old or old == plan.sha.text:
        return Markup("")
    pair = (plan.sha.text, old) if plan.request.action is Action.ROLLBACK else (old, plan.sha.text)
    return markup.link(compare_link(ctx.repository, *pair), ctx.translator.translate("plan.compare"))


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
    if judged:
        return (join_lines(summary), *judged)
    shown = [Markup("• " + markup.code(markup.clip(name, 120))) for name in plan.migrations[:_MAX_MIGRATIONS]]
    rest = len(plan.migrations) - len(shown)
    return (join_lines((*summary, *shown, count("plan.more", rest) if rest else Markup(""))),)


def _backup(run: Run, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    planned = run.plan.backup if run.plan else None
    if run.request.action is Action.BACKUP or _drops_alone(run):
        return translate("plan.backup.alone", id=planned) if planned else Markup("")
    found = backup_finding(run)
    if found is not None:
        made = translate(
            "plan.backup",
            id=found.backup or planned or "",
            size=ctx.translator.size(found.bytes) if found.bytes is not None else "",
            sha=found.sha256[:12],
            proof=_proof(found, ctx),
            restore=_restores_in(found.restore_seconds, ctx),
        )
        return join_lines((made, unprovable(facts_of(found), ctx)))
    later = PRESENT if run.request.start is not None else ""
    return translate("plan.backup.planned", id=planned, later=later) if planned else translate("plan.backup.none")


def _drops_alone(run: Run) -> bool:
    return run.plan is not None and first_of(OldTables, run.plan.findings) is not None


def _proof(found: BackupMade | BackupToRestore, ctx: RenderContext) -> Markup:
    """Render how far a backup is verified, and since when."""
    when = ctx.translator.moment(found.proven_at) if found.proven_at is not None else ""
    return ctx.translator.translate(f"proof.{(found.proof or Proof.CHECKED).value}", when=when)


def _restores_in(seconds: int | None, ctx: RenderContext) -> str:
    return ctx.translator.duration(max(seconds, 1)) if seconds is not None else ""


def _downtime(plan: Plan, after: tuple[StepView, ...], ctx: RenderContext) -> Markup:
    if first_of(AlreadyDown, plan.findings) is not None:
        return Markup("")
    pair = planned_downtime(plan)
    numbers = {step.key: index for index, step in enumerate(after, start=1)}
    lifting = lifting_step(plan)
    if lifting is not None and lifting.key in numbers:
        return ctx.translator.translate("plan.downtime.lifted", step=str(numbers[lifting.key]))
    if pair is None or not all(key in numbers for key in pair):
        return ctx.translator.translate("plan.downtime.none") if after else Markup("")
    first, last = numbers[pair[0]], numbers[pair[1]]
    if _usual(plan) is not None:
        return ctx.translator.translate("approval.downtime", seconds=_usual_downtime(plan, after[first:last], ctx))
    return ctx.translator.translate(
        "plan.downtime", first=str(first), last=str(last), seconds=_usual_downtime(plan, after[first:last], ctx)
    )


def _usual_downtime(plan: Plan, steps: tuple[StepView, ...], ctx: RenderContext) -> str:
    """Return how long the steps usually take during which the site is down; empty where nothing tells."""
    estimates = [ctx.estimates.get(step.key) for step in steps]
    known = [estimate.seconds for estimate in estimates if estimate is not None]
    usual = sum(known) if len(known) == len(estimates) else 0
    usual = usual or _predicted_downtime(plan)
    return ctx.translator.duration(usual) if usual >= 1 else ""


def downtime_line(run: Run, ctx: RenderContext) -> Markup:
    """Render in a few words for how long a run will take the site down; empty where it has no plan."""
    plan = run.plan
    if plan is None:
        return Markup("")
    after = _steps_after_approval(run, plan)
    pair = planned_downtime(plan)
    keys = [step.key for step in after]
    if lifting_step(plan) is not None or pair is None or not set(pair) <= set(keys):
        return _downtime(plan, after, ctx)
    first, last = (keys.index(key) + 1 for key in pair)
    return ctx.translator.translate("approval.downtime", seconds=_usual_downtime(plan, after[first:last], ctx))


def _predicted_downtime(plan: Plan) -> float:
    """Return a restore's downtime in seconds, predicted from the proofs of backups; 0 where unknown."""
    found = first_of(BackupToRestore, plan.findings)
    return float(found.downtime or 0) if found is not None else 0.0


def replaced(plan: Plan, ctx: RenderContext) -> Markup:
    """Render in one line what a restore replaces; empty for other plans."""
    return _restore("approval.restore", plan, ctx)


def _restore(key: str, plan: Plan, ctx: RenderContext) -> Markup:
    """Fill a sentence about the backup that a plan restores; empty for plans that restore none."""
    found = first_of(BackupToRestore, plan.findings)
    if found is None:
        return Markup("")
    return ctx.translator.translate(
        key,
        tables=", ".join(found.tables),
        whole="" if found.tables else PRESENT,
        rows=backup_findings.rows_since(plan, ctx),
        database=found.database,
        backup=found.backup,
        proof=_proof(found, ctx),
        made=ctx.translator.moment(found.made_at) if found.made_at is not None else "",
        ago=ctx.translator.ago(found.made_at) if found.made_at is not None else "",
        restore=_restores_in(found.seconds, ctx),
        old=found.old,
    )


def _findings(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    return tuple(_finding(found, plan, ctx) for found in plan.findings if not isinstance(found, _SHOWN_ELSEWHERE))


def _finding(found: Finding, plan: Plan, ctx: RenderContext) -> Markup:
    facts = facts_of(found)
    if isinstance(found, UnknownFinding):
        what = markup.inline(markup.clip(", ".join(facts.values()), 300))
        return ctx.translator.translate("plan.finding", name=ctx.translator.fact(found.kind), what=what)
    if isinstance(found, OnReplica):
        return ctx.translator.translate("finding.on_replica", server=_replica(found, ctx))
    if isinstance(found, LacksPrivileges):
        lacks = Markup(", ".join(markup.code(privilege) for privilege in found.lacks))
        return ctx.translator.translate(f"finding.{found.kind}", lacks=lacks)
    if isinstance(found, SwitchOrder):
        what = markup.inline(markup.clip(", ".join(found.what), 200))
        return ctx.translator.translate(f"finding.{found.kind}.{found.reason.value}", what=what)
    if isinstance(found, AllAtOnce):
        return ctx.translator.translate(f"finding.{found.kind}.{found.reason.value}")
    if isinstance(found, LaidOut):
        how = {"checkout": "checkout", "half": "checkout", "converted": "converted"}.get(found.lies, "tool")
        root, tool = markup.inline(found.root), markup.inline(found.lies.capitalize())
        return ctx.translator.translate(f"finding.{found.kind}.{how}", root=root, tool=tool)
    if isinstance(found, HostsDiffer):
        return ctx.translator.translate(f"finding.{found.kind}", code=hosts.differing_code(found))
    if isinstance(found, AlreadyDown | LeftOut):
        return ctx.translator.translate(f"finding.{found.kind}", hosts=places(found.hosts))
    if isinstance(found, VerifiedBefore):
        return _verified_before(found, plan, ctx)
    if isinstance(found, OutOfOrder | ChecksWaived):
        why = "emergency" if plan.request.action is Action.DEPLOY else "way_back"
        facts |= {name: ctx.translator.detail(facts[name]) for name in ("silence",) if name in facts}
        return ctx.translator.translate(f"finding.{found.kind}.{why}", **facts)
    if seconds := facts.get("seconds", ""):
        facts = {**facts, "seconds": ctx.translator.duration(float(seconds))}
    fired = {"fired": ctx.translator.moment(found.fired_at)} if isinstance(found, MissedBackup) else {}
    return ctx.translator.translate(f"finding.{found.kind}", **{**facts, **fired})


def _checks(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what the required checks say, in one line; empty where none was read."""
    found = those_of(CheckFound, plan.findings)
    if not found:
        return Markup("")
    is_green = all(check.state is CheckState.SUCCESS for check in found)
    shown = [_linked(check) if is_green else _check(check, ctx) for check in found[:_MAX_CHECKS]]
    if len(found) > len(shown):
        shown.append(ctx.translator.count("plan.more", len(found) - len(shown)))
    return ctx.translator.translate(f"plan.checks.{'green' if is_green else 'other'}", checks=join_dots(shown))


def _check(check: CheckFound, ctx: RenderContext) -> Markup:
    if check.state is CheckState.MISSING:
        return ctx.translator.translate("plan.check.missing", name=_linked(check))
    word = markup.clip(check.word or check.state.value, 40)
    return ctx.translator.translate("plan.check", name=_linked(check), word=word)


def _linked(check: CheckFound) -> Markup:
    return markup.page_link(check.url, markup.clip(check.name, 60))


def _verified_before(found: VerifiedBefore, plan: Plan, ctx: RenderContext) -> Markup:
    is_other = plan.sha is None or found.sha != plan.sha.text
    return ctx.translator.translate(
        f"finding.{found.kind}",
        environment=found.environment,
        at=ctx.translator.moment(found.at),
        run=found.run,
        other=found.sha[:7] if is_other else "",
        taken_back=found.taken_back,
    )


def _replica(found: OnReplica, ctx: RenderContext) -> Markup:
    if found.privilege:
        return ctx.translator.translate("status.hidden.lag", privilege=found.privilege)
    return replica_line(Primary(found.address, found.seconds, found.trouble), ctx.translator)


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
    where = {step.places for step in after if step.places}
    common = next(iter(where)) if len(where) == 1 else ()
    if (usual := _usual(plan)) is not None:
        return _differing(usual, len(after), places(common), ctx)
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
    return (
        translate(title, places=places(common)),
        join_dots(shown),
        count("plan.more", rest) if rest else Markup(""),
    )


def _usual(plan: Plan) -> UsualSteps | None:
    """Return how the steps differ from those of the last deploy; None where each is listed with its number."""
    return first_of(UsualSteps, plan.findings) if plan.requirement.needed else None


def _differing(usual: UsualSteps, number: int, where: Markup, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render how many steps there are, and a line for each that the last deploy had not, or had."""
    translate = ctx.translator.translate
    differ = PRESENT if usual.added or usual.left_out else ""
    return (
        ctx.translator.count("plan.steps.usual", number, places=where, run=usual.run, differ=differ),
        *(translate("plan.steps.added", title=markup.clip(title, 80)) for title in usual.added),
        *(translate("plan.steps.left_out", title=markup.clip(title, 80)) for title in usual.left_out),
    )


def _skipped(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what is not needed, the steps of one reason together; empty where the last deploy was alike in that."""
    if not plan.skipped or _usual(plan) is not None:
        return Markup("")
    listed = plan.skipped[:_MAX_SKIPPED]
    by_reason: dict[str, list[str]] = {}
    for step in listed:
        by_reason.setdefault(step.why, []).append(step.title)
    shown = [
        ctx.translator.translate("plan.skip", title=", ".join(titles), why=why) for why, titles in by_reason.items()
    ]
    rest = len(plan.skipped) - len(listed)
    if rest:
        shown.append(ctx.translator.count("plan.more", rest))
    return ctx.translator.translate("plan.skipped", what=Markup(" · ".join(shown)))
