"""The answer to `/ops status`: the first line says what needs somebody; then each target, the busiest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bot.domain.overview import TargetOverview
from bot.domain.reminders import is_overdue
from bot.domain.request import EMERGENCY
from bot.domain.run import BEFORE_CHANGE, Run, RunState
from bot.slack import markup
from bot.slack.cards.audience import approvers
from bot.slack.cards.masked import masked_run
from bot.slack.markup import Markup
from bot.slack.message import Block, Message, context, dotted, lines, message, section
from bot.slack.scene import STATE_EMOJI, Scene, action, current_step, shown_steps, state_words

_URGENT_FIRST = (
    RunState.NEEDS_HUMAN,
    RunState.AWAITING_APPROVAL,
    RunState.RUNNING,
    RunState.VERIFYING,
    RunState.PLANNING,
    RunState.QUEUED,
)
_MOST_CHARACTERS = 10_000
"""Of all targets together, so that what is left out can be counted; `bot.slack.message` would cut without a word."""

_MOST_IN_A_SECTION = 2_500
_MOST_RUNS = 5
_MOST_REASON = 120
_LOCK = "🔒"
_OWED = "🚨"


def ops_card(overviews: tuple[TargetOverview, ...], scene: Scene) -> Message:
    """Build the answer.

    Args:
        overviews: of the targets that were asked about.
        scene: what rendering needs beside them.
    """
    ordered = sorted(overviews, key=lambda overview: (_urgency(overview), overview.target))
    shown, left = _fitting([_target(overview, scene) for overview in ordered])
    headline = _headline(tuple(ordered), scene)
    rest = scene.sentences.count("ops.left", left) if left else Markup("")
    return message(
        headline,
        (section(headline), *map(section, _packed(shown)), context(rest)),
        "countersign_ops",
        {
            "targets": [str(overview.target) for overview in ordered],
            "runs": [run.id for overview in ordered for run in overview.unfinished],
            "to_countersign": [run.id for overview in ordered for run in overview.owed],
            "locked": [str(overview.target) for overview in ordered if overview.lock is not None],
        },
    )


def _urgency(overview: TargetOverview) -> int:
    states = [_URGENT_FIRST.index(run.state) for run in overview.unfinished]
    quiet = len(_URGENT_FIRST) + (overview.lock is None)
    return min([*states, *([_URGENT_FIRST.index(RunState.AWAITING_APPROVAL)] if overview.owed else [])], default=quiet)


def _headline(overviews: tuple[TargetOverview, ...], scene: Scene) -> Markup:
    """Answer the on-call's question in a line: what goes on, what waits, what is locked."""
    say = scene.sentences.say
    if not overviews:
        return say("ops.none")
    states = Counter(run.state for overview in overviews for run in overview.unfinished)
    counted = [
        say("ops.count", emoji=STATE_EMOJI[state], n=str(states[state]), words=say(f"state.{state.value}"))
        for state in _URGENT_FIRST
        if states[state]
    ]
    locked = sum(overview.lock is not None for overview in overviews)
    owing = sum(len(overview.owed) for overview in overviews)
    owed = say("ops.count", emoji=_OWED, n=str(owing), words=say("ops.owed_word")) if owing else Markup("")
    locks = say("ops.count", emoji=_LOCK, n=str(locked), words=say("ops.locked_word")) if locked else Markup("")
    of = markup.bold(str(overviews[0].target)) if len(overviews) == 1 else Markup("")
    return dotted((of, *(counted or [say("ops.quiet")]), owed, locks))


def _target(overview: TargetOverview, scene: Scene) -> Markup:
    """Tell of one target: one line where nothing goes on, else a line for each thing that does."""
    runs = [_run(masked_run(run, scene.masker), scene) for run in overview.unfinished[:_MOST_RUNS]]
    more = len(overview.unfinished) - len(runs)
    name = markup.bold(str(overview.target))
    return lines(
        (
            dotted((name, _live(overview, scene), _last(overview, scene))),
            _lock(overview, scene),
            *(_owed(run, scene) for run in overview.owed[:_MOST_RUNS]),
            *runs,
            scene.sentences.count("plan.more", more) if more else Markup(""),
        )
    )


def _run(run: Run, scene: Scene) -> Markup:
    return scene.sentences.say(
        "ops.run",
        emoji=STATE_EMOJI[run.state],
        run=run.id,
        action=action(run, scene),
        state=state_words(run, scene),
        news=_news(run, scene),
        who=_who(run.request.origin.user),
    )


