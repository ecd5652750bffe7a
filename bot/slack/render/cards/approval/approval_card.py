"""The request to approve: of whom, for what, until when, and its outcome."""

from __future__ import annotations

from bot.domain.errors import Problem, Reason
from bot.domain.policies.policy import Requirement
from bot.domain.runs.approval import GateState
from bot.domain.runs.request import Action
from bot.domain.runs.run import Gate, PassedGate, Run, RunState
from bot.slack.render import markup
from bot.slack.render.cards.approval import data_changes, evidence, rehearsal
from bot.slack.render.cards.approval.absent import absent_line
from bot.slack.render.cards.approval.people import (
    approvers,
    emoji,
    mention_of_requester,
    mentions,
    names,
    unmentioned,
    voters,
)
from bot.slack.render.cards.approval.plan_card import commit_before, downtime_line, migration_count, replaced
from bot.slack.render.cards.approval.request_mark import mark_of, request_mark
from bot.slack.render.cards.approval.rollback_choice import rollback_way
from bot.slack.render.cards.approval.signatures import sign_button, signature_facts, signature_lines
from bot.slack.render.cards.approval.stakes import stakes
from bot.slack.render.cards.backups import backup_findings
from bot.slack.render.cards.run.step_line import step_line
from bot.slack.render.context import RenderContext, action_name, backup_id, exception_line, start_line, target_name
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, context, join_dots, join_lines, message, section

_MAX_DIFFERENCES = 10


def approval_card(run: Run, gate: Gate, ctx: RenderContext) -> Message:
    """Build the message in the thread that people react to."""
    translate = ctx.translator.translate
    requirement = gate.requirement
    given = voters(run, gate, "approve")
    needed = ctx.translator.count("approval.needed", requirement.needed)
    words = {"action": Markup(action_name(run, ctx).lower()), "target": target_name(run)}
    is_open = gate.state is GateState.OPEN and not run.ended
    headline = _headline(gate, needed, words, ctx, is_open=is_open)
    people = join_lines(_people(run, gate, ctx, is_open=is_open))
    subject = join_lines((approval_subject(run, ctx), downtime_line(run, ctx) if is_open else Markup("")))
    text = (
        join_lines((translate("approval.notification", needed=needed, run=run.id, **words), subject, people))
        if is_open
        else translate("approval.notification_closed", state=translate(f"gate.{gate.state.value}"), run=run.id, **words)
    )
    return message(
        text,
        (
            section(join_lines((headline, exception_line(run, ctx), start_line(run, ctx), subject))),
            section(people),
            section(signature_lines(run, gate, ctx) if is_open else ""),
            section(_outcome(run, gate, ctx)),
            sign_button(run, gate, ctx) if is_open else None,
            context(translate("approval.calm" if is_open else "plan.digest", digest=gate.digest[:12])),
        ),
        "countersign_approval",
        {
            "run": run.id,
            "plan": gate.digest,
            "needed": requirement.needed,
            "given": len(given),
            "state": gate.state.value,
            "approved_by": [{"user": user} for user in given],
            **signature_facts(run, gate),
            **request_mark(run),
        },
        announced=is_open and _calls_nobody(run, requirement),
    )


def asked_again_card(run: Run, passed: PassedGate, number: int, ctx: RenderContext) -> Message:
    """Build what a request to approve says that was approved before the rehearsal found more.

    Args:
        run: the run.
        passed: that request.
        number: which of the run's requests it was, from 1.
        ctx: the render context.
    """
    said = ctx.translator.translate("approval.asked_again")
    by = names(passed.approvers, ctx)
    return message(
        ctx.translator.translate("approval.notification_asked_again", run=run.id),
        (section(join_lines((said, by))), context(ctx.translator.translate("plan.digest", digest=passed.digest[:12]))),
        "countersign_approval",
        {
            "run": run.id,
            "plan": passed.digest,
            "needed": passed.needed,
            "given": len(passed.approvers),
            "state": GateState.VOID.value,
            "approved_by": [{"user": user} for user in passed.approvers],
            **mark_of(number),
        },
    )


def _headline(gate: Gate, needed: Markup, words: dict[str, Markup], ctx: RenderContext, *, is_open: bool) -> Markup:
    if is_open:
        return ctx.translator.translate("approval.open", needed=needed, **words)
    key = "closed" if gate.state is GateState.OPEN else gate.state.value
    return ctx.translator.translate(f"approval.{key}", **words)


