"""What became of the rows of the live database's copy in a sandbox. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.databases.migrations.evidence import PreviewedTrial
from bot.databases.migrations.sandboxed.results import ComparedRows, SandboxRehearsalResults
from bot.databases.migrations.sql.catalog import Catalog
from bot.databases.server.tables import TableSize
from bot.domain.runs.findings import RehearsedRows, RowsChanged, RowsCounted
from bot.domain.runs.migration_risk import EffectKind


@dataclass(frozen=True)
class LiveFacts:
    """What is known of the live database.

    Args:
        name: of the database.
        catalog: its types, triggers and views; None where they cannot be read.
        sizes: of its tables, by name.
        sample_rows: rows of each table that a sample has at most.
    """

    name: str
    catalog: Catalog | None
    sizes: Mapping[str, TableSize]
    sample_rows: int


def rows_changed(
    results: SandboxRehearsalResults,
    previewed: tuple[PreviewedTrial, ...],
    table: str,
    live: LiveFacts,
) -> Iterator[RowsChanged]:
    """Say what became of the rows of each table that was touched.

    Args:
        results: of the rehearsal.
        previewed: its migrations, in order.
        table: in which the framework records migrations; the commit has no say in it.
        live: what is known of the live database.
    """
    renamed = {
        effect.table: effect.name
        for one in previewed
        for statement, _ in one.statements or ()
        for effect in statement.effects
        if effect.kind is EffectKind.TABLE_RENAMED
    }
    for one in results.rows_changed:
        if one.table == table or not one.before:
            continue
        found = _followed(one, renamed, results)
        if found.deleted == 0 and found.changed == 0 and not found.inserted:
            continue
        yield RowsChanged(
            table=found.table,
            before=found.before,
            after=found.after,
            deleted=found.deleted,
            changed=found.changed,
            inserted=found.inserted,
            of=RowsCounted.ALL if is_whole(found.table, results, live) else RowsCounted.SAMPLE,
        )


def _followed(one: ComparedRows, renamed: Mapping[str, str], results: SandboxRehearsalResults) -> ComparedRows:
    """Count the rows of a table under its new name; those of a table that is gone are all deleted."""
    if one.table in results.after.tables:
        return one
    name = one.table
    for _ in renamed:
        name = renamed.get(name, name)
    after = results.counts_after.get(name) if name != one.table else 0
    before = one.before or 0
    if after is None:
        return replace(one, after=None, deleted=None, changed=None, inserted=None)
    return replace(one, after=after, deleted=max(0, before - after), changed=0, inserted=max(0, after - before))


def is_whole(table: str, results: SandboxRehearsalResults, live: LiveFacts) -> bool:
    """Whether the copy had all rows of a table."""
    return results.rows != RehearsedRows.SAMPLE.value or results.counts.get(table, 0) < live.sample_rows
