"""Detached steps on hosts: starting and following them across lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Migrate, Shell
from bot.domain.secrets import Secret
from bot.domain.shell import Command, Hidden, Syntax, Word
from bot.engine.ports import (
    Done,
    Effect,
    Ending,
    Failed,
    Job,
    NotStarted,
    Outcome,
    Output,
    StretchOutput,
    Unknown,
)
from bot.hosts.channel import ConnectionCutError
from bot.hosts.connections import Connections
from bot.hosts.journal import (
    NO_WORK,
    Absent,
    CheckoutMoved,
    CheckoutUnreadable,
    DirectoryMissing,
    EndCause,
    Exited,
    FinalReply,
    GroupEnded,
    JournalUnwritable,
    Lost,
    NeverStarted,
    Overtaken,
    RunnerCall,
    StepEnded,
    Unclaimed,
    Work,
)
from bot.hosts.runner_call import (
    CallProgress,
    DiscardedOutput,
    ProgramsOnHosts,
    RunnerUnreachableError,
    StepOfCall,
    call_runner,
    only_step,
)


@dataclass(frozen=True)
class RetryLimits:
    """Limits of waiting for an unreachable host.

    Args:
        before: seconds for a step that was certainly not started.
        during: seconds at least for a step that may run; its time limit where that is longer.
        first_pause: seconds between the first two tries; each further pause is twice as long.
        longest_pause: seconds between two tries at most.
        stopping: seconds that a host takes to end a step at its time limit: TERM, grace, KILL, a look at what is left.
        ending: seconds for ending a step, reconnecting included.
        check: seconds for a step's check.
    """

    before: float = 20.0
    during: float = 60.0
    first_pause: float = 0.1
    longest_pause: float = 5.0
    stopping: float = 15.0
    ending: float = 60.0
    check: float = 60.0


@dataclass
class _Following:
    """Which step of a call is followed.

    Args:
        reached: its number, from 0; those before it ended with status 0.
    """

    reached: int = 0


class Runner:
    """Runs steps on hosts: at most once each, detached, with a journal there.

    Args:
        connections: to the hosts.
        patience: with hosts that cannot be reached.
    """

    def __init__(self, connections: Connections, patience: RetryLimits | None = None) -> None:
        self._connections = connections
        self._patience = patience or RetryLimits()
        self._programs = ProgramsOnHosts()

    async def perform(
        self,
        job: Job,
        script: Command,
        directory: str,
        files: Mapping[str, Secret],
        output: Output,
        expects: str | None = None,
    ) -> Outcome:
        """Start a step, or adopt it where this very attempt was started before; follow it to its end.

        Args:
            job: its identity, place and time limit.
            script: what `sh` runs. In its environment are `COUNTERSIGN_RUN`, `COUNTERSIGN_HOST` (the host's name),
                `COUNTERSIGN_RUN_DIR` (a directory that the steps of the run share) and, with private files,
                `COUNTERSIGN_FILES` (the directory they are in).
            directory: where it runs.
            files: private files, name to content; they are there while the step runs.
            output: takes in what it prints.
            expects: the commit that must be checked out in the directory, else nothing runs.

        Returns:
            How it ended. Being cancelled leaves it running.
        """
        work = _work(job, script, directory, files, expects)
        return await self._follow_one(job, RunnerCall.START, work, output)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """Follow a step that was begun before; never start it.

        Args:
            job: its identity, place and time limit.
            output: takes in what it prints.

        Returns:
            How it ended. A journal that is gone is `Unknown`.
        """
        act = job.step.act
        directory, expects = (
            (act.directory, act.expects) if isinstance(act, Migrate | Shell) else (job.target.path, None)
        )
        work = Work("", directory, job.step.timeout, expects)
        return await self._follow_one(job, RunnerCall.RESUME, work, output)

    async def end(self, job: Job) -> Ending:
        """End a step's processes; one that was never started is kept from ever starting.

        Args:
            job: its identity and place.

        Returns:
            What became of them; `gone` only when none of them lives.
        """
        pause = self._patience.first_pause
        progress = CallProgress()
        try:
            async with asyncio.timeout(self._patience.ending):
                while True:
                    try:
                        return _ending(
                            await call_runner(
                                self._connections,
                                self._programs,
                                RunnerCall.END,
                                only_step(job, NO_WORK, DiscardedOutput(), progress),
                            )
                        )
                    except (ConnectionCutError, RefusedError, RunnerUnreachableError):
                        await asyncio.sleep(pause)
                        pause = min(2 * pause, self._patience.longest_pause)
        except TimeoutError:
            return Ending.UNREACHABLE

    async def check(self, job: Job, directory: str) -> Effect:
        """Run a step's own check.

        Args:
            job: of which step, and where.
            directory: where it runs.

        Returns:
            Status 0 took effect, 1 did not; anything else, and no answer, is unknown.
        """
        if job.step.check is None:
            return Effect.CANNOT_TELL
        try:
            answer = await self._connections.read(job.place, _check(job, directory), self._patience.check)
        except RefusedError:
            return Effect.CANNOT_TELL
        match answer.exit_status:
            case 0:
                return Effect.TOOK
            case 1:
                return Effect.DID_NOT
        return Effect.CANNOT_TELL

    async def perform_stretch(self, works: Sequence[tuple[Job, Work]], output: StretchOutput) -> None:
        """Start steps of one run at one host, each when the one before has ended with 0, and follow them.

        Args:
            works: each step and what it runs, in order.
            output: takes in what they print and how they end. It hears nothing of steps that are not reached.
        """
        following = _Following()

        def ended(number: int) -> Callable[[], Awaitable[None]]:
            async def note() -> None:
                await output.ended(number, Done())
                following.reached = number + 1

            return note

        steps = [
            StepOfCall(job, work, output.of(number), CallProgress(offset=job.offset), ended(number))
            for number, (job, work) in enumerate(works)
        ]
        outcome = await self._follow(RunnerCall.START, steps, following)
        if outcome is not None:
            await output.ended(following.reached, outcome)

    async def _follow_one(self, job: Job, call: RunnerCall, work: Work, output: Output) -> Outcome:
        steps = only_step(job, work, output, CallProgress(offset=job.offset))
        outcome = await self._follow(call, steps, _Following())
        return outcome or Unknown(problem(Reason.INTERNAL, host=job.place, detail="a step that follows on none"))

    async def _follow(self, call: RunnerCall, steps: Sequence[StepOfCall], following: _Following) -> Outcome | None:
        """Follow steps over as many calls as it takes.

        Args:
            call: what to do.
            steps: in order.
            following: which of them is followed now.

        Returns:
            How the step ended that is then followed; None where it was never claimed and will not be.
        """
        loop = asyncio.get_running_loop()
        began, pause = loop.time(), self._patience.first_pause
        for step in steps:
            step.progress.contact = began
        while True:
            first = following.reached
            sent_before = [step.progress.sent for step in steps]
            contact_before = steps[first].progress.contact
            try:
                verdict = await call_runner(self._connections, self._programs, call, steps[first:])
            except RunnerUnreachableError as refusal:
                step = steps[first]
                trouble = problem(Reason.HOST_TOOL_MISSING, host=step.job.place, tool="sh", detail=str(refusal))
                if call is RunnerCall.START and not sent_before[first]:
                    return NotStarted(trouble)
            except RefusedError as refused:
                step, trouble = steps[first], refused.problem
                certain = trouble.reason is not Reason.HOST_UNREACHABLE
                waited = loop.time() - step.progress.contact
                if call is RunnerCall.START and not step.progress.sent and (certain or waited > self._patience.before):
                    return NotStarted(trouble)
            except ConnectionCutError as cut:
                step = steps[following.reached]
                trouble = problem(Reason.HOST_UNREACHABLE, host=step.job.place, detail=str(cut))
            else:
                step = steps[following.reached]
                if isinstance(verdict, Unclaimed):
                    return None
                never = call is RunnerCall.START and not sent_before[following.reached]
                return _outcome(verdict, step.job, step.work, never=never)
            if trouble.reason is Reason.HOST_UNREACHABLE:
                await step.output.unreachable()
            if following.reached > first:
                began = contact_before = loop.time()
                step.progress.contact = began
            if loop.time() > self._give_up_at(step.job, step.progress, began):
                return Unknown(problem(Reason.OUTCOME_UNKNOWN, **trouble.facts, why=trouble.reason.value))
            if step.progress.contact > contact_before or following.reached > first:
                pause = self._patience.first_pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._patience.longest_pause)

    def _give_up_at(self, job: Job, progress: CallProgress, began: float) -> float:
        """Return when to give up a step that may run, on the event loop's clock.

        Silence is borne until the host must have ended the step, and for a while at least. A host that answers and
        is cut off each time is borne no longer than the whole time limit and that while.
        """
        limit = job.step.timeout + self._patience.stopping
        silent = progress.contact + max(self._patience.during, limit - progress.seconds)
        return min(silent, began + limit + self._patience.before + self._patience.during)


def _work(job: Job, script: Command, directory: str, files: Mapping[str, Secret], expects: str | None) -> Work:
    hidden = any(isinstance(part, Hidden) for part in script.parts)
    return Work(script.script(), directory, job.step.timeout, expects, files, private=hidden)


def _outcome(verdict: FinalReply, job: Job, work: Work, *, never: bool) -> Outcome:
    """Translate the runner's last reply into an outcome.

    Args:
        verdict: what the host said last.
        job: the step.
        work: what it was to do.
        never: whether it is certain that nothing was started before this call.
    """
    match verdict:
        case Exited(0):
            return Done()
        case Exited(status):
            return Failed(problem(Reason.EXIT_STATUS, host=job.place, status=str(status)), status)
        case StepEnded(EndCause.TIMED_OUT, gone=True):
            return Failed(problem(Reason.TIMED_OUT, host=job.place, seconds=str(job.step.timeout)))
        case StepEnded(EndCause.CANCELLED, gone=True):
            return Failed(problem(Reason.CANCELLED, host=job.place))
        case StepEnded(why, gone=False):
            return Unknown(problem(Reason.STILL_RUNNING, host=job.place, why=why.value))
        case DirectoryMissing():
            return Failed(problem(Reason.CHECKOUT_MISSING, host=job.place, path=work.directory))
        case CheckoutUnreadable():
            detail = "git cannot read the commit that is checked out; the output says why"
            return Failed(problem(Reason.CHECKOUT_MISSING, host=job.place, path=work.directory, detail=detail))
        case CheckoutMoved(found):
            return Failed(problem(Reason.MOVED, host=job.place, expected=work.expects or "", found=found))
        case NeverStarted():
            return NotStarted(problem(Reason.NEVER_STARTED, host=job.place))
        case Absent():
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, why="no_journal"))
        case Lost():
            return Unknown(problem(Reason.OUTCOME_UNKNOWN, host=job.place, why="no_status"))
        case Overtaken(token):
            overtaken = problem(Reason.OVERTAKEN, host=job.place, token=str(job.token), highest=token)
            return NotStarted(overtaken) if never else Unknown(overtaken)
        case JournalUnwritable(what):
            cannot = problem(Reason.NEVER_STARTED, host=job.place, detail=f"the host could not {what}")
            return NotStarted(cannot) if never else Unknown(cannot)
    return Unknown(problem(Reason.INTERNAL, host=job.place, detail=f"unexpected answer {type(verdict).__name__}"))


def _ending(verdict: FinalReply) -> Ending:
    match verdict:
        case GroupEnded():
            return Ending.GONE
        case NeverStarted():
            return Ending.NEVER_RAN
    return Ending.STILL_THERE


class ShellPerformer:
    """Performs shell commands on hosts. Implements `Performer`.

    Args:
        runner: runs them.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Start the command, or adopt it; follow it to its end."""
        shell = _shell(job)
        return await self._runner.perform(job, shell.command, shell.directory, {}, output, shell.expects)

    async def perform_stretch(self, jobs: Sequence[Job], output: StretchOutput) -> None:
        """Start commands of one host one after the other, for as long as each ends with 0, and follow them."""
        shells = [_shell(job) for job in jobs]
        works = [
            (job, _work(job, shell.command, shell.directory, {}, shell.expects))
            for job, shell in zip(jobs, shells, strict=True)
        ]
        await self._runner.perform_stretch(works, output)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """Follow a command that was begun before."""
        return await self._runner.resume(job, output)

    async def check(self, job: Job) -> Effect:
        """Run the step's own check in the directory of its command."""
        return await self._runner.check(job, _shell(job).directory)

    async def end(self, job: Job) -> Ending:
        """End the command's processes."""
        return await self._runner.end(job)


def _shell(job: Job) -> Shell:
    if not isinstance(job.step.act, Shell):
        raise TypeError(f"step {job.step.key} is not a shell command")
    return job.step.act


def _check(job: Job, directory: str) -> Command:
    check = job.step.check
    assert check is not None  # noqa: S101 - the caller looked; for the type checker
    return Command(
        (
            Syntax("COUNTERSIGN_HOST="),
            Word(job.place),
            Syntax("\nCOUNTERSIGN_RUN="),
            Word(job.run),
            Syntax("\nCOUNTERSIGN_RUN_DIR="),
            *job.notes.parts,
            Syntax("\nexport COUNTERSIGN_HOST COUNTERSIGN_RUN COUNTERSIGN_RUN_DIR\ncd -- "),
            Word(directory),
            Syntax(" >/dev/null || exit 2\n"),
            *check.parts,
        )
    )
