"""How an application's code lies on its hosts: one checkout that is changed in place, or releases, one of them live."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

KEEP_RELEASES = 5
"""Default number of releases that are kept."""

SHARED = (".env", "storage")
"""Default paths that all releases share."""

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-([0-9a-f]{7,40})")


class LayoutName(StrEnum):
    """What `layout:` of an environment may be."""

    CHECKOUT = "checkout"
    RELEASES = "releases"


@dataclass(frozen=True)
class Checkout:
    """The code is one git checkout, which is changed in place."""


@dataclass(frozen=True)
class Releases:
    """Each release is a folder of its own, below `releases`; the link `current` says which one is live.

    Args:
        root: the folder with `current`, `releases`, `shared` and `repository.git`, on each host.
        keep: number of releases that are kept; the live one and the one before are kept anyway.
        shared: paths, relative to a release, that lead to the same file or folder in `shared` for all of them.
    """

    root: str
    keep: int = KEEP_RELEASES
    shared: tuple[str, ...] = SHARED

    @property
    def live(self) -> str:
        """The live release's folder: the link."""
        return f"{self.root}/current"

    def folder(self, name: str) -> str:
        """Give the folder of a release."""
        return f"{self.root}/releases/{name}"


Layout = Checkout | Releases
"""How an application's code lies on its hosts."""


@dataclass(frozen=True)
class ReleaseFolder:
    """A complete release on a host.

    Args:
        name: of its folder.
        sha: its commit.
    """

    name: str
    sha: str


@dataclass(frozen=True)
class NewRelease:
    """A release that a run makes.

    Args:
        name: of its folder.
    """

    name: str


@dataclass(frozen=True)
class KeptRelease:
    """A release that is complete on every host.

    Args:
        name: of its folder.
    """

    name: str


class Layouts(StrEnum):
    """How code lies in a folder, by who laid it out."""

    EMPTY = "empty"
    NOTHING = "nothing"
    """Nothing that is known."""
    CHECKOUT = "checkout"
    CONVERTED = "converted"
    """Releases that were made in a checkout: `public` and `artisan` there are links to the live one."""
    HALF = "half"
    """As `CONVERTED`, but for `artisan`: a run ended on the way there or back."""
    RELEASES = "releases"
    DEPLOYER = "deployer"
    CAPISTRANO = "capistrano"
    ENVOYER = "envoyer"


ADOPTED = frozenset({Layouts.CHECKOUT, Layouts.HALF, Layouts.DEPLOYER, Layouts.CAPISTRANO, Layouts.ENVOYER})
"""What can become releases."""


@dataclass(frozen=True)
class FoundLayout:
    """What a host has where releases are to be.

    Args:
        lies: how the code lies.
        sha: the live commit; empty where nothing there says it.
        live: what `current` leads to, the name of a folder; empty without the link.
    """

    lies: Layouts
    sha: str = ""
    live: str = ""


def release_name(at: datetime, sha: str) -> str:
    """Name the folder of a release: the time in UTC and the short hash, so that names sort by age.

    Args:
        at: when the run was asked for; planning again gives the same name.
        sha: the commit.
    """
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{sha[:7]}"


def commit_in(name: str) -> str | None:
    """Give the abbreviated commit in the name of a release's folder; None if it is no such name."""
    found = _NAME.fullmatch(name)
    return found[1] if found is not None else None


def names_in(text: str) -> frozenset[str]:
    """Give the names of releases in a text, such as a page that says which release made it."""
    return frozenset(found[0] for found in _NAME.finditer(text))


def newest_common(sha: str, hosts: Iterable[tuple[ReleaseFolder, ...]]) -> str | None:
    """Name the newest release of a commit that is complete on every host; None if there is none.

    Args:
        sha: the commit.
        hosts: the complete releases of each host.
    """
    names = [{folder.name for folder in folders if folder.sha == sha} for folders in hosts]
    return max(set.intersection(*names), default=None) if names else None
