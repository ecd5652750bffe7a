"""Forges: where a repository's page is, and what its continuous integration says about a commit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_OWNER_AND_NAME = 2


class ForgeKind(StrEnum):
    """The software of a forge."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    """Linked to; its checks are not read."""


@dataclass(frozen=True)
class Repository:
    """A repository at a forge.

    Args:
        page: its address, such as `https://github.com/acme/compte`.
        kind: of the forge.
    """

    page: str
    kind: ForgeKind

    @property
    def origin(self) -> str:
        """Scheme, host and port of the forge."""
        return "/".join(self.page.split("/")[:3])

    @property
    def host(self) -> str:
        """Host of the forge, with its port where one is written."""
        return self.page.split("/")[2]

    @property
    def path(self) -> str:
        """Owner and name, or groups and name."""
        return "/".join(self.page.split("/")[3:])


def forge_kind(page: str) -> ForgeKind:
    """Tell the kind of a forge by the address of a repository, where nobody says it.

    Only GitLab has groups within groups; a host of which nothing tells is taken for a GitHub Enterprise Server.

    Args:
        page: address of the repository.
    """
    repository = Repository(page, ForgeKind.GITHUB)
    host = repository.host.lower()
    if "bitbucket" in host:
        return ForgeKind.BITBUCKET
    if "gitlab" in host or (host != "github.com" and repository.path.count("/") >= _OWNER_AND_NAME):
        return ForgeKind.GITLAB
    return ForgeKind.GITHUB


class CheckState(StrEnum):
    """What a check says about a commit. Only `success` is green."""

    SUCCESS = "success"
    FAILURE = "failure"
    PENDING = "pending"
    SKIPPED = "skipped"
    """Neither good nor bad: skipped, or neutral."""
    MISSING = "missing"
    """The forge knows no check of this name at the commit."""
    UNKNOWN = "unknown"
    """A word that this version does not know."""


@dataclass(frozen=True)
class CommitCheck:
    """What the latest attempt of a check says about a commit.

    Args:
        name: of the check.
        state: what that means.
        word: the forge's own; empty if there is no such check.
        url: of its page; empty if the forge names none.
    """

    name: str
    state: CheckState
    word: str = ""
    url: str = ""

    @property
    def is_green(self) -> bool:
        """Whether it counts as passed."""
        return self.state is CheckState.SUCCESS


@dataclass(frozen=True)
class ForgeSilence:
    """The forge gave no answer that can be used; so no check is green.

    Args:
        why: in English.
    """

    why: str


ForgeAnswer = tuple[CommitCheck, ...] | ForgeSilence
"""The required checks in their order, or why they are not known."""
