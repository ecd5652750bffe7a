"""Slash commands: carried out once, and answered to whoever typed them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.request import DeployOptions, Request
from bot.domain.targets.migration_report import MigrationReport
from bot.playground.events.sockets import Outcome
from bot.playground.faults import CallFault, FaultEffect
from tests.slack.support.runs import AMELIE, OPS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually


async def test_a_command_becomes_one_run_and_is_acknowledged_with_nothing(workspace: Workspace) -> None:
    async with workspace.app():
        delivery = await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        assert (delivery.outcome, delivery.payload) == (Outcome.ACKED, {})
        await eventually(lambda: workspace.channel())
    assert [request.origin.user for request in workspace.engine.submitted] == [AMELIE]
    assert len(workspace.channel()) == 1


async def test_a_command_that_waited_too_long_is_answered_and_not_done(workspace: Workspace) -> None:
    workspace.clock.held = datetime.now(UTC) - timedelta(hours=1)
    async with workspace.app() as app:
        await app._worker.aclose()
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
    workspace.clock.held = None
    async with workspace.app():
        await eventually(lambda: workspace.whispers(AMELIE))
    assert workspace.engine.submitted == []
    assert "Nothing was started" in workspace.whispers(AMELIE)[0]


async def test_bad_words_are_answered_to_the_person_alone(workspace: Workspace) -> None:
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy comte production")
        await eventually(lambda: workspace.whispers(AMELIE))
    assert workspace.whispers(AMELIE) == [
        "There is no app `comte`.\nDid you mean `compte`? The apps here: compte.\nNothing was started."
    ]
    assert workspace.channel() == []


async def test_a_refusal_of_the_engine_arrives_even_where_the_response_url_fails(workspace: Workspace) -> None:
    workspace.engine.refuses = RefusedError(problem(Reason.NOT_ALLOWED, action="deploy", people="engineers"))
    workspace.server.faults.calls.append(CallFault("response_url", FaultEffect.SERVER_ERROR))
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        await eventually(lambda: workspace.whispers(AMELIE))
    assert workspace.whispers(AMELIE) == ["You can't deploy here.\nAsk one of: engineers.\nNothing was done."]


async def test_an_answer_that_slack_takes_nowhere_else_is_a_direct_message(workspace: Workspace) -> None:
    """The bot is not in the channel, and the `response_url` does not work either."""
    workspace.engine.refuses = RefusedError(problem(Reason.NOT_IN_CHANNEL, channel=OPS, bot=""))
    for method, error in (("response_url", "expired_url"), ("chat.postEphemeral", "not_in_channel")):
        workspace.server.faults.calls.append(CallFault(method, FaultEffect.ERROR, None, error=error))
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        direct = workspace.server.state.conversation(AMELIE).messages
        await eventually(lambda: direct)
    (told,) = direct.values()
    assert "Nothing was started" in told.text


async def test_an_answer_whose_blocks_are_refused_is_sent_as_text(workspace: Workspace) -> None:
    """Slack may say so with status 200."""
    workspace.server.faults.calls.append(CallFault("response_url", FaultEffect.ERROR, 1, error="invalid_blocks"))
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy comte production")
        (said,) = await eventually(lambda: [item for item in workspace.server.state.ephemerals if item.user == AMELIE])
    assert "There is no app" in said.text
    assert not said.blocks


async def test_words_missing_open_a_form_whose_errors_stand_at_the_field(workspace: Workspace) -> None:
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy")
        views = workspace.server.state.views
        view = await eventually(lambda: [item for item in views.values() if item.content.get("submit")])
        filled = {"target": {"target": "compte staging"}, "ref": {"ref": "a..b"}}
        errors = await workspace.server.client_actions.submit(AMELIE, view[0].id, filled)
        assert set(errors) == {"ref"}
        assert "a..b can't be a branch" in errors["ref"]
        assert workspace.engine.submitted == []
        filled["ref"]["ref"] = "v2.4.0"
        filled["options"] = {"options": ["--dry-run"]}
        assert await workspace.server.client_actions.submit(AMELIE, view[0].id, filled) == {}
        await eventually(lambda: workspace.channel())
    (request,) = workspace.engine.submitted
    assert (str(request.target), request.options) == ("compte staging", DeployOptions("v2.4.0", dry_run=True))
    assert (request.origin.user, request.origin.channel) == (AMELIE, OPS)


async def test_a_command_that_fails_inside_is_settled_and_said_so(workspace: Workspace) -> None:
    async def fails(request: object) -> None:
        raise RuntimeError(str(request))

    workspace.engine.submit = fails
    async with workspace.app() as app:
        app._worker._pause = 0.01
        await workspace.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        await eventually(lambda: workspace.inbox.settled)
    assert "Something went wrong in the bot" in workspace.whispers(AMELIE)[0]


async def test_a_command_that_reads_says_so_at_once_and_is_answered_in_its_place(workspace: Workspace) -> None:
    reading = asyncio.Event()

    async def report(request: Request) -> MigrationReport:
        await reading.wait()
        raise RefusedError(problem(Reason.NO_MIGRATIONS, target=str(request.target), missing="database"))

    workspace.engine.migration_report = report
    async with workspace.app():
        delivery = await workspace.server.client_actions.command(AMELIE, OPS, "/migrate-status compte staging")
        assert "Reading compte staging" in delivery.payload["text"]
        assert workspace.whispers(AMELIE) == [delivery.payload["text"]]
        reading.set()
        (answer,) = await eventually(
            lambda: [text for text in workspace.whispers(AMELIE) if "Reading compte" not in text]
        )
    assert workspace.whispers(AMELIE) == [answer]
    assert "has no database" in answer


async def test_words_that_are_wrong_are_not_called_being_read(workspace: Workspace) -> None:
    async with workspace.app():
        delivery = await workspace.server.client_actions.command(AMELIE, OPS, "/migrate-status compte prodution")
        assert delivery.payload == {}
        (answer,) = await eventually(lambda: workspace.whispers(AMELIE))
    assert "prodution" in answer


@pytest.mark.parametrize("word", ["help", "--help", "?"])
async def test_help_behind_a_command_explains_it_and_starts_nothing(workspace: Workspace, word: str) -> None:
    async with workspace.app():
        await workspace.server.client_actions.command(AMELIE, OPS, f"/rollback {word}")
        [answer] = await eventually(lambda: workspace.whispers(AMELIE))
    assert answer.startswith("*/rollback*")
    assert "APP ENV" in answer
    assert workspace.engine.submitted == []
