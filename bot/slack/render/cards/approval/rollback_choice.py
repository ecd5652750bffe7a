"""Which way a rollback goes, and why: what its approvers read first."""

from __future__ import annotations

from bot.domain.runs.plan import Finding, Plan
from bot.slack.render.context import Scene
from bot.slack.render.markup import Markup
from bot.slack.render.message import lines

KIND = "rollback"
"""The kind of the finding that is told here (`commands.rollback_choice`)."""


def way(plan: Plan, scene: Scene) -> Markup:
    """Say where it leads, why that is proposed, and how to ask for another way; nothing where it is no rollback."""
    found = next((finding for finding in plan.findings if finding.kind == KIND), None)
    return Markup("") if found is None else lines((_where(found, plan, scene), *_why(found, plan, scene)))


def _where(found: Finding, plan: Plan, scene: Scene) -> Markup:
    count = len(plan.undo)
    where = found.facts.get("way", "")
    return scene.sentences.count(f"way.{where}", count) if where != "code" else scene.sentences.say("way.code")


def _why(found: Finding, plan: Plan, scene: Scene) -> tuple[Markup, ...]:
    say = scene.sentences.say
    why = f"way.why.{found.facts.get('why', '')}"
    other = f"way.other.{found.facts.get('way', '')}"
    asked = found.facts.get("why") in {"asked", "decided"}
    return (
        say(why, what=found.facts.get("what", "")) if scene.sentences.knows(why) else Markup(""),
        say(other, n=str(len(plan.undo))) if scene.sentences.knows(other) and not asked else Markup(""),
    )
