"""The anchor of the history in result messages: posted once, never moved, read from the bot's own messages alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.runs.history import Head
from bot.playground.faults import CallFault, FaultEffect
from bot.slack.anchors import SlackAnchors, read_anchors
from bot.slack.render.cards.run.anchor import anchor_in
from bot.slack.transport.gateway import Gateway, build_client, open_session
from tests.slack.support.runs import OPS, RUNS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually

RUN = "R-7K3F9Q"
FIRST, FORGED = Head(41, "5e" * 32), Head(43, "0f" * 32)


@asynccontextmanager
async def connected(workspace: Workspace) -> AsyncIterator[Gateway]:
    async with open_session() as session:
        yield Gateway(build_client("xoxb-playground", workspace.server.api_url, session))


async def read(workspace: Workspace, *channels: str, runs: int = 20) -> SlackAnchors:
    async with connected(workspace) as gateway:
        return await read_anchors(gateway, channels or (OPS,), runs)


async def published(workspace: Workspace, name: str, anchor: Head) -> None:
    workspace.engine.results[RUN] = anchor
    async with workspace.app():
        workspace.engine.put(RUNS[name])
        await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision)


def result(workspace: Workspace) -> Any:
    (message,) = workspace.by_type("countersign_result")
    return message.metadata["event_payload"]


async def test_a_result_is_anchored_and_read_again(workspace: Workspace) -> None:
    await published(workspace, "succeeded", FIRST)
    assert result(workspace)["history"] == {"sequence": 41, "hash": FIRST.hash}
    found = await read(workspace)
    assert [(anchor.head, anchor.source) for anchor in found.anchors] == [(FIRST, "Slack")]
    assert found.unread == {}


async def test_no_edit_moves_an_anchor(workspace: Workspace) -> None:
    await published(workspace, "needs_human", FIRST)
    await published(workspace, "succeeded", FORGED)
    assert result(workspace)["state"] == "succeeded"
    assert anchor_in(result(workspace)) == FIRST
    edits = workspace.calls("chat.update")
    await published(workspace, "succeeded", FORGED)
    assert workspace.calls("chat.update") == edits, "what is shown is not edited again"


async def test_a_result_of_an_earlier_version_gets_its_anchor(workspace: Workspace) -> None:
    async with workspace.app():
        workspace.engine.put(RUNS["needs_human"])
        await eventually(lambda: workspace.messages.published.get(RUN) == 1)
    assert "history" not in result(workspace)
    await published(workspace, "succeeded", FIRST)
    assert anchor_in(result(workspace)) == FIRST


@pytest.mark.parametrize("author", [{"bot_id": "B0OTHER"}, {"bot_id": "", "user": "U0BOB"}])
async def test_what_others_post_is_no_anchor(workspace: Workspace, author: dict[str, str]) -> None:
    await published(workspace, "succeeded", FIRST)
    (message,) = workspace.by_type("countersign_result")
    messages = workspace.server.state.conversation(OPS).messages
    messages[message.ts] = replace(message, **author)
    assert (await read(workspace)).anchors == ()


async def test_only_so_many_runs_are_read(workspace: Workspace) -> None:
    await published(workspace, "succeeded", FIRST)
    async with connected(workspace) as gateway:
        card = {"event_type": "countersign_run", "event_payload": {"run": "R-222222"}}
        await gateway.client.chat_postMessage(channel=OPS, text="newer", metadata=card)
    assert (await read(workspace, runs=1)).anchors == ()
    assert len((await read(workspace, runs=2)).anchors) == 1


async def test_a_channel_that_cannot_be_read_is_named(workspace: Workspace) -> None:
    await published(workspace, "succeeded", FIRST)
    workspace.server.faults.calls.append(
        CallFault("conversations.history", FaultEffect.ERROR, 1, error="missing_scope")
    )
    found = await read(workspace)
    assert (found.anchors, found.unread) == ((), {OPS: "missing_scope"})
    workspace.server.faults.calls.append(CallFault("auth.test", FaultEffect.ERROR, 1, error="invalid_auth"))
    assert (await read(workspace)).unread == {"": "invalid_auth"}


@pytest.mark.parametrize("said", [None, "41", {}, {"sequence": "41", "hash": "x"}, {"sequence": 41, "hash": None}])
def test_what_is_no_anchor(said: object) -> None:
    assert anchor_in({"history": said}) is None


def test_a_server_that_has_one_kind_of_number() -> None:
    assert anchor_in({"history": {"sequence": 41.0, "hash": FIRST.hash}}) == FIRST
