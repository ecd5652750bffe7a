"""The outcome; after a failure the facts as they are now, and the decisions that are legal."""

from __future__ import annotations

from bot.domain.runs.acts import AsRehearsed
from bot.domain.runs.aftermath import AFTERMATH, LIVE, MigrationProgress, aftermath_of
from bot.domain.runs.decisions import (
    backup_before,
    legal_decisions,
    open_decisions,
    was_live,
)
from bot.domain.runs.findings import BackupToRestore, LeftOut, first_of
from bot.domain.runs.maintenance import downtime, lifting_step, planned_downtime, site_is_down, was_down_before
from bot.domain.runs.old_code import stale_services
from bot.domain.runs.plan import Risk
from bot.domain.runs.release_order import release_of
from bot.domain.runs.request import Action, Decision, OverdueBackup
from bot.domain.runs.rollout_progress import is_partly_rolled_out
from bot.domain.runs.run import Run, RunState, StepState, step_state
from bot.slack.render import markup
from bot.slack.render.cards.approval import evidence
from bot.slack.render.cards.approval.approval_card import differences
from bot.slack.render.cards.approval.people import mentions_of_all
from bot.slack.render.cards.approval.stakes import marked_done_line
from bot.slack.render.cards.backups import backup_outcome
from bot.slack.render.cards.backups.backup_size import smaller_backup_warning
from bot.slack.render.cards.run import aftermath
from bot.slack.render.cards.run.anchor import RESULT_TYPE, anchor_payload
from bot.slack.render.cards.run.cause import cause
from bot.slack.render.cards.run.decision_buttons import decision_buttons, is_about_hosts, resumed_run
from bot.slack.render.cards.run.hosts_part import hosts_part
from bot.slack.render.cards.run.pressers import who_may_press
from bot.slack.render.cards.run.rollback_button import rollback_button
from bot.slack.render.cards.run.run_card import PROMOTE, can_retry
from bot.slack.render.cards.run.watch_card import watch_line
from bot.slack.render.context import (
    RenderContext,
    action_name,
    backup_id,
    changed_anything,
    is_dry_run,
    state_words,
    step_views,
    superseded_by,
    target_name,
    troubled_step,
    work_seconds,
)
from bot.slack.render.markup import Markup
from bot.slack.render.message import Block, Message, actions, button, context, join_dots, join_lines, message, section

_BAD = frozenset({RunState.FAILED, RunState.CANCELLED, RunState.NEEDS_HUMAN})
_SCHEDULE = "schedule"


def result_card(run: Run, ctx: RenderContext) -> Message:
    """Build the message with the outcome of a run that has ended or waits for a decision."""
    translate = ctx.translator.translate
    took = work_seconds(run, ctx.now)
    backup = backup_id(run)
    words = {"action": action_name(run, ctx), "target": target_name(run)}
    headline = translate(_headline_key(run), who=_called(run, ctx), run=superseded_by(run), **words)
    state = state_words(run, ctx)
    decisions, back = decision_buttons(run, ctx), rollback_button(run, ctx)
    return message(
        translate(
            "result.notification",
            state=state,
            seconds=ctx.translator.duration(took) if run.ended else "",
            run=run.id,
            **words,
        ),
        (
            section(
                join_lines(
                    (headline, *_wrong(run, ctx), _figures(run, ctx), *_about_backups(run, ctx), _marked(run, ctx))
                )
            ),
            section(backup_outcome.unknown_swap(run, ctx)),
            section(_hosts(run, ctx)),
            section(join_lines(_facts(run, ctx))),
            section(_old_code(run, ctx)),
            section(aftermath.migration_states(run, ctx)) if run.state is RunState.NEEDS_HUMAN else None,
            section(_schema_change(run, ctx)),
            section(join_lines(_advice(run, ctx))),
            context(who_may_press(run, (*decisions, back), ctx)),
            actions("result_buttons", *decisions, *_promotions(run, ctx), back),
            context(watch_line(run, ctx)),
        ),
        RESULT_TYPE,
        {
            "run": run.id,
            "state": run.state.value,
            "seconds": round(took, 1),
            **({"backup": backup} if backup else {}),
            **anchor_payload(ctx.anchor),
        },
    )


def _about_backups(run: Run, ctx: RenderContext) -> tuple[Markup, ...]:
    return (
        backup_outcome.made_backup(run, ctx),
        smaller_backup_warning(run, ctx),
        backup_outcome.restore_result(run, ctx),
        backup_outcome.dropped_tables(run, ctx),
    )


def _promotions(run: Run, ctx: RenderContext) -> tuple[Block, ...]:
    """Build the buttons that deploy a verified commit to the environments that come next."""
    verified = run.state is RunState.SUCCEEDED and run.request.action is Action.DEPLOY and changed_anything(run)
    return tuple(
        button(f"{PROMOTE}{name}", ctx.translator.translate("button.promote", environment=name), run.id)
        for name in (ctx.next_environments if verified else ())
    )


