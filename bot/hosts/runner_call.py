"""One call to the runner on a host over one channel, which returns the log and a last reply."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncssh

from bot.engine.ports import Job, Output
from bot.hosts.channel import ConnectionCutError, read_block, run_both, send_script
from bot.hosts.connections import Connections
from bot.hosts.journal import (
    Claimed,
    Exited,
    FinalReply,
    Identity,
    ProgramMissing,
    RunnerCall,
    RunnerStarted,
    Running,
    StepCall,
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


@dataclass(frozen=True)
class StepOfCall:
    """One step of a call, and where its output goes.

    Args:
        job: the attempt.
        work: what it runs, where it is started.
        output: takes in the log; while it does not return, nothing more is read than fits the channel's window.
        progress: brought up to date all along, also where the call fails.
        ended: called when it ended with status 0 and another step follows, before that one's output.
    """

    job: Job
    work: Work
    output: Output
    progress: CallProgress
    ended: Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Take note of nothing."""


def only_step(job: Job, work: Work, output: Output, progress: CallProgress) -> tuple[StepOfCall, ...]:
    """Return the steps of a call about one step."""
    return (StepOfCall(job, work, output, progress, _nothing),)


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

    async def unreachable(self) -> None:
        """Do nothing."""

    async def reachable(self) -> None:
        """Do nothing."""


def identity_of(job: Job) -> Identity:
    """Return the identity under which a host knows a job."""
    return Identity(job.run, job.place, job.step.key, job.attempt, job.journal)


async def call_runner(
    connections: Connections, programs: ProgramsOnHosts, call: RunnerCall, steps: Sequence[StepOfCall]
) -> FinalReply:
    """Call the runner on a host, and receive the logs of the steps in order until its last reply.

    Args:
        connections: to the hosts.
        programs: which hosts keep the runner's program.
        call: what to do.
        steps: with which steps of one run at one place; each follows on the one before if that ends with 0.

    Returns:
        The runner's last word: about the first of the steps whose `ended` was not called.

    Raises:
        RefusedError: the host cannot be reached; this call did nothing.
        ConnectionCutError: the connection was lost; the call may or may not have had its effect.
        RunnerUnreachableError: the account has no working shell; this call did nothing.
    """
    place = steps[0].job.place
    sent_before = [step.progress.sent for step in steps]
    if programs.keeps(place):
        reply = await _call(connections, read_program().load_kept(), call, steps)
        if not isinstance(reply, ProgramMissing):
            return reply
        for step, sent in zip(steps, sent_before, strict=True):
            step.progress.sent = sent
        programs.missing(place)
    reply = await _call(connections, read_program().bring(), call, steps)
    if isinstance(reply, ProgramMissing):
        raise ConnectionCutError("the runner misses the program that was sent with the call")
    return reply


async def _call(
    connections: Connections, load: str, call: RunnerCall, steps: Sequence[StepOfCall]
) -> FinalReply | ProgramMissing:
    nonce = secrets.token_hex(8)
    told = [StepCall(identity_of(step.job), step.work, step.progress.offset) for step in steps]
    text = runner_input(call, told, steps[0].job.token, nonce, load)
    async with connections.shell(steps[0].job.place) as process:
        for step in steps:
            step.progress.sent = True
        # A shell that has already ended cannot be written to; its exit status is judged below.
        with contextlib.suppress(ConnectionCutError):
            send_script(process, text)
        replies = _ReplyReader(nonce, steps)
        await run_both(replies.read_replies(process.stderr), replies.forward_logs(process.stdout))
        await process.wait_closed()
        if process.exit_status is None:
            raise ConnectionCutError("the connection was lost")
        if replies.left_behind is not None:
            await replies.left_behind.ended()
        if replies.verdict is not None and not replies.is_cut_short:
            return replies.verdict
        if not replies.greeted:
            raise RunnerUnreachableError(replies.noise or f"exit status {process.exit_status}")
        raise ConnectionCutError(f"the runner ended early: {replies.noise or f'exit status {process.exit_status}'}")


