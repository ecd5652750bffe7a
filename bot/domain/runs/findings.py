"""Findings: the pieces of evidence in a plan, each a class of its own, and how they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from bot.domain.runs.backup_findings import (
    BackupMade,
    BackupsFromTheFuture,
    BackupsNoLongerKept,
    BackupToRestore,
    MissedBackup,
    OldTables,
    OtherTables,
    ReliedOnBackup,
    TableWritten,
    WritesUnknown,
)
from bot.domain.runs.migration_findings import (
    AttemptKind,
    MigrationEffect,
    MigrationFile,
    MigrationFinding,
    NoBackupData,
    NotRehearsed,
    NotRehearsedReason,
    OldCode,
    RecordedEffect,
    Rehearsed,
    RehearsedRows,
    RehearsedWhere,
    RowsChanged,
    RowsCounted,
    SandboxAttempt,
    SandboxLimit,
    SchemaChange,
    SchemaDigest,
    StatementFinding,
    TableDigest,
    WayBack,
    WayBackState,
)
from bot.domain.runs.migration_risk import MigrationRisk
from bot.domain.runs.request import Decision
from bot.domain.runs.stored_facts import StoredFacts, from_facts, to_facts, written

__all__ = [
    "AlreadyDown",
    "AttemptKind",
    "BackupMade",
    "BackupToRestore",
    "BackupsFromTheFuture",
    "BackupsNoLongerKept",
    "Finding",
    "HeldBack",
    "LossUnknown",
    "MigrationEffect",
    "MigrationFile",
    "MigrationFinding",
    "MissedBackup",
    "NoBackupData",
    "NotRehearsed",
    "NotRehearsedReason",
    "NothingLost",
    "OldCode",
    "OldTables",
    "OpenSession",
    "OtherTables",
    "RecordedEffect",
    "Rehearsed",
    "RehearsedRows",
    "RehearsedWhere",
    "ReliedOnBackup",
    "Resumed",
    "RollbackChoice",
    "RollbackReason",
    "RollbackWay",
    "RowsChanged",
    "RowsCounted",
    "RowsLost",
    "SandboxAttempt",
    "SandboxLimit",
    "SchemaChange",
    "SchemaDigest",
    "StatementFinding",
    "TableDigest",
    "TableWritten",
    "Unfinished",
    "UnknownFinding",
    "WayBack",
    "WayBackState",
    "WritesUnknown",
    "destroys",
    "facts_of",
    "finding_from_json",
    "finding_of",
    "finding_to_json",
    "first_of",
    "is_unknown",
    "those_of",
]

_NAMES = written(separator=", ")


class RollbackWay(StrEnum):
    """What a rollback restores."""

    CODE = "code"
    """The previous code, on the current schema."""
    MIGRATIONS = "migrations"
    """The previous schema, with the current code."""
    CODE_AND_MIGRATIONS = "code_and_migrations"
    RESTORE = "restore"
    """The previous code, and the data of a backup."""


class RollbackReason(StrEnum):
    """Why a rollback goes back as it does."""

    ASKED = "asked"
    DECIDED = "decided"
    """On the card of a run that stopped."""
    SAME_SCHEMA = "same_schema"
    NEWER_MIGRATIONS = "newer_migrations"
    COMPATIBLE = "compatible"
    """The migrations cannot be undone, but the previous code works with them."""
    DESTROYED = "destroyed"
    NO_WAY_BACK = "no_way_back"
    LOST = "lost"
    """What was destroyed stays lost, for there is no backup of before."""


@dataclass(frozen=True)
class RollbackChoice(StoredFacts):
    """How a rollback goes back, and why.

    Args:
        way: what it restores.
        reason: why.
        what: the migrations or objects concerned.
    """

    kind: ClassVar = "rollback"
    way: RollbackWay
    reason: RollbackReason | None = field(default=None, metadata=written(name="why"))
    what: tuple[str, ...] = field(default=(), metadata=_NAMES)


@dataclass(frozen=True)
class RowsLost(StoredFacts):
    """Data that undoing migrations would lose.

    Args:
        table: its name.
        column: of the table; empty for the whole table.
        rows: how many it has, or those with a value in the column.
    """

    kind: ClassVar = "loss"
    table: str
    column: str
    rows: int


@dataclass(frozen=True)
class NothingLost(StoredFacts):
    """A table or column that undoing migrations would remove, and that holds nothing.

    Args:
        table: its name.
        column: of the table; empty for the whole table.
    """

    kind: ClassVar = "loss_nothing"
    table: str
    column: str


@dataclass(frozen=True)
class LossUnknown(StoredFacts):
    """Migrations of which nothing was told when they ran, so what undoing them would lose is unknown.

    Args:
        migrations: their names.
    """

    kind: ClassVar = "loss_unknown"
    migrations: tuple[str, ...] = field(metadata=_NAMES)


@dataclass(frozen=True)
class Resumed(StoredFacts):
    """The stopped run that a plan resumes, with what is needed if this one stops too.

    Args:
        run: ID of the stopped run.
        decision: about it; None in what earlier versions stored without it.
        step: title of the step at which it stopped; empty if at none.
        was_live: the commit that was live before the first run of the series; empty if unknown.
        backup: that the first run of the series made; empty if it made none.
    """

    kind: ClassVar = "resume"
    run: str
    decision: Decision | None = field(default=None, metadata=written(name="move"))
    step: str = ""
    was_live: str = ""
    backup: str = ""


@dataclass(frozen=True)
class Unfinished(StoredFacts):
    """The failed run that a deploy completes.

    Args:
        run: ID of the failed run.
        step: title of the step at which it stopped; empty if at none.
        was_live: the commit that was live before the first run of the series, empty if unknown; None if the plan's own
            basis says it.
        backup: that the first run with migrations made, empty if it made none; None if no run had migrations.
    """

    kind: ClassVar = "unfinished"
    run: str
    step: str = ""
    was_live: str | None = field(default=None, metadata=written(omit=True))
    backup: str | None = field(default=None, metadata=written(omit=True))


@dataclass(frozen=True)
class AlreadyDown(StoredFacts):
    """Hosts that were in maintenance before the run.

    Args:
        hosts: their names.
    """

    kind: ClassVar = "already_down"
    hosts: tuple[str, ...] = field(metadata=_NAMES)


@dataclass(frozen=True)
class HeldBack(StoredFacts):
    """Pending migrations that the run does not run.

    Args:
        migrations: their names.
    """

    kind: ClassVar = "held_back"
    migrations: tuple[str, ...] = field(metadata=_NAMES)


@dataclass(frozen=True)
class OpenSession(StoredFacts):
    """A session at the live database that could make a migration wait.

    Args:
        id: at the server.
        user: of it.
        seconds: how long it has done what it does.
        query: that it runs, or its state.
        waits: whether it waits for a lock itself.
    """

    kind: ClassVar = "session"
    id: int
    user: str
    seconds: int
    query: str
    waits: bool


@dataclass(frozen=True)
class UnknownFinding:
    """A finding of a kind, or with facts, that this version of the bot does not know.

    Args:
        kind: its code.
        facts: as they are stored.
    """

    kind: str
    facts: Mapping[str, str]


Finding = (
    Rehearsed
    | NotRehearsed
    | MigrationFinding
    | StatementFinding
    | OldCode
    | MigrationEffect
    | SchemaChange
    | RowsChanged
    | WayBack
    | SandboxAttempt
    | MigrationFile
    | SchemaDigest
    | BackupMade
    | ReliedOnBackup
    | BackupToRestore
    | TableWritten
    | WritesUnknown
    | OtherTables
    | OldTables
    | BackupsNoLongerKept
    | BackupsFromTheFuture
    | MissedBackup
    | RollbackChoice
    | RowsLost
    | NothingLost
    | LossUnknown
    | Resumed
    | Unfinished
    | AlreadyDown
    | HeldBack
    | OpenSession
    | UnknownFinding
)
"""A piece of evidence for approvers, such as a verified backup."""

_OUTCOME = "outcome"
_BY_OUTCOME: Mapping[str, type[Rehearsed | NotRehearsed]] = {kind.outcome: kind for kind in (Rehearsed, NotRehearsed)}
"""The two that share a kind; the fact `_OUTCOME` tells which it is."""

_BY_KIND: Mapping[str, type[Any]] = {
    kind.kind: kind for kind in Finding.__args__ if kind is not UnknownFinding and kind not in _BY_OUTCOME.values()
}

T = TypeVar("T")


def those_of(kind: type[T], findings: Iterable[Finding]) -> tuple[T, ...]:
    """Give the findings of a class, in order."""
    return tuple(found for found in findings if isinstance(found, kind))


def first_of(kind: type[T], findings: Iterable[Finding]) -> T | None:
    """Give the first finding of a class; None if there is none."""
    return next((found for found in findings if isinstance(found, kind)), None)


def is_unknown(found: Finding) -> bool:
    """Whether a finding says that what a migration does is not known: not rehearsed, or it cannot be read."""
    match found:
        case NotRehearsed():
            return True
        case MigrationFinding(risk=risk):
            return risk is MigrationRisk.UNKNOWN
        case RowsChanged():
            return found.is_unknown
        case UnknownFinding(kind):
            return kind in {Rehearsed.kind, MigrationFinding.kind, RowsChanged.kind}
        case _:
            return False


def destroys(found: Finding) -> bool:
    """Whether data is dropped or rewritten according to a finding."""
    match found:
        case MigrationFinding(risk=risk):
            return risk is MigrationRisk.DESTRUCTIVE
        case RowsChanged():
            return found.destroys
        case UnknownFinding(kind, facts):
            return kind == MigrationFinding.kind and facts.get("risk") == MigrationRisk.DESTRUCTIVE.value
        case _:
            return False


def facts_of(found: Finding) -> dict[str, str]:
    """Write the facts of a finding as they are stored."""
    if isinstance(found, UnknownFinding):
        return dict(found.facts)
    own = to_facts(found)
    if isinstance(found, Rehearsed | NotRehearsed) and _OUTCOME not in own:
        return {_OUTCOME: found.outcome, **own}
    return own


def finding_of(kind: str, facts: Mapping[str, str]) -> Finding:
    """Read a finding.

    Args:
        kind: its code.
        facts: what `facts_of` wrote, in this version or another.

    Returns:
        An `UnknownFinding` for what this version does not know.
    """
    shape = _BY_OUTCOME.get(facts.get(_OUTCOME, "")) if kind == Rehearsed.kind else _BY_KIND.get(kind)
    if shape is None:
        return UnknownFinding(kind, dict(facts))
    try:
        return from_facts(shape, facts)
    except ValueError:
        return UnknownFinding(kind, dict(facts))


def finding_to_json(found: Finding) -> dict[str, Any]:
    """Write a finding as plain data."""
    return {"kind": found.kind, "facts": facts_of(found)}


def finding_from_json(data: Mapping[str, Any]) -> Finding:
    """Read what `finding_to_json` wrote.

    Raises:
        KeyError: a value is missing.
        ValueError: the facts are no texts.
    """
    facts = data["facts"]
    if not isinstance(facts, dict) or not all(isinstance(text, str) for text in facts.values()):
        raise ValueError(f"{facts!r} are no facts")
    return finding_of(str(data["kind"]), facts)