def _schema_change(run: Run, ctx: RenderContext) -> Markup:
    """Render how the schema changed, where it was compared with the rehearsed one."""
    compared = [step.key for step in run.plan.steps if isinstance(step.act, AsRehearsed)] if run.plan else []
    done = [key for key in compared if (rows := run.rows(key)) and step_state(rows) is StepState.DONE]
    if run.plan is None or run.state is not RunState.SUCCEEDED or not done:
        return Markup("")
    diff = evidence.schema_diff(run.plan)
    return join_lines((ctx.translator.translate("result.schema_change"), diff)) if diff else Markup("")


def _headline_key(run: Run) -> str:
    if isinstance(run.request.options, OverdueBackup):
        return "result.overdue"
    if superseded_by(run):
        return "result.superseded"
    if run.state is not RunState.SUCCEEDED:
        return f"result.{run.state.value}"
    if run.nothing_to_do:
        return "result.nothing"
    if is_dry_run(run) and run.change_started_at is None:
        return "result.dry_run"
    return "result.succeeded" if run.request.action is Action.DEPLOY else "result.done"


def _called(run: Run, ctx: RenderContext) -> Markup:
    """Mention the requester; for a schedule's run that did not end well, the people to alert."""
    origin = run.request.origin.user
    if origin != _SCHEDULE:
        return markup.user(origin)
    return mentions_of_all(ctx.alert) if run.state in _BAD else Markup("")


def _figures(run: Run, ctx: RenderContext) -> Markup:
    if run.change_started_at is None:
        return Markup("")
    translate = ctx.translator.translate
    down = downtime(run)
    if down is not None:
        site = translate("result.downtime", seconds=ctx.translator.duration(down))
    else:
        site = translate("result.no_downtime") if _stays_up(run) else _lifted(run, ctx)
    backup = backup_id(run)
    plan = run.plan if run.state is RunState.SUCCEEDED else None
    sha = (release_of(plan) or plan.sha.short) if plan is not None and plan.sha else ""
    return join_dots(
        (
            markup.code(sha) if sha else "",
            translate("result.took", seconds=ctx.translator.duration(work_seconds(run, ctx.now))),
            site,
            translate(_backup_key(run), id=backup) if backup and run.request.action is not Action.BACKUP else "",
        )
    )


def _backup_key(run: Run) -> str:
    is_safety = run.plan is not None and first_of(BackupToRestore, run.plan.findings) is not None
    return "result.safety" if is_safety else "result.backup"


def _stays_up(run: Run) -> bool:
    return run.plan is None or (planned_downtime(run.plan) is None and lifting_step(run.plan) is None)


def _lifted(run: Run, ctx: RenderContext) -> Markup:
    """Render that the site is up again that an earlier run took down."""
    step = lifting_step(run.plan)
    rows = run.rows(step.key) if step is not None else ()
    is_up = bool(rows) and step_state(rows) is StepState.DONE
    return ctx.translator.translate("result.lifted") if is_up else Markup("")


def _wrong(run: Run, ctx: RenderContext) -> tuple[Markup, ...]:
    if run.problem is None:
        return ()
    translator = ctx.translator
    return (
        cause(run, ctx),
        *differences(run.problem, ctx),
        translator.remedy_text(run.problem),
        translator.not_done_text(run.problem) if changed_anything(run) else translator.translate("unchanged"),
    )


def _marked(run: Run, ctx: RenderContext) -> Markup:
    """Render after a step was marked as done that the database says otherwise."""
    return marked_done_line(run.plan, ctx) if run.ended and changed_anything(run) else Markup("")


