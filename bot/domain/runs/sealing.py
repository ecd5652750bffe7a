"""What the findings of the prepare phase put into the acts of a plan: what was rehearsed is what may happen. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.runs.acts import Act, ApprovedLoss, AsRehearsed, Direction, Migrate, NothingPending
from bot.domain.runs.findings import (
    Finding,
    MigrationFile,
    Rehearsed,
    RehearsedRows,
    RowsChanged,
    RowsCounted,
    SchemaChange,
    SchemaDigest,
    StatementFinding,
    first_of,
    those_of,
)
from bot.domain.runs.migration_source import MigrationSource

_WHOLE = frozenset({RehearsedRows.COPIED, RehearsedRows.BACKUP})


def rehearsed_files(findings: Iterable[Finding]) -> tuple[MigrationSource, ...]:
    """Give the files of the migrations that would run, by the framework's own answer; none where it was not asked."""
    return tuple(MigrationSource(found.name, found.path, found.sha256) for found in those_of(MigrationFile, findings))


def sealed_act(act: Act, findings: tuple[Finding, ...]) -> Act:
    """Give an act with what was found.

    Args:
        act: of a step of the plan.
        findings: of the prepare phase.
    """
    files = rehearsed_files(findings)
    match act:
        case AsRehearsed() if act == AsRehearsed():
            digest = first_of(SchemaDigest, findings)
            changes = {found.table: found.after for found in those_of(SchemaChange, findings)}
            return AsRehearsed(changes, dict(digest.by_table) if digest is not None else None)
        case Migrate():
            is_told = act.direction is Direction.UP and files
            return replace(act, files=files if is_told else act.files, losses=_losses(act.table, findings))
        case NothingPending() if files:
            return replace(act, names=tuple(file.name for file in files))
    return act


def _losses(records: str, findings: tuple[Finding, ...]) -> tuple[ApprovedLoss, ...]:
    """Give how many rows may go, of each table whose rows were all there in the rehearsal.

    Args:
        records: the table in which the framework records migrations.
        findings: of the prepare phase.
    """
    counted = {found.table: found for found in those_of(RowsChanged, findings)}
    losses = {
        table: ApprovedLoss(table, found.before, lost)
        for table, found in counted.items()
        if found.of is RowsCounted.ALL and (lost := _lost(found)) is not None
    }
    rehearsal = first_of(Rehearsed, findings)
    if rehearsal is not None and rehearsal.rows in _WHOLE:
        changes = those_of(SchemaChange, findings)
        touched = {found.table for found in changes} | {found.table for found in those_of(StatementFinding, findings)}
        losses |= {table: ApprovedLoss(table, 0, 0) for table in touched - counted.keys()}
    gone = {found.table for found in those_of(SchemaChange, findings) if not found.after}
    return tuple(losses[table] for table in sorted(losses.keys() - gone - {records, ""}))


def _lost(found: RowsChanged) -> int | None:
    if found.deleted is not None or found.before is None or found.after is None:
        return found.deleted
    # Which rows went is not known: at least as many did as there are fewer.
    return max(0, found.before - found.after)
