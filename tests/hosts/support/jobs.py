"""Jobs and outputs for the tests of this room."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.demo.host.host import DemoHost
from bot.domain.names import TargetName
from bot.domain.policies.policy import Policy
from bot.domain.runs.acts import Shell
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.shell import Command, syntax
from bot.domain.targets.target import Host, Target
from bot.engine.ports import Job
from bot.hosts.connections import ConnectionSettings

QUICK = ConnectionSettings(keepalive_interval=0.3, keepalive_count=3, connect_timeout=10.0)
"""A frozen connection is found dead after about a second."""

_numbers = itertools.count(1)


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something outside this process is so."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - a file or a process of another program sets no event here
            await asyncio.sleep(0.01)


def a_run() -> str:
    """A run that no other test of this process has."""
    return f"R-TEST{next(_numbers)}"


def host_of(server: DemoHost, name: str = "web1", port: int | None = None) -> Host:
    """What the operations file would say of a test server."""
    return Host(
        name=name,
        address=server.address,
        port=port or server.port,
        user=server.user,
        key=str(server.key),
        known_hosts=str(server.known_hosts),
    )


def a_job(
    script: str,
    *,
    run: str,
    directory: str = "/",
    timeout: int = 30,
    token: int = 1,
    key: str = "step",
    attempt: int = 1,
    check: Command | None = None,
    expects: str | None = None,
    place: str = "web1",
    offset: int = 0,
) -> Job:
    """A job whose act is a shell command."""
    step = Step(
        key=key,
        title="a step",
        phase=Phase.CHANGE,
        hosts=(place,),
        risk=Risk.CHANGES,
        timeout=timeout,
        act=Shell(syntax(script), directory, expects),
        check=check,
    )
    target = Target(
        name=TargetName("compte", "production"),
        recipe="laravel",
        channels=("C0OPS",),
        policy=Policy("none"),
        hosts=(place,),
        path=directory,
        branch="main",
    )
    return Job(run=run, token=token, step=step, place=place, attempt=attempt, target=target, offset=offset)


@dataclass
class Kept:
    """Takes output in as the engine would: by offset, so that what is told twice is kept once."""

    data: bytearray = field(default_factory=bytearray)
    claimed: asyncio.Event = field(default_factory=asyncio.Event)
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    contact: list[str] = field(default_factory=list)
    """What was said of the host, in order, without repetitions."""

    async def begun(self) -> None:
        self.claimed.set()

    async def write(self, offset: int, chunk: bytes) -> None:
        assert self.claimed.is_set(), "output came before the claim was confirmed"
        assert offset <= len(self.data), f"a hole in the output: {len(self.data)} to {offset}"
        self.data[offset : offset + len(chunk)] = chunk
        self.grown.set()

    async def unreachable(self) -> None:
        self._said("lost")

    async def reachable(self) -> None:
        self._said("there")

    def _said(self, word: str) -> None:
        if self.contact[-1:] != [word]:
            self.contact.append(word)

    async def contains(self, text: bytes) -> None:
        async with asyncio.timeout(20):
            while text not in self.data:
                self.grown.clear()
                await self.grown.wait()
