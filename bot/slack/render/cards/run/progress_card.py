"""The progress of the steps, edited in place."""

from __future__ import annotations

from bot.domain.runs.plan import Plan
from bot.domain.runs.run import NOT_READ, Run, StepState
from bot.slack.render import markup
from bot.slack.render.cards.run.hosts_part import batch_line, hosts_part
from bot.slack.render.cards.run.migration_line import migration_line, rehearsed_duration
from bot.slack.render.cards.run.step_line import run_left, time_left, unreachable
from bot.slack.render.context import (
    STEP_EMOJI,
    RenderContext,
    StepView,
    current_step,
    places,
    state_words,
    step_views,
    target_name,
    troubled_step,
)
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, join_dots, join_lines, message, section

_MAX_LINES = 60
_LINES_A_SECTION = 20
_TAIL_LINES = 10
_TAIL_CHARACTERS = 1500
_OVER = frozenset({StepState.DONE, StepState.SKIPPED})
_NOW = frozenset({StepState.RUNNING, StepState.FAILED, StepState.UNKNOWN})


def progress_card(run: Run, ctx: RenderContext) -> Message:
    """Build the message with a line for each step."""
    translate = ctx.translator.translate
    steps = step_views(run)
    now = current_step(steps)
    what = batch_line(run, ctx) or (now.title if now else state_words(run, ctx))
    return message(
        translate("progress.notification", target=target_name(run), what=what, run=run.id),
        (
            section(_title(run, steps, ctx)),
            section(hosts_part(run, ctx)),
            *(section(join_lines(part)) for part in _parts(steps, run.plan, ctx)),
            section(_tail(troubled_step(steps) or now, ctx)),
        ),
        "countersign_progress",
        {
            "run": run.id,
            "state": run.state.value,
            "steps": [
                {"key": step.key, "title": markup.clip(step.title, 80), "state": step.state.value} for step in steps
            ],
        },
    )


def _title(run: Run, steps: tuple[StepView, ...], ctx: RenderContext) -> Markup:
    if not steps:
        return ctx.translator.translate("progress.none")
    done = sum(1 for step in steps if step.state in _OVER)
    return ctx.translator.translate(
        "progress.title", done=str(done), all=str(len(steps)), left=run_left(run, ctx) if current_step(steps) else ""
    )


def _parts(steps: tuple[StepView, ...], plan: Plan | None, ctx: RenderContext) -> list[list[Markup]]:
    """Render one line a step, in sections; of a very long run, the part around the current step."""
    active = next((index for index, step in enumerate(steps) if step.state not in _OVER), len(steps) - 1)
    first = max(0, min(active - _MAX_LINES // 2, len(steps) - _MAX_LINES))
    shown = [_line(step, plan, ctx) for step in steps[first : first + _MAX_LINES]]
    hidden = len(steps) - len(shown)
    if hidden > 0:
        shown.append(ctx.translator.count("progress.more", hidden))
    return [shown[start : start + _LINES_A_SECTION] for start in range(0, len(shown), _LINES_A_SECTION)]


def _line(step: StepView, plan: Plan | None, ctx: RenderContext) -> Markup:
    title = Markup(markup.inline(markup.clip(step.title, 80)))
    is_now = step.state in _NOW and any(row.state in _NOW for row in step.rows)
    taken = step.seconds
    if step.state is StepState.RUNNING:
        elapsed = step.elapsed(ctx.now)
        taken = elapsed if elapsed >= 1 else None
    has_time = taken is not None and step.state is not StepState.SKIPPED
    text = ctx.translator.translate(
        "progress.step",
        emoji=STEP_EMOJI[step.state],
        title=markup.bold(title) if is_now else title,
        places=_places(step),
        elapsed=ctx.translator.duration(taken) if has_time and taken is not None else "",
        note=_note(step, plan, ctx),
    )
    return join_lines((text, migration_line(step, plan, ctx)))


def _places(step: StepView) -> Markup:
    """Name the hosts of a step that runs, failed or is unknown."""
    match step.state:
        case StepState.RUNNING:
            return places(tuple(row.place for row in step.rows if row.state is StepState.RUNNING and row.place != "-"))
        case StepState.FAILED | StepState.UNKNOWN:
            return places(tuple(row.place for row in step.rows if row.state is step.state and row.place != "-"))
        case _:
            return Markup("")


def _note(step: StepView, plan: Plan | None, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    attempt = max((row.attempt for row in step.rows), default=1)
    if step.state is StepState.FAILED:
        status = next((row.exit_status for row in step.rows if row.exit_status), None)
        return translate("progress.exit", status=str(status)) if status is not None else Markup("")
    if step.state is StepState.UNKNOWN:
        return translate("progress.unknown")
    if step.state is StepState.SKIPPED and any(row.exit_status == NOT_READ for row in step.rows):
        return translate("progress.not_read")
    if step.state is StepState.RUNNING:
        if lost := unreachable(step, ctx):
            return lost
        if plan is not None and plan.batches is not None and step.key in plan.batches.steps:
            done = sum(row.state in _OVER for row in step.rows)
            return translate("progress.hosts", done=str(done), all=str(len(step.rows)))
        again = translate("progress.attempt", n=str(attempt)) if attempt > 1 else Markup("")
        return join_dots((time_left(step, ctx) or again, rehearsed_duration(step, plan, ctx)))
    return Markup("")


def _tail(step: StepView | None, ctx: RenderContext) -> Markup:
    if step is None:
        return Markup("")
    wanted = [row for row in step.rows if row.state is step.state and row.tail.strip()]
    if not wanted:
        return Markup("")
    row = wanted[0]
    last = "\n".join(markup.clip(line, 300) for line in row.tail.strip().splitlines()[-_TAIL_LINES:])
    host = row.place if len(step.rows) > 1 and row.place != "-" else ""
    return join_lines(
        (
            ctx.translator.translate("progress.output", title=markup.clip(step.title, 80), host=host),
            markup.code_block(last, _TAIL_CHARACTERS),
        )
    )
