"""Streams to and from detached steps on hosts, and long files there, each on a channel of its own."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator

import asyncssh

from bot.domain.errors import CUT, ENDED, Reason, RefusedError, problem
from bot.domain.shell import Command, Syntax, script_with
from bot.engine.ports import Job
from bot.hosts.channel import ConnectionCutError, read_block
from bot.hosts.connections import Connections

_LONGEST_NOISE = 64 * 1024
"""Maximum bytes that a login shell's start-up files may print before the script begins."""

_CHUNK = 1024 * 1024
"""Minimum bytes of a chunk, except the last one."""

_SECONDS = 60.0
_GONE = 44
"""Exit status where the step ended before it was ready."""

# The step may have to do much before it is ready for the other end of its pipe. Should it never be, its own end ends
# the wait (`.gone`); should it be gone without a trace, the ten minutes do.
_PLACE = """
pipe=$notes/$name
waited=0
await() {
  until [ -e "$pipe.open" ]; do
    waited=$((waited + 1))
    [ ! -e "$pipe.gone" ] || exit 44
    [ "$waited" -lt 6000 ] || exit 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}
"""

_RECEIVE = _PLACE + 'printf \'%s\\n\' "$nonce"\nawait\nexec dd ibs=64k obs=1024k <"$pipe" 2>/dev/null'

# The pipe is open before the nonce is printed, so that its reader sees an end whatever fails later.
_SEND = _PLACE + 'await\nexec 7>"$pipe"\nprintf \'%s\\n\' "$nonce"\nexec cat >&7'

_NOTE = _PLACE + '[ ! -e "$pipe" ] || cat <"$pipe"'

_FILE = 'printf \'%s\\n\' "$nonce"\nexec cat <"$path"'

_REPLACE = """
umask 077
trap 'rm -f -- "$path.$nonce.part"' EXIT
printf '%s\\n' "$nonce"
cat >"$path.$nonce.part" && [ "$(wc -c <"$path.$nonce.part")" -eq "$size" ] && mv -f -- "$path.$nonce.part" "$path"
"""


class Pipes:
    """Streams bytes between the bot and hosts (`bot.databases.ports.HostPipes`).

    Args:
        connections: to the hosts.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @contextlib.asynccontextmanager
    async def receive(self, job: Job, name: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read what a job's script writes into its pipe, to the end."""
        async with self._read(job.place, _at_pipe(job, name, _RECEIVE)) as chunks:
            yield chunks

    @contextlib.asynccontextmanager
    async def file(self, host: str, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read a file of a host, however long."""
        async with self._read(host, script_with(_FILE, path=path)) as chunks:
            yield chunks

    async def send(self, job: Job, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Write into a pipe that a job's script reads; its end is the end of the chunks."""
        await self._write(job.place, _at_pipe(job, name, _SEND), chunks)

    async def replace_file(self, host: str, path: str, content: bytes) -> None:
        """Write a small file of a host, all or nothing."""

        async def once() -> AsyncIterator[bytes]:
            yield content

        await self._write(host, script_with(_REPLACE, path=path, size=str(len(content))), once())

    async def note(self, job: Job, name: str) -> bytes:
        """Read a small file that a job's script left behind; empty where there is none."""
        answer = await self._connections.read(job.place, _at_pipe(job, name, _NOTE), _SECONDS)
        if answer.exit_status != 0:
            raise _refused(job.place, answer.stderr.decode(errors="replace")[:300])
        return answer.stdout

    @contextlib.asynccontextmanager
    async def _read(self, host: str, script: Command) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._start(host, script) as (process, first):
            yield _chunks(host, process, first)

    async def _write(self, host: str, script: Command, chunks: AsyncIterator[bytes]) -> None:
        async with self._start(host, script) as (process, _), contextlib.aclosing(_closing(chunks)) as all_:
            try:
                async for chunk in all_:
                    process.stdin.write(chunk)
                    await process.stdin.drain()
                process.stdin.write_eof()
                await process.wait_closed()
            except (asyncssh.Error, OSError) as error:
                raise _ended(host, process.exit_status, str(error) or type(error).__name__) from error
            if process.exit_status != 0:
                raise _ended(host, process.exit_status, "what was sent was not taken to the end")

    @contextlib.asynccontextmanager
    async def _start(self, host: str, script: Command) -> AsyncIterator[tuple[asyncssh.SSHClientProcess[bytes], bytes]]:
        """Start a script that prints its nonce when it is ready; yield the process and the bytes after the nonce.

        The shell has then read the whole script, so that what is sent from now on is for what it runs.
        """
        nonce = secrets.token_hex(8)
        text = f"{{\nnonce={nonce}\n{script.script()}\n}}\n"
        async with self._connections.shell(host) as process:
            try:
                process.stdin.write(text.encode(errors="surrogateescape"))
                received = b""
                mark = f"{nonce}\n".encode()
                while mark not in received:
                    block = await read_block(process.stdout)
                    received += block
                    if not block:
                        await process.wait_closed()
                        raise _ended(host, process.exit_status, "the connection ended before anything came")
                    if len(received) > _LONGEST_NOISE:
                        raise _refused(host, "the account's shell prints too much before it begins")
            except (ConnectionCutError, asyncssh.Error, OSError) as error:
                raise _ended(host, process.exit_status, str(error) or type(error).__name__) from error
            yield process, received.split(mark, 1)[1]


async def _chunks(host: str, process: asyncssh.SSHClientProcess[bytes], first: bytes) -> AsyncIterator[bytes]:
    # Packets are small, and each chunk costs its consumer a write.
    gathered = bytearray(first)
    try:
        while chunk := await read_block(process.stdout):
            gathered += chunk
            if len(gathered) >= _CHUNK:
                yield bytes(gathered)
                gathered.clear()
        if gathered:
            yield bytes(gathered)
        await process.wait_closed()
    except (ConnectionCutError, asyncssh.Error, OSError) as error:
        raise _ended(host, process.exit_status, str(error) or type(error).__name__) from error
    if process.exit_status != 0:
        raise _ended(host, process.exit_status, "it could not be read to the end")


async def _closing(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


def _at_pipe(job: Job, name: str, script: str) -> Command:
    return Command((Syntax("notes="), *job.notes.parts, Syntax("\n"), *script_with(script, name=name).parts))


def _ended(host: str, status: int | None, otherwise: str) -> RefusedError:
    """Translate the early end of a stream; after a lost connection there is no exit status."""
    if status == _GONE:
        return RefusedError(problem(Reason.NEVER_STARTED, host=host, detail="the step ended before it was ready"))
    if status is None:
        return RefusedError(problem(Reason.HOST_UNREACHABLE, host=host, detail=otherwise, why=CUT))
    return RefusedError(problem(Reason.HOST_UNREACHABLE, host=host, detail=otherwise, why=ENDED))


def _refused(host: str, detail: str) -> RefusedError:
    return RefusedError(problem(Reason.HOST_UNREACHABLE, host=host, detail=detail))
