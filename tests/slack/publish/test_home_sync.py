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
from bot.playground.faults import CallFault, Effect
from bot.slack.publish import home_sync
from tests.slack.support.fake_engine import Workspace
from tests.slack.support.limits import texts
from tests.slack.support.runs import AMELIE, BEHIND_GATE, BOB, NOOR, RUNS, rows, run
from tests.support.polling import eventually


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_sync, "MIN_PUBLISH_SECONDS", 0.05)
    monkeypatch.setattr(home_sync, "BEAT_SECONDS", 0.3)
    monkeypatch.setattr(home_sync, "_POLL_SECONDS", 0.3)


def home(world: Workspace, user: str) -> dict[str, Any]:
    view = world.server.state.homes.get(user)
    return view.content if view is not None else {"blocks": []}


def said(world: Workspace, user: str) -> str:
    return "\n".join(texts(home(world, user)["blocks"]))


async def test_who_opens_it_sees_at_once_how_things_stand_and_targets_are_looked_at(world: Workspace) -> None:
    async with world.room():
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "*compte production*" in said(world, AMELIE))
        await eventually(lambda: world.front.status_service.looked)
    assert "Nothing needs you" in said(world, AMELIE)
    assert world.homes.rows[AMELIE].chosen == ""


async def test_what_changes_is_shown_to_who_opened_theirs_and_links_to_its_thread(world: Workspace) -> None:
    async with world.room():
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "Nothing needs you" in said(world, AMELIE))
        world.front.put(RUNS["running"])
        await eventually(lambda: "step 6 of 9" in said(world, AMELIE))
        await eventually(lambda: "archives/C0OPS/p" in json.dumps(home(world, AMELIE)))
        world.front.put(RUNS["succeeded"])
        await eventually(lambda: "Going on now" not in said(world, AMELIE))


async def test_an_approver_who_never_opened_it_finds_the_request_there_and_it_goes_again(world: Workspace) -> None:
    async with world.room():
        world.front.put(RUNS["awaiting_approval"])
        await eventually(lambda: "1 thing needs you" in said(world, BOB))
        assert NOOR not in world.server.state.homes
        world.front.put(RUNS["succeeded"])
        await eventually(lambda: "Nothing needs you" in said(world, BOB))


async def test_many_changes_are_few_publications(world: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_sync, "MIN_PUBLISH_SECONDS", 1.0)
    async with world.room():
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "Nothing needs you" in said(world, AMELIE))
        for number in range(40):
            row = {"state": StepState.RUNNING, "tail": f"line {number}"}
            world.front.put(run(RunState.RUNNING, steps=rows(number % 8, **row), **BEHIND_GATE))
        world.front.put(RUNS["needs_human"])
        await eventually(lambda: "needs a decision" in said(world, AMELIE))
    assert world.calls("views.publish") <= 4


async def test_nothing_is_published_again_while_nothing_happens(world: Workspace) -> None:
    world.homes.rows[NOOR] = Viewer(NOOR, "", datetime.now(UTC) - timedelta(days=1))
    async with world.room() as room:
        await eventually(lambda: "Nothing needs you" in said(world, NOOR))
        published = world.calls("views.publish")
        for _ in range(3):
            room.run_observer.run_changed("R-7K3F9Q")
            await eventually(lambda: not room._home_sync._updates._woken.is_set())
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "Nothing needs you" in said(world, AMELIE))
        assert world.calls("views.publish") <= published + 2


async def test_time_goes_on_for_who_looks_while_something_runs(world: Workspace) -> None:
    world.front.runs["R-7K3F9Q"] = RUNS["running"]
    async with world.room():
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "step 6 of 9" in said(world, AMELIE))
        published = world.calls("views.publish")
        await eventually(lambda: world.calls("views.publish") > published + 1)


async def test_a_choice_is_remembered_over_a_restart(world: Workspace) -> None:
    many = {
        name: replace(target, name=name)
        for target in world.front.operations.targets.values()
        for number in range(6)
        for name in [replace(target.name, app=f"app{number}")]
    }
    world.front.operations = replace(world.front.operations, targets=many)
    async with world.room():
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "*app3 staging*" in said(world, AMELIE))
        view = world.server.state.homes[AMELIE]
        await world.server.client_actions.click_in_view(AMELIE, view.id, Click("home_filter", value="app:app3"))
        await eventually(lambda: "*app4 staging*" not in said(world, AMELIE))
    async with world.room():
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: json.loads(home(world, AMELIE)["private_metadata"]) == {"chosen": "app:app3"})
        assert "*app4 staging*" not in said(world, AMELIE)


async def test_looking_again_looks_at_what_was_just_seen(world: Workspace) -> None:
    async with world.room():
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: len(world.front.status_service.looked) == 2)
        view = world.server.state.homes[AMELIE]
        await world.server.client_actions.click_in_view(AMELIE, view.id, Click("home_refresh"))
        await eventually(lambda: len(world.front.status_service.looked) == 4)


async def test_a_slack_that_is_busy_is_told_later(world: Workspace) -> None:
    async with world.room():
        world.server.client_actions.open_home(AMELIE)
        await eventually(lambda: "Nothing needs you" in said(world, AMELIE))
        world.server.faults.calls.append(CallFault("views.publish", Effect.SERVER_ERROR, times=3))
        world.front.put(RUNS["running"])
        await eventually(lambda: "step 6 of 9" in said(world, AMELIE))
