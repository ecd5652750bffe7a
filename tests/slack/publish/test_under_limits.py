"""A hundred requests and fifty runs at once under Slack's limits, published as always, on a virtual clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.runs.run import Run, RunState, StepState
from bot.engine.ports import Occasion
from bot.slack.publish import run_sync
from bot.slack.publish.publisher import Publisher
from bot.slack.publish.replies import Replies
from bot.slack.publish.run_observers import RunObservers
from bot.slack.publish.run_sync import RunSync
from bot.slack.render import run_messages
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Message
from bot.slack.transport.channels import SlackChannels
from bot.slack.transport.directory import SlackDirectory
from bot.slack.transport.gateway import BotIdentity, Gateway
from bot.slack.transport.reactions import SlackReactions
from bot.slack.transport.turns import Turns
from tests.slack.support.context import slack_context
from tests.slack.support.fake_engine import FakeEngine
from tests.slack.support.limited_client import LimitedClient
from tests.slack.support.memory_stores import MemoryMessages
from tests.slack.support.runs import BEHIND_GATE, OPERATIONS, RUNS, rows, run
from tests.slack.support.virtual_time import run_in_virtual_time

IDENTITY = BotIdentity(user="U0COUNTER", team="T1")


@pytest.fixture(autouse=True)
def rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render what differs between runs by their ID alone once."""
    known: dict[object, Mapping[str, Message]] = {}

    def render(run: Run, ctx: RenderContext) -> Mapping[str, Message]:
        steps = tuple((row.state, row.tail) for row in run.steps)
        key = (run.state, steps, run.gate, ctx.now)
        if key not in known:
            known[key] = run_messages.render(run, ctx)
        payloads = {slot: {**(one.payload or {}), "run": run.id} for slot, one in known[key].items()}
        return {slot: replace(one, payload=payloads[slot]) for slot, one in known[key].items()}

    monkeypatch.setattr(run_sync, "render", render)


class Team:
    """The bot's publishing, over a Slack in memory."""

    def __init__(self) -> None:
        self.client = LimitedClient()
        self.engine = FakeEngine()
        self.observers = RunObservers()
        gateway = Gateway(self.client, turns=Turns(clock=lambda: time.monotonic()))  # type: ignore[arg-type] # as much of it as is called
        messages = MemoryMessages(self.engine)
        self.reactions = SlackReactions(
            gateway, messages, OPERATIONS.emoji, lambda: IDENTITY.user, self.observers.run_changed
        )
        self.publisher = Publisher(
            context := slack_context(
                self.engine,
                gateway=gateway,
                replies=Replies(gateway),
                channels=SlackChannels(gateway, lambda: IDENTITY),
                directory=SlackDirectory(gateway, lambda: IDENTITY.team),
                reactions=self.reactions,
                messages=messages,
            ),
            RunSync(context),
        )
        self.observers.add(self.publisher)
        self.publisher.start()

    def put(self, name: str, channel: str, snapshot: Run) -> None:
        """Change a run, as its driver would."""
        origin = replace(snapshot.request.origin, channel=channel)
        self.engine.put(replace(snapshot, id=name, request=replace(snapshot.request, origin=origin)))
        self.observers.run_changed(name)

    def shown(self, name: str, event_type: str) -> dict[str, Any]:
        """What the metadata of a message say; empty while there is none."""
        return self.client.payloads.get((event_type, name), {})

    async def eventually(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        while not is_so():  # noqa: ASYNC110 - of the virtual clock
            await asyncio.sleep(0.2)


def test_a_hundred_requests_over_ten_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"R-{number:06}": f"C{number % 10}" for number in range(100)}
    decided: list[float] = []
    shown: list[float] = []
    seeds: list[list[float]] = []

    async def lives() -> None:
        team = Team()
        began = time.monotonic()
        for moment in ("planning", "preparing", "awaiting_approval"):
            for name, channel in names.items():
                team.put(name, channel, RUNS[moment])
            await asyncio.sleep(1)

        async def somebody_approves(name: str) -> None:
            await team.eventually(lambda: bool(team.shown(name, "countersign_approval")))
            asked = time.monotonic()
            await team.reactions.reactions(team.engine.runs[name], Occasion.EVENT)
            decided.append(time.monotonic() - asked)
            team.put(name, names[name], RUNS["running"])
            await team.eventually(lambda: team.shown(name, "countersign_approval")["state"] == "approved")
            shown.append(time.monotonic() - asked)
            for number in range(5, 9):
                row = {"state": StepState.RUNNING, "tail": f"line {number}"}
                team.put(name, names[name], run(RunState.RUNNING, steps=rows(number, **row), **BEHIND_GATE))
                await asyncio.sleep(2)
            team.put(name, names[name], RUNS["succeeded"])

        async with asyncio.TaskGroup() as people:
            for number, name in enumerate(list(names)[:30]):
                people.create_task(_later(30 + 6 * number, somebody_approves(name)))
        await team.publisher.drain(600)
        await team.publisher.aclose()
        assert not team.client.refused
        assert all(team.shown(name, "countersign_result")["state"] == "succeeded" for name in list(names)[:30])
        approvals = team.client.of_type("countersign_approval")
        assert len(approvals) == 100
        waiting = [one["ts"] for one in approvals if one["metadata"]["event_payload"]["state"] == "open"]
        seeds.extend(sorted(at - began for at in team.client.reactions[ts].values()) for ts in waiting)

    run_in_virtual_time(lives(), monkeypatch)
    assert [len(added) for added in seeds] == [2] * 70
    assert max(first for first, _ in seeds) <= 150
    assert max(second for _, second in seeds) <= 270
    assert max(decided) <= 1
    assert max(shown) <= 3


async def _later(seconds: float, work: Any) -> None:
    await asyncio.sleep(seconds)
    await work


@pytest.mark.parametrize(("channels", "bound"), [(50, 25), (1, 110)])
def test_fifty_runs_without_a_gate(channels: int, bound: float, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []

    async def lives() -> None:
        team = Team()
        began = time.monotonic()

        async def a_run(number: int) -> None:
            name, channel = f"R-{number:06}", f"C{number % channels}"
            await asyncio.sleep(number * 0.02)
            ungated: dict[str, Any] = {**BEHIND_GATE, "gate": None, "votes": ()}
            team.put(name, channel, RUNS["planning"])
            for done in range(3, 9):
                await asyncio.sleep(2.5)
                row = {"state": StepState.RUNNING}
                team.put(name, channel, run(RunState.RUNNING, steps=rows(done, **row), **ungated))
            await asyncio.sleep(1)
            team.put(name, channel, replace(RUNS["succeeded"], gate=None, votes=()))
            await team.eventually(lambda: bool(team.shown(name, "countersign_result")))
            told.append(time.monotonic() - began)

        async with asyncio.TaskGroup() as runs:
            for number in range(50):
                runs.create_task(a_run(number))
        assert not team.client.refused
        if channels > 1:
            assert len(team.client.of_type("countersign_progress")) == 50, "nothing is left out where there is room"
        await team.publisher.drain(600)
        await team.publisher.aclose()
        cards = team.client.of_type("countersign_run")
        assert [card["metadata"]["event_payload"]["state"] for card in cards] == ["succeeded"] * 50
        assert not team.client.refused

    run_in_virtual_time(lives(), monkeypatch)
    assert len(told) == 50
    assert max(told) <= bound
