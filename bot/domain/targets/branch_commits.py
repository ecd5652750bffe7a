"""What a branch has that is not live yet: what somebody chooses from who is about to deploy."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.runs.plan import Commit

MAX_COMMITS = 10


@dataclass(frozen=True)
class BranchCommits:
    """The newest commits of a target's branch.

    Args:
        branch: its name.
        head: the commit that is live on the first host.
        tip: the branch's newest commit.
        commits: those that come after `head`, newest first, ten at most.
        fetched: whether the repository's origin was asked just now; else they are as the host fetched them last.
    """

    branch: str
    head: str
    tip: str
    commits: tuple[Commit, ...]
    fetched: bool
