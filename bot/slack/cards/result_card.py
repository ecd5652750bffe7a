"""The outcome; after a failure the facts as they are now, and only the moves that are legal."""

from __future__ import annotations

from bot.domain.moves import Move, legal_moves
from bot.domain.plan import Risk
from bot.domain.proof import OVERDUE
from bot.domain.request import Action
from bot.domain.run import Run, RunState, StepState
from bot.slack import figures, markup
from bot.slack.cards.approval_card import differences
from bot.slack.cards.audience import mentions
from bot.slack.cards.run_card import DECISIONS, ROLLBACK
from bot.slack.markup import Markup
from bot.slack.message import Block, Message, actions, button, dotted, lines, message, section
from bot.slack.scene import (
    Scene,
    action,
    backup_id,
    changed_anything,
    downtime,
    is_dry_run,
    planned_downtime,
    seconds,
    shown_steps,
    site_is_down,
    state_words,
    target,
    troubled_step,
    was_down_before,
)

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
            "result.notification", state=state, seconds=figures.duration(took) if run.ended else "", run=run.id, **words
        ),
        (
            section(lines((headline, _figures(run, scene), *_wrong(run, scene)))),
            section(lines(_facts(run, scene))),
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


def _decisions(run: Run, scene: Scene) -> tuple[Block, ...]:
    """Offer the moves that are legal now; each leads to a plan of its own that is countersigned."""
    legal = legal_moves(run)
    say = scene.sentences.say
    return tuple(
        button(name, say(f"button.{name.removeprefix('run_')}"), run.id)
        for name, move in DECISIONS.items()
        if move in legal
    )


def _rollback(run: Run, scene: Scene) -> Block | None:
    """Offer the way back where a deploy has moved the commit; what it leads to is said by the plan."""
    moved = run.request.action is Action.DEPLOY and changed_anything(run) and run.ended
    if not moved or site_is_down(run):
        return None
    return button(ROLLBACK, scene.sentences.say("button.rollback"), run.id)


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
        site = say("result.downtime", seconds=figures.duration(down))
    else:
        site = say("result.no_downtime") if _stays_up(run) else Markup("")
    backup = backup_id(run)
    sha = run.plan.sha.short if run.plan and run.plan.sha and run.state is RunState.SUCCEEDED else ""
    return dotted(
        (
            markup.code(sha) if sha else "",
            say("result.took", seconds=figures.duration(seconds(run, scene.now))),
            site,
            say("result.backup", id=backup) if backup else "",
        )
    )


def _stays_up(run: Run) -> bool:
    return run.plan is None or planned_downtime(run.plan) is None


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
    if schema := _schema(run, scene):
        told.append(_fact("schema", schema, scene))
    told.extend(_fact(name, value, scene) for name, value in sorted(run.facts.items()))
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
    return scene.sentences.say("result.schema_unknown")


def _moves(run: Run, scene: Scene) -> tuple[Markup, ...]:
    if run.state not in _BAD:
        return ()
    say = scene.sentences.say
    backup = backup_id(run)
    trouble = troubled_step(shown_steps(run))
    is_open = run.state is RunState.NEEDS_HUMAN
    legal = legal_moves(run)
    moves = (
        say("result.move_again") if Move.RETRY in legal else Markup(""),
        say("result.move_done") if Move.MARK_DONE in legal else Markup(""),
        say("result.move_lift") if Move.LIFT in legal else Markup(""),
        say("result.move_close") if is_open else say("result.move_retry"),
        say("result.move_backup", id=backup) if backup and changed_anything(run) else Markup(""),
        say("result.move_log") if trouble and not is_open else Markup(""),
    )
    return (say("result.moves"), *moves)
