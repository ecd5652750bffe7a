"""Reactions wake the runs that they may be about."""

from __future__ import annotations

from dataclasses import replace

from tests.slack.support.runs import BOB, OPS, RUNS
from tests.slack.support.workspace import Workspace, posted_approval
from tests.support.polling import eventually


async def test_a_reaction_nudges_its_run(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with workspace.app():
        approval = await posted_approval(workspace)
        workspace.engine.woken.clear()
        workspace.server.client_actions.react(BOB, OPS, approval.ts, "thumbsup::skin-tone-3")
        await eventually(lambda: workspace.engine.woken == ["R-7K3F9Q"])
        workspace.server.client_actions.unreact(BOB, OPS, approval.ts, "thumbsup::skin-tone-3")
        await eventually(lambda: workspace.engine.woken == ["R-7K3F9Q"] * 2)


async def test_a_reaction_to_a_message_whose_ts_is_not_stored_yet_nudges_all_that_wait_in_the_channel(
    workspace: Workspace,
) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    elsewhere = replace(RUNS["awaiting_approval"].request, origin=replace(RUNS["queued"].request.origin, channel="C0X"))
    async with workspace.app():
        await posted_approval(workspace)
        workspace.engine.runs["R-000002"] = replace(RUNS["awaiting_approval"], id="R-000002", request=elsewhere)
        workspace.engine.woken.clear()
        posted = workspace.server.client_actions.write(BOB, OPS, "hello")
        workspace.server.client_actions.react(BOB, OPS, posted.ts, "white_check_mark")
        await eventually(lambda: workspace.engine.woken == ["R-7K3F9Q"])


async def test_reactions_made_while_nothing_was_connected_are_read_when_it_is_again(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with workspace.app() as app:
        await posted_approval(workspace)
        workspace.engine.woken.clear()
        workspace.server.sockets.drop_all()
        await eventually(lambda: workspace.engine.woken and workspace.server.sockets.count == 2)
        await eventually(lambda: app.connected)
