"""The votes on a message, read from Slack when they are needed; a failure is never a vote."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.engine.ports import Occasion, ReactionsUnavailableError
from bot.playground.faults import CallFault, FaultEffect
from bot.slack import SlackApp
from tests.slack.support.runs import BOB, OPS, RUNS
from tests.slack.support.workspace import Workspace, posted_approval
from tests.support.polling import eventually


async def test_own_seeds_are_no_events_and_no_votes(workspace: Workspace) -> None:
    workspace.engine.runs["R-7K3F9Q"] = RUNS["awaiting_approval"]
    async with workspace.app() as app:
        approval = await posted_approval(workspace)
        await eventually(lambda: set(approval.reactions) == {"white_check_mark", "x"})
        assert await app.reaction_reader.reactions(RUNS["awaiting_approval"], Occasion.EVENT) == {}
        workspace.server.client_actions.react(BOB, OPS, approval.ts, "thumbsup::skin-tone-3")
        votes = await app.reaction_reader.reactions(RUNS["awaiting_approval"], Occasion.EVENT)
        assert {user: {str(meaning) for meaning in found} for user, found in votes.items()} == {BOB: {"approve"}}


@pytest.fixture
async def app(workspace: Workspace) -> AsyncIterator[SlackApp]:
    async with workspace.app() as opened:
        yield opened


async def test_reactions_that_cannot_be_read_decide_nothing(workspace: Workspace, app: SlackApp) -> None:
    workspace.engine.put(RUNS["awaiting_approval"])
    await eventually(lambda: workspace.messages.published)
    workspace.server.faults.calls.append(CallFault("reactions.get", FaultEffect.SERVER_ERROR, None))
    with pytest.raises(ReactionsUnavailableError):
        await app.reaction_reader.reactions(RUNS["awaiting_approval"], Occasion.EVENT)


async def test_a_request_that_is_not_posted_has_no_reactions(app: SlackApp) -> None:
    assert await app.reaction_reader.reactions(RUNS["awaiting_approval"], Occasion.EVENT) == {}
