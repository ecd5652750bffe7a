"""Whether a commit may come here by the order of environments (`after`): verified before, and not too long ago."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import OutOfOrder, VerifiedBefore
from bot.domain.runs.request import Request
from bot.domain.targets.look import HostFacts, Look
from bot.domain.targets.order import After, Verification
from bot.domain.targets.target import Target


@dataclass(frozen=True)
class Order:
    """What was verified in the environment before.

    Args:
        after: the rule; None where there is none.
        verifications: newest first.
    """

    after: After | None
    verifications: tuple[Verification, ...]

    @property
    def commits(self) -> tuple[str, ...]:
        """The commits that are recent enough, each once: another with the same files counts as one of them."""
        return tuple(dict.fromkeys(one.sha for one in self.verifications if self._is_recent(one)))

    def of(self, sha: str, hosts: tuple[HostFacts, ...]) -> Verification | None:
        """Give the newest verification that counts for a commit; None if none does.

        Args:
            sha: the commit.
            hosts: as just read; each must find that the files are the same where the commit is another.
        """
        same = frozenset[str].intersection(*(facts.same_files for facts in hosts)) | {sha}
        return next((one for one in self.verifications if one.sha in same and self._is_recent(one)), None)

    def _is_recent(self, verification: Verification) -> bool:
        return self.after is not None and verification.age <= self.after.within

    def basis(self, request: Request, sha: str, hosts: tuple[HostFacts, ...]) -> Basis:
        """Give what an approval stands on: that the commit counts as verified. Of an emergency it does not.

        Args:
            request: as it was made.
            sha: the commit.
            hosts: as just read.
        """
        if self.after is None or request.emergency is not None:
            return Basis()
        found = self.of(sha, hosts)
        return Basis({f"verified in {self.after.environment}": "no" if found is None else "yes"})

    def judge(
        self, request: Request, sha: str, hosts: tuple[HostFacts, ...]
    ) -> tuple[VerifiedBefore | OutOfOrder, ...]:
        """Say for approvers when the commit was verified, or that an emergency goes without it.

        Args:
            request: as it was made.
            sha: the commit.
            hosts: as just read.

        Raises:
            RefusedError: `not_verified_before`, it was not, or too long ago.
        """
        if self.after is None:
            return ()
        found = self.of(sha, hosts)
        if found is not None:
            return (VerifiedBefore(self.after.environment, found.run, found.at, found.sha, found.taken_back),)
        if request.emergency is not None:
            return (OutOfOrder(self.after.environment),)
        before = next((one for one in self.verifications if one.sha == sha), None)
        raise RefusedError(
            problem(
                Reason.NOT_VERIFIED_BEFORE,
                app=request.target.app,
                before=self.after.environment,
                sha=sha,
                within=f"{self.after.within.total_seconds():.0f}",
                age="" if before is None else f"{before.age.total_seconds():.0f}",
                run="" if before is None else before.run,
            )
        )


def out_of_order(target: Target) -> tuple[OutOfOrder, ...]:
    """Say for approvers of a rollback that it needs no verification in the environment before.

    Args:
        target: which goes back.
    """
    return () if target.after is None else (OutOfOrder(target.after.environment),)


async def read_order(target: Target, look: Look) -> Order:
    """Read what was verified in the environment before a target.

    Args:
        target: which.
        look: reads.
    """
    return Order(target.after, await look.verifications())