def _facts(run: Run, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render the facts that decide what may be done now; empty where nothing was changed."""
    if run.state not in _BAD or not changed_anything(run):
        return ()
    translate = ctx.translator.translate
    shown = [_fact("maintenance", _maintenance(run, ctx), ctx)]
    if not is_partly_rolled_out(run) and (commit := aftermath.live_commit(run, ctx)):
        shown.append(_fact("head", commit, ctx))
    if schema := _schema(run, ctx):
        shown.append(_fact("schema", schema, ctx))
    shown.extend(_fact(name, value, ctx) for name, value in sorted(run.facts.items()) if name not in {AFTERMATH, LIVE})
    waiting = [
        step.title
        for step in step_views(run)
        if step.state is StepState.PENDING and any(row.risk is not Risk.READS for row in step.rows)
    ]
    if waiting:
        what = markup.inline(markup.clip(", ".join(waiting), 300))
        shown.append(Markup("• " + ctx.translator.count("result.not_started", len(waiting), what=what)))
    return (translate("result.facts"), *(Markup(line) for line in shown))


def _hosts(run: Run, ctx: RenderContext) -> Markup:
    """Render which host has which release, where that is not the same on all of them."""
    left = run.plan is not None and first_of(LeftOut, run.plan.findings) is not None
    return hosts_part(run, ctx) if left or is_partly_rolled_out(run) else Markup("")


def _old_code(run: Run, ctx: RenderContext) -> Markup:
    """Render which services were not restarted although the commit is live; empty where there are none."""
    services = stale_services(run)
    hosts = len(run.plan.basis.checked_out) if run.plan is not None else 0
    stale = [_service(service.name, service.hosts, hosts) for service in services if service.hosts]
    unknown = [_service(service.name, service.unknown, hosts) for service in services if service.unknown]
    translate = ctx.translator.translate
    return join_lines(
        (
            translate("result.old_code", what=_names(stale)) if stale else Markup(""),
            translate("result.old_code_unknown", what=_names(unknown)) if unknown else Markup(""),
        )
    )


def _service(name: str, places: tuple[str, ...], hosts: int) -> str:
    return name if len(places) == hosts else f"{name} ({', '.join(places)})"


def _names(services: list[str]) -> Markup:
    return markup.inline(markup.clip(", ".join(services), 300))


def _fact(name: str, value: str, ctx: RenderContext) -> Markup:
    return ctx.translator.translate("result.fact", name=ctx.translator.fact(name), what=value)


def _maintenance(run: Run, ctx: RenderContext) -> Markup:
    if was_down_before(run):
        return ctx.translator.translate("result.maintenance_before")
    down = site_is_down(run)
    word = "unknown" if down is None else "on" if down else "off"
    return ctx.translator.translate(f"result.maintenance_{word}")


def _schema(run: Run, ctx: RenderContext) -> Markup:
    keys = [step.key for step in run.plan.steps if step.schema] if run.plan else []
    rows = [row for key in keys for row in run.rows(key)]
    if not rows:
        return Markup("")
    states = {row.state for row in rows}
    if states <= {StepState.PENDING, StepState.SKIPPED}:
        return ctx.translator.translate("result.schema_untouched")
    if states <= {StepState.DONE}:
        return ctx.translator.translate("result.schema_done")
    if run.state is RunState.NEEDS_HUMAN:
        return Markup("")  # shown migration by migration
    return ctx.translator.translate("result.schema_unknown")


def _advice(run: Run, ctx: RenderContext) -> tuple[Markup, ...]:
    if (run.state not in _BAD and not open_decisions(run)) or superseded_by(run):
        return ()
    translate = ctx.translator.translate
    backup = backup_id(run)
    trouble = troubled_step(step_views(run))
    is_open = run.state is RunState.NEEDS_HUMAN
    legal = legal_decisions(run) if is_open else open_decisions(run)
    about = "" if is_open else resumed_run(run)
    decisions = (
        translate("result.move_still_open", run=about) if about and legal else Markup(""),
        _retry(run, ctx) if Decision.RETRY in legal else Markup(""),
        translate("result.move_go_on") if Decision.GO_ON in legal else Markup(""),
        translate("result.move_done") if Decision.MARK_DONE in legal else Markup(""),
        translate("result.move_lift") if Decision.LIFT in legal else Markup(""),
        _roll_back(run, ctx) if Decision.ROLL_BACK in legal else Markup(""),
        translate("result.move_restore", sha=(was_live(run) or "")[:7], id=backup_before(run) or "")
        if Decision.RESTORE in legal
        else Markup(""),
        _last_move(run, legal, ctx),
        translate("result.move_backup", id=backup)
        if backup and changed_anything(run) and Decision.RESTORE not in legal
        else Markup(""),
        translate("result.move_log") if trouble and not is_open else Markup(""),
        translate("result.move_each") if is_open and len(legal) > 1 else Markup(""),
    )
    return (translate("result.moves"), *decisions)


def _last_move(run: Run, legal: tuple[Decision, ...], ctx: RenderContext) -> Markup:
    """Render how to close a run, or to ask for it again, where that can succeed."""
    if run.state is RunState.NEEDS_HUMAN:
        return ctx.translator.translate("result.move_leave" if is_about_hosts(run) else "result.move_close")
    return ctx.translator.translate("result.move_retry") if can_retry(run) and not legal else Markup("")


def _retry(run: Run, ctx: RenderContext) -> Markup:
    """Render what a retry does, with a warning where a migration is half applied."""
    if is_about_hosts(run):
        return ctx.translator.translate("result.move_again.hosts")
    fates = aftermath_of(run.facts) or ()
    half = any(fate.progress is MigrationProgress.PARTLY for fate in fates)
    return ctx.translator.translate("result.move_again_half" if half else "result.move_again")


def _roll_back(run: Run, ctx: RenderContext) -> Markup:
    key = "result.move_rollback.hosts" if is_about_hosts(run) else "result.move_rollback"
    return ctx.translator.translate(key, sha=(was_live(run) or "")[:7])