class _ReplyReader:
    """Reads the two streams of a call.

    Args:
        nonce: marks the runner's own lines.
        steps: of the call.
    """

    def __init__(self, nonce: str, steps: Sequence[StepOfCall]) -> None:
        self._nonce = nonce
        self._marker = nonce.encode() + b"\n"
        self._steps = steps
        self._claims = 0
        self._heard = asyncio.Event()
        self._silent = False
        self._noise = bytearray()
        self.greeted = False
        self.verdict: FinalReply | ProgramMissing | None = None
        self.left_behind: StepOfCall | None = None
        """The step that ended well, where the verdict is about the one after it, which was not claimed."""

    @property
    def is_cut_short(self) -> bool:
        """Whether the runner ended without a word about the step that follows on one that ended well."""
        return self.verdict == Exited(0) and self._claims < len(self._steps)

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
                    self._line(line)
                rest = rest[-_LONGEST_NOISE:]
        finally:
            self._silent = True
            self._heard.set()

    def _line(self, line: bytes) -> None:
        reply = parse_reply(line, self._nonce)
        if reply is None:
            self._noise = (self._noise + line + b"\n")[-_LONGEST_NOISE:]
            return
        step = self._steps[min(max(self._claims - 1, 0), len(self._steps) - 1)]
        step.progress.contact = asyncio.get_running_loop().time()
        match reply:
            case RunnerStarted():
                self.greeted = True
            case Claimed():
                self._claims += 1
                # What was said of the step before has been passed by.
                self.verdict = None
                self._heard.set()
            case Running(seconds):
                step.progress.seconds = seconds
            case _:
                self.left_behind = step if self.verdict == Exited(0) else None
                self.verdict = reply

    async def forward_logs(self, reader: asyncssh.SSHReader[bytes]) -> None:
        """Forward the logs: on standard output each stands behind a line with the nonce, the last one to its end."""
        log = await self._after_marker(reader)
        for number, step in enumerate(self._steps):
            if log is None or not await self._is_claimed(number + 1):
                break
            if number > 0:
                await self._steps[number - 1].ended()
            if not step.progress.begun:
                await step.output.begun()
                step.progress.begun = True
            await step.output.reachable()
            log = await self._forward(step, log, reader, last=number + 1 == len(self._steps))
        while await read_block(reader):
            pass  # nothing follows the last log

    async def _after_marker(self, reader: asyncssh.SSHReader[bytes]) -> bytes | None:
        """Skip what the account's start-up files print; give what follows the first marker, if there is one."""
        before = b""
        while chunk := await read_block(reader):
            before = (before + chunk)[-max(_LONGEST_NOISE, len(chunk)) :]
            _, found, log = before.partition(self._marker)
            if found:
                return log
        return None

    async def _is_claimed(self, count: int) -> bool:
        """Wait until so many claims were confirmed; the two streams may arrive in either order."""
        while self._claims < count and not self._silent:
            self._heard.clear()
            await self._heard.wait()
        return self._claims >= count

    async def _forward(
        self, step: StepOfCall, log: bytes, reader: asyncssh.SSHReader[bytes], *, last: bool
    ) -> bytes | None:
        """Hand the log of a step on.

        Args:
            step: whose log it is.
            log: what was read of it.
            reader: of the rest.
            last: whether nothing but its log follows.

        Returns:
            What was read of the next step's log; None where there is none.
        """
        held = log
        while True:
            if not last:
                of_step, found, following = held.partition(self._marker)
                if found:
                    await self._hand_on(step, of_step)
                    return following
            keep = 0 if last else _overlap(held, self._marker)
            await self._hand_on(step, held[: len(held) - keep])
            held = held[len(held) - keep :]
            chunk = await read_block(reader)
            if not chunk:
                await self._hand_on(step, held)
                return None
            held += chunk

    async def _hand_on(self, step: StepOfCall, chunk: bytes) -> None:
        if chunk:
            progress = step.progress
            await step.output.write(progress.offset, chunk)
            progress.offset += len(chunk)
            progress.contact = asyncio.get_running_loop().time()


def _overlap(text: bytes, marker: bytes) -> int:
    """Return how many bytes at the end of a text may be the beginning of a marker."""
    longest = min(len(text), len(marker) - 1)
    return next((length for length in range(longest, 0, -1) if text.endswith(marker[:length])), 0)
