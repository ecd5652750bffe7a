"""Forms: what they offer, how what was filled in becomes words, and where errors stand."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.errors import Problem, Reason, problem
from bot.domain.names import TargetName
from bot.domain.policies.people import People
from bot.domain.policies.policy import OVERRIDE, BackupBefore
from bot.domain.runs.plan import Commit
from bot.domain.runs.request import Action
from bot.domain.targets.branch_commits import BranchCommits
from bot.domain.targets.target import Backups, Database, Secret, Target
from bot.playground.block_kit.blocks import check_view
from bot.playground.client.client_actions import Click
from bot.slack.forms import FORMS
from bot.slack.forms.form import CommandForm, FormState, TargetDetails
from bot.slack.forms.view import form_view, opening_view, refusing_view
from tests.slack.support.dashboards import ended, home_scene
from tests.slack.support.limits import texts
from tests.slack.support.runs import AMELIE, BOB, NEW, NOOR, OLD, OPERATIONS, OPS, PASSWORD, RELEASERS, RUNS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually

PRODUCTION, STAGING = TargetName("compte", "production"), TargetName("compte", "staging")
COMMITS = tuple(
    Commit(f"{number:x}" * 40, "Amélie", f"feat: number {number} <!channel> {PASSWORD} " + "long " * 30)
    for number in range(1, 11)
)
NEWEST = BranchCommits("main", OLD, COMMITS[0].sha, COMMITS, fetched=True)
DEPLOY, ROLLBACK, BACKUP = (FORMS[name] for name in ("/deploy", "/rollback", "/backup"))


def target(name: TargetName = PRODUCTION) -> Target:
    found = OPERATIONS.targets[name]
    both = replace(RELEASERS, count=2)
    policy = replace(
        found.policy,
        run={Action.DEPLOY: People(("engineers",))},
        approve={"deploy": RELEASERS, "destructive-migration": both},
        backup_before={Action.DEPLOY: BackupBefore.IF_MIGRATIONS},
    )
    database = Database("web1", "127.0.0.1", 3306, "compte", "compte", Secret("x"))
    return replace(found, policy=policy, database=database, backups=Backups("/var/backups"))


TARGETS = (target(), target(STAGING))
FROZEN = problem(Reason.FROZEN, why="no weekend releases", timezone="Europe/Paris")
RELEASES = tuple(ended(PRODUCTION, number) for number in (3, 2, 1))


def form_state(**details: Any) -> FormState:
    return FormState(OPS, TARGETS, TargetDetails(TARGETS[0], **details) if details else None)


FORM_STATES = {
    "nothing chosen": form_state(),
    "reading": form_state(releases=RELEASES),
    "commits": form_state(newest=NEWEST, releases=RELEASES),
    "stale": form_state(newest=replace(NEWEST, fetched=False)),
    "nothing new": form_state(newest=replace(NEWEST, head=NEW, commits=())),
    "unread": form_state(unread=problem(Reason.HOST_UNREACHABLE, host="web1")),
    "frozen": form_state(newest=NEWEST, blocking_reason=FROZEN),
}


@pytest.mark.parametrize("name", FORM_STATES)
@pytest.mark.parametrize("command", FORMS)
def test_slack_takes_every_form(command: str, name: str) -> None:
    form = FORMS[command]
    view = form_view(form, FORM_STATES[name], home_scene())
    assert check_view(view) == []
    shown = json.dumps(view)
    assert PASSWORD not in shown
    assert check_view(opening_view(form, home_scene())) == []
    refusal = problem(Reason.NOT_ALLOWED, action=form.action.value, people="engineers")
    assert check_view(refusing_view(form, refusal, home_scene())) == []


def said(form: CommandForm, offered: FormState) -> str:
    return "\n".join(texts(form_view(form, offered, home_scene())["blocks"]))


def test_what_will_happen_is_said_before_it_is_asked_for() -> None:
    text = said(DEPLOY, FORM_STATES["commits"])
    assert "👥 1 approval from *releasers*, not yourself." in text
    assert "⚠️ If a migration drops or rewrites data: 2 from *releasers*." in text
    assert "💾 A verified backup is made first if there are migrations." in text
    assert "proven by a test restore" in said(BACKUP, FORM_STATES["reading"])
    assert "in a thread of <#C0OPS>" in said(DEPLOY, replace(FORM_STATES["commits"], channel=""))


def test_what_would_refuse_it_is_said_and_an_exception_can_be_asked_for_where_there_is_one() -> None:
    frozen = FORM_STATES["frozen"]
    assert "Right now it would be refused" in said(DEPLOY, frozen)
    assert "during the freeze" not in said(DEPLOY, frozen)
    assert frozen.details is not None
    policy = replace(TARGETS[0].policy, approve={**TARGETS[0].policy.approve, OVERRIDE: RELEASERS})
    open_to = replace(frozen, details=replace(frozen.details, target=replace(TARGETS[0], policy=policy)))
    assert "Reason to deploy during the freeze" in said(DEPLOY, open_to)


def test_the_newest_commits_are_offered_and_those_of_another_target_are_forgotten() -> None:
    view = form_view(DEPLOY, FORM_STATES["commits"], home_scene())
    [menu] = [block for block in view["blocks"] if block.get("block_id") == "commit compte production"]
    values = [option["value"] for option in menu["element"]["options"]]
    assert values == ["tip", *(commit.sha for commit in COMMITS)]
    assert menu["element"]["initial_option"]["value"] == "tip"
    assert "has nothing new" in said(DEPLOY, FORM_STATES["nothing new"])
    assert "as last fetched" in said(DEPLOY, FORM_STATES["stale"])
    assert "could not be read" in said(DEPLOY, FORM_STATES["unread"])


def choice(value: str) -> dict[str, Any]:
    return {"selected_option": {"value": value}}


AT = {"target": {"target": choice("compte production")}}


@pytest.mark.parametrize(
    ("form", "values", "words"),
    [
        (DEPLOY, {}, ("compte", "production")),
        (DEPLOY, {"commit compte production": {"commit": choice("tip")}}, ("compte", "production")),
        (DEPLOY, {"commit compte production": {"commit": choice(NEW)}}, ("compte", "production", NEW)),
        (DEPLOY, {"ref": {"ref": {"value": " v2.4.0 "}}}, ("compte", "production", "v2.4.0")),
        (DEPLOY, {"ref": {"ref": {"value": "a b"}}}, ("compte", "production", "a b")),
        (
            DEPLOY,
            {"options": {"options": {"selected_options": [{"value": "--dry-run"}, {"value": "--no-migrate"}]}}},
            ("compte", "production", "--dry-run", "--no-migrate"),
        ),
        (
            DEPLOY,
            {"during_freeze": {"during_freeze": {"value": "the shop is down"}}},
            ("compte", "production", "--during-freeze=the shop is down"),
        ),
        (ROLLBACK, {"how": {"how": choice("both")}}, ("compte", "production")),
        (ROLLBACK, {"how": {"how": choice("code")}}, ("compte", "production", "--code")),
        (
            ROLLBACK,
            {"release compte production": {"release": choice("R-7K3F9Q")}, "how": {"how": choice("code")}},
            ("compte", "production", "--code", "--to=R-7K3F9Q"),
        ),
        (ROLLBACK, {"migrations": {"migrations": {"value": "2"}}}, ("compte", "production", "--migrations=2")),
        (BACKUP, {"tables": {"tables": {"value": None}}}, ("compte", "production")),
        (BACKUP, {"tables": {"tables": {"value": "users, sessions"}}}, ("compte", "production", "users", "sessions")),
    ],
)
def test_what_was_filled_in_is_what_would_be_typed(
    form: CommandForm, values: dict[str, Any], words: tuple[str, ...]
) -> None:
    assert form.words({**AT, **values}) == words
    assert form.mistake({**AT, **values}) is None


def test_answers_that_contradict_each_other_stand_at_their_field() -> None:
    commit = {"commit compte production": {"commit": choice(NEW)}, "ref": {"ref": {"value": "main"}}}
    assert DEPLOY.mistake({**AT, **commit}) == ("ref", "form.ref.both")
    narrowed = {"how": {"how": choice("code")}, "migrations": {"migrations": {"value": "1"}}}
    assert ROLLBACK.mistake({**AT, **narrowed}) == ("migrations", "form.rollback.both_ways")


def test_only_a_target_that_has_a_database_and_a_place_can_be_backed_up() -> None:
    assert BACKUP.takes(TARGETS[0])
    assert not BACKUP.takes(replace(TARGETS[0], database=None))
    assert not BACKUP.takes(replace(TARGETS[0], backups=None))


# ── in the playground ──


async def shown(workspace: Workspace, user: str = AMELIE) -> Any:
    def view() -> Any:
        found = [item for item in workspace.server.state.views.values() if item.user == user]
        return found[0] if found and found[0].content.get("submit") else None

    return await eventually(view)


def blocks(view: Any) -> list[str]:
    return [block.get("block_id", "") for block in view.content["blocks"]]


async def test_a_form_is_there_at_once_and_the_commits_come_when_they_are_read(workspace: Workspace) -> None:
    workspace.engine.status_service.commits[PRODUCTION] = NEWEST
    workspace.engine.status_service.reading = asyncio.Event()
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte")
        view = await shown(workspace)
        assert "commit compte production" not in blocks(view)
        filled = {"target": {"target": "compte production"}}
        await workspace.server.client_actions.click_in_view(
            AMELIE, view.id, Click("target", value="compte production", values=filled)
        )
        await eventually(lambda: "Reading the newest commits" in "\n".join(texts(view.content["blocks"])))
        workspace.engine.status_service.reading.set()
        await eventually(lambda: "commit compte production" in blocks(view))


async def test_the_target_that_was_chosen_last_is_the_one_that_is_shown(workspace: Workspace) -> None:
    workspace.engine.status_service.commits |= {PRODUCTION: NEWEST, STAGING: replace(NEWEST, branch="next")}
    workspace.engine.status_service.reading = asyncio.Event()
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy")
        view = await shown(workspace)
        for name in ("compte production", "compte staging"):
            await workspace.server.client_actions.click_in_view(AMELIE, view.id, Click("target", value=name))
            await eventually(lambda name=name: name in json.dumps(view.content))
            await eventually(lambda: "Reading the newest commits" in "\n".join(texts(view.content["blocks"])))
        workspace.engine.status_service.reading.set()
        await eventually(lambda: "commit compte staging" in blocks(view))
        assert "commit compte production" not in blocks(view)


async def test_who_may_choose_nothing_is_told_who_may(workspace: Workspace) -> None:
    workspace.engine.lock_service.may = {}
    async with workspace.app():
        await workspace.server.client_actions.command(NOOR, OPS, "/deploy")
        view = await eventually(lambda: next(iter(workspace.server.state.views.values()), None))
        await eventually(lambda: "You can't deploy here." in "\n".join(texts(view.content["blocks"])))
        assert view.content.get("submit") is None


async def test_a_refusal_of_the_engine_stands_at_the_field_and_nothing_is_submitted(workspace: Workspace) -> None:
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy")
        view = await shown(workspace)
        filled = {"target": {"target": "compte production"}}
        workspace.engine.status_service.refusal = FROZEN
        errors = await workspace.server.client_actions.submit(AMELIE, view.id, filled)
        assert set(errors) == {"target"}
        assert "Changes are frozen: no weekend releases" in errors["target"]
        assert workspace.engine.submitted == []
        workspace.engine.status_service.refusal = None
        assert await workspace.server.client_actions.submit(AMELIE, view.id, filled) == {}
        await eventually(lambda: workspace.engine.submitted)


@pytest.mark.parametrize(
    ("refusal", "shown_as"),
    [
        (
            problem(Reason.LOCKED, by=BOB, since="2025-11-17T09:30:00+00:00", why="inventory"),
            "by @Bob since 2025-11-17",
        ),
        (problem(Reason.NOT_ALLOWED, action="deploy", people=f"dbas, {BOB}, S0RELEASE"), "dbas, @Bob, @releasers."),
        (problem(Reason.WRONG_CHANNEL, app="compte", channels="C0OPS,C0GENERAL"), "Ask for it in #ops, #general."),
        (problem(Reason.NOT_IN_CHANNEL, channel="C0OPS", bot="U0COUNTER"), "I'm not in #ops,"),
        (problem(Reason.FROZEN, until="2025-11-17T09:30:00+00:00"), "until 2025-11-17 09:30 UTC"),
        (problem(Reason.NOT_ALLOWED, action="deploy", people="U0NOBODY"), "Ask one of: @U0NOBODY."),
    ],
)
async def test_an_error_at_a_field_is_plain_text(workspace: Workspace, refusal: Problem, shown_as: str) -> None:
    """The playground refuses the tokens of mrkdwn there, as Slack shows them as they are written."""
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy")
        view = await shown(workspace)
        workspace.engine.status_service.refusal = refusal
        filled = {"target": {"target": "compte production"}}
        errors = await workspace.server.client_actions.submit(AMELIE, view.id, filled)
    assert shown_as in errors["target"]


@pytest.mark.parametrize("refusal", [FROZEN, None])
async def test_a_form_that_cannot_be_judged_in_time_is_judged_when_it_is_handled(
    workspace: Workspace, refusal: Problem | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.forms.submission._JUDGING_SECONDS", 0.01)

    async def slow(request: object) -> None:
        await asyncio.Event().wait()

    workspace.engine.status_service.judge = slow
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy")
        view = await shown(workspace)
        filled = {"target": {"target": "compte production"}}
        assert await workspace.server.client_actions.submit(AMELIE, view.id, filled) == {}
        await eventually(lambda: workspace.engine.submitted)


async def test_the_home_opens_the_form_of_an_environment_and_its_run_goes_to_the_channel(workspace: Workspace) -> None:
    workspace.engine.status_service.commits[STAGING] = NEWEST
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        home = await eventually(lambda: workspace.server.state.homes.get(AMELIE))
        await workspace.server.client_actions.click_in_view(
            AMELIE, home.id, Click("home_deploy", "home_env compte staging")
        )
        view = await shown(workspace)
        await eventually(lambda: "commit compte staging" in blocks(view))
        assert await workspace.server.client_actions.submit(AMELIE, view.id, {}) == {}
        await eventually(lambda: workspace.engine.submitted)
    [request] = workspace.engine.submitted
    assert (request.target, request.origin.user, request.origin.channel) == (STAGING, AMELIE, OPS)


async def test_the_home_shows_where_the_migrations_of_an_environment_stand_or_why_not(workspace: Workspace) -> None:
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        home = await eventually(lambda: workspace.server.state.homes.get(AMELIE))
        await workspace.server.client_actions.click_in_view(
            AMELIE, home.id, Click("home_status", "home_env compte staging")
        )
        view = await eventually(lambda: next(iter(workspace.server.state.views.values()), None))
        await eventually(lambda: "has no database to compare" in "\n".join(texts(view.content["blocks"])))
    assert workspace.engine.submitted == []
    assert RUNS


@pytest.mark.parametrize(
    ("words", "form"), [("/deploy", True), ("/deploy compte", True), ("/rollback", True), ("/rollback compte", False)]
)
async def test_a_form_stands_in_for_words_and_of_deploy_also_for_missing_ones(
    workspace: Workspace, words: str, form: bool
) -> None:
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, words)
        if form:
            assert (await shown(workspace)).content["callback_id"] == words.split()[0]
        else:
            await eventually(lambda: "That command is incomplete" in "".join(workspace.whispers(AMELIE)))
            assert not workspace.server.state.views
