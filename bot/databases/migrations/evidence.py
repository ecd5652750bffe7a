"""The findings about pending migrations, from what was read, previewed and rehearsed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.databases.migrations.online_ddl import Prediction
from bot.databases.migrations.rehearsal_script import RehearsalResults, Trial
from bot.databases.migrations.source import down_method_of, word_that_destroys
from bot.databases.migrations.sql.ddl import (
    BREAKS_OLD_CODE,
    DESTROYS,
    EffectKind,
    MigrationStatement,
    Operation,
    StatementEffect,
)
from bot.databases.server.schema import canonical, schema_diff, schema_effects
from bot.databases.server.tables import TableSize
from bot.domain.runs.acts import Direction, Rehearse
from bot.domain.runs.findings import (
    Finding,
    MigrationEffect,
    MigrationFinding,
    NotRehearsed,
    NotRehearsedReason,
    OldCode,
    RecordedEffect,
    Rehearsed,
    RehearsedWhere,
    SchemaChange,
    StatementFinding,
)
from bot.domain.runs.migration_risk import DownMethod, MigrationRisk, Online, RiskReason

MAX_STATEMENTS = 300
"""Statements that are in a plan; `Rehearsed.statements` counts them all."""

_LONGEST_SQL = 2000


_ORDER = list(MigrationRisk)


@dataclass(frozen=True)
class RiskVerdict:
    """A risk and its reason.

    Args:
        risk: of a migration or a statement.
        reason: why.
        what: the thing it is about.
    """

    risk: MigrationRisk
    reason: RiskReason
    what: str = ""


@dataclass(frozen=True)
class PreviewedTrial:
    """A migration with the statements that it would run, and how the server would carry them out.

    Args:
        trial: what became of it on the copy.
        statements: in order, with how the server would carry each out; None where it could not say what it would run.
    """

    trial: Trial
    statements: tuple[tuple[MigrationStatement, Prediction | None], ...] | None


@dataclass
class _MigratedState:
    """What earlier migrations of the run have created or renamed; nothing new can be lost."""

    sizes: Mapping[str, TableSize]
    columns: set[tuple[str, str]]
    called: dict[str, str]

    def size(self, table: str) -> TableSize | None:
        return self.sizes.get(self.called.get(table, table))

    def adjusted(self, effect: StatementEffect) -> StatementEffect:
        """Return an effect, with a change of new columns alone as `rows_filled`."""
        if effect.kind is EffectKind.ROWS_CHANGED and (effect.table, effect.name) in self.columns:
            return StatementEffect(EffectKind.ROWS_FILLED, effect.table, effect.name)
        return effect

    def loses(self, effect: StatementEffect) -> bool:
        """Whether an effect drops or rewrites data that existed before the run."""
        if effect.kind not in DESTROYS or (effect.table, effect.name) in self.columns:
            return False
        return self.size(effect.table) is not None

    def breaks(self, effect: StatementEffect) -> bool:
        """Whether an effect breaks code from before the run."""
        if effect.kind not in BREAKS_OLD_CODE or self.size(effect.table) is None:
            return False
        return effect.kind is EffectKind.COLUMN_REQUIRED or (effect.table, effect.name) not in self.columns

    def apply(self, effects: tuple[StatementEffect, ...]) -> None:
        for one in effects:
            if one.kind is EffectKind.COLUMN_ADDED:
                self.columns.add((one.table, one.name))
            elif one.kind is EffectKind.TABLE_RENAMED:
                self.called[one.name] = self.called.pop(one.table, one.table)


def rehearsed(
    suffix: str,
    sources: Mapping[str, str],
    results: RehearsalResults,
    previewed: tuple[PreviewedTrial, ...],
    sizes: Mapping[str, TableSize],
    where: RehearsedWhere | None = None,
) -> tuple[Finding, ...]:
    """Write the findings of a rehearsal that went well, or of a preview without one.

    Args:
        suffix: of the migrations' files, which determines the language.
        sources: the text of each migration by its name.
        results: of the rehearsal.
        previewed: its migrations, in order.
        sizes: of the live tables, by name.
        where: it was rehearsed; None for a preview.
    """
    state = _MigratedState(sizes, set(), {})
    findings: list[Finding] = []
    for migration in previewed:
        findings += _migration(migration, state, sources.get(migration.trial.name, ""), suffix)
    statements = [finding for finding in findings if isinstance(finding, StatementFinding)]
    spare = {id(finding) for finding in statements[MAX_STATEMENTS:]}
    return (
        _summary(results, previewed, len(statements), where),
        *(finding for finding in findings if id(finding) not in spare),
        *_schema(results),
    )


def _summary(
    results: RehearsalResults,
    previewed: tuple[PreviewedTrial, ...],
    statements: int,
    where: RehearsedWhere | None,
) -> Rehearsed | NotRehearsed:
    if results.why is not None:
        return NotRehearsed(results.why, results.detail, statements)
    return Rehearsed(
        migrations=sum(migration.trial.ran for migration in previewed),
        seconds=seconds_of(sum(migration.trial.milliseconds for migration in previewed)),
        rows=results.rows,
        backup=results.backup,
        made_at=results.made_at,
        age=results.age,
        no_data=results.no_data,
        no_data_detail=results.no_data_detail,
        routines_left_out=results.routines_left_out,
        statements=statements,
        where=where,
    )


def not_rehearsed(act: Rehearse, sources: Mapping[str, str], why: str, detail: str) -> tuple[Finding, ...]:
    """Write the findings without a rehearsal, from the sources alone.

    Args:
        act: what was to be rehearsed.
        sources: the text of each migration by its name.
        why: a `NotRehearsedReason`.
        detail: words about it.

    Raises:
        ValueError: there is no such reason.
    """
    unseen = unseen_migrations(act.migrations, sources, act.suffix, act.direction)
    return (NotRehearsed(NotRehearsedReason(why), detail), *unseen)


def unseen_migrations(
    names: tuple[str, ...], sources: Mapping[str, str], suffix: str, direction: Direction
) -> tuple[MigrationFinding, ...]:
    """Write the findings of migrations that were not run, from their sources.

    Args:
        names: of them, in order.
        sources: their texts by their names, as far as there are any.
        suffix: of their files, which determines the language.
        direction: whether they would be run or undone.
    """
    return tuple(_unseen(name, sources.get(name, ""), suffix, direction) for name in names)


def _unseen(name: str, source: str, suffix: str, direction: Direction) -> MigrationFinding:
    # the source of an undo is inconclusive: what it drops, the deploy may have added
    word = word_that_destroys(source, suffix) if direction is Direction.UP else ""
    verdict = (
        RiskVerdict(MigrationRisk.DESTRUCTIVE, RiskReason.SOURCE_SAYS, word)
        if word
        else RiskVerdict(MigrationRisk.UNKNOWN, RiskReason.NOT_PREVIEWED)
    )
    down = down_method_of(source, suffix) if source else DownMethod.UNKNOWN
    return MigrationFinding(name, verdict.risk, verdict.reason, verdict.what, down=down, preview=False)


def _migration(migration: PreviewedTrial, state: _MigratedState, source: str, suffix: str) -> Iterator[Finding]:
    trial, statements = migration.trial, migration.statements
    by_schema = schema_effects(trial.before, trial.after)
    by_sql: list[StatementEffect] = []
    verdicts: list[RiskVerdict] = []
    findings: list[StatementFinding] = []
    old_code: dict[StatementEffect, None] = {}
    for number, (statement, prediction) in enumerate(statements or (), 1):
        effects = tuple(state.adjusted(one) for one in statement.effects)
        destroyed = [one for one in effects if state.loses(one)]
        verdicts.append(_verdict(statement, effects, destroyed, prediction, state))
        findings.append(_statement(trial.name, number, statement, effects, bool(destroyed), prediction, state))
        # the schema knows better whether a column was NOT NULL before
        old_code |= dict.fromkeys(
            one for one in effects if one.kind is not EffectKind.COLUMN_REQUIRED and state.breaks(one)
        )
        by_sql += effects
        state.apply(effects)
    unsaid = _unsaid(by_schema, by_sql)
    verdicts += [
        RiskVerdict(MigrationRisk.DESTRUCTIVE, RiskReason(one.kind.value), one.what)
        for one in unsaid
        if state.loses(one)
    ]
    old_code |= dict.fromkeys(one for one in unsaid if state.breaks(one))
    state.apply(unsaid)
    if statements is None:
        verdicts.append(RiskVerdict(MigrationRisk.UNKNOWN, RiskReason.NOT_PREVIEWED))
    nothing = RiskVerdict(MigrationRisk.SAFE, RiskReason.NOTHING)
    worst = max(verdicts, key=lambda verdict: _ORDER.index(verdict.risk), default=nothing)
    yield MigrationFinding(
        trial.name,
        worst.risk,
        worst.reason,
        worst.what,
        seconds=seconds_of(trial.milliseconds) if trial.ran else None,
        down=down_method_of(source, suffix),
        preview=statements is not None,
        statements=len(statements or ()),
    )
    yield from findings
    if trial.ran:
        yield _effect(trial)
    for one in old_code:
        yield OldCode(trial.name, one.kind, one.what)


def _effect(trial: Trial) -> MigrationEffect:
    before, after = set(canonical(trial.before).splitlines()), set(canonical(trial.after).splitlines())
    return MigrationEffect(trial.name, tuple(sorted(after - before)), tuple(sorted(before - after)))


def _unsaid(by_schema: tuple[StatementEffect, ...], by_sql: list[StatementEffect]) -> tuple[StatementEffect, ...]:
    """Return the effects in the schema that the statements do not explain; a rename looks like a drop and an add."""
    renamed_columns = {(one.table, one.name) for one in by_sql if one.kind is EffectKind.COLUMN_RENAMED}
    renamed_tables = {one.table for one in by_sql if one.kind is EffectKind.TABLE_RENAMED}
    new_names = {one.name for one in by_sql if one.kind is EffectKind.TABLE_RENAMED}
    tables_of_renamed = {table for table, _ in renamed_columns}
    said = set(by_sql)

    def is_a_rename(one: StatementEffect) -> bool:
        match one.kind:
            case EffectKind.TABLE_DROPPED:
                return one.table in renamed_tables
            case EffectKind.TABLE_CREATED:
                return one.table in new_names
            case EffectKind.COLUMN_DROPPED:
                return (one.table, one.name) in renamed_columns
            case EffectKind.COLUMN_ADDED | EffectKind.COLUMN_REQUIRED:
                added = StatementEffect(EffectKind.COLUMN_ADDED, one.table, one.name) in said
                return one.table in tables_of_renamed and not added
            case _:
                return False

    return tuple(
        one for one in by_schema if not is_a_rename(one) and (one not in said or one.kind is EffectKind.COLUMN_REQUIRED)
    )


def _verdict(
    statement: MigrationStatement,
    effects: tuple[StatementEffect, ...],
    destroyed: list[StatementEffect],
    prediction: Prediction | None,
    state: _MigratedState,
) -> RiskVerdict:
    if destroyed:
        return RiskVerdict(MigrationRisk.DESTRUCTIVE, RiskReason(destroyed[0].kind.value), destroyed[0].what)
    table = statement.table
    if any(one.kind is EffectKind.UNKNOWN for one in effects):
        return RiskVerdict(MigrationRisk.UNKNOWN, RiskReason.UNREAD, table)
    size = state.size(table)
    if size is None:
        new = statement.operation in {Operation.CREATE_TABLE, Operation.ALTER_TABLE, Operation.CREATE_INDEX}
        return RiskVerdict(MigrationRisk.SAFE, RiskReason.NEW_TABLE if new else RiskReason.NOTHING, table)
    if prediction is not None:
        return _by_prediction(prediction, size, table)
    if size.is_large and any(one.kind is EffectKind.ROWS_FILLED for one in effects):
        return RiskVerdict(MigrationRisk.SLOW, RiskReason.FILLS, table)
    return RiskVerdict(MigrationRisk.SAFE, RiskReason.NOTHING, table)


def _by_prediction(prediction: Prediction, size: TableSize, table: str) -> RiskVerdict:
    waits = MigrationRisk.BLOCKING if size.is_large else MigrationRisk.SLOW
    match prediction.online:
        case Online.UNKNOWN:
            return RiskVerdict(waits, RiskReason.UNPREDICTED, table)
        case Online.INSTANT:
            return RiskVerdict(MigrationRisk.SAFE, RiskReason.INSTANT, table)
        case Online.COPY:
            return RiskVerdict(waits, RiskReason.COPY, table)
        case Online.NOCOPY | Online.INPLACE:
            if prediction.writes_wait:
                return RiskVerdict(waits, RiskReason.WRITES_WAIT, table)
            if size.is_large:
                return RiskVerdict(MigrationRisk.SLOW, RiskReason.BUILDS, table)
            return RiskVerdict(MigrationRisk.SAFE, RiskReason.ONLINE, table)


def _statement(
    migration: str,
    number: int,
    statement: MigrationStatement,
    effects: tuple[StatementEffect, ...],
    destroys: bool,  # noqa: FBT001 - a fact to write down, not a switch
    prediction: Prediction | None,
    state: _MigratedState,
) -> StatementFinding:
    size = state.size(statement.table)
    return StatementFinding(
        migration,
        number,
        statement.sql[:_LONGEST_SQL],
        statement.operation,
        statement.table,
        None if size is None else size.rows,
        None if size is None else size.bytes,
        None if prediction is None else prediction.online,
        None if prediction is None else prediction.writes_wait,
        tuple(RecordedEffect(one.kind, one.what) for one in effects),
        destroys,
    )


def _schema(results: RehearsalResults) -> Iterator[SchemaChange]:
    for table, lines in schema_diff(results.before, results.after).items():
        yield SchemaChange(table, tuple(lines), canonical(results.after.of([table])))


def seconds_of(milliseconds: int) -> Decimal:
    """Give a duration as findings have it, in seconds with two digits behind the point."""
    return Decimal(f"{milliseconds / 1000:.2f}")
