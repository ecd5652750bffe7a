"""What is said of a migration that ran in a sandbox, beyond what its SQL shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.databases.migrations.evidence import PreviewedTrial
from bot.databases.migrations.sandboxed.results import RanMigration, SandboxOutcome, SandboxRehearsalResults
from bot.databases.migrations.sandboxed.rows import LiveFacts, is_whole
from bot.databases.migrations.sql.ddl import Operation, read_statement
from bot.databases.migrations.sql.lexer import UnreadableSqlError, tokens
from bot.domain.runs.acts import Direction, SandboxRehearsal
from bot.domain.runs.findings import MigrationFinding, RowsChanged
from bot.domain.runs.migration_risk import MigrationRisk, RiskReason
from bot.domain.targets.migrator import MigratorAnswer

_WRITES = frozenset({Operation.INSERT, Operation.UPDATE, Operation.DELETE, Operation.REPLACE, Operation.TRUNCATE})


@dataclass(frozen=True)
class Verdicts:
    """Judges the migrations of one rehearsal.

    Args:
        results: of the rehearsal.
        live: what is known of the live database.
        rows: what became of the rows.
        previewed: what each migration ran, by its name.
        migrations: that ran, in order.
        act: what was rehearsed.
        answer: of the framework in the sandbox; None where there is none.
    """

    results: SandboxRehearsalResults
    live: LiveFacts
    rows: tuple[RowsChanged, ...]
    previewed: Mapping[str, PreviewedTrial]
    migrations: tuple[RanMigration, ...]
    act: SandboxRehearsal
    answer: MigratorAnswer | None

    def judge(self, found: MigrationFinding) -> MigrationFinding:
        """Return the finding of a migration with what its SQL alone does not show."""
        if found.risk is MigrationRisk.DESTRUCTIVE:
            return found
        for one in self.rows:
            if one.destroys and self._wrote(found.name, one.table):
                reason = RiskReason.ROWS_LOST if one.deleted else RiskReason.ROWS_REWRITTEN
                return replace(found, risk=MigrationRisk.DESTRUCTIVE, reason=reason, what=one.table)
        unknown = self._unknown(found.name)
        return (
            found if unknown is None else replace(found, risk=MigrationRisk.UNKNOWN, reason=unknown[0], what=unknown[1])
        )

    def _unknown(self, name: str) -> tuple[RiskReason, str] | None:
        if self.results.outcome is SandboxOutcome.FAILED and name == self.migrations[-1].name:
            return RiskReason.SANDBOX_ONLY, self.results.failure.message
        if not self.results.complete or any(not one.complete for one in self._of(name).statements):
            return RiskReason.LOG_INCOMPLETE, ""
        if self.act.direction is Direction.UP and self.answer is not None:
            expected = {source.name for source in self.answer.pending}
            if name not in expected:
                return RiskReason.LOG_INCOMPLETE, name
        if self.results.reached_out:
            return RiskReason.REACHED_OUT, ""
        if self._wrote_rows(name):
            return None
        table = next(iter(self._read(name)), None)
        return None if table is None else (RiskReason.READ_ROWS_WROTE_NONE, table)

    def _of(self, name: str) -> RanMigration:
        return next(one for one in self.migrations if one.name == name)

    def _wrote(self, name: str, table: str) -> bool:
        """Whether a migration may have written to a table; where none is known to, every one may have."""
        writers = {
            trial.trial.name
            for trial in self.previewed.values()
            for statement, _ in trial.statements or ()
            if statement.operation is not Operation.SELECT and table in _names(statement.sql)
        }
        return name in writers or not writers

    def _wrote_rows(self, name: str) -> bool:
        return any(statement.operation in _WRITES for statement, _ in self.previewed[name].statements or ())

    def _read(self, name: str) -> Iterator[str]:
        """List the tables whose rows a migration read, where the copy had not all of them."""
        for one in self._of(name).statements:
            if read_statement(one.sql).operation is not Operation.SELECT:
                continue
            for table in _names(one.sql):
                size = self.live.sizes.get(table)
                has_rows = size is not None and size.rows > 0
                if has_rows and table != self.act.table and not is_whole(table, self.results, self.live):
                    yield table


def _names(sql: str) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(token.text for token in tokens(sql) if token.can_name))
    except UnreadableSqlError:
        return ()
