"""The commits of a branch that are not live yet, to choose from in the deploy form."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.runs.plan import Commit

MAX_COMMITS = 10


@dataclass(frozen=True)
class BranchCommits:
    """The newest commits of a target's branch.

    Args:
        branch: its name.
        head: the live commit of the first host.
        tip: the branch's newest commit.
        commits: after `head`, newest first, at most `MAX_COMMITS`.
        fetched: whether they were fetched from origin just now, rather than by the host's last fetch.
    """

    branch: str
    head: str
    tip: str
    commits: tuple[Commit, ...]
    fetched: bool
