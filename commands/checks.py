"""Whether the forge's checks of a commit (`checks`) are green, and what is said where they need not be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.basis import CHECK_FACT, Basis
from bot.domain.runs.findings import CheckFound, ChecksWaived
from bot.domain.runs.request import Request
from bot.domain.targets.forge import CheckState, ForgeAnswer, ForgeSilence
from bot.domain.targets.look import Look
from bot.domain.targets.target import Target

_SHOWN = 6
_EMERGENCY_SECONDS = 5.0


@dataclass(frozen=True)
class Checks:
    """What the required checks say about a commit.

    Args:
        host: of the forge; empty if nothing is required.
        sha: the commit.
        answer: of the forge.
    """

    host: str
    sha: str
    answer: ForgeAnswer

    def basis(self, request: Request) -> Basis:
        """Give what an approval stands on: what each check says. Of an emergency it does not.

        Args:
            request: as it was made.

        Raises:
            RefusedError: `forge_silent`, nobody knows.
        """
        if request.emergency is not None:
            return Basis()
        if isinstance(self.answer, ForgeSilence):
            raise RefusedError(self._silent(self.answer))
        return Basis({f"{CHECK_FACT}{check.name}": check.word or check.state.value for check in self.answer})

    def judge(self, request: Request) -> tuple[CheckFound | ChecksWaived, ...]:
        """Say for approvers what each check says, and that an emergency goes without those that are not green.

        Args:
            request: as it was made.

        Raises:
            RefusedError: `checks_not_green`, or `forge_silent`.
        """
        if isinstance(self.answer, ForgeSilence):
            if request.emergency is None:
                raise RefusedError(self._silent(self.answer))
            return (ChecksWaived(self.answer.why),)
        found = tuple(CheckFound(check.name, check.state, check.word, check.url) for check in self.answer)
        red = [check for check in self.answer if not check.is_green]
        if not red:
            return found
        if request.emergency is not None:
            return (*found, ChecksWaived())
        unreported = [check.name for check in red if check.state is CheckState.MISSING]
        told = [f"{check.name} ({check.word or check.state.value})" for check in red if check.name not in unreported]
        raise RefusedError(
            problem(
                Reason.CHECKS_NOT_GREEN,
                sha=self.sha,
                host=self.host,
                checks=", ".join(told[:_SHOWN]),
                unreported=", ".join(unreported[:_SHOWN]),
                url=next((check.url for check in red if check.url), ""),
            )
        )

    def _silent(self, silence: ForgeSilence) -> Problem:
        return problem(Reason.FORGE_SILENT, sha=self.sha, host=self.host, detail=silence.why)


def checks_not_asked(target: Target) -> tuple[ChecksWaived, ...]:
    """Say for approvers of a rollback that it needs no green checks.

    Args:
        target: which goes back.
    """
    return (ChecksWaived(),) if target.checks else ()


async def read_checks(target: Target, look: Look, request: Request, sha: str) -> Checks:
    """Ask the forge what the required checks of a target say; an emergency does not wait long for it.

    Args:
        target: whose checks.
        look: reads.
        request: as it was made.
        sha: the commit.
    """
    host = target.repository.host if target.repository is not None else ""
    try:
        async with asyncio.timeout(None if request.emergency is None else _EMERGENCY_SECONDS):
            return Checks(host, sha, await look.commit_checks(sha))
    except TimeoutError:
        return Checks(host, sha, ForgeSilence(f"no answer within {_EMERGENCY_SECONDS:g} seconds"))


async def checks_basis(target: Target, look: Look, request: Request, sha: str) -> Basis:
    """Read again what an approval stands on; of an emergency nothing, so nothing is asked.

    Args:
        target: whose checks.
        look: reads.
        request: as it was made.
        sha: the commit.

    Raises:
        RefusedError: `forge_silent`.
    """
    if request.emergency is not None:
        return Basis()
    return (await read_checks(target, look, request, sha)).basis(request)
