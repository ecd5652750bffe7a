"""One call to the runner on a host over one channel, which returns the log and a last reply."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass

import asyncssh

from bot.engine.ports import Job, Output
from bot.hosts.channel import ConnectionCutError, read_block, run_both, send_script
from bot.hosts.connections import Connections
from bot.hosts.journal import (
    Claimed,
    FinalReply,
    Identity,
    ProgramMissing,
    RunnerCall,
    RunnerStarted,
    Running,
    Work,
    parse_reply,
    runner_input,
)
from bot.hosts.runner_program import read_program

_LONGEST_NOISE = 64 * 1024
"""Maximum bytes that a login shell's start-up files may print before the runner begins."""


class RunnerUnreachableError(Exception):
    """The account's shell ended without having begun the runner: nothing was done."""


@dataclass
class CallProgress:
    """Progress of a job across calls.

    Args:
        offset: bytes of its log that were taken in.
        contact: when the host last answered, on the event loop's clock.
        sent: whether a call may have reached the host.
        begun: whether the host has confirmed the claim.
        seconds: how long it had been running at the last contact, on the host's clock.
    """

    offset: int = 0
    contact: float = 0.0
    sent: bool = False
    begun: bool = False
    seconds: int = 0


class ProgramsOnHosts:
    """Remembers which hosts keep no program of the runner: they were sent it, and had none the next time."""

    def __init__(self) -> None:
        self._brought: set[str] = set()
        self._without: set[str] = set()

    def keeps(self, host: str) -> bool:
        """Whether a host may keep the program, so that it need not be sent."""
        return host not in self._without

    def missing(self, host: str) -> None:
        """Note that a host has no program, and is sent it now."""
        if host in self._brought:
            self._without.add(host)
        self._brought.add(host)


class DiscardedOutput:
    """Discards output, for calls without a log."""

    async def begun(self) -> None:
        """Do nothing."""

    async def write(self, offset: int, chunk: bytes) -> None:
        """Do nothing."""


def identity_of(job: Job) -> Identity:
    """Return the identity under which a host knows a job."""
    return Identity(job.run, job.place, job.step.key, job.attempt, job.journal)


async def call_runner(
    connections: Connections,
    programs: ProgramsOnHosts,
    job: Job,
    call: RunnerCall,
    work: Work,
    output: Output,
    progress: CallProgress,
) -> FinalReply:
    """Call the runner on the job's host, and receive the log until its last reply.

    Args:
        connections: to the hosts.
        programs: which hosts keep the runner's program.
        job: the attempt.
        call: what to do with it.
        work: what it runs, where it is started.
        output: takes in the log; while it does not return, nothing more is read than fits the channel's window.
        progress: brought up to date all along, also where the call fails.

    Returns:
        The runner's last word.

    Raises:
        RefusedError: the host cannot be reached; this call did nothing.
        ConnectionCutError: the connection was lost; the call may or may not have had its effect.
        RunnerUnreachableError: the account has no working shell; this call did nothing.
    """
    sent_before = progress.sent
    if programs.keeps(job.place):
        reply = await _call(connections, read_program().load_kept(), job, call, work, output, progress)
        if not isinstance(reply, ProgramMissing):
            return reply
        progress.sent = sent_before
        programs.missing(job.place)
    reply = await _call(connections, read_program().bring(), job, call, work, output, progress)
    if isinstance(reply, ProgramMissing):
        raise ConnectionCutError("the runner misses the program that was sent with the call")
    return reply


async def _call(
    connections: Connections,
    load: str,
    job: Job,
    call: RunnerCall,
    work: Work,
    output: Output,
    progress: CallProgress,
) -> FinalReply | ProgramMissing:
    nonce = secrets.token_hex(8)
    text = runner_input(call, identity_of(job), job.token, work, progress.offset, nonce, load)
    async with connections.shell(job.place) as process:
        progress.sent = True
        # A shell that has already ended cannot be written to; its exit status is judged below.
        with contextlib.suppress(ConnectionCutError):
            send_script(process, text)
        replies = _ReplyReader(nonce, output, progress)
        await run_both(replies.read_replies(process.stderr), replies.forward_log(process.stdout))
        await process.wait_closed()
        if process.exit_status is None:
            raise ConnectionCutError("the connection was lost")
        if replies.verdict is not None:
            return replies.verdict
        if not replies.greeted:
            raise RunnerUnreachableError(replies.noise or f"exit status {process.exit_status}")
        raise ConnectionCutError(f"the runner ended early: {replies.noise or f'exit status {process.exit_status}'}")


class _ReplyReader:
    """Reads the two streams of a call."""

    def __init__(self, nonce: str, output: Output, progress: CallProgress) -> None:
        self._nonce = nonce
        self._output = output
        self._progress = progress
        self._claimed = asyncio.Event()
        self._noise = bytearray()
        self.greeted = False
        self.verdict: FinalReply | ProgramMissing | None = None

    @property
    def noise(self) -> str:
        """Standard error without the runner's lines, for messages."""
        return self._noise[-500:].decode(errors="replace").strip()

    async def read_replies(self, reader: asyncssh.SSHReader[bytes]) -> None:
        """Read the runner's lines on standard error."""
        rest = b""
        try:
            while chunk := await read_block(reader):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    await self._line(line)
                rest = rest[-_LONGEST_NOISE:]
        finally:
            self._claimed.set()

    async def _line(self, line: bytes) -> None:
        reply = parse_reply(line, self._nonce)
        if reply is None:
            self._noise = (self._noise + line + b"\n")[-_LONGEST_NOISE:]
            return
        self._progress.contact = asyncio.get_running_loop().time()
        match reply:
            case RunnerStarted():
                self.greeted = True
            case Claimed():
                if not self._progress.begun:
                    await self._output.begun()
                    self._progress.begun = True
                self._claimed.set()
            case Running(seconds):
                self._progress.seconds = seconds
            case _:
                self.verdict = reply

    async def forward_log(self, reader: asyncssh.SSHReader[bytes]) -> None:
        """Forward the log: everything on standard output after the line with the nonce."""
        marker = self._nonce.encode() + b"\n"
        before = b""
        while chunk := await read_block(reader):
            before = (before + chunk)[-max(_LONGEST_NOISE, len(chunk)) :]
            _, found, log = before.partition(marker)
            if found:
                await self._claimed.wait()
                await self._hand_on(log)
                break
        while chunk := await read_block(reader):
            await self._hand_on(chunk)

    async def _hand_on(self, chunk: bytes) -> None:
        if chunk:
            await self._output.write(self._progress.offset, chunk)
            self._progress.offset += len(chunk)
            self._progress.contact = asyncio.get_running_loop().time()
