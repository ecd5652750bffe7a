"""The outcome; after a failure the facts as they are now, and only the moves that are legal."""

from __future__ import annotations

from bot.domain.policies.proven_backup import OVERDUE
from bot.domain.runs.acts import AsRehearsed
from bot.domain.runs.aftermath import AFTERMATH, LIVE, Progress, aftermath_of
from bot.domain.runs.decisions import RESUME, Move, backup_before, legal_moves, open_moves, waits_for_decision, was_live
from bot.domain.runs.plan import Risk
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, RunState, StepState, step_state
from bot.slack.render import markup
from bot.slack.render.cards.approval import evidence
from bot.slack.render.cards.approval.approval_card import differences
from bot.slack.render.cards.approval.people import mentions
from bot.slack.render.cards.backups import backup_outcome
from bot.slack.render.cards.backups.backup_size import much_smaller
from bot.slack.render.cards.run import aftermath
from bot.slack.render.cards.run.run_card import DECISIONS, ROLLBACK
from bot.slack.render.context import (
    Scene,
    action,
    backup_id,
    changed_anything,
    downtime,
    is_dry_run,
    lifts_for_another,
    planned_downtime,
    seconds,
    shown_steps,
    site_is_down,
    state_words,
    target,
    troubled_step,
    was_down_before,
)
from bot.slack.render.markup import Markup
from bot.slack.render.message import Block, Message, actions, button, dotted, lines, message, section

_BAD = frozenset({RunState.FAILED, RunState.CANCELLED, RunState.NEEDS_HUMAN})
_SCHEDULE = "schedule"


def result_card(run: Run, scene: Scene) -> Message:
    """Build the message with the outcome of a run that has ended or waits for a decision."""
    say = scene.sentences.say
    took = seconds(run, scene.now)
    backup = backup_id(run)
    words = {"action": action(run, scene), "target": target(run)}
    headline = say(_headline_key(run), who=_called(run, scene), **words)
    state = state_words(run, scene)
    return message(
        say(
            "result.notification",
            state=state,
            seconds=scene.sentences.duration(took) if run.ended else "",
            run=run.id,
            **words,
        ),
        (
            section(lines((headline, _figures(run, scene), *_about_backups(run, scene), *_wrong(run, scene)))),
            section(backup_outcome.in_doubt(run, scene)),
            section(lines(_facts(run, scene))),
            section(aftermath.said(run, scene)) if run.state is RunState.NEEDS_HUMAN else None,
            section(aftermath.migrations(run, scene)) if run.state is RunState.NEEDS_HUMAN else None,
            section(_schema_change(run, scene)),
            section(lines(_moves(run, scene))),
            actions("result_buttons", *_decisions(run, scene), _rollback(run, scene)),
        ),
        "countersign_result",
        {
            "run": run.id,
            "state": run.state.value,
            "seconds": round(took, 1),
            **({"backup": backup} if backup else {}),
        },
    )


def _about_backups(run: Run, scene: Scene) -> tuple[Markup, ...]:
    return (
        backup_outcome.kept(run, scene),
        much_smaller(run, scene),
        backup_outcome.put_back(run, scene),
        backup_outcome.dropped(run, scene),
    )


def _decisions(run: Run, scene: Scene) -> tuple[Block, ...]:
    """Offer the moves that are legal now; each leads to a plan of its own that is countersigned.

    A run that was to go on after another and changed nothing offers those of the other.
    """
    legal, about = (legal_moves(run), run.id) if not run.ended else (open_moves(run), run.request.options.get(RESUME))
    say = scene.sentences.say
    return tuple(
        button(name, say(f"button.{name.removeprefix('run_')}"), about or run.id)
        for name, move in DECISIONS.items()
        if move in legal
    )


def _rollback(run: Run, scene: Scene) -> Block | None:
    """Offer the way back where a deploy has moved the commit; what it leads to is said by the plan."""
    moved = run.request.action is Action.DEPLOY and changed_anything(run) and run.ended
    if not moved or site_is_down(run) or waits_for_decision(run):
        return None
    return button(ROLLBACK, scene.sentences.say("button.rollback"), run.id)


def _schema_change(run: Run, scene: Scene) -> Markup:
    """Show how the schema changed, where it was compared with what the rehearsal made of it."""
    compared = [step.key for step in run.plan.steps if isinstance(step.act, AsRehearsed)] if run.plan else []
    done = [key for key in compared if (rows := run.rows(key)) and step_state(rows) is StepState.DONE]
    if run.plan is None or run.state is not RunState.SUCCEEDED or not done:
        return Markup("")
    diff = evidence.schema_diff(run.plan)
    return lines((scene.sentences.say("result.schema_change"), diff)) if diff else Markup("")


def _headline_key(run: Run) -> str:
    if run.request.options.get("what") == OVERDUE:
        return "result.overdue"
    if run.state is not RunState.SUCCEEDED:
        return f"result.{run.state.value}"
    if run.nothing_to_do:
        return "result.nothing"
    if is_dry_run(run) and run.change_started_at is None:
        return "result.dry_run"
    return "result.succeeded" if run.request.action is Action.DEPLOY else "result.done"


def _called(run: Run, scene: Scene) -> Markup:
    """Mention who asked; of what the schedule asked for, those who are called when it did not end well."""
    origin = run.request.origin.user
    if origin != _SCHEDULE:
        return markup.user(origin)
    return mentions(scene.alert, "") if run.state in _BAD else Markup("")


