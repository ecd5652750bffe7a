"""What this room asks of hosts. The composition root hands it something that fits; the rooms do not know each other."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.domain.secrets import Secret
from bot.domain.shell import Command
from bot.engine.ports import Effect, Ending, Job, Outcome, Output


class Tunnels(Protocol):
    """Ways to addresses that only a host can reach."""

    def open(self, via: str, host: str, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """Open a way through a host's SSH connection; closed at the end of the context.

        Args:
            via: name of the host.
            host: address as seen from there.
            port: TCP port there.

        Returns:
            A context that gives an address and a port on loopback.

        Raises:
            Refused: on entering, with a host's reason.
        """
        ...


class Answer(Protocol):
    """What a command that only reads gave back."""

    @property
    def exit_status(self) -> int | None:
        """Its exit status; None where the connection was lost before it was known."""
        ...

    @property
    def stdout(self) -> bytes:
        """What it printed."""
        ...

    @property
    def stderr(self) -> bytes:
        """What it complained about."""
        ...


class HostReader(Protocol):
    """Running commands that only read."""

    async def read(self, host: str, command: Command, timeout: float) -> Answer:  # noqa: ASYNC109 - the host enforces it too
        """Run a command and wait for its end.

        Args:
            host: name of the host.
            command: what to run; it changes nothing.
            timeout: seconds.

        Raises:
            Refused: with a host's reason.
        """
        ...


class HostRunner(Protocol):
    """Detached steps with a journal on the host.

    The script runs under POSIX `sh`. The files lie in a private directory that is exported as `COUNTERSIGN_FILES`
    and removed afterwards.
    """

    async def perform(
        self, job: Job, script: Command, directory: str, files: Mapping[str, Secret], output: Output
    ) -> Outcome:
        """Start a script as the job, or adopt it where this attempt was started before; follow it to its end.

        Args:
            job: its identity, place and time limit.
            script: what runs.
            directory: where it runs; it must exist.
            files: contents of the files that are there while it runs, by name.
            output: takes in what it prints.
        """
        ...

    async def resume(self, job: Job, output: Output) -> Outcome:
        """Follow a job that was begun before to its end, but never start it.

        Args:
            job: its identity, place and time limit.
            output: takes in what it prints.
        """
        ...

    async def end(self, job: Job) -> Ending:
        """End the job's process group, and say so only when it is gone."""
        ...

    async def check(self, job: Job, directory: str) -> Effect:
        """Run the step's own check at the job's place.

        Args:
            job: of which step.
            directory: where it runs.
        """
        ...
