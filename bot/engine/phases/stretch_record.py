"""Commits what comes of the steps of a stretch, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.runs.plan import Step
from bot.domain.runs.run import StepRow
from bot.engine.phases.transcript import Transcript
from bot.engine.ports import Job, Outcome, Output


@dataclass
class Member:
    """A step of a stretch.

    Args:
        step: as planned.
        row: as it is now.
        job: as the performer gets it.
        transcript: of its output, once it has begun.
    """

    step: Step
    row: StepRow
    job: Job
    transcript: Transcript | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """Its key and place."""
        return self.row.key, self.row.place


class StretchCommits(Protocol):
    """Commits the beginning and the end of a step of a stretch."""

    async def begin_member(self, member: Member) -> Transcript:
        """Commit that a step has begun, and give what stores its output."""
        ...

    async def end_member(self, member: Member, outcome: Outcome) -> StepRow:
        """Commit the end of a step, and give its row."""
        ...


class StretchRecord:
    """Commits what comes of a stretch (`bot.engine.ports.StretchOutput`).

    Args:
        commits: of the run.
        members: the steps, in order; the intent of the first is committed.
        changed: called when a step has begun or ended.
    """

    def __init__(self, commits: StretchCommits, members: Sequence[Member], changed: Callable[[], None]) -> None:
        self._commits = commits
        self._changed = changed
        self._members = members
        self.last: Member | None = None
        """The step that ended last."""

    def of(self, number: int) -> Output:
        """Give what takes the output of a step."""
        return _Output(self._commits, self._members[number], self._changed)

    async def ended(self, number: int, outcome: Outcome) -> None:
        """Commit the end of a step.

        Raises:
            LeaseLostError: another owner has the run.
        """
        member = self._members[number]
        member.row = await self._commits.end_member(member, outcome)
        self.last = member
        self._changed()

    def close(self) -> None:
        """Stop committing, where steps are left as they are."""
        for member in self._members:
            if member.transcript is not None:
                member.transcript.close()


class _Output:
    """Takes the output of one step of a stretch."""

    def __init__(self, commits: StretchCommits, member: Member, changed: Callable[[], None]) -> None:
        self._commits = commits
        self._changed = changed
        self._member = member

    async def begun(self) -> None:
        """Commit that the host has claimed the step."""
        await (await self._commits.begin_member(self._member)).begun()
        self._changed()

    async def write(self, offset: int, chunk: bytes) -> None:
        """Store output soon."""
        if self._member.transcript is None:
            raise LookupError(f"output of {self._member.row.key} before its claim")
        await self._member.transcript.write(offset, chunk)

    async def unreachable(self) -> None:
        """Commit that the host cannot be reached, where the step has begun."""
        if self._member.transcript is not None:
            await self._member.transcript.unreachable()
            self._changed()

    async def reachable(self) -> None:
        """Commit that the host answers again."""
        if self._member.transcript is not None:
            await self._member.transcript.reachable()
            self._changed()
