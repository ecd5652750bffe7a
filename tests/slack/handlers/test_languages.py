"""Channels are spoken to in one language, and each person alone in that of their Slack."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator

import pytest

from bot.playground import Playground
from bot.playground.workspace.default_workspace import DEFAULT_WORKSPACE
from bot.playground.workspace.workspace import parse_workspace
from tests.slack.support.limits import texts
from tests.slack.support.runs import AMELIE, BOB, OPS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually


@pytest.fixture
async def mixed() -> AsyncIterator[Workspace]:
    """A workspace in which Amélie uses Slack in French, and everybody else in English."""
    content = copy.deepcopy(DEFAULT_WORKSPACE)
    for person in content["users"]:
        person["locale"] = "fr-FR" if person["id"] == AMELIE else "en-US"
    async with Playground(parse_workspace(content)).serve() as server:
        yield Workspace(server)


async def test_a_refusal_is_in_the_language_of_whoever_reads_it(mixed: Workspace) -> None:
    async with mixed.app():
        for user in (AMELIE, BOB):
            await mixed.server.client_actions.command(user, OPS, "/deploy comte production")
        await eventually(lambda: mixed.whispers(AMELIE) and mixed.whispers(BOB))
    assert mixed.whispers(AMELIE)[0].startswith("Application `comte` inconnue.")
    assert mixed.whispers(BOB)[0].startswith("There is no app `comte`.")


async def test_the_card_of_a_channel_is_in_the_language_of_the_channel(mixed: Workspace) -> None:
    async with mixed.app():
        await mixed.server.client_actions.command(AMELIE, OPS, "/deploy compte production")
        await eventually(mixed.channel)
    assert mixed.channel()[0].text.startswith("Deploy compte production")


async def test_an_app_home_and_a_form_are_in_the_language_of_their_person(mixed: Workspace) -> None:
    async with mixed.app():
        homes = mixed.server.state.homes
        for user in (AMELIE, BOB):
            mixed.server.client_actions.open_home(user)
        await eventually(lambda: {AMELIE, BOB} <= set(homes))
        await mixed.server.client_actions.command(AMELIE, OPS, "/deploy")
        await eventually(lambda: mixed.server.state.views)
    titles = {user: texts(homes[user].content["blocks"])[0] for user in (AMELIE, BOB)}
    assert titles == {AMELIE: "✅ Rien à faire pour l'instant", BOB: "✅ Nothing needs you"}
    assert "Déployer" in texts(next(iter(mixed.server.state.views.values())).content["title"])
