"""The buttons of a run: log, retry, cancel."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.runs.request import (
    NO_EXCEPTIONS,
    Decision,
    DeployOptions,
    PolicyExceptions,
    RestoreBackup,
    RollbackOptions,
)
from bot.domain.runs.run import Run
from bot.domain.targets.order import After
from bot.domain.targets.target import Operations
from bot.engine.run_changes import Chunk
from bot.playground.block_kit.blocks import check_view
from bot.playground.client.client_actions import Click
from bot.playground.faults import CallFault, FaultEffect
from bot.slack.forms.reasons import reasons_view
from bot.slack.publish.replies import Sender
from tests.slack.support.dashboards import home_scene
from tests.slack.support.runs import AMELIE, BOB, OPS, RUNS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually


async def test_buttons(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["moved"]
    text = b"one\ntwo <!channel> hunter2-production\n"
    workspace.engine.outputs["R-7K3F9Q"] = (Chunk("fetch", "web1", 1, 0, text),)
    async with workspace.app():
        (card,) = await eventually(lambda: workspace.by_type("countersign_run"))
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_log"))
        await eventually(lambda: workspace.whispers(BOB))
        assert "two &lt;!channel&gt; ***" in workspace.whispers(BOB)[0]
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_retry"))
        await eventually(lambda: workspace.engine.submitted)
        assert workspace.engine.submitted[0].origin.user == BOB
        assert workspace.engine.submitted[0].target == RUNS["moved"].request.target
        assert workspace.engine.submitted[0].origin.event != RUNS["moved"].request.origin.event


async def test_cancel_and_its_refusal(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with workspace.app():
        (card,) = await eventually(lambda: workspace.by_type("countersign_run"))
        await workspace.server.client_actions.click(AMELIE, OPS, card.ts, Click("run_cancel"))
        await eventually(lambda: workspace.engine.cancelled == [("R-7K3F9Q", AMELIE)])
        workspace.engine.refuses = RefusedError(problem(Reason.NOT_ALLOWED, action="cancel", people="releasers"))
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_cancel"))
        await eventually(lambda: workspace.whispers(BOB))
    assert "You can't cancel this run here." in workspace.whispers(BOB)[0]


async def test_a_run_whose_target_is_gone_cannot_be_retried(workspace: Workspace) -> None:
    gone = replace(RUNS["moved"].request, target=TargetName("old", "production"))
    workspace.engine.runs["R-7K3F9Q"] = replace(RUNS["moved"], request=gone)
    async with workspace.app():
        (card,) = await eventually(lambda: workspace.by_type("countersign_run"))
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_retry"))
        await eventually(lambda: workspace.whispers(BOB))
    assert "`old` has no environment `production`" in workspace.whispers(BOB)[0]
    assert workspace.engine.submitted == []


def ordered(operations: Operations, name: TargetName) -> Operations:
    """Operations with an environment that takes only what was verified in the target."""
    after = After(name.environment, timedelta(days=7))
    following = replace(operations.targets[name], name=TargetName(name.app, "live"), after=after)
    return replace(operations, targets={**operations.targets, following.name: following})


async def test_a_verified_commit_is_promoted_by_who_presses(workspace: Workspace) -> None:
    done = replace(RUNS["succeeded"], request=RUNS["succeeded"].request.with_exceptions(FIRE))
    assert done.plan is not None
    workspace.engine.operations = ordered(workspace.engine.operations, done.request.target)
    workspace.engine.runs["R-7K3F9Q"] = done
    async with workspace.app():
        (card,) = await eventually(lambda: workspace.by_type("countersign_result"))
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_promote:live"))
        await eventually(lambda: workspace.engine.submitted)
        workspace.engine.operations = replace(workspace.engine.operations, targets={})
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_promote:live"))
        await eventually(lambda: workspace.whispers(BOB))
    (asked,) = workspace.engine.submitted
    assert (asked.target, asked.origin.user) == (TargetName("compte", "live"), BOB)
    assert asked.options == DeployOptions(str(done.plan.sha))
    assert asked.typed == f"/deploy compte live {done.plan.sha}"
    assert "`live`" in workspace.whispers(BOB)[0]


FIRE = PolicyExceptions(emergency="fire")
PAID = PolicyExceptions(during_freeze="paid")


def excepted(name: str, exceptions: PolicyExceptions) -> Run:
    """A run of an exception from the policy."""
    found = RUNS[name]
    typed = f"/deploy compte production{exceptions.typed}"
    return replace(found, request=replace(found.request.with_exceptions(exceptions), typed=typed))


async def opened(workspace: Workspace, user: str = BOB) -> Any:
    """Wait for the form."""
    return await eventually(
        lambda: next((view for view in workspace.server.state.views.values() if view.user == user), None)
    )


@pytest.mark.parametrize(
    ("first", "field", "given"),
    [
        (FIRE, "emergency", PolicyExceptions(emergency="it still burns")),
        (FIRE, "emergency", NO_EXCEPTIONS),
        (PAID, "during_freeze", PolicyExceptions(during_freeze="it still burns")),
        (PAID, "during_freeze", NO_EXCEPTIONS),
    ],
)
async def test_a_retry_of_an_exception_asks_for_the_reason_again(
    workspace: Workspace, first: PolicyExceptions, field: str, given: PolicyExceptions
) -> None:
    workspace.engine.runs["R-7K3F9Q"] = excepted("moved", first)
    async with workspace.app():
        (card,) = await eventually(lambda: workspace.by_type("countersign_run"))
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_retry"))
        view = await opened(workspace)
        assert [block["block_id"] for block in view.content["blocks"] if block["type"] == "input"] == [field]
        assert "initial_value" not in str(view.content)
        assert workspace.engine.submitted == []
        filled = {field: {field: " it still burns "}} if given != NO_EXCEPTIONS else {}
        assert await workspace.server.client_actions.submit(BOB, view.id, filled) == {}
        await eventually(lambda: workspace.engine.submitted)
    [request] = workspace.engine.submitted
    assert isinstance(request.options, DeployOptions)
    assert request.exceptions == given
    assert request.typed == f"retry R-7K3F9Q{given.typed}"
    assert (request.origin.user, request.origin.channel) == (BOB, OPS)


@pytest.mark.parametrize("given", [PolicyExceptions(emergency="it still burns"), NO_EXCEPTIONS])
async def test_a_decision_about_an_emergency_asks_for_the_reason_again(
    workspace: Workspace, given: PolicyExceptions
) -> None:
    workspace.engine.runs["R-7K3F9Q"] = excepted("needs_human", FIRE)
    async with workspace.app():
        (result,) = await eventually(lambda: workspace.by_type("countersign_result"))
        await workspace.server.client_actions.click(BOB, OPS, result.ts, Click("run_resume_retry"))
        view = await opened(workspace)
        assert workspace.engine.decided == []
        filled = {"emergency": {"emergency": given.emergency}} if given.emergency else {}
        assert await workspace.server.client_actions.submit(BOB, view.id, filled) == {}
        await eventually(lambda: workspace.engine.decided)
    [(run, decision, origin, exceptions)] = workspace.engine.decided
    assert (run, decision, origin.user, exceptions) == ("R-7K3F9Q", Decision.RETRY, BOB, given)


async def test_the_way_back_from_an_emergency_is_one_only_with_a_reason_of_its_own(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = excepted("succeeded", FIRE)
    async with workspace.app():
        (result,) = await eventually(lambda: workspace.by_type("countersign_result"))
        await workspace.server.client_actions.click(BOB, OPS, result.ts, Click("run_rollback"))
        view = await opened(workspace)
        await workspace.server.client_actions.submit(BOB, view.id, {"emergency": {"emergency": "worse"}})
        await eventually(lambda: workspace.engine.submitted)
    [request] = workspace.engine.submitted
    assert request.options == RollbackOptions(exceptions=PolicyExceptions(emergency="worse"))
    assert request.typed == "/rollback compte production --emergency worse"


async def test_the_refusal_of_a_form_is_answered(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = excepted("moved", FIRE)
    async with workspace.app():
        (card,) = await eventually(lambda: workspace.by_type("countersign_run"))
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_retry"))
        view = await opened(workspace)
        workspace.engine.refuses = RefusedError(problem(Reason.FROZEN, why="stock taking"))
        await workspace.server.client_actions.submit(BOB, view.id, {})
        await eventually(lambda: workspace.whispers(BOB))
    assert "Changes are frozen: stock taking" in workspace.whispers(BOB)[0]
    assert "Run the command again when the freeze is over" in workspace.whispers(BOB)[0]
    assert workspace.engine.submitted == []


def test_slack_takes_the_form_of_every_exception() -> None:
    for run in (excepted("moved", FIRE), excepted("moved", PAID), excepted("moved", PolicyExceptions("paid", "fire"))):
        assert check_view(reasons_view(run, "run_retry", Sender(BOB, OPS), home_scene())) == []
    restore = replace(RUNS["moved"].request, options=RestoreBackup("B-20251117-7K3F9Q", FIRE))
    assert (
        check_view(reasons_view(replace(RUNS["moved"], request=restore), "run_retry", Sender(BOB, OPS), home_scene()))
        == []
    )


async def test_a_form_that_cannot_be_opened_is_answered_and_starts_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.engine.runs["R-7K3F9Q"] = excepted("moved", FIRE)
    monkeypatch.setattr(workspace.server.state.triggers, "hand_out", lambda *about: "expired")
    async with workspace.app():
        (card,) = await eventually(lambda: workspace.by_type("countersign_run"))
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_retry"))
        await eventually(lambda: workspace.whispers(BOB))
    assert "could not be opened" in workspace.whispers(BOB)[0]
    assert workspace.engine.submitted == []


async def test_a_refusal_to_a_button_in_a_thread_stands_in_that_thread(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["needs_human"]
    workspace.engine.refuses = RefusedError(problem(Reason.LOCKED))
    async with workspace.app():
        (result,) = await eventually(lambda: workspace.by_type("countersign_result"))
        await workspace.server.client_actions.click(BOB, OPS, result.ts, Click("run_resume_retry"))
        (answer,) = await eventually(lambda: workspace.server.state.ephemerals)
    assert answer.thread_ts == result.thread_ts


async def test_a_refusal_to_the_card_stands_in_the_channel(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["needs_human"]
    workspace.engine.refuses = RefusedError(problem(Reason.LOCKED))
    async with workspace.app():
        (card,) = await eventually(lambda: workspace.by_type("countersign_run"))
        await eventually(lambda: workspace.thread())
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_cancel"))
        (answer,) = await eventually(lambda: workspace.server.state.ephemerals)
    assert answer.thread_ts is None


async def test_the_response_url_is_taken_where_an_ephemeral_message_is_refused(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["needs_human"]
    workspace.engine.refuses = RefusedError(problem(Reason.LOCKED))
    workspace.server.faults.calls.append(
        CallFault("chat.postEphemeral", FaultEffect.ERROR, None, error="not_in_channel")
    )
    async with workspace.app():
        (result,) = await eventually(lambda: workspace.by_type("countersign_result"))
        await workspace.server.client_actions.click(BOB, OPS, result.ts, Click("run_resume_retry"))
        (answer,) = await eventually(lambda: workspace.server.state.ephemerals)
    assert workspace.calls("response_url") == 1
    assert answer.thread_ts == result.thread_ts
