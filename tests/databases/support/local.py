"""A host that is this machine, without SSH: runs the scripts of dumps as processes of their own group."""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.verify import ProvePerformer
from bot.databases.server.connector import Connector
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.secrets import Secret
from bot.domain.shell import Command, ReadResult
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output
from tests.support.sandboxes import own

SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"


class KeptOutput:
    """Keeps what a job told."""

    def __init__(self) -> None:
        self.text = b""
        self.claimed = False

    async def begun(self) -> None:
        self.claimed = True

    async def write(self, offset: int, chunk: bytes) -> None:
        self.text = self.text[:offset] + chunk

    async def unreachable(self) -> None:
        return

    async def reachable(self) -> None:
        return


class LocalHost:
    """Runner and reader in one.

    Args:
        path: a folder that comes first in PATH, for programs that `stand_in` for others.
        before: shell text that runs before each script, for example `ulimit -f 8`.
        without: names of programs that it has not.
        home: of the account; None where it has none.
        uid: of the account.
    """

    def __init__(
        self,
        path: Path | None = None,
        before: str = "",
        without: tuple[str, ...] = (),
        home: Path | None = None,
        uid: int = os.geteuid(),
    ) -> None:
        self._programs = tempfile.TemporaryDirectory()
        system = _all_but(without, Path(self._programs.name)) if without else SYSTEM_PATH
        self._path = f"{path}:{system}" if path is not None else system
        self._before = before
        self._become = () if uid == os.geteuid() else ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
        self._uid = uid
        self._environment = {"PATH": self._path, **({} if home is None else {"HOME": str(home)})}
        self.group = 0
        self._notes = tempfile.TemporaryDirectory()
        self.notes = self._notes.name
        own(uid, Path(self.notes), Path(self._programs.name))

    async def perform(
        self,
        job: Job,
        script: Command,
        directory: str,
        files: Mapping[str, Secret],
        output: Output,
        expects: str | None = None,
    ) -> Outcome:
        with tempfile.TemporaryDirectory() as private:
            own(self._uid, Path(private))
            for name, secret in files.items():
                path = Path(private) / name
                path.touch(0o600)
                own(self._uid, path)
                path.write_text(secret.reveal())
            process = await asyncio.create_subprocess_exec(
                *self._become, "sh", "-c", f"{self._before}\n{script.script()}", cwd=directory, start_new_session=True,
                env={**self._environment, "COUNTERSIGN_FILES": private, "COUNTERSIGN_RUN_DIR": self._notes.name},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            self.group = process.pid
            await output.begun()
            assert process.stdout is not None
            offset = 0
            while chunk := await process.stdout.read(65536):
                await output.write(offset, chunk)
                offset += len(chunk)
            status = await process.wait()
        if status == 0:
            return Done()
        return Failed(problem(Reason.EXIT_STATUS, status=str(status)), status)

    async def resume(self, job: Job, output: Output) -> Outcome:
        return Done()  # the job ended while nobody looked

    async def end(self, job: Job) -> Ending:
        os.killpg(self.group, signal.SIGTERM)
        return Ending.GONE

    async def check(self, job: Job, directory: str) -> Effect:
        return Effect.CANNOT_TELL

    async def read(self, host: str, command: Command, timeout: float) -> ReadResult:  # noqa: ASYNC109 - as the port that it stands in for
        process = await asyncio.create_subprocess_exec(
            *self._become, "sh", "-c", command.script(), env=self._environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        stdout, stderr = await asyncio.wait_for(process.communicate(), timeout)
        return ReadResult(process.returncode, stdout, stderr)

    def processes(self) -> dict[int, list[str]]:
        """Arguments of every process in the group of the last job."""
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and os.getpgid(int(entry.name)) == self.group:
                    found[int(entry.name)] = (entry / "cmdline").read_text(errors="replace").split("\0")
        return found

    def pid_of(self, program: str) -> int | None:
        """Process id of a program in the group."""
        return next((pid for pid, arguments in self.processes().items() if Path(arguments[0]).name == program), None)


def stand_in(folder: Path, program: str, text: str) -> Path:
    """Put a shell script into a folder, to be run in place of a program. Gives the folder."""
    folder.mkdir(exist_ok=True)
    script = folder / program
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    return folder


class NoPipes:
    """Pipes of a host that transfers no bytes through the bot."""

    def _refuse(self, *_: object) -> Any:
        raise RefusedError(problem(Reason.HOST_UNREACHABLE, host="web1"))

    receive = send = note = file = replace_file = _refuse


class Notes(NoPipes):
    """Pipes of a host that transfers no bytes through the bot, and whose notes can be read."""

    def __init__(self, host: LocalHost) -> None:
        self._folder = Path(host.notes)

    async def note(self, job: Job, name: str) -> bytes:
        file = self._folder / name
        return file.read_bytes() if file.exists() else b""


def access_to(host: LocalHost) -> BackupAccess:
    """Access to the backups that a host keeps itself."""
    return BackupAccess(host, host, Notes(host))


def prover(access: BackupAccess) -> ProvePerformer:
    """What proves backups, and asks a live server that is reached directly."""
    return ProvePerformer(access, Connector(StraightTunnels().open))


class StraightTunnels:
    """Tunnels of a host that is this machine; remembers what was asked for."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str, int]] = []
        self.open_now = 0

    @contextlib.asynccontextmanager
    async def open(self, via: str, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        self.opened.append((via, host, port))
        self.open_now += 1
        try:
            yield host, port
        finally:
            self.open_now -= 1


def _all_but(missing: tuple[str, ...], folder: Path) -> str:
    """Fill a folder with everything in the system's PATH, but for some programs."""
    for place in ("/usr/bin", "/bin"):
        for program in Path(place).iterdir():
            if program.name not in missing and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    return str(folder)
