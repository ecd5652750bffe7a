"""What somebody must not overlook: a site that is down, what is at stake, who goes on, and what cannot succeed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import Problem, Reason
from bot.domain.names import TargetName
from bot.domain.policies.people import ANYONE, People
from bot.domain.policies.policy import Policy, Requirement
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.findings import (
    MigrationFinding,
    NothingLost,
    RecordedEffect,
    Resumed,
    RowsLost,
    StatementFinding,
    UsualSteps,
    ValuesLost,
)
from bot.domain.runs.migration_risk import EffectKind, MigrationRisk
from bot.domain.runs.plan import Skipped
from bot.domain.runs.request import Action, Decision, ResumeOptions, RollbackOptions
from bot.domain.runs.run import Run, RunState, StepState
from bot.domain.targets.forge import Repository, forge_kind
from bot.domain.targets.snapshot import TargetSnapshot, TargetState
from bot.slack.render.cards.approval.approval_card import approval_subject
from bot.slack.render.cards.approval.stakes import stakes
from bot.slack.render.cards.run.pressers import who_may_press
from bot.slack.render.message import Message, button
from bot.slack.render.run_messages import APPROVAL, CARD, PROGRESS, RESULT, render
from bot.slack.render.run_messages import PLAN as PLAN_SLOT
from tests.slack.support.limits import texts
from tests.slack.support.runs import AT, BACKUP, MIGRATION, NEW, OLD, PLAN, RUNS, ctx

NAME = TargetName("compte", "production")
LATER = AT + timedelta(minutes=5)
HELD = RUNS["needs_human"]
EVERY_STEP = {key: StepEstimate(4.0, 9.0) for key in HELD.step_order}


def first_line(message: Message) -> str:
    return next(iter(texts(message.blocks[0]))).split("\n")[0]


def buttons(message: Message) -> set[str]:
    return {each["action_id"] for block in message.blocks if block["type"] == "actions" for each in block["elements"]}


def test_the_card_begins_with_the_site_that_is_down_and_who_decides() -> None:
    card = render(HELD, ctx(LATER))[CARD]
    # Nothing is edited while a person is waited for, so the card says since when, and not for how long.
    assert re.match(
        r"🚧 \*compte production is down\* since <!date\^\d+\^[^>]+> · needs a decision by \*engineers\*",
        first_line(card),
    )


@pytest.mark.parametrize(
    ("seen", "begins"),
    [
        (TargetState((OLD,)), "🟢 compte production is up again, brought up by hand"),
        (TargetState((OLD,), ("web1",)), "🚧 *compte production is down*"),
        (TargetState((OLD,), unclear=("web1",)), "🚧 *compte production is down*"),
        (None, "🚧 *compte production is down*"),
    ],
)
def test_a_look_that_is_younger_than_the_run_decides_what_the_card_says(seen: TargetState | None, begins: str) -> None:
    told = replace(ctx(LATER), snapshot=TargetSnapshot(NAME, LATER, seen))
    assert first_line(render(HELD, told)[CARD]).startswith(begins)


def test_a_run_at_work_says_when_it_ends_and_when_the_site_is_back() -> None:
    card = render(RUNS["running"], replace(ctx(), estimates=EVERY_STEP))[CARD]
    assert "back in about" in first_line(card)
    assert "left, site back in" in card.text


def test_a_step_below_a_second_is_late_too() -> None:
    told = replace(ctx(), estimates={"migrate": StepEstimate(0.2, 0.4)})
    assert "⚠️ *late*, usually 0.2\u00a0s" in render(RUNS["running"], told)[CARD].text


def test_a_host_that_cannot_be_reached_is_named_for_as_long_as_the_step_runs_there() -> None:
    [row] = RUNS["running"].rows("migrate")
    cut = replace(
        RUNS["running"], steps=tuple(each.lost_at(AT) if each == row else each for each in RUNS["running"].steps)
    )
    told = render(cut, replace(ctx(AT + timedelta(seconds=8)), estimates=EVERY_STEP))
    for slot in (CARD, PROGRESS):
        assert "⚠️ *web1* unreachable for 8\u00a0s; the step goes on there" in told[slot].text
    assert "left" not in told[CARD].text
    again = replace(cut, steps=tuple(each.found() for each in cut.steps))
    assert again.steps == RUNS["running"].steps
    ended = replace(cut, steps=tuple(replace(each, state=StepState.DONE) for each in cut.steps))
    assert all("unreachable" not in message.text for message in render(ended, ctx()).values())


def test_what_is_told_of_a_superseded_run_names_the_one_that_goes_on_and_offers_no_retry() -> None:
    problem = Problem(Reason.EXIT_STATUS, {"closed_by": "U0BOB", "successor": "R-NEXT00"})
    messages = render(replace(HELD, state=RunState.CANCELLED, problem=problem, ended_at=LATER), ctx(LATER))
    assert "*Superseded* · `R-NEXT00` goes on from here" in messages[CARD].text
    assert "`R-NEXT00` goes on from here" in messages[RESULT].text
    assert not {"run_retry", "run_resume_retry"} & (buttons(messages[CARD]) | buttons(messages[RESULT]))


def decided(decision: Decision, state: RunState, **found: tuple[str, ...]) -> Run:
    options = ResumeOptions(HELD.request.action, HELD.id, decision)
    plan = replace(PLAN, findings=(Resumed(HELD.id, decision, "", OLD, "", **found),))
    base = RUNS["awaiting_approval" if state is RunState.AWAITING_APPROVAL else "succeeded"]
    return replace(base, id="R-NEXT00", plan=plan, state=state, request=replace(base.request, options=options))


def test_a_decision_that_ended_is_not_asked_for_again_by_retry() -> None:
    run = replace(decided(Decision.RETRY, RunState.FAILED), problem=Problem(Reason.EXIT_STATUS))
    assert "run_retry" not in buttons(render(run, ctx(LATER))[CARD])


def test_a_request_says_what_speaks_against_the_decision_and_so_does_the_outcome() -> None:
    asked = render(decided(Decision.RETRY, RunState.AWAITING_APPROVAL, half=(MIGRATION,)), ctx())[APPROVAL].text
    assert f"*Half applied:* `{MIGRATION}`" in asked
    asked = render(decided(Decision.MARK_DONE, RunState.AWAITING_APPROVAL, not_done=(MIGRATION,)), ctx())[APPROVAL].text
    assert f"`{MIGRATION}` is not recorded as run" in asked
    ended = render(decided(Decision.MARK_DONE, RunState.SUCCEEDED, not_done=(MIGRATION,)), ctx(LATER))[RESULT].text
    assert f"*The schema may be half-migrated:* `{MIGRATION}`" in ended
    fine = render(decided(Decision.MARK_DONE, RunState.SUCCEEDED), ctx(LATER))[RESULT].text
    assert "half-migrated" not in fine


ONE, TWO, DECIDERS = People(("engineers",)), People(("releasers",)), People(("oncall",))


@pytest.mark.parametrize(
    ("name", "policy", "said"),
    [
        ("needs_human", Policy("p", {}, {}, decide=DECIDERS), "The buttons are for *oncall*."),
        ("needs_human", Policy("p", dict.fromkeys(Action, ANYONE), {}), ""),
        (
            "needs_human",
            Policy("p", {Action.DEPLOY: ONE, Action.ROLLBACK: TWO, Action.RESTORE: ONE}, {}),
            "The buttons are for *engineers*, *releasers*.",
        ),
        ("succeeded", Policy("p", {Action.ROLLBACK: TWO}, {}), "Roll back: *releasers*"),
        ("succeeded", None, ""),
        ("failed_early", Policy("p", {Action.DEPLOY: ONE}, {}), ""),
    ],
)
def test_an_outcome_says_who_may_press_its_buttons(name: str, policy: Policy | None, said: str) -> None:
    blocks = render(RUNS[name], replace(ctx(LATER), policy=policy))[RESULT].blocks
    assert [text for block in blocks if block["type"] == "context" for text in texts(block)] == ([said] if said else [])


def test_buttons_for_different_people_are_told_apart() -> None:
    gates = {"rollback": Requirement(1, TWO, LATER - AT, True), "restore": Requirement(1, ONE, LATER - AT, True)}
    policy = Policy("p", {Action.DEPLOY: ONE}, gates)
    shown = [button(name, label, "R-1") for name, label in (("run_resume_retry", "Retry"), ("run_restore", "Restore"))]
    run = replace(HELD, gate=None)
    said = who_may_press(run, shown, replace(ctx(), policy=policy))
    assert said == "Retry: *engineers* · Restore: *releasers* who are *engineers* too"


def test_a_request_names_what_is_destroyed_with_its_rows() -> None:
    fax = RecordedEffect(EffectKind.COLUMN_DROPPED, "users.fax")
    found = (
        StatementFinding(MIGRATION, 1, table="users", rows=2000, effects=(fax,), destroys=True),
        RowsLost("users", "phone", 1873),
        NothingLost("users", "pager"),
    )
    said = "\n".join(stakes(replace(PLAN, findings=found), ctx()))
    assert "Drops `users.fax`; `users` has about 2,000 rows" in said
    assert "`users.phone` is dropped: 1,873 rows have a value there" in said
    assert "`users.pager` is dropped; it is empty" in said
    counted = {
        ValuesLost("users", "fax", 1873, 2000): "Drops `users.fax`: 1,873 of 2,000 rows have a value.",
        ValuesLost("users", "fax", 1, 2000): "Drops `users.fax`: 1 of 2,000 rows has a value.",
        ValuesLost("users", "fax", 0, 0): "Drops `users.fax`: 0 of 0 rows have a value.",
        ValuesLost("users", "fax"): "Drops `users.fax`, not counted in time; `users` has about 2,000 rows.",
    }
    for loss, words in counted.items():
        assert words in "\n".join(stakes(replace(PLAN, findings=(found[0], loss)), ctx()))
    run = replace(RUNS["awaiting_approval"], plan=replace(PLAN, findings=(*found, BACKUP), destructive=True))
    subject = approval_subject(run, ctx())
    at = [subject.index(part) for part in ("drops or rewrites", "Drops `users.fax`", "1 migration to run", "backup")]
    assert at == sorted(at), "what is lost comes before what helps"


def test_a_plan_like_the_last_one_names_only_the_steps_that_differ() -> None:
    waiting = RUNS["awaiting_approval"]
    shown = []
    for usual in (UsualSteps("R-LAST00"), UsualSteps("R-LAST00", ("Build the docs",), ("Restart <it>",))):
        run = replace(waiting, plan=replace(PLAN, findings=(*PLAN.findings, usual)))
        shown.append("\n".join(each for block in render(run, ctx())[PLAN_SLOT].blocks for each in texts(block)))
    assert "steps after approval* on web1, as in `R-LAST00`\n" in shown[0] + "\n"
    assert "as in `R-LAST00`, but:\n• also: Build the docs\n• without: Restart &lt;it&gt;" in shown[1]
    for text in shown:
        assert "1. " not in text
        assert "from step" not in text
        assert "takes the site down" in text
        assert "Not needed" not in text


def test_steps_that_are_not_needed_for_one_reason_stand_together() -> None:
    skipped = (
        Skipped("migrate", "Migrate", "no migrations"),
        Skipped("assets", "Build", ""),
        Skipped("pending", "None is pending", "no migrations"),
    )
    run = replace(RUNS["awaiting_approval"], plan=replace(PLAN, skipped=skipped))
    shown = "\n".join(each for block in render(run, ctx())[PLAN_SLOT].blocks for each in texts(block))
    assert "Not needed: Migrate, None is pending (no migrations) · Build\n" in shown


FORGES = {
    "https://github.com/acme/compte": f"/compare/{OLD}...{NEW}|compare>",
    "https://gitlab.example.com/acme/compte": f"/-/compare/{OLD}...{NEW}|compare>",
    "https://bitbucket.org/acme/compte": f"/branches/compare/{NEW}%0D{OLD}|compare>",
}


@pytest.mark.parametrize("repository", FORGES)
def test_the_plan_links_to_the_comparison_and_labels_commits_that_are_taken_away(repository: str) -> None:
    waiting = RUNS["awaiting_approval"]
    told = replace(ctx(), repository=Repository(repository, forge_kind(repository)))
    assert f"<{repository}{FORGES[repository]}" in "\n".join(texts(render(waiting, told)[PLAN_SLOT].blocks))
    assert "compare" not in "\n".join(texts(render(waiting, ctx())[PLAN_SLOT].blocks))
    request = replace(waiting.request, options=RollbackOptions())
    back = replace(waiting, request=request, plan=replace(PLAN, request=request))
    assert "taken away" in "\n".join(texts(render(back, told)[PLAN_SLOT].blocks))


def test_the_sql_of_a_migration_stands_below_it() -> None:
    names = ("one", "two")
    found = [
        each
        for name in names
        for each in (MigrationFinding(name, MigrationRisk.SAFE), StatementFinding(name, 1, sql=f"ALTER TABLE {name}"))
    ]
    shown = "\n".join(texts(render(_planned(tuple(found), names), ctx())[PLAN_SLOT].blocks))
    places = [shown.index(each) for each in ("`one`", "ALTER TABLE one", "`two`", "ALTER TABLE two")]
    assert places == sorted(places)


def _planned(findings: tuple[MigrationFinding | StatementFinding, ...], pending: tuple[str, ...]) -> Run:
    return replace(RUNS["awaiting_approval"], plan=replace(PLAN, findings=findings, pending=pending))
