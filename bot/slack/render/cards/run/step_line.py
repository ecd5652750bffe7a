"""What a run does now, in a line: which step of how many, for how long, how long still; and since when it is down."""

from __future__ import annotations

from bot.domain.runs.run import Run
from bot.slack.render import durations, markup
from bot.slack.render.context import Scene, Shown, current_step, down_since, is_before_change, shown_steps
from bot.slack.render.markup import Markup

_MOST_TITLE = 80


def step_line(run: Run, scene: Scene) -> Markup:
    """Say which step of how many is going on, for how long, and how long it still takes."""
    steps = shown_steps(run)
    step = current_step(steps)
    if step is None:
        return scene.sentences.say("card.looking") if is_before_change(run) else Markup("")
    elapsed = step.elapsed(scene.now)
    return scene.sentences.say(
        "card.step",
        n=str(step.number),
        m=str(len(steps)),
        title=markup.clip(step.title, _MOST_TITLE),
        elapsed=scene.sentences.duration(elapsed) if elapsed >= 1 else "",
        left=time_left(step, scene),
        down=down_for(run, scene),
    )


def time_left(step: Shown, scene: Scene) -> Markup:
    """Say how long a step that runs still takes, or that it is late; nothing where its past does not tell."""
    usual = scene.estimates.get(step.key)
    if usual is None or usual.seconds < 1:
        return Markup("")
    say, elapsed = scene.sentences.say, step.elapsed(scene.now)
    if elapsed < usual.seconds:
        return say("card.left", seconds=scene.sentences.duration(max(round(usual.seconds - elapsed), 1)))
    key = "card.late" if usual.is_late(elapsed) else "card.usual"
    return say(key, usual=scene.sentences.duration(usual.seconds))


def down_for(run: Run, scene: Scene) -> str:
    """Say for how long the site is down because of a run; empty where it is up."""
    since = down_since(run)
    return scene.sentences.duration(durations.between(since, scene.now)) if since is not None else ""
