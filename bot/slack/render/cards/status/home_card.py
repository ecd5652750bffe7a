"""The App Home, the phone's cockpit: what needs me, what goes on, how each environment stands, what was last."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from bot.domain.names import TargetName
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.dashboard import Cockpit
from bot.slack.render import markup
from bot.slack.render.cards.run.step_line import down_for
from bot.slack.render.cards.run.translated_run import shown_run
from bot.slack.render.cards.status.home_filter import chosen_of, filter_menu, matches
from bot.slack.render.cards.status.ops_card import counts, fitting, packed
from bot.slack.render.cards.status.target_lines import (
    Standing,
    backup_line,
    freeze_line,
    live_line,
    lock_line,
    odd_line,
    owed_line,
    run_news,
    seen_line,
    standings,
    who,
)
from bot.slack.render.context import STATE_EMOJI, Scene, action, exception, state_words, target
from bot.slack.render.markup import Markup
from bot.slack.render.message import Block, actions, button, context, dotted, header, lines, link_button, section

DEPLOY, STATUS, BACKUP = "home_deploy", "home_status", "home_backup"
REFRESH, FILTER, THREAD = "home_refresh", "home_filter", "home_thread"

FEW = 8
"""So many environments are shown in full; of more, those that need somebody first, and the rest in a line each."""

_MOST_RUNS = 8
"""Of those that need somebody, and of those that go on: with all else there are 100 blocks at most."""

_MOST_CHARACTERS = 14_000

Links = Mapping[str, str]
"""The address of each run's thread, by the run; a run whose card is not posted is missing."""


def home_view(cockpit: Cockpit, links: Links, scene: Scene) -> Block:
    """Build the view.

    Args:
        cockpit: what it shows.
        links: to the threads.
        scene: what rendering needs beside it.
    """
    found = standings(cockpit.picture)
    say = scene.sentences.say
    if not found:
        told = (section(say("home.nothing")), _foot(cockpit, scene))
        return _view(cockpit, told)
    mine, going = cockpit.needed, cockpit.going
    past = [run for run in cockpit.recent if run.ended]  # the others stand above
    blocks = (
        header(_headline(len(mine), scene)),
        context(dotted((counts(found, scene), say("home.as_of", when=markup.time_of_day(scene.now))))),
        *_each(mine, lambda run: _needed(run, links, scene), scene),
        header(say("home.going")) if going else None,
        *_each(going, lambda run: _going(run, cockpit, links, scene), scene),
        header(say("home.environments")),
        *_environments(found, cockpit, scene),
        header(say("home.recent")) if past else None,
        *map(section, packed(_recent(shown_run(run, scene), links, scene) for run in past)),
        _foot(cockpit, scene),
    )
    return _view(cockpit, blocks)


def _view(cockpit: Cockpit, blocks: Iterable[Block | None]) -> Block:
    kept = [block for block in blocks if block is not None]
    return {"type": "home", "private_metadata": json.dumps({"chosen": cockpit.chosen}), "blocks": kept}


def _headline(needed: int, scene: Scene) -> Markup:
    return scene.sentences.count("home.needs", needed) if needed else scene.sentences.say("home.needs_nothing")


def _each(runs: tuple[Run, ...], told: Callable[[Run], tuple[Block | None, ...]], scene: Scene) -> list[Block | None]:
    shown = [block for run in runs[:_MOST_RUNS] for block in told(run)]
    more = len(runs) - _MOST_RUNS
    return [*shown, context(scene.sentences.count("plan.more", more)) if more > 0 else None]


def _needed(run: Run, links: Links, scene: Scene) -> tuple[Block | None, ...]:
    """Tell of a run that waits for who looks: what, why, until when; the thread is where they act."""
    shown = shown_run(run, scene)
    how = _decision(shown, scene) if run.state is RunState.NEEDS_HUMAN else _gate(run, scene)
    told = section(lines((_title(shown, scene), _commit(shown, scene), exception(shown, scene), how)))
    opened = _thread(run, links, scene)
    return told, context(_asked(shown, scene)), actions(f"home_run {run.id}", opened and {**opened, "style": "primary"})


def _decision(run: Run, scene: Scene) -> Markup:
    return scene.sentences.say("home.decide", wrong=scene.wrong(run.problem), down=down_for(run, scene))


def _gate(run: Run, scene: Scene) -> Markup:
    if run.gate is None:
        return Markup("")
    given = sum(1 for vote in run.votes if vote.counts and vote.choice == "approve")
    count = run.gate.requirement.needed
    given_of = scene.sentences.say("card.given", given=str(given), needed=str(count)) if count > 1 else Markup("")
    key = "home.countersign" if run.gate.afterwards else "home.approve"
    until = scene.sentences.say(key, until=markup.time_of_day(run.gate.expires_at))
    return dotted((until, given_of))