def approval_subject(run: Run, ctx: RenderContext) -> Markup:
    """Render what is approved in a few lines: the commit, what is destroyed, its migrations, the backup."""
    plan, translate = run.plan, ctx.translator.translate
    if plan is None:
        return Markup("")
    subject = next((commit.subject for commit in plan.commits if plan.sha and commit.sha == plan.sha.text), "")
    commit = (
        translate("approval.evidence", sha=plan.sha.short, subject=Markup(markup.inline(markup.clip(subject, 90))))
        if plan.sha and subject
        else _moves(commit_before(plan), plan.sha.short)
        if plan.sha
        else Markup("")
    )
    proven = backup_findings.proven_backup(backup_findings.relevant_backup(run), ctx)
    backup = None if proven else backup_id(run)
    return join_lines(
        (
            commit,
            rollback_way(plan, ctx),
            replaced(plan, ctx),
            translate("plan.destructive") if plan.destructive else Markup(""),
            *stakes(plan, ctx),
            *data_changes.lost_rows(plan, ctx),
            *rehearsal.attempts(plan, ctx),
            backup_findings.dropped_tables(plan, ctx),
            join_dots((migration_count(plan, ctx), translate("result.backup", id=backup) if backup else "")),
            evidence.headline(plan, ctx),
            proven,
        )
    )


def _moves(old: str, new: str) -> Markup:
    """Render from which commit to which the code goes; one alone where it stays, or where the old one is unknown."""
    return Markup(f"{markup.code(old)} → {markup.code(new)}") if old and old != new else markup.code(new)


def _people(run: Run, gate: Gate, ctx: RenderContext, *, is_open: bool) -> tuple[Markup, ...]:
    translate = ctx.translator.translate
    requirement = gate.requirement
    asker = run.request.origin.user
    given = voters(run, gate, "approve")
    count = (
        translate(
            "approval.by",
            who=names(given, ctx),
            given=str(len(given)),
            needed=str(requirement.needed),
        )
        if given
        else Markup("")
    )
    if not is_open:
        return (count,)
    excluded = "" if requirement.allow_requester else asker
    called = mentions(requirement.eligible, excluded)
    more = unmentioned(requirement.eligible, excluded)
    how = "approval.how_signed" if requirement.asks_for_signatures else "approval.how"
    return (
        translate(
            "approval.who",
            who=called or approvers(requirement.eligible, ctx),
            called=mention_of_requester(run, requirement),
            n=str(more) if more else "",
            asker=Markup("") if requirement.allow_requester else ctx.name(asker),
        ),
        _also(run, requirement, excluded, ctx),
        absent_line(ctx),
        translate(
            how,
            approve=emoji(ctx.emoji.approve[0]),
            reject=emoji(ctx.emoji.reject[0]),
            until=ctx.translator.moment(gate.expires_at),
        ),
        count,
    )


def _calls_nobody(run: Run, requirement: Requirement) -> bool:
    """Return whether no mention calls those who may approve, so that the channel must show the request."""
    excluded = "" if requirement.allow_requester else run.request.origin.user
    return not mentions(requirement.eligible, excluded) and not mention_of_requester(run, requirement)


def _also(run: Run, requirement: Requirement, excluded: str, ctx: RenderContext) -> Markup:
    """Render the additional approvals that are needed."""
    if requirement.also is None:
        return Markup("")
    besides = requirement.also
    who = mentions(besides.eligible, excluded) or approvers(besides.eligible, ctx)
    both = run.request.action is Action.ROLLBACK and run.request.during_freeze is None
    return ctx.translator.translate(
        "approval.also_rollback" if both else "approval.also", n=str(besides.count), who=who
    )


def _outcome(run: Run, gate: Gate, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    match gate.state:
        case GateState.REJECTED:
            who = names(voters(run, gate, "reject"), ctx) or translate("approval.somebody")
            return translate("approval.rejected_by", who=who)
        case GateState.EXPIRED:
            return translate("approval.expired_note")
        case GateState.VOID:
            differ = differences(run.problem, ctx)
            return join_lines((translate("approval.void_note"), *differ)) if differ else ctx.problem_text(run.problem)
        case GateState.APPROVED if run.state in {RunState.RUNNING, RunState.VERIFYING}:
            # Approvers look here; the progress card is further up in the thread.
            return step_line(run, ctx)
        case GateState.APPROVED if run.waits_for_time:
            return translate("approval.until_it_begins", reject=emoji(ctx.emoji.reject[0]))
        case GateState.OPEN | GateState.APPROVED:
            return Markup("")


def differences(problem: Problem | None, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render the differences from the approved plan, one line a fact."""
    if problem is None or problem.reason is not Reason.MOVED:
        return ()
    shown = []
    for name, value in list(problem.facts.items())[:_MAX_DIFFERENCES]:
        was, arrow, now = value.partition(" → ")
        shown.append(
            ctx.translator.translate(
                "moved.line",
                name=ctx.translator.fact(name),
                was=_short(was, ctx) if arrow else "",
                now=_short(now if arrow else was, ctx) or "–",
            )
        )
    return tuple(shown)


def _short(value: str, ctx: RenderContext) -> str:
    is_sha = len(value) == 40 and all(letter in "0123456789abcdef" for letter in value)
    return value[:7] if is_sha else markup.clip(ctx.translator.detail(value), 120)
