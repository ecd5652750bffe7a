"""Findings: the pieces of evidence in a plan, what they mean for the gate, and how they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.domain.runs.backup_findings import (
    BackupMade,
    BackupsFromTheFuture,
    BackupsNoLongerKept,
    BackupToRestore,
    LacksPrivileges,
    MissedBackup,
    OldTables,
    OtherTables,
    ReliedOnBackup,
    TableWritten,
    WritesUnknown,
)
from bot.domain.runs.migration_findings import (
    MigrationEffect,
    MigrationFile,
    MigrationFinding,
    OldCode,
    OrderReason,
    RecordedEffect,
    ReleaseOrder,
    RowsChanged,
    RowsCounted,
    SchemaChange,
    SchemaDigest,
    StatementFinding,
    SwitchOrder,
    TableDigest,
    ValuesLost,
)
from bot.domain.runs.migration_risk import MigrationRisk
from bot.domain.runs.rehearsal_findings import (
    AttemptKind,
    LackKind,
    NoBackupData,
    NotRehearsed,
    NotRehearsedReason,
    Rehearsed,
    RehearsedRows,
    RehearsedWhere,
    SandboxAttempt,
    SandboxLack,
    SandboxLimit,
    WayBack,
    WayBackState,
)
from bot.domain.runs.rollout_findings import AllAtOnce, AtOnceReason, HostsDiffer, LaidOut, LeftOut
from bot.domain.runs.run_findings import (
    AlreadyDown,
    CheckFound,
    ChecksWaived,
    HeldBack,
    LossUnknown,
    NothingLost,
    OnReplica,
    OpenSession,
    OtherServer,
    OutOfOrder,
    Resumed,
    RollbackChoice,
    RollbackReason,
    RollbackWay,
    RowsLost,
    Unfinished,
    UsualSteps,
    VerifiedBefore,
)
from bot.domain.runs.stored_facts import from_facts, to_facts

__all__ = [
    "AllAtOnce",
    "AlreadyDown",
    "AtOnceReason",
    "AttemptKind",
    "BackupMade",
    "BackupToRestore",
    "BackupsFromTheFuture",
    "BackupsNoLongerKept",
    "CheckFound",
    "ChecksWaived",
    "Finding",
    "HeldBack",
    "HostsDiffer",
    "LackKind",
    "LacksPrivileges",
    "LaidOut",
    "LeftOut",
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
    "OnReplica",
    "OpenSession",
    "OrderReason",
    "OtherServer",
    "OtherTables",
    "OutOfOrder",
    "RecordedEffect",
    "Rehearsed",
    "RehearsedRows",
    "RehearsedWhere",
    "ReleaseOrder",
    "ReliedOnBackup",
    "Resumed",
    "RollbackChoice",
    "RollbackReason",
    "RollbackWay",
    "RowsChanged",
    "RowsCounted",
    "RowsLost",
    "SandboxAttempt",
    "SandboxLack",
    "SandboxLimit",
    "SchemaChange",
    "SchemaDigest",
    "StatementFinding",
    "SwitchOrder",
    "TableDigest",
    "TableWritten",
    "Unfinished",
    "UnknownFinding",
    "UsualSteps",
    "ValuesLost",
    "VerifiedBefore",
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
    | ValuesLost
    | OldCode
    | SwitchOrder
    | MigrationEffect
    | SchemaChange
    | RowsChanged
    | WayBack
    | SandboxAttempt
    | SandboxLack
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
    | LacksPrivileges
    | MissedBackup
    | RollbackChoice
    | RowsLost
    | UsualSteps
    | NothingLost
    | LossUnknown
    | Resumed
    | Unfinished
    | AlreadyDown
    | AllAtOnce
    | HostsDiffer
    | LaidOut
    | LeftOut
    | OtherServer
    | OnReplica
    | HeldBack
    | VerifiedBefore
    | OutOfOrder
    | CheckFound
    | ChecksWaived
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
        case NotRehearsed(reason=reason):
            # What is rehearsed behind the gate goes back to it if it turns out to be worse than what was approved.
            return reason is not NotRehearsedReason.AFTER_APPROVAL
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
