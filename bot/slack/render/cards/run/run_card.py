"""The run card: the one message that a run has in the channel."""

from __future__ import annotations

from bot.domain.runs.approval import GateState
from bot.domain.runs.maintenance import downtime, site_is_down
from bot.domain.runs.reminders import is_overdue
from bot.domain.runs.request import Decision, DeployOptions
from bot.domain.runs.rollout_progress import is_partly_rolled_out
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.outage import outage_by
from bot.slack.render import markup
from bot.slack.render.cards.approval.people import approvers, emoji, names, voters
from bot.slack.render.cards.backups import backup_outcome
from bot.slack.render.cards.run.cause import cause
from bot.slack.render.cards.run.hosts_part import hosts_line
from bot.slack.render.cards.run.step_line import step_line
from bot.slack.render.cards.status.outage_line import brought_up_line, own_outage_line
from bot.slack.render.context import (
    STATE_EMOJI,
    RenderContext,
    action_name,
    changed_anything,
    exception_line,
    is_before_change,
    is_dry_run,
    start_line,
    state_words,
    superseded_by,
    target_name,
    work_seconds,
)
from bot.slack.render.markup import Markup
from bot.slack.render.message import (
    Block,
    Confirmation,
    Message,
    actions,
    button,
    context,
    danger_button,
    join_dots,
    join_lines,
    message,
    section,
)

CARD_TYPE = "countersign_run"

CANCEL = "run_cancel"
LOG = "run_log"
RETRY = "run_retry"
ROLLBACK = "run_rollback"
"""After a deploy: `/rollback` of its target. On the decision card: back to what was live before the run."""

PROMOTE = "run_promote:"
"""After a deploy, before the name of the environment into which the same commit may go next."""

DECISIONS = {
    "run_resume_retry": Decision.RETRY,
    "run_resume_done": Decision.MARK_DONE,
    "run_resume_go_on": Decision.GO_ON,
    "run_resume_lift": Decision.LIFT,
    ROLLBACK: Decision.ROLL_BACK,
    "run_restore": Decision.RESTORE,
}
"""The buttons of the decision card, by `action_id`."""

_RETRYABLE = frozenset({RunState.FAILED, RunState.EXPIRED, RunState.CANCELLED})


def run_card(run: Run, ctx: RenderContext) -> Message:
    """Build the card of a run."""
    translate = ctx.translator.translate
    words = {"action": action_name(run, ctx), "target": target_name(run), "state": state_words(run, ctx)}
    headline = translate("headline", emoji=STATE_EMOJI[run.state], **words)
    asked = translate(
        "card.asked",
        run=run.id,
        who=ctx.name(run.request.origin.user),
        when=ctx.translator.moment(run.created_at),
    )
    key = "notification.emergency" if run.request.emergency is not None else "notification"
    return message(
        translate(key, run=run.id, **words),
        (
            section(
                join_lines(
                    (
                        _outage(run, ctx),
                        headline,
                        _now(run, ctx),
                        exception_line(run, ctx),
                        start_line(run, ctx),
                        _afterwards(run, ctx),
                        _subject(run, ctx),
                    )
                )
            ),
            context(join_dots((asked, _approved(run, ctx)))),
            actions("run_buttons", *_buttons(run, ctx)),
        ),
        CARD_TYPE,
        {
            "run": run.id,
            "command": run.request.action.value,
            "app": run.request.target.app,
            "environment": run.request.target.environment,
            "requested_by": run.request.origin.user,
            "state": run.state.value,
            **({"starts_at": run.request.start.at.isoformat()} if run.request.start is not None else {}),
        },
    )


def _outage(run: Run, ctx: RenderContext) -> Markup:
    """Render that the run has the site down; of a run that has ended, that it left it so then."""
    if run.ended:
        left_down = changed_anything(run) and site_is_down(run) is True
        return ctx.translator.translate("outage.was", target=str(run.request.target)) if left_down else Markup("")
    outage = outage_by(run, ctx.snapshot) if run.change_started_at is not None else None
    if outage is not None:
        return own_outage_line(outage, ctx)
    is_up = run.state is RunState.NEEDS_HUMAN and site_is_down(run) is not False
    return brought_up_line(run, ctx.snapshot, ctx) if is_up else Markup("")


def _approved(run: Run, ctx: RenderContext) -> Markup:
    """Render who approved a run that has passed its gate."""
    gate = run.gate
    if gate is None or gate.afterwards or gate.state is not GateState.APPROVED:
        return Markup("")
    given = voters(run, gate, "approve")
    return ctx.translator.translate("card.approved", who=names(given, ctx)) if given else Markup("")


def _subject(run: Run, ctx: RenderContext) -> Markup:
    """Render the commit, or the ref while the commit is not known; for a backup run, the backup."""
    if backup := backup_outcome.made_backup(run, ctx):
        return backup
    if run.plan is not None and run.plan.sha is not None:
        sha = run.plan.sha
        subject = next((commit.subject for commit in run.plan.commits if commit.sha == sha.text), "")
        return ctx.translator.translate(
            "card.commit", sha=sha.short, subject=Markup(markup.inline(markup.clip(subject, 90)))
        )
    options = run.request.options
    return ctx.translator.translate("card.ref", ref=options.ref) if isinstance(options, DeployOptions) else Markup("")


