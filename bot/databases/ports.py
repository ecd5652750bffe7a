"""The protocols of hosts, which `bot.hosts` implements without being imported, and of backup storages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.domain.secrets import Secret
from bot.domain.shell import Command, ReadResult
from bot.engine.ports import Effect, Ending, Job, Outcome, Output

TunnelOpener = Callable[[str, str, int], AbstractAsyncContextManager[tuple[str, int]]]
"""Opens a tunnel: name of a host, address and TCP port as seen from there → address and port on loopback.

It is closed at the end of the context. Entering raises `RefusedError` with a host's reason.
"""


class HostReader(Protocol):
    """Runs commands that only read."""

    async def read(self, host: str, command: Command, timeout: float) -> ReadResult:  # noqa: ASYNC109 - the host enforces it too
        """Run a command and wait for its end.

        Args:
            host: name of the host.
            command: what to run; it changes nothing.
            timeout: seconds.

        Raises:
            RefusedError: with a host's reason.
        """
        ...


class HostRunner(Protocol):
    """Runs detached steps with a journal on the host.

    The script runs under POSIX `sh`. The files lie in a private directory that is exported as `COUNTERSIGN_FILES`
    and removed afterwards.
    """

    async def perform(
        self,
        job: Job,
        script: Command,
        directory: str,
        files: Mapping[str, Secret],
        output: Output,
        expects: str | None = None,
    ) -> Outcome:
        """Start a script as the job, or adopt it where this attempt was started before; follow it to its end.

        Args:
            job: its identity, place and time limit.
            script: what runs.
            directory: where it runs; it must exist.
            files: contents of the files that are there while it runs, by name.
            output: takes in what it prints.
            expects: the commit that must be checked out in the directory, else nothing runs.
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
        """End the job's process group, and report it as gone only when it is."""
        ...

    async def check(self, job: Job, directory: str) -> Effect:
        """Run the step's own check at the job's place.

        Args:
            job: of which step.
            directory: where it runs.
        """
        ...


class HostPipes(Protocol):
    """Streams bytes to and from a job's script, and reads long files of hosts.

    Names are those of files in the directory that the steps of a run share (`COUNTERSIGN_RUN_DIR`). A script that is
    ready for the other end of its pipe says so by making a file named like it with `.open` behind it; one that ends
    leaves one with `.gone`.
    """

    def receive(self, job: Job, name: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Read what a job's script writes into its pipe, to the end.

        The end may be that of the connection: what came must be compared with what was sent.

        Args:
            job: whose script.
            name: of the pipe.

        Raises:
            RefusedError: with a host's reason (and `why: cut` where the line was lost), or with `never_started` where
                the script ended before it was ready; on entering or while it is read.
        """
        ...

    async def send(self, job: Job, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Write into a pipe that a job's script reads; its end is the end of the chunks.

        Args:
            job: whose script.
            name: of the pipe.
            chunks: what is written. Where it raises, the script sees an early end.

        Raises:
            RefusedError: with a host's reason (and `why: cut` where the line was lost), or with `never_started` where
                the script ended before it was ready.
        """
        ...

    async def note(self, job: Job, name: str) -> bytes:
        """Read a small file that a job's script left behind; empty where there is none.

        Args:
            job: whose script.
            name: of the file.

        Raises:
            RefusedError: with a host's reason.
        """
        ...

    def file(self, host: str, path: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Read a file of a host, however long.

        Args:
            host: its name.
            path: absolute.

        Raises:
            RefusedError: with a host's reason, on entering or while it is read.
        """
        ...

    async def replace_file(self, host: str, path: str, content: bytes) -> None:
        """Write a small file of a host atomically.

        Args:
            host: its name.
            path: absolute.
            content: all of it.

        Raises:
            RefusedError: with a host's reason.
        """
        ...


class PendingUpload(Protocol):
    """An unfinished file of a storage; it does not exist before it is committed."""

    async def write(self, chunk: bytes) -> None:
        """Add to it.

        Raises:
            RefusedError: `backup_store_failed`, the storage refuses it, or is full.
        """
        ...

    async def commit(self) -> None:
        """Make it a file, durably.

        Raises:
            RefusedError: `backup_store_failed`.
        """
        ...


class BackupReader(Protocol):
    """Reads the backups of one target where they are kept, and writes their manifests.

    Every method raises `RefusedError` with `backup_store_failed` where it cannot.
    """

    @property
    def place(self) -> str:
        """The location, for people."""
        ...

    def read(self, file: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Read a file from its beginning to its end.

        Args:
            file: its name; there must be one.
        """
        ...

    async def put(self, file: str, content: bytes) -> None:
        """Write a small file atomically.

        Args:
            file: its name.
            content: all of it.
        """
        ...

    async def get(self, file: str) -> bytes | None:
        """Read a small file; None where there is none.

        Args:
            file: its name.
        """
        ...

    async def sizes(self) -> Mapping[str, int]:
        """List the finished files: name to bytes."""
        ...


class BackupStorage(BackupReader, Protocol):
    """A storage in which the bot itself makes and removes files."""

    async def free_bytes(self) -> int | None:
        """Return how many bytes still fit; None where there is no limit."""
        ...

    def begin_upload(self, file: str) -> AbstractAsyncContextManager[PendingUpload]:
        """Begin a file. It is discarded unless it is committed within the context.

        Args:
            file: its name.
        """
        ...

    async def remove(self, files: tuple[str, ...]) -> None:
        """Remove files, and ignore missing ones.

        Args:
            files: their names.
        """
        ...
