"""What a run left that stopped half-way: which commit is live, and what became of each migration."""

from __future__ import annotations

from bot.domain.aftermath import LIVE, Fate, Progress, aftermath_of
from bot.domain.moves import schema_begun, was_live
from bot.domain.run import Run
from bot.slack import markup
from bot.slack.markup import Markup
from bot.slack.message import lines
from bot.slack.scene import Scene

_MOST_MIGRATIONS = 10
_MOST_LINES = 8
_EMOJI = {Progress.DONE: "✅", Progress.PARTLY: "⚠️", Progress.NOT: "⚪", Progress.UNKNOWN: "❓"}


def commit(run: Run, scene: Scene) -> Markup:
    """Say which commit is live, and whether it is the one of this run; nothing where nobody has looked since."""
    live = run.facts.get(LIVE, "")
    if not live:
        return Markup("")
    shown = ", ".join(part[:7] if _is_sha(part) else part for part in live.split(", "))
    sha = run.plan.sha.text if run.plan is not None and run.plan.sha is not None else ""
    key = "new" if live == sha else "old" if live == was_live(run) else "other"
    return scene.sentences.say(f"aftermath.commit.{key}", sha=shown)


def migrations(run: Run, scene: Scene) -> Markup:
    """Say what became of each migration; nothing where the schema was not touched."""
    if not schema_begun(run):
        return Markup("")
    say = scene.sentences.say
    found = aftermath_of(run.facts)
    if found is None:
        return say("aftermath.not_seen")
    undoes = bool(run.plan and run.plan.undo)
    shown = [_fate(fate, scene, "undo" if undoes else "apply") for fate in found[:_MOST_MIGRATIONS]]
    rest = len(found) - len(shown)
    return lines((*shown, scene.sentences.count("plan.more", rest) if rest > 0 else Markup("")))


def _fate(fate: Fate, scene: Scene, way: str) -> Markup:
    say = scene.sentences.say
    name = markup.code(markup.clip(fate.name, 120))
    told = say(f"aftermath.{way}.{fate.progress.value}", emoji=_EMOJI[fate.progress], name=name)
    if fate.progress is not Progress.PARTLY:
        return told
    lines_there = [f"{line}" for line in fate.there[:_MOST_LINES]]
    lines_missing = [f"{line}" for line in fate.missing[:_MOST_LINES]]
    there = markup.code_block("\n".join(lines_there), 900)
    missing = (
        lines((say("aftermath.missing"), markup.code_block("\n".join(lines_missing), 900)))
        if fate.missing
        else say(f"aftermath.{way}.unrecorded")
    )
    return lines((told, say("aftermath.there"), there, missing))


def _is_sha(text: str) -> bool:
    return len(text) == 40 and all(letter in "0123456789abcdef" for letter in text)
