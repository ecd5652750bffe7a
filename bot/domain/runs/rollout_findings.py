"""Findings about a target of several hosts: those that differ, and whether the change goes from batch to batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from bot.domain.runs.stored_facts import StoredFacts, written

_NAMES = written(separator=", ")


class AtOnceReason(StrEnum):
    """Why all hosts get a change together although the environment has batches."""

    DOWN = "down"
    """The site is down meanwhile, for all hosts alike."""
    MIGRATIONS = "migrations"
    """It is not shown that the code of before and the new one both live with the schema."""
    RESTORE = "restore"
    """A backup is restored."""


@dataclass(frozen=True)
class AllAtOnce(StoredFacts):
    """All hosts get the change together although the environment has batches.

    Args:
        reason: why.
    """

    kind: ClassVar = "all_at_once"
    reason: AtOnceReason


@dataclass(frozen=True)
class HostsDiffer(StoredFacts):
    """Hosts that had other code than the others before the run, which brings all of them the same.

    Args:
        code: what is live, each with its hosts: `1a2b3c4 on web1, web2`.
    """

    kind: ClassVar = "hosts_differ"
    code: tuple[str, ...] = field(metadata=written(separator="; "))


@dataclass(frozen=True)
class LaidOut(StoredFacts):
    """The live code is laid out anew on the hosts, and stays the same.

    Args:
        lies: how it lies before: a value of `bot.domain.targets.layout.Layouts`.
        root: the folder.
    """

    kind: ClassVar = "laid_out"
    lies: str
    root: str


@dataclass(frozen=True)
class LeftOut(StoredFacts):
    """Hosts that a run leaves as they are, because they were not healthy or did not answer.

    Args:
        hosts: their names.
    """

    kind: ClassVar = "left_out"
    hosts: tuple[str, ...] = field(metadata=_NAMES)
