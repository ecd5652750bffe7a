"""How often the bot and a host wait for each other, counted in packets of the protocol and not in time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from asyncssh.channel import SSHChannel
from asyncssh.constants import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
)

from bot.databases.server.idle_sessions import IdleSessions
from bot.domain.runs.acts import Shell
from bot.engine.ports import Done, Performer, StretchPerformer
from bot.forge.reader import ForgeReader
from bot.hosts.connections import Connections
from bot.hosts.runner import ShellPerformer
from bot.hosts.spare_shells import FRESH_SECONDS
from bot.monitoring import Measures, measured
from bot.performers import build_performers
from bot.store.reader import RunReader
from tests.hosts.support.jobs import Kept, a_job, a_run, until
from tests.hosts.test_stretches import Story, a_stretch

SENT = {MSG_CHANNEL_DATA, MSG_CHANNEL_EOF, MSG_CHANNEL_REQUEST}
"""What the bot waits for an answer to; windows and closing it does not wait for."""

HEARD = {MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA, MSG_CHANNEL_SUCCESS}


@dataclass
class Wire:
    """Counts on each channel how often something is sent after something was heard."""

    ways: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    scripts: set[int] = field(default_factory=set)
    shells: int = 0

    def sends(self, channel: object, kind: int, arguments: tuple[Any, ...]) -> None:
        if kind in SENT:
            self.ways[id(channel)].append("out")
        if any(b"step_1()" in argument for argument in arguments if isinstance(argument, bytes)):
            self.scripts.add(id(channel))

    def hears(self, channel: object, kind: int) -> None:
        if kind in HEARD:
            self.ways[id(channel)].append("in")
        self.shells += kind == MSG_CHANNEL_SUCCESS

    def forget(self) -> None:
        self.ways.clear()
        self.scripts.clear()

    @property
    def round_trips(self) -> int:
        """Of the one channel that a script was sent on."""
        [channel] = self.scripts
        ways = self.ways[channel]
        return sum(1 for before, way in zip(["in", *ways], ways, strict=False) if (before, way) == ("in", "out"))


@pytest.fixture
def packets(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire, send, hear = Wire(), SSHChannel.send_packet, SSHChannel.process_packet

    def send_packet(self: SSHChannel[Any], kind: int, *arguments: Any) -> None:
        wire.sends(self, kind, arguments)
        send(self, kind, *arguments)

    def process_packet(self: SSHChannel[Any], kind: int, *arguments: Any) -> Any:
        wire.hears(self, kind)
        return hear(self, kind, *arguments)

    monkeypatch.setattr(SSHChannel, "send_packet", send_packet)
    monkeypatch.setattr(SSHChannel, "process_packet", process_packet)
    return wire


async def warmed(performer: Performer, packets: Wire, run: str) -> None:
    """Let the host have the program, and a shell wait for the next step."""
    for key in ("cold", "warm"):
        assert await performer.perform(a_job("true", run=run, key=key), Kept()) == Done()
    # each call took one, and another is opened ahead
    await until(lambda: packets.shells >= 4)
    packets.forget()


async def test_a_warm_step_takes_one_round_trip(performer: ShellPerformer, packets: Wire) -> None:
    run = a_run()
    await warmed(performer, packets, run)
    assert await performer.perform(a_job("echo out", run=run), Kept()) == Done()
    assert packets.round_trips == 1


async def test_a_step_after_a_silence_takes_two_round_trips(
    connections: Connections, performer: ShellPerformer, packets: Wire
) -> None:
    """The first asks whether the host is still there, so that nothing is begun on a connection that is dead."""
    run = a_run()
    await warmed(performer, packets, run)
    [shell] = connections._pools["web1"].spare.ready
    await until(lambda: shell.contact.silence > FRESH_SECONDS)
    assert await performer.perform(a_job("echo out", run=run), Kept()) == Done()
    assert packets.round_trips == 2


async def test_ten_warm_steps_take_one_round_trip(connections: Connections, packets: Wire) -> None:
    """By the performer that the program uses, with all that it is wrapped in."""
    _, performers = build_performers(
        connections, IdleSessions(), {}, cast("RunReader", None), {}, cast("ForgeReader", None)
    )
    performer = measured(performers[Shell], Measures())
    assert isinstance(performer, StretchPerformer)
    run, story = a_run(), Story()
    await warmed(performer, packets, run)
    await performer.perform_stretch(a_stretch(run, *["echo out; sleep 0.05; echo err >&2"] * 10), story)
    assert story.ends == [Done()] * 10
    assert story.printed == ["out\nerr\n"] * 10
    assert packets.round_trips == 1
