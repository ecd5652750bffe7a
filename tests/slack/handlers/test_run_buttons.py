"""The buttons of a run: log, retry, cancel."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.engine.run_changes import Chunk
from bot.playground.client.client_actions import Click
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
    assert "You may not cancel here." in workspace.whispers(BOB)[0]


async def test_a_run_whose_target_is_gone_cannot_be_retried(workspace: Workspace) -> None:
    gone = replace(RUNS["moved"].request, target=TargetName("old", "production"))
    workspace.engine.runs["R-7K3F9Q"] = replace(RUNS["moved"], request=gone)
    async with workspace.app():
        (card,) = await eventually(lambda: workspace.by_type("countersign_run"))
        await workspace.server.client_actions.click(BOB, OPS, card.ts, Click("run_retry"))
        await eventually(lambda: workspace.whispers(BOB))
    assert "`old` has no environment `production`" in workspace.whispers(BOB)[0]
    assert workspace.engine.submitted == []