def _going(run: Run, cockpit: Cockpit, links: Links, scene: Scene) -> tuple[Block | None, ...]:
    """Tell of a run that goes on or waits for others."""
    shown = shown_run(run, scene)
    news = owed_line(run, scene) if run.ended else run_news(shown, cockpit.picture.usual.get(run.id, {}), scene)
    told = section(lines((_title(shown, scene), news, _commit(shown, scene))))
    return told, context(_asked(shown, scene)), actions(f"home_run {run.id}", _thread(run, links, scene))


def _title(run: Run, scene: Scene) -> Markup:
    return scene.sentences.say(
        "home.run",
        emoji=STATE_EMOJI[run.state],
        action=action(run, scene),
        target=target(run),
        state=state_words(run, scene),
    )


def _commit(run: Run, scene: Scene) -> Markup:
    if run.plan is None or run.plan.sha is None:
        return Markup("")
    sha = run.plan.sha
    subject = next((commit.subject for commit in run.plan.commits if commit.sha == sha.text), "")
    return scene.sentences.say("card.commit", sha=sha.short, subject=Markup(markup.inline(markup.clip(subject, 90))))


def _asked(run: Run, scene: Scene) -> Markup:
    asked = who(run.request.origin.user)
    return scene.sentences.say("card.asked", run=run.id, who=asked, when=markup.time_of_day(run.created_at))


def _thread(run: Run, links: Links, scene: Scene) -> Block | None:
    url = links.get(run.id)
    return link_button(THREAD, scene.sentences.say("button.home_thread"), run.id, url) if url else None


# ── environments ────────────────────────────────────────────────────────────────────────────────────


def _environments(found: tuple[Standing, ...], cockpit: Cockpit, scene: Scene) -> list[Block | None]:
    names = tuple(standing.overview.target for standing in found)
    menu = filter_menu(FILTER, names, cockpit.chosen, scene.sentences) if len(found) > FEW else None
    refresh = button(REFRESH, scene.sentences.say("button.home_refresh"), "all")
    chosen = chosen_of(cockpit.chosen, names)
    asked_for = [standing for standing in found if matches(standing.overview.target, chosen)]
    full, rest = asked_for[:FEW], asked_for[FEW:]
    if not chosen and len(found) > FEW:
        # Nothing was chosen: what is quiet gets a line, however few of the others there are.
        full = [standing for standing in full if standing.needs_a_look]
        rest = [standing for standing in asked_for if standing not in full]
    shown, left = fitting([_line(standing, scene) for standing in rest], _MOST_CHARACTERS)
    return [
        actions("home_view", menu, refresh),
        *(block for standing in full for block in _environment(standing, cockpit, scene)),
        *map(section, packed(shown)),
        context(scene.sentences.count("home.left", left)) if left else None,
    ]


def _environment(standing: Standing, cockpit: Cockpit, scene: Scene) -> tuple[Block | None, ...]:
    """Tell of one environment: what matters in its section, the rest in small print, and what may be done."""
    name = standing.overview.target
    title = scene.sentences.say("home.environment", emoji=standing.emoji, target=str(name))
    odd = odd_line(standing, scene)
    told = (title, live_line(standing, scene), odd, lock_line(standing, scene), freeze_line(standing, scene))
    small = (Markup("") if odd else seen_line(standing, scene), backup_line(standing, scene))
    buttons = _buttons(name, cockpit, scene)
    return section(lines(told)), context(lines(small)), actions(f"home_env {name}", *buttons)


def _buttons(name: TargetName, cockpit: Cockpit, scene: Scene) -> list[Block | None]:
    """Give what this person may do there, and nothing else."""
    offered = ((DEPLOY, Action.DEPLOY), (STATUS, Action.MIGRATE_STATUS), (BACKUP, Action.BACKUP))
    return [
        button(action_id, scene.sentences.say(f"button.{action_id}"), str(name))
        for action_id, asked in offered
        if name in cockpit.may.get(asked, ())
    ]


def _line(standing: Standing, scene: Scene) -> Markup:
    title = scene.sentences.say("home.environment", emoji=standing.emoji, target=str(standing.overview.target))
    return dotted((title, live_line(standing, scene), odd_line(standing, scene)))


# ── the rest ────────────────────────────────────────────────────────────────────────────────────────


def _recent(run: Run, links: Links, scene: Scene) -> Markup:
    what = scene.sentences.say("home.what", action=action(run, scene), target=target(run))
    url = links.get(run.id)
    return scene.sentences.say(
        "home.past",
        emoji=STATE_EMOJI[run.state],
        what=markup.link(url, what) if url else markup.bold(what),
        state=state_words(run, scene),
        sha=run.plan.sha.short if run.plan is not None and run.plan.sha is not None else "",
        who=who(run.request.origin.user),
        when=markup.time_of_day(run.ended_at or run.created_at),
    )


def _foot(cockpit: Cockpit, scene: Scene) -> Block | None:
    say = scene.sentences.say
    unsure = say("ops.help.uncertain") if cockpit.uncertain else Markup("")
    return context(lines((unsure, say("home.foot"))))