def _afterwards(run: Run, ctx: RenderContext) -> Markup:
    """Render the state of approving an emergency afterwards."""
    gate = run.gate
    if gate is None or not gate.afterwards:
        return Markup("")
    translate = ctx.translator.translate
    match gate.state:
        case GateState.OPEN | GateState.EXPIRED:
            key = "card.overdue" if is_overdue(gate, ctx.now) else "card.owed"
            until = ctx.translator.moment(gate.expires_at)
            return translate(key, who=approvers(gate.requirement.people, ctx), until=until)
        case GateState.APPROVED:
            return translate("card.countersigned", who=names(voters(run, gate, "approve"), ctx))
        case GateState.REJECTED:
            return translate("card.not_countersigned", who=names(voters(run, gate, "reject"), ctx))
        case GateState.VOID:
            return Markup("")


def _now(run: Run, ctx: RenderContext) -> Markup:
    state = state_words(run, ctx)
    return ctx.translator.translate("card.now", state=Markup(state[:1].upper() + state[1:]), news=_news(run, ctx))


def _news(run: Run, ctx: RenderContext) -> Markup:
    """Render what happens now, who must act, or how it ended."""
    translate = ctx.translator.translate
    if run.cancelled_by and not run.ended and run.state is not RunState.NEEDS_HUMAN:
        return translate("card.cancelling", who=ctx.name(run.cancelled_by))
    match run.state:
        case RunState.QUEUED if run.waits_for_time:
            return ctx.translator.translate("card.turn", target=target_name(run)) if run.waited else Markup("")
        case RunState.QUEUED if run.place_in_queue > 0:
            return ctx.translator.count("card.queue", run.place_in_queue, target=target_name(run))
        case RunState.QUEUED:
            return Markup("")
        case RunState.PLANNING | RunState.RUNNING | RunState.VERIFYING:
            return step_line(run, ctx)
        case RunState.AWAITING_APPROVAL:
            return _gate_line(run, ctx)
        case RunState.SUCCEEDED:
            return _success(run, ctx)
        case RunState.NEEDS_HUMAN:
            return join_lines((translate("card.held", wrong=cause(run, ctx)), hosts_line(run, ctx)))
        case RunState.CANCELLED if superseded_by(run):
            return translate("card.superseded", run=superseded_by(run))
        case RunState.FAILED | RunState.REJECTED | RunState.EXPIRED | RunState.CANCELLED:
            return join_lines(
                (
                    cause(run, ctx),
                    translate("card.unchanged") if not changed_anything(run) else Markup(""),
                )
            )


def _gate_line(run: Run, ctx: RenderContext) -> Markup:
    if run.gate is None:
        return Markup("")
    translate = ctx.translator.translate
    requirement = run.gate.requirement
    given = sum(1 for vote in run.votes if vote.counts and vote.choice == "approve")
    ask = translate(
        "card.gate",
        who=approvers(requirement.people, ctx),
        emoji=emoji(ctx.emoji.approve[0]),
        until=ctx.translator.moment(run.gate.expires_at),
    )
    several = (
        translate("card.given", given=str(given), needed=str(requirement.needed))
        if requirement.needed > 1
        else Markup("")
    )
    return join_dots((ask, several))


def _success(run: Run, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    if run.nothing_to_do:
        return translate("card.nothing")
    if is_dry_run(run) and run.change_started_at is None:
        return translate("card.dry_run")
    down = downtime(run)
    return translate(
        "card.succeeded",
        seconds=ctx.translator.duration(work_seconds(run, ctx.now)),
        downtime=ctx.translator.duration(down) if down is not None else "",
    )


def _buttons(run: Run, ctx: RenderContext) -> tuple[Block | None, ...]:
    translate = ctx.translator.translate
    started = any(row.started_at for row in run.steps)
    return (
        button(RETRY, translate("button.retry"), run.id) if can_retry(run) else None,
        button(LOG, translate("button.log"), run.id) if started else None,
        _cancel(run, ctx),
    )


def can_retry(run: Run) -> bool:
    """Return whether asking for the same again may succeed: not once another run went on, nor for a decision.

    The decisions about the stopped run are offered below the outcome, where they are still legal.
    """
    return run.state in _RETRYABLE and run.request.resumes is None and not superseded_by(run)


def _cancel(run: Run, ctx: RenderContext) -> Block | None:
    translate = ctx.translator.translate
    if run.ended:
        return None
    if run.state is RunState.NEEDS_HUMAN:
        way = "leave" if is_partly_rolled_out(run) else "close"
        close = Confirmation(
            translate("confirm.close.title", run=run.id),
            translate(f"confirm.{way}.text"),
            translate(f"confirm.{way}.yes"),
            translate("confirm.close.no"),
        )
        return danger_button(button(CANCEL, translate(f"button.{way}"), run.id), close)
    if run.cancelled_by:
        return None
    confirm = Confirmation(
        translate("confirm.cancel.title", run=run.id),
        translate("confirm.cancel.before" if is_before_change(run) else "confirm.cancel.during"),
        translate("confirm.cancel.yes"),
        translate("confirm.cancel.no"),
    )
    return danger_button(button(CANCEL, translate("button.cancel"), run.id), confirm)