def _figures(run: Run, scene: Scene) -> Markup:
    if run.change_started_at is None:
        return Markup("")
    say = scene.sentences.say
    down = downtime(run)
    if down is not None:
        site = say("result.downtime", seconds=scene.sentences.duration(down))
    else:
        site = say("result.no_downtime") if _stays_up(run) else _lifted(run, scene)
    backup = backup_id(run)
    sha = run.plan.sha.short if run.plan and run.plan.sha and run.state is RunState.SUCCEEDED else ""
    return dotted(
        (
            markup.code(sha) if sha else "",
            say("result.took", seconds=scene.sentences.duration(seconds(run, scene.now))),
            site,
            say(_backup_key(run), id=backup) if backup and run.request.action is not Action.BACKUP else "",
        )
    )


def _backup_key(run: Run) -> str:
    is_safety = any(finding.kind == "restore" for finding in run.plan.findings) if run.plan is not None else False
    return "result.safety" if is_safety else "result.backup"


def _stays_up(run: Run) -> bool:
    return run.plan is None or (planned_downtime(run.plan) is None and lifts_for_another(run.plan) is None)


def _lifted(run: Run, scene: Scene) -> Markup:
    """Say that the site is up again which an earlier run took down."""
    step = lifts_for_another(run.plan)
    rows = run.rows(step.key) if step is not None else ()
    is_up = bool(rows) and step_state(rows) is StepState.DONE
    return scene.sentences.say("result.lifted") if is_up else Markup("")


def _wrong(run: Run, scene: Scene) -> tuple[Markup, ...]:
    if run.problem is None:
        return ()
    sentences = scene.sentences
    return (
        scene.wrong(run.problem),
        *differences(run.problem, scene),
        sentences.right(run.problem),
        sentences.not_done(run.problem) if changed_anything(run) else sentences.say("unchanged"),
    )


def _facts(run: Run, scene: Scene) -> tuple[Markup, ...]:
    """Tell the facts that decide what may be done now; only where something was changed."""
    if run.state not in _BAD or not changed_anything(run):
        return ()
    say = scene.sentences.say
    told = [_fact("maintenance", _maintenance(run, scene), scene)]
    if commit := aftermath.commit(run, scene):
        told.append(_fact("head", commit, scene))
    if schema := _schema(run, scene):
        told.append(_fact("schema", schema, scene))
    told.extend(_fact(name, value, scene) for name, value in sorted(run.facts.items()) if name not in {AFTERMATH, LIVE})
    waiting = [
        step.title
        for step in shown_steps(run)
        if step.state is StepState.PENDING and any(row.risk is not Risk.READS for row in step.rows)
    ]
    if waiting:
        what = markup.inline(markup.clip(", ".join(waiting), 300))
        told.append(Markup("• " + scene.sentences.count("result.not_started", len(waiting), what=what)))
    return (say("result.facts"), *(Markup(line) for line in told))


def _fact(name: str, value: str, scene: Scene) -> Markup:
    return scene.sentences.say("result.fact", name=scene.sentences.fact(name), what=value)


def _maintenance(run: Run, scene: Scene) -> Markup:
    if was_down_before(run):
        return scene.sentences.say("result.maintenance_before")
    down = site_is_down(run)
    word = "unknown" if down is None else "on" if down else "off"
    return scene.sentences.say(f"result.maintenance_{word}")


def _schema(run: Run, scene: Scene) -> Markup:
    keys = [step.key for step in run.plan.steps if step.schema] if run.plan else []
    rows = [row for key in keys for row in run.rows(key)]
    if not rows:
        return Markup("")
    states = {row.state for row in rows}
    if states <= {StepState.PENDING, StepState.SKIPPED}:
        return scene.sentences.say("result.schema_untouched")
    if states <= {StepState.DONE}:
        return scene.sentences.say("result.schema_done")
    if run.state is RunState.NEEDS_HUMAN:
        return Markup("")  # told migration by migration
    return scene.sentences.say("result.schema_unknown")


def _moves(run: Run, scene: Scene) -> tuple[Markup, ...]:
    if run.state not in _BAD and not open_moves(run):
        return ()
    say = scene.sentences.say
    backup = backup_id(run)
    trouble = troubled_step(shown_steps(run))
    is_open = run.state is RunState.NEEDS_HUMAN
    legal = legal_moves(run) if is_open else open_moves(run)
    about = "" if is_open else run.request.options.get(RESUME, "")
    moves = (
        say("result.move_still_open", run=about) if about and legal else Markup(""),
        _retry(run, scene) if Move.RETRY in legal else Markup(""),
        say("result.move_done") if Move.MARK_DONE in legal else Markup(""),
        say("result.move_lift") if Move.LIFT in legal else Markup(""),
        say("result.move_rollback", sha=(was_live(run) or "")[:7]) if Move.ROLL_BACK in legal else Markup(""),
        say("result.move_restore", sha=(was_live(run) or "")[:7], id=backup_before(run) or "")
        if Move.RESTORE in legal
        else Markup(""),
        say("result.move_close") if is_open else Markup("") if legal else say("result.move_retry"),
        say("result.move_backup", id=backup)
        if backup and changed_anything(run) and Move.RESTORE not in legal
        else Markup(""),
        say("result.move_log") if trouble and not is_open else Markup(""),
        say("result.move_each") if is_open and len(legal) > 1 else Markup(""),
    )
    return (say("result.moves"), *moves)


def _retry(run: Run, scene: Scene) -> Markup:
    """Say what a retry does; where a migration is half applied, that it will meet what is there already."""
    found = aftermath_of(run.facts) or ()
    half = any(fate.progress is Progress.PARTLY for fate in found)
    return scene.sentences.say("result.move_again_half" if half else "result.move_again")
