"""Who people are: only what Slack says now counts, and a failure is never a yes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from ruamel.yaml import YAML

from bot.domain.secrets import Secret
from bot.engine.ports import ReactionsUnavailableError
from bot.playground.faults import CallFault, Effect
from bot.slack import SlackApp, SlackLoginRefusedError
from bot.slack.doctor import examine, judge_scopes
from bot.slack.manifest import REQUIRED, SCOPES, manifest
from bot.slack.transport.directory import SlackDirectory
from tests.slack.support.fake_engine import DeploySpec, Workspace
from tests.slack.support.runs import AMELIE, BOB, RUNS
from tests.support.polling import eventually


@pytest.fixture
async def room(world: Workspace) -> AsyncIterator[SlackApp]:
    async with world.room() as opened:
        yield opened


async def test_members_of_groups_and_humans(room: SlackApp) -> None:
    roster = await room.directory.roster(frozenset({AMELIE, BOB, "U0COUNTER"}), frozenset({"S0RELEASE"}))
    assert roster.members == {"S0RELEASE": frozenset({BOB})}
    assert roster.humans == {AMELIE, BOB}
    assert roster.others == {"U0COUNTER"}


async def test_what_cannot_be_looked_up_is_missing_and_asked_again(world: Workspace, room: SlackApp) -> None:
    world.server.faults.calls += [
        CallFault("users.info", Effect.ERROR, 1, error="user_not_found"),
        CallFault("usergroups.users.list", Effect.SERVER_ERROR, 2),
    ]
    roster = await room.directory.roster(frozenset({BOB}), frozenset({"S0RELEASE"}))
    assert (roster.members, roster.humans, roster.others) == ({}, frozenset(), frozenset())
    roster = await room.directory.roster(frozenset({BOB}), frozenset({"S0RELEASE"}))
    assert (roster.humans, roster.members) == ({BOB}, {"S0RELEASE": frozenset({BOB})})


async def test_a_look_up_is_believed_for_a_while(world: Workspace, room: SlackApp) -> None:
    for _ in range(3):
        await room.directory.roster(frozenset({BOB}), frozenset({"S0RELEASE"}))
    assert world.calls("usergroups.users.list") == 1


async def test_reactions_that_cannot_be_read_decide_nothing(world: Workspace, room: SlackApp) -> None:
    world.front.put(RUNS["awaiting_approval"])
    await eventually(lambda: world.messages.published)
    world.server.faults.calls.append(CallFault("reactions.get", Effect.SERVER_ERROR, None))
    with pytest.raises(ReactionsUnavailableError):
        await room.reaction_reader.reactions(RUNS["awaiting_approval"])


async def test_a_request_that_is_not_posted_has_no_reactions(room: SlackApp) -> None:
    assert await room.reaction_reader.reactions(RUNS["awaiting_approval"]) == {}


async def test_a_token_that_slack_refuses_is_said_so(world: Workspace) -> None:
    world.server.faults.calls.append(CallFault("auth.test", Effect.ERROR, None, error="invalid_auth"))
    with pytest.raises(SlackLoginRefusedError, match="invalid_auth"):
        async with world.room():
            pass


async def test_doctor(world: Workspace) -> None:
    found = await examine(Secret("xoxb-playground"), Secret("xapp-playground"), world.server.api_url)
    assert {item.check: item.ok for item in found} == {
        "Slack bot token": True,
        "Slack scopes": True,
        "Slack app token": True,
    }
    found = await examine(Secret("xoxb-wrong"), Secret("xapp-playground"), world.server.api_url)
    assert [item.ok for item in found] == [False]
    assert "xoxb-wrong" not in str(found)
    found = await examine(Secret("xoxb-playground"), Secret("xapp-wrong"), world.server.api_url)
    assert [item.ok for item in found if item.check == "Slack app token"] == [False]


def test_a_missing_scope_is_named_with_what_it_is_for() -> None:
    (found,) = judge_scopes(set(SCOPES) - {"reactions:read"})
    assert not found.ok
    assert "reactions:read" in found.detail
    assert "approves" in found.detail
    assert all(item.ok for item in judge_scopes(REQUIRED))


def test_the_manifest_has_every_command_and_scope() -> None:
    content = YAML(typ="safe").load(manifest([DeploySpec()]))
    (command,) = content["features"]["slash_commands"]
    assert command["command"] == "/deploy"
    assert command["should_escape"] is True
    assert content["oauth_config"]["scopes"]["bot"] == sorted(SCOPES)
    assert content["settings"]["socket_mode_enabled"] is True
    assert content["settings"]["interactivity"]["is_enabled"] is True
    assert content["settings"]["event_subscriptions"]["bot_events"] == [
        "app_home_opened",
        "reaction_added",
        "reaction_removed",
    ]


class FakeGateway:
    """A gateway that answers for one person and one group, and counts how often it is asked."""

    def __init__(self, **about: object) -> None:
        self.about = {"id": "U0ONE", "team_id": "T0HOME", **about}
        self.asked = 0

    async def user_info(self, user: str) -> dict[str, object]:
        self.asked += 1
        return self.about

    async def group_members(self, group: str) -> frozenset[str]:
        self.asked += 1
        return frozenset({"U0ONE"})


@pytest.mark.parametrize(
    ("about", "counts"),
    [
        ({}, True),
        ({"deleted": True}, False),
        ({"is_bot": True}, False),
        ({"is_app_user": True}, False),
        ({"is_restricted": True}, False),
        ({"is_ultra_restricted": True}, False),
        ({"is_stranger": True}, False),
        ({"team_id": "T0ELSEWHERE"}, False),
        ({"id": "USLACKBOT"}, False),
    ],
)
async def test_only_active_full_members_of_this_workspace_count(about: dict[str, object], counts: bool) -> None:
    directory = SlackDirectory(FakeGateway(**about), lambda: "T0HOME")
    roster = await directory.roster(frozenset({"U0ONE"}), frozenset())
    assert ("U0ONE" in roster.humans, "U0ONE" in roster.others) == (counts, not counts)


async def test_a_look_up_is_believed_for_a_minute_and_not_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("bot.slack.transport.directory.time.monotonic", lambda: now)
    gateway = FakeGateway()
    directory = SlackDirectory(gateway, lambda: "T0HOME")
    for now, asked in ((1000.0, 2), (1059.0, 2), (1061.0, 4)):  # noqa: B007 - read by the clock above
        await directory.roster(frozenset({"U0ONE"}), frozenset({"S0GROUP"}))
        assert gateway.asked == asked
