"""Whether a framework would run, and has run, exactly the migrations that were approved. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.errors import Problem, Reason
from bot.domain.runs.acts import Direction, Migrate
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.targets.migrator import MigratorAnswer


def refusal(act: Migrate, before: MigratorAnswer) -> Problem | None:
    """Say why nothing may be run, or None.

    Args:
        act: what was approved.
        before: what the migrator says before.
    """
    found = _refused_up(act, before) if act.direction is Direction.UP else _refused_down(act, before)
    return Problem(Reason.MIGRATIONS_NOT_APPROVED, found) if found else None


def _refused_up(act: Migrate, before: MigratorAnswer) -> dict[str, str]:
    approved = {file.name: file for file in act.files}
    pending = {file.name: file for file in before.pending}
    facts = _named(
        unplanned=(file for file in before.pending if file.name not in approved),
        changed=(file for file in before.pending if _is_other(file, approved.get(file.name))),
        missing=(file for file in act.files if file.name not in pending),
    )
    if before.schema is not None and _contents(before.schema) not in {_contents(dump) for dump in act.dumps}:
        facts["dump"] = before.schema.path
    if not facts and tuple(pending) != act.names:
        facts["order"] = ", ".join(pending)
    return facts


def _refused_down(act: Migrate, before: MigratorAnswer) -> dict[str, str]:
    latest = tuple(row.name for row in before.rows[::-1][: len(act.files)])
    if latest != act.names:
        return {"latest": ", ".join(latest) or "nothing"}
    files = {file.name: file for file in before.ran}
    return _named(
        changed=(files[file.name] for file in act.files if file.name in files and files[file.name] != file),
        missing=(file for file in act.files if file.name not in files),
    )


def _is_other(file: MigrationSource, approved: MigrationSource | None) -> bool:
    """Whether a file is not the approved one of its name."""
    return approved is not None and approved.is_known and file != approved


def _contents(dump: MigrationSource) -> tuple[str, str]:
    return dump.path, dump.sha256


def difference(
    act: Migrate, before: MigratorAnswer, after: MigratorAnswer, dumped: frozenset[str] = frozenset()
) -> Problem | None:
    """Say what ran that was not approved, and what did not run that was; None where all is as approved.

    Args:
        act: what was approved.
        before: what the migrator said before.
        after: what it says afterwards.
        dumped: the migrations that an approved dump of the schema records.
    """
    recorded, now, going = ({row.name for row in before.rows}, {row.name for row in after.rows}, set(act.names))
    files = {file.name: file for file in act.files}
    if act.direction is Direction.UP:
        known = recorded | going | (dumped if before.schema is not None else set())
        facts = _named(
            unplanned=(_file_of(after, row.name) for row in after.rows if row.name not in known),
            undone=(_file_of(before, row.name) for row in before.rows if row.name not in now),
            missing=(file for file in act.files if file.name not in now),
            changed=(file for file in after.ran if _is_other(file, files.get(file.name))),
        )
    else:
        facts = _named(
            unplanned=(_file_of(after, row.name) for row in after.rows if row.name not in recorded),
            undone=(_file_of(before, row.name) for row in before.rows if row.name not in now | going),
            left=(file for file in act.files if file.name in now),
        )
    return Problem(Reason.MIGRATED_OTHERWISE, facts) if facts else None


def _file_of(answer: MigratorAnswer, name: str) -> MigrationSource:
    return answer.find(name) or MigrationSource(name, "an unknown file", "")


def rows_lost(act: Migrate, before: MigratorAnswer, after: MigratorAnswer) -> Problem | None:
    """Say which tables lost more rows than was approved, or None.

    What a table has grown since the rehearsal may be gone as well, where rows of it were to go at all.

    Args:
        act: what was approved.
        before: what the migrator said before, with the rows of its tables.
        after: the same afterwards.
    """
    lines = []
    for approved in act.losses:
        had, has = before.counts.get(approved.table), after.counts.get(approved.table)
        if had is None or has is None:
            continue
        lost = had - has
        grown = max(0, had - approved.before) if approved.lost and approved.before is not None else 0
        if lost > approved.lost + grown:
            lines.append(f"{approved.table}: {lost} of {had}, approved {approved.lost + grown}")
    return Problem(Reason.ROWS_LOST, {"tables": "; ".join(lines)}) if lines else None


_MAX_NAMED = 10


def _named(**files: Iterable[MigrationSource]) -> dict[str, str]:
    """Name files as facts, without those facts that would name none."""
    facts = {}
    for fact, sources in files.items():
        texts = [str(source) for source in sources]
        if texts:
            more = f", and {len(texts) - _MAX_NAMED} more" if len(texts) > _MAX_NAMED else ""
            facts[fact] = ", ".join(texts[:_MAX_NAMED]) + more
    return facts
