"""The answer to `/ops status`: its first line answers the question, and it fits a phone and Slack's limits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.backups.backup import Proof
from bot.domain.errors import Reason, problem
from bot.domain.names import TargetName
from bot.domain.policies.freeze import ActiveFreeze
from bot.domain.policies.lock import Lock
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.dashboard import Dashboard
from bot.domain.targets.overview import ProvenBackup, TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot, TargetState
from bot.domain.targets.target import EmojiNames
from bot.slack.render.builtin_catalog import ENGLISH
from bot.slack.render.cards.status.ops_card import lock_set_card, ops_card
from bot.slack.render.context import RenderContext
from bot.slack.render.text import Translator
from tests.slack.support.limits import broken, texts
from tests.slack.support.runs import AT, BOB, MASKER, NEW, OLD, PASSWORD, RUNS

SCENE = RenderContext(Translator(ENGLISH), MASKER, EmojiNames(), AT)
NAME = TargetName("compte", "production")
DONE = RUNS["succeeded"]
LOCK = Lock(NAME, BOB, f"inventory <!channel> {PASSWORD}", AT)
QUIET = TargetOverview(NAME, (), DONE, DONE)


def said(*overviews: TargetOverview) -> str:
    return "\n".join(texts(ops_card(Dashboard(overviews), SCENE).blocks))


@pytest.mark.parametrize(
    ("overviews", "first"),
    [
        ((), "Nothing is operated from this channel."),
        ((QUIET,), "*compte production* · ✅ Nothing in progress, nothing waiting"),
        ((QUIET, QUIET), "✅ Nothing in progress, nothing waiting"),
        ((replace(QUIET, lock=LOCK),) * 2, "✅ Nothing in progress, nothing waiting · 🔒 2 × locked"),
        (
            (QUIET, replace(QUIET, unfinished=(RUNS["running"], RUNS["queued"]))),
            "⚙️ 1 × running · 🕓 1 × queued",
        ),
        (
            (replace(QUIET, unfinished=(RUNS["awaiting_approval"],)),),
            "*compte production* · ✋ 1 × needs approval",
        ),
    ],
)
def test_the_first_line_answers_the_question(overviews: tuple[TargetOverview, ...], first: str) -> None:
    card = ops_card(Dashboard(overviews), SCENE)
    said = [block["text"]["text"] for block in card.blocks if not block["text"]["text"].startswith("🚧")]
    assert said[0] == first
    assert first in card.text
    assert broken(card) == []


def test_what_runs_says_which_step_of_how_many() -> None:
    overview = replace(QUIET, unfinished=(RUNS["running"],))
    dashboard = Dashboard((overview,), usual={"R-7K3F9Q": {"migrate": StepEstimate(12.0, 20.0)}})
    told = "\n".join(texts(ops_card(dashboard, replace(SCENE, now=AT + timedelta(seconds=31))).blocks))
    step = "step 6 of 9: *Migrate the database* · 6\u00a0s · about 6\u00a0s left in this step"
    assert f"⚙️ `R-7K3F9Q` Deploy · *running* · {step} · <@U0AMELIE>" in told
    assert "`R-7K3F9Q` is changing it now" in told
    told = "\n".join(texts(ops_card(dashboard, replace(SCENE, now=AT + timedelta(seconds=46))).blocks))
    assert "21\u00a0s · ⚠️ *late*, usually 12\u00a0s" in told


def test_what_waits_says_for_what() -> None:
    text = said(replace(QUIET, unfinished=(RUNS["awaiting_approval"], RUNS["queued"])))
    assert "*needs approval* · until <!date^" in text
    assert "*queued* · number 2 in the queue of compte production" in text


def test_what_is_live_comes_from_the_history_and_is_not_guessed() -> None:
    assert f"live `{NEW[:7]}` since <!date^" in said(QUIET)
    assert "by <@U0AMELIE>\n" in said(QUIET)
    assert "last: ✅ Deploy done `R-7K3F9Q` <!date^" in said(QUIET)
    later = replace(DONE, state=RunState.REJECTED, id="R-000008")
    assert f"live `{NEW[:7]}` since <!date^" in said(replace(QUIET, last=later))
    failed = replace(DONE, state=RunState.FAILED, id="R-000009")
    assert "is uncertain: see `R-000009`" in said(replace(QUIET, release=failed))
    assert "no deploy recorded yet" in said(replace(QUIET, release=None))


SEEN = TargetState((NEW,), (), (), ())
LATER = AT + timedelta(hours=1)


@pytest.mark.parametrize(
    ("snapshot", "told"),
    [
        (
            TargetSnapshot(NAME, LATER, SEEN),
            ["live `aace2d6` since <!date^", "✅ no pending migrations · site up · seen <!date^"],
        ),
        (
            TargetSnapshot(NAME, LATER, TargetState((NEW,), ("web1",), ("a", "b"))),
            ["🔴 2 migrations of", "🚧 *in maintenance* on web1"],
        ),
        (
            TargetSnapshot(NAME, LATER, TargetState((NEW,), (), (), ("a",))),
            ["🟡 1 migration pending for the next deploy"],
        ),
        (TargetSnapshot(NAME, LATER, TargetState((OLD,))), ["⚠️ live `1f0c9b7`, not deployed by me"]),
        (TargetSnapshot(NAME, LATER, TargetState((OLD, NEW))), ["⚠️ the hosts differ: `1f0c9b7`, `aace2d6` are live"]),
        (TargetSnapshot(NAME, AT, TargetState((OLD,), ("web1",))), ["live `aace2d6` since", "not checked yet"]),
        (
            TargetSnapshot(
                NAME, LATER, problem=problem(Reason.HOST_UNREACHABLE, host="web1", detail=f"key {PASSWORD}")
            ),
            ["⚠️ Could not be read <!date^", "Host `web1` cannot be reached: key ***"],
        ),
    ],
)
def test_what_was_seen_is_told_unless_a_run_changed_it_since(snapshot: TargetSnapshot, told: list[str]) -> None:
    text = "\n".join(texts(ops_card(Dashboard((QUIET,), {NAME: snapshot}), SCENE).blocks))
    for line in told:
        assert line in text


def test_that_the_site_is_up_is_not_claimed_where_nobody_can_tell() -> None:
    snapshot = TargetSnapshot(NAME, LATER, replace(SEEN, unclear=("web1",)))
    text = "\n".join(texts(ops_card(Dashboard((QUIET,), {NAME: snapshot}), SCENE).blocks))
    assert "✅ no pending migrations · seen <!date^" in text


def test_a_freeze_and_the_backup_that_restores_are_told() -> None:
    freeze = ActiveFreeze("no weekend releases", AT + timedelta(hours=1))
    proven = ProvenBackup("B-20251117-7K3F9Q", Proof.PROVEN, AT)
    card = ops_card(Dashboard((replace(QUIET, backup=proven),), freezes={NAME: freeze}), SCENE)
    text = "\n".join(texts(card.blocks))
    assert "❄️ Frozen until <!date^1763375400^" in text
    assert ": no weekend releases" in text
    assert "❄️ 1 × frozen" in card.text
    assert "💾 `B-20251117-7K3F9Q` proven <!date^" in text
    checked = replace(QUIET, backup=replace(proven, proof=Proof.CHECKED))
    assert "checked <!date^1763371800^{date_short_pretty} {time}|2025-11-17 09:30 UTC>, not proven" in said(checked)


def test_a_lock_says_who_since_when_and_why_and_mentions_no_channel() -> None:
    text = said(replace(QUIET, lock=LOCK))
    assert "🔒 Locked by <@U0BOB> since <!date^" in text
    assert "inventory" in text
    assert "<!channel>" not in text
    assert PASSWORD not in text


def test_what_needs_somebody_comes_first() -> None:
    quiet = replace(QUIET, target=TargetName("a", "production"))
    locked = replace(QUIET, target=TargetName("b", "production"), lock=LOCK)
    held = replace(QUIET, target=TargetName("z", "production"), unfinished=(RUNS["needs_human"],))
    text = said(quiet, locked, held)
    assert text.index("z production") < text.index("b production") < text.index("a production")


def busy(number: int) -> TargetOverview:
    name = TargetName(f"an-app-with-a-rather-long-name-{number:02}", "production")
    runs = tuple(replace(RUNS["running"], id=f"R-{number:03}{each:03}", sequence=each) for each in range(9))
    return TargetOverview(name, runs, DONE, DONE, replace(LOCK, target=name, reason="why not " * 25))


def quiet(number: int) -> TargetOverview:
    return replace(QUIET, target=TargetName(f"app-{number:02}", "production"))


def test_sixty_quiet_targets_are_all_there() -> None:
    card = ops_card(Dashboard(tuple(quiet(number) for number in range(60))), SCENE)
    assert broken(card) == []
    shown = "\n".join(texts(card.blocks))
    assert all(f"app-{number:02} production" in shown for number in range(60))


def test_sixty_busy_targets_fit_and_those_that_do_not_are_counted() -> None:
    card = ops_card(Dashboard(tuple(busy(number) for number in range(60))), SCENE)
    assert broken(card) == []
    shown = "\n".join(texts(card.blocks))
    left = 60 - sum(f"name-{number:02} production" in shown for number in range(60))
    assert left > 0
    assert f"_{left} more with less going on;" in shown
    assert "⚙️ 540 × running" in card.text


@pytest.mark.parametrize("name", RUNS)
def test_every_state_of_a_run_can_be_told(name: str) -> None:
    run: Run = RUNS[name]
    overview = replace(QUIET, last=run) if run.ended else replace(QUIET, unfinished=(run,))
    assert broken(ops_card(Dashboard((overview,)), SCENE)) == []
    assert run.id in said(overview)


def test_who_locks_is_told_what_that_means_for_runs_that_have_begun() -> None:
    overview = replace(QUIET, lock=LOCK, unfinished=(RUNS["running"], RUNS["awaiting_approval"]))
    card = lock_set_card(overview, is_new=True, ctx=SCENE)
    told = "\n".join(texts(card.blocks))
    assert broken(card) == []
    assert "compte production is locked:" in told
    assert "`/ops unlock compte production`" in told
    assert "has started and goes on" in told
    assert "stops before its first change" in told
    assert "already locked by <@U0BOB>" in lock_set_card(overview, is_new=False, ctx=SCENE).text


def test_a_refusal_of_a_locked_target_says_who_why_and_since_when() -> None:
    told = SCENE.translator.refusal_text(replace(LOCK, reason="inventory", since=AT + timedelta(hours=1)).problem())
    assert told.startswith("🔒 Locked by <@U0BOB> since <!date^1763375400^")
    assert ": inventory." in told
    assert "`/ops unlock compte production`" in told
    assert "Nothing was started." in told
