"""Who people are: only what Slack says now counts, and a failure is never a yes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.playground.faults import CallFault, FaultEffect
from bot.slack import SlackApp
from bot.slack.transport.directory import SlackDirectory
from tests.slack.support.people import HOME, PEOPLE
from tests.slack.support.runs import AMELIE, BOB
from tests.slack.support.workspace import Workspace


@pytest.fixture
async def app(workspace: Workspace) -> AsyncIterator[SlackApp]:
    async with workspace.app() as opened:
        yield opened


async def test_members_of_groups_and_humans(app: SlackApp) -> None:
    roster = await app.directory.roster(frozenset({AMELIE, BOB, "U0COUNTER"}), frozenset({"S0RELEASE"}))
    assert roster.members == {"S0RELEASE": frozenset({BOB})}
    assert roster.humans == {AMELIE, BOB}
    assert roster.others == {"U0COUNTER"}


async def test_what_cannot_be_looked_up_is_missing_and_asked_again(workspace: Workspace, app: SlackApp) -> None:
    workspace.server.faults.calls += [
        CallFault("users.info", FaultEffect.ERROR, 1, error="user_not_found"),
        CallFault("usergroups.users.list", FaultEffect.SERVER_ERROR, 2),
    ]
    roster = await app.directory.roster(frozenset({BOB}), frozenset({"S0RELEASE"}))
    assert (roster.members, roster.humans, roster.others) == ({}, frozenset(), frozenset())
    roster = await app.directory.roster(frozenset({BOB}), frozenset({"S0RELEASE"}))
    assert (roster.humans, roster.members) == ({BOB}, {"S0RELEASE": frozenset({BOB})})


async def test_a_look_up_is_believed_for_a_while(workspace: Workspace, app: SlackApp) -> None:
    for _ in range(3):
        await app.directory.roster(frozenset({BOB}), frozenset({"S0RELEASE"}))
    assert workspace.calls("usergroups.users.list") == 1


async def test_the_locale_of_a_person_is_remembered_and_unknown_where_slack_does_not_say(
    workspace: Workspace, app: SlackApp
) -> None:
    workspace.server.faults.calls.append(CallFault("users.info", FaultEffect.ERROR, 1, error="user_not_found"))
    assert (await app.directory.locale(AMELIE), app.directory.known_locale(AMELIE)) == ("", "")
    assert [await app.directory.locale(AMELIE) for _ in range(2)] == ["en-US", "en-US"]
    assert app.directory.known_locale(AMELIE) == "en-US"
    assert workspace.calls("users.info") == 2


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


@pytest.mark.parametrize("flag", ["deleted", "is_bot", "is_app_user", "is_restricted", "is_stranger"])
async def test_each_flag_alone_excludes(flag: str) -> None:
    directory = SlackDirectory(FakeGateway(**{flag: True}), lambda: "T0HOME")
    assert (await directory.roster(frozenset({"U0ONE"}), frozenset())).others == {"U0ONE"}


@pytest.mark.parametrize(("kind", "counts"), [(kind, counts) for kind, (counts, _) in PEOPLE.items()])
async def test_only_active_full_members_of_this_workspace_count(kind: str, counts: bool) -> None:
    """Each kind of person, in the shape in which `users.info` describes them."""
    person = PEOPLE[kind][1]
    directory = SlackDirectory(FakeGateway(**person), lambda: HOME)
    roster = await directory.roster(frozenset({person["id"]}), frozenset())
    assert (person["id"] in roster.humans, person["id"] in roster.others) == (counts, not counts)


async def test_a_look_up_is_believed_for_a_minute_and_not_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("bot.slack.transport.read_cache.time.monotonic", lambda: now)
    gateway = FakeGateway()
    directory = SlackDirectory(gateway, lambda: "T0HOME")
    for now, asked in ((1000.0, 2), (1059.0, 2), (1061.0, 4)):  # noqa: B007 - read by the clock above
        await directory.roster(frozenset({"U0ONE"}), frozenset({"S0GROUP"}))
        assert gateway.asked == asked
