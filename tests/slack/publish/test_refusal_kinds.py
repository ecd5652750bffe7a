"""Each kind of Slack's refusals, by the names that Slack documents: what is tried, who is told, and where it shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.engine.ports import Occasion, ReactionsUnavailableError
from bot.engine.run_changes import Chunk
from bot.playground.faults import CallFault, FaultEffect
from bot.slack.publish.delivery import lesser
from bot.slack.render.message import message, section
from bot.slack.transport.login import FATAL
from tests.slack.support.runs import AMELIE, OPS, RUNS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually

RUN = "R-7K3F9Q"
FULL = message("said", (section("said"),), "countersign_run", {"run": RUN}, announced=True)


def refuse(workspace: Workspace, method: str, error: str, times: int | None = None) -> None:
    workspace.server.faults.calls.append(CallFault(method, FaultEffect.ERROR, times, error=error))


def direct(workspace: Workspace, user: str = AMELIE) -> list[str]:
    return [item.text for item in workspace.server.state.conversation(user).messages.values()]


@pytest.mark.parametrize(
    "error",
    [
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_too_large",
        "metadata_must_be_sent_from_app",
        "invalid_arguments",
        "invalid_json",
        "cant_broadcast_message",
        "restricted_action_thread_only_channel",
        "an_error_that_slack_names_tomorrow",
    ],
)
def test_what_may_be_about_the_contents_is_sent_with_less(error: str) -> None:
    parts = lesser(FULL, error)
    assert parts
    assert FULL not in parts
    assert all(part.text == FULL.text for part in parts)


@pytest.mark.parametrize(
    "error",
    [
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "channel_is_archived",
        "is_inactive",
        "restricted_action_read_only_channel",
        "message_limit_exceeded",
        "ekm_access_denied",
        "user_is_restricted",
        "messages_tab_disabled",
        "team_access_not_granted",
        *sorted(FATAL),
    ],
)
def test_what_is_not_about_the_contents_is_sent_once(error: str) -> None:
    assert lesser(replace(FULL, announced=False), error) == ()


@pytest.mark.parametrize("error", ["not_in_channel", "channel_not_found", "is_inactive", "account_inactive"])
async def test_a_channel_that_closes_in_the_middle_of_a_run_shows_and_its_requester_is_told_once(
    workspace: Workspace, error: str
) -> None:
    """The bot is taken out while the run waits: every edit and every post is refused from then on."""
    async with workspace.app() as app:
        workspace.engine.put(RUNS["awaiting_approval"])
        await eventually(lambda: workspace.messages.published.get(RUN))
        for method in ("chat.update", "chat.postMessage"):
            workspace.server.faults.calls.append(CallFault(method, FaultEffect.ERROR, None, error=error, channel=OPS))
        workspace.engine.put(RUNS["running"])
        workspace.engine.put(RUNS["succeeded"])
        await eventually(lambda: direct(workspace))
        await eventually(lambda: app.unreachable_channels == {OPS: error})
        # The outcome comes last: by then each of the others was refused.
        await eventually(lambda: refused(workspace, "countersign_result"))
        told = direct(workspace)
        assert len(told) == 1
        assert error in told[0]
        workspace.server.faults.clear()
        await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision, 15)
        assert app.unreachable_channels == {}
        assert len(direct(workspace)) == 1


def refused(workspace: Workspace, event_type: str) -> bool:
    """Whether a message of a type was refused."""
    return any(
        (call.arguments.get("metadata") or {}).get("event_type") == event_type and not call.ok
        for call in workspace.server.api.log
    )


@pytest.mark.parametrize("error", ["cannot_reply_to_message", "thread_not_found"])
async def test_a_card_that_takes_no_replies_is_not_asked_for_ever(workspace: Workspace, error: str) -> None:
    """The card is there and can be edited, but Slack takes no reply to it."""
    async with workspace.app():
        workspace.engine.put(RUNS["queued"])
        await eventually(lambda: workspace.messages.published.get(RUN))
        for method in ("chat.postMessage", "chat.postEphemeral"):
            workspace.server.faults.calls.append(CallFault(method, FaultEffect.ERROR, None, error=error, channel=OPS))
        before = workspace.calls("chat.postMessage")
        workspace.engine.put(RUNS["preparing"])
        (told,) = await eventually(lambda: direct(workspace))
        assert error in told
        assert workspace.calls("chat.postMessage") - before <= 6
        workspace.server.faults.clear()
        await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision, 15)
    assert len(workspace.by_type("countersign_run")) == 1
    assert workspace.by_type("countersign_progress")


async def test_a_log_that_slack_refuses_is_said_in_the_thread(workspace: Workspace) -> None:
    refuse(workspace, "files.getUploadURLExternal", "file_uploads_disabled")
    workspace.engine.outputs[RUN] = (Chunk("migrate", "web1", 1, 0, b"DONE\n"),)
    async with workspace.app():
        workspace.engine.put(RUNS["succeeded"])
        await eventually(lambda: workspace.messages.published.get(RUN) == workspace.engine.runs[RUN].revision)
    (told,) = [item.text for item in workspace.thread() if "file_uploads_disabled" in item.text]
    assert "the log" in told
    assert f"countersign runs show {RUN}" in told


@pytest.mark.parametrize("error", ["missing_scope", "not_in_channel", "no_permission"])
async def test_reactions_that_cannot_be_read_are_said_in_the_thread_once(workspace: Workspace, error: str) -> None:
    """Else people react, and nothing happens."""
    async with workspace.app() as app:
        workspace.engine.put(RUNS["awaiting_approval"])
        await eventually(lambda: workspace.messages.published.get(RUN))
        refuse(workspace, "reactions.get", error)
        for _ in range(2):
            with pytest.raises(ReactionsUnavailableError):
                await app.reaction_reader.reactions(RUNS["awaiting_approval"], Occasion.EVENT)
        (told,) = await eventually(lambda: [text for text in said(workspace) if error in text])
        assert "no reaction counts" in told
        workspace.server.faults.clear()
        assert await app.reaction_reader.reactions(RUNS["awaiting_approval"], Occasion.EVENT) is not None
    assert len([text for text in said(workspace) if error in text]) == 1


def said(workspace: Workspace) -> list[str]:
    return [item.text for item in workspace.thread()]
