"""The App Home as it is published: to whom, when, and how often."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.runs.run import RunState, StepState
from bot.domain.targets.dashboard import Viewer
from bot.playground.client.client_actions import Click
from bot.playground.faults import CallFault, FaultEffect
from bot.slack.publish import home_sync
from tests.slack.support.limits import texts
from tests.slack.support.runs import AMELIE, BEHIND_GATE, BOB, NOOR, RUNS, rows, run
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_sync, "MIN_PUBLISH_SECONDS", 0.05)
    monkeypatch.setattr(home_sync, "BEAT_SECONDS", 0.3)
    monkeypatch.setattr(home_sync, "_POLL_SECONDS", 0.3)


def home(workspace: Workspace, user: str) -> dict[str, Any]:
    view = workspace.server.state.homes.get(user)
    return view.content if view is not None else {"blocks": []}


def said(workspace: Workspace, user: str) -> str:
    return "\n".join(texts(home(workspace, user)["blocks"]))


async def test_who_opens_it_sees_at_once_how_things_stand_and_targets_are_looked_at(workspace: Workspace) -> None:
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "*compte production*" in said(workspace, AMELIE))
        await eventually(lambda: workspace.engine.status_service.refreshed)
    assert "Nothing needs you" in said(workspace, AMELIE)
    assert workspace.homes.rows[AMELIE].chosen == ""


async def test_what_changes_is_shown_to_who_opened_theirs_and_links_to_its_thread(workspace: Workspace) -> None:
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "Nothing needs you" in said(workspace, AMELIE))
        workspace.engine.put(RUNS["running"])
        await eventually(lambda: "step 6 of 9" in said(workspace, AMELIE))
        await eventually(lambda: "archives/C0OPS/p" in json.dumps(home(workspace, AMELIE)))
        workspace.engine.put(RUNS["succeeded"])
        await eventually(lambda: "In progress" not in said(workspace, AMELIE))


async def test_an_approver_who_never_opened_it_finds_the_request_there_and_it_goes_again(workspace: Workspace) -> None:
    async with workspace.app():
        workspace.engine.put(RUNS["awaiting_approval"])
        await eventually(lambda: "1 thing needs you" in said(workspace, BOB))
        assert NOOR not in workspace.server.state.homes
        workspace.engine.put(RUNS["succeeded"])
        await eventually(lambda: "Nothing needs you" in said(workspace, BOB))


async def test_many_changes_are_few_publications(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_sync, "MIN_PUBLISH_SECONDS", 1.0)
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "Nothing needs you" in said(workspace, AMELIE))
        for number in range(40):
            row = {"state": StepState.RUNNING, "tail": f"line {number}"}
            workspace.engine.put(run(RunState.RUNNING, steps=rows(number % 8, **row), **BEHIND_GATE))
        workspace.engine.put(RUNS["needs_human"])
        await eventually(lambda: "needs a decision" in said(workspace, AMELIE))
    assert workspace.calls("views.publish") <= 4


async def test_nothing_is_published_again_while_nothing_happens(workspace: Workspace) -> None:
    workspace.homes.rows[NOOR] = Viewer(NOOR, "", datetime.now(UTC) - timedelta(days=1))
    async with workspace.app() as app:
        await eventually(lambda: "Nothing needs you" in said(workspace, NOOR))
        published = workspace.calls("views.publish")
        for _ in range(3):
            app.run_observer.run_changed("R-7K3F9Q")
            await eventually(lambda: not app._home_sync._updates._woken.is_set())
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "Nothing needs you" in said(workspace, AMELIE))
        assert workspace.calls("views.publish") <= published + 2


async def test_time_goes_on_for_who_looks_while_something_runs(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["running"]
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "step 6 of 9" in said(workspace, AMELIE))
        published = workspace.calls("views.publish")
        await eventually(lambda: workspace.calls("views.publish") > published + 1)


async def test_a_choice_is_remembered_over_a_restart(workspace: Workspace) -> None:
    many = {
        name: replace(target, name=name)
        for target in workspace.engine.operations.targets.values()
        for number in range(6)
        for name in [replace(target.name, app=f"app{number}")]
    }
    workspace.engine.operations = replace(workspace.engine.operations, targets=many)
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "*app3 staging*" in said(workspace, AMELIE))
        view = workspace.server.state.homes[AMELIE]
        await workspace.server.client_actions.click_in_view(AMELIE, view.id, Click("home_filter", value="app:app3"))
        await eventually(lambda: "*app4 staging*" not in said(workspace, AMELIE))
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: json.loads(home(workspace, AMELIE)["private_metadata"]) == {"chosen": "app:app3"})
        assert "*app4 staging*" not in said(workspace, AMELIE)


async def test_looking_again_looks_at_what_was_just_seen(workspace: Workspace) -> None:
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: len(workspace.engine.status_service.refreshed) == 2)
        view = workspace.server.state.homes[AMELIE]
        await workspace.server.client_actions.click_in_view(AMELIE, view.id, Click("home_refresh"))
        await eventually(lambda: len(workspace.engine.status_service.refreshed) == 4)


async def test_a_slack_that_is_busy_is_told_later(workspace: Workspace) -> None:
    async with workspace.app():
        workspace.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "Nothing needs you" in said(workspace, AMELIE))
        workspace.server.faults.calls.append(CallFault("views.publish", FaultEffect.SERVER_ERROR, times=3))
        workspace.engine.put(RUNS["running"])
        await eventually(lambda: "step 6 of 9" in said(workspace, AMELIE))