def _news(run: Run, scene: Scene) -> Markup:
    say, count = scene.sentences.say, scene.sentences.count
    if run.state is RunState.QUEUED:
        return count("card.queue", run.place_in_queue or 1, target=str(run.request.target))
    if run.state is RunState.AWAITING_APPROVAL and run.gate is not None:
        return say("ops.until", until=markup.time_of_day(run.gate.expires_at))
    steps = shown_steps(run)
    step = current_step(steps)
    if step is None:
        return Markup("")
    title = markup.clip(step.title, 60)
    return say("card.step", n=str(step.number), m=str(len(steps)), title=title)


def _lock(overview: TargetOverview, scene: Scene) -> Markup:
    lock = overview.lock
    if lock is None:
        return Markup("")
    why = markup.clip(scene.masker.mask(lock.reason), _MOST_REASON)
    return scene.sentences.say("ops.lock", who=_who(lock.owner), since=markup.time_of_day(lock.since), why=why)


def _owed(run: Run, scene: Scene) -> Markup:
    """Say that an emergency is still to be countersigned, by whom and until when."""
    gate = run.gate
    if gate is None:
        return Markup("")
    key = "ops.overdue" if is_overdue(gate, scene.now) else "ops.owed"
    return scene.sentences.say(
        key,
        run=run.id,
        action=action(run, scene),
        who=_who(run.request.origin.user),
        until=markup.time_of_day(gate.expires_at),
        people=approvers(gate.requirement.people, scene),
        why=markup.clip(scene.masker.mask(run.request.options.get(EMERGENCY, "")), _MOST_REASON),
    )


def _live(overview: TargetOverview, scene: Scene) -> Markup:
    say = scene.sentences.say
    doubt, release = overview.in_doubt, overview.release
    if doubt is not None:
        return say("ops.live.doubt", run=doubt.id)
    if not overview.live or release is None or release.ended_at is None:
        return say("ops.live.none")
    is_last = overview.last is not None and overview.last.id == release.id
    # The latest run tells its own time, right behind.
    when = Markup("") if is_last else markup.time_of_day(release.ended_at)
    return say("ops.live", sha=overview.live[:7], when=when)


def _last(overview: TargetOverview, scene: Scene) -> Markup:
    last = overview.last
    if last is None or last.ended_at is None:
        return scene.sentences.say("ops.last.none")
    when = markup.time_of_day(last.ended_at)
    words = state_words(last, scene)
    doing = action(last, scene)
    return scene.sentences.say(
        "ops.last", emoji=STATE_EMOJI[last.state], action=doing, state=words, run=last.id, when=when
    )


def _who(user: str) -> Markup:
    """Mention a person: one person alone reads this, so nobody is notified. A schedule is called by its name."""
    return markup.user(user) if user[:1] in ("U", "W") else markup.inline(user)


def _fitting(targets: list[Markup]) -> tuple[list[Markup], int]:
    """Give as many as there is room for, and how many are left out."""
    used, shown = 0, []
    for text in targets:
        used += len(text) + 1
        if used > _MOST_CHARACTERS:
            break
        shown.append(text)
    return shown, len(targets) - len(shown)


def _packed(texts: Iterable[Markup]) -> list[Markup]:
    """Put short texts together into sections that Slack takes."""
    packed: list[list[Markup]] = []
    used = _MOST_IN_A_SECTION + 1
    for text in texts:
        used += len(text) + 1
        if used > _MOST_IN_A_SECTION:
            packed.append([])
            used = len(text) + 1
        packed[-1].append(text)
    return [lines(group) for group in packed]


def lock_set_card(overview: TargetOverview, *, is_new: bool, scene: Scene) -> Message:
    """Answer `/ops lock`: what is locked now, and what that means for the runs that have begun.

    Args:
        overview: of the target, read after the lock was set.
        is_new: whether this lock was set now; else it was there before and stays.
        scene: what rendering needs beside it.
    """
    say = scene.sentences.say
    name = overview.target
    lock = overview.lock
    owner, since = (_who(lock.owner), markup.time_of_day(lock.since)) if lock else (Markup(""), Markup(""))
    why = scene.masker.mask(lock.reason) if lock else ""
    key = "ops.lock.set" if is_new else "ops.lock.already"
    said = say(key, target=str(name), app=name.app, environment=name.environment, who=owner, since=since, why=why)
    begun = [
        say("ops.lock.waits" if run.state in BEFORE_CHANGE else "ops.lock.goes_on", run=run.id)
        for run in overview.unfinished[:_MOST_RUNS]
        if lock is not None and lock.holds_up(run.request)
    ]
    blocks: tuple[Block | None, ...] = (section(said), section(lines(begun)))
    return message(said, blocks, "countersign_ops", {"targets": [str(name)], "locked": [str(name)] if lock else []})
