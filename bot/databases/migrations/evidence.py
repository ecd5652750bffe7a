"""The findings about pending migrations, from what was read, previewed and rehearsed. Pure.

Findings of a plan, by kind. Facts are text; figures are plain digits; a fact that does not apply is empty.

`rehearsal`, one
    outcome     `ok` or `not_possible`. (One that failed ends the run before its gate, with `rehearsal_failed`.)
    why         where not possible: `recipe` (it knows no way to; from a plan without a step that rehearses there is
                then nothing but `outcome` and `why`), `scratch_off` (the target has no `scratch: true`),
                `other_connection` (a migration names a connection of its own, `detail` says which), `name_too_long`,
                `source_missing`, `settings` (a value that no option file can hold), or what the script said: `tools`,
                `connect`, `worktree`, `scratch`, `copy`, `setup`, `probe`, `elsewhere`, `busy`.
    detail      words of the host or the server.
    migrations  how many ran on the copy.
    seconds     how long all of them took there, such as `4.20`.
    rows        `backup`, the copy held the data of a backup; `copied`, that of the live database; `none`: its tables
                were empty, so data was not tried and times mean little.
    backup      ID of that backup.
    made_at     when it was made, RFC 3339.
    age         how old it was when it was rehearsed on, in seconds.
    no_data     where a backup's data was wanted (`rehearse: data`) and the copy did not get it: `no_backup`,
                `backup_unreadable`, `backup_damaged`, `space` (too little at the database server), `not_loaded`,
                `other_schema` (migrations ran since the backup, or the schema was changed otherwise).
    no_data_detail  words of the host or the server about it.
    routines    `left_out` where triggers and routines were not in the copy.
    statements  how many there are in all; findings of kind `statement` are at most `MAX_STATEMENTS`.

`migration`, one a pending migration, in order
    name
    risk        `safe`, `slow`, `blocking`, `destructive`; `unknown` where nothing could be previewed.
    reason      why: an `EffectKind` of `bot.databases.migrations.ddl` that destroys (`column_dropped`, …);
                `copy` (the table is rebuilt while writes wait), `writes_wait`, `builds` (a large table, while reading
                and writing go on), `fills` (many rows), `unpredicted`, `unread` (SQL that could not be read),
                `instant`, `online`, `new_table`, `nothing`; `not_previewed`; `source_says` (no preview; its source
                has a word that destroys).
    what        the thing the reason is about: `users.fax`, `users`, or the word of the source.
    seconds     on the copy; empty where it did not run.
    down        `yes`, `missing`, `empty`, `unknown`.
    preview     `yes`, or `no`: its SQL could not be had.
    statements  how many it has.

`statement`, in order
    migration, number (from 1 within the migration), sql (cut to 2000 characters), operation, table
    rows, bytes of the live table as the server estimates them; empty for a table that is not there
    online      `INSTANT`, `NOCOPY`, `INPLACE`, `COPY`, `unknown`; empty where it changes no table's structure
    writes_wait `yes` or `no`; empty as `online`
    effects     `EFFECT what` of each, separated by `; `
    destroys    `yes` where it drops or rewrites data

`old_code`, one for each thing that code from before cannot live with while the deploy goes on
    migration, effect (`column_dropped`, `column_renamed`, `column_required`, `table_dropped`, `table_renamed`), what

`effect`, one a migration that was rehearsed, in order: its change of the schema, by which its progress is judged later
    migration
    brings      canonical lines (`bot.databases.server.schema.canonical`) that are there afterwards and were not before
    takes       those that were there before and are not afterwards

`schema`, one a table that changes
    table
    lines       the change as a small diff, a line each: `+ user_sessions.token_id varchar(100) NULL, index`
    after       the table as it must be afterwards, canonical; empty where it is dropped
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.databases.migrations.ddl import (
    BREAKS_OLD_CODE,
    DESTROYS,
    EffectKind,
    MigrationStatement,
    Operation,
    StatementEffect,
)
from bot.databases.migrations.online_ddl import Prediction
from bot.databases.migrations.rehearsal_script import RehearsalResults, Trial
from bot.databases.migrations.source import down_method_of, word_that_destroys
from bot.databases.server.schema import canonical, schema_diff, schema_effects
from bot.databases.server.tables import TableSize
from bot.domain.runs.acts import Direction, Rehearse
from bot.domain.runs.aftermath import EFFECT
from bot.domain.runs.migration_risk import MigrationRisk, Online
from bot.domain.runs.plan import Finding

MAX_STATEMENTS = 300
_LONGEST_SQL = 2000


_ORDER = list(MigrationRisk)


@dataclass(frozen=True)
class RiskVerdict:
    """A risk and its reason.

    Args:
        risk: the word.
        reason: a code.
        what: the thing it is about.
    """

    risk: MigrationRisk
    reason: str
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
) -> tuple[Finding, ...]:
    """Write the findings of a rehearsal that went well, or of a preview without one.

    Args:
        suffix: of the migrations' files, which determines the language.
        sources: the text of each migration by its name.
        results: of the rehearsal.
        previewed: its migrations, in order.
        sizes: of the live tables, by name.
    """
    state = _MigratedState(sizes, set(), {})
    findings: list[Finding] = []
    for migration in previewed:
        findings += _migration(migration, state, sources.get(migration.trial.name, ""), suffix)
    statements = [finding for finding in findings if finding.kind == "statement"]
    spare = {id(finding) for finding in statements[MAX_STATEMENTS:]}
    summary = Finding(
        "rehearsal",
        {
            "outcome": results.ended.value,
            "why": results.why,
            "detail": results.detail,
            "migrations": str(sum(migration.trial.ran for migration in previewed)),
            "seconds": _seconds(sum(migration.trial.milliseconds for migration in previewed)),
            "rows": results.rows,
            "backup": results.backup,
            "made_at": results.made_at,
            "age": results.age,
            "no_data": results.no_data,
            "no_data_detail": results.no_data_detail,
            "routines": "left_out" if results.routines_left_out else "",
            "statements": str(len(statements)),
        },
    )
    return (summary, *(finding for finding in findings if id(finding) not in spare), *_schema(results))


def not_rehearsed(act: Rehearse, sources: Mapping[str, str], why: str, detail: str) -> tuple[Finding, ...]:
    """Write the findings without a rehearsal, from the sources alone.

    Args:
        act: what was to be rehearsed.
        sources: the text of each migration by its name.
        why: a code of `rehearsal`.
        detail: words about it.
    """
    summary = {"outcome": "not_possible", "why": why, "detail": detail, "migrations": "0", "seconds": ""}
    summary |= {"rows": "", "backup": "", "made_at": "", "age": "", "no_data": "", "no_data_detail": ""}
    summary |= {"routines": "", "statements": ""}
    return (Finding("rehearsal", summary), *(_unseen(act, name, sources.get(name, "")) for name in act.migrations))


def _unseen(act: Rehearse, name: str, source: str) -> Finding:
    # the source of an undo is inconclusive: what it drops, the deploy may have added
    word = word_that_destroys(source, act.suffix) if act.direction is Direction.UP else ""
    verdict = (
        RiskVerdict(MigrationRisk.DESTRUCTIVE, "source_says", word)
        if word
        else RiskVerdict(MigrationRisk.UNKNOWN, "not_previewed")
    )
    down = down_method_of(source, act.suffix).value if source else "unknown"
    facts = {"name": name, "risk": verdict.risk.value, "reason": verdict.reason, "what": verdict.what}
    return Finding("migration", facts | {"seconds": "", "down": down, "preview": "no", "statements": ""})


def _migration(migration: PreviewedTrial, state: _MigratedState, source: str, suffix: str) -> Iterator[Finding]:
    trial, statements = migration.trial, migration.statements
    by_schema = schema_effects(trial.before, trial.after)
    by_sql: list[StatementEffect] = []
    verdicts: list[RiskVerdict] = []
    findings: list[Finding] = []
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
    verdicts += [RiskVerdict(MigrationRisk.DESTRUCTIVE, one.kind.value, one.what) for one in unsaid if state.loses(one)]
    old_code |= dict.fromkeys(one for one in unsaid if state.breaks(one))
    state.apply(unsaid)
    if statements is None:
        verdicts.append(RiskVerdict(MigrationRisk.UNKNOWN, "not_previewed"))
    nothing = RiskVerdict(MigrationRisk.SAFE, "nothing")
    worst = max(verdicts, key=lambda verdict: _ORDER.index(verdict.risk), default=nothing)
    yield Finding(
        "migration",
        {
            "name": trial.name,
            "risk": worst.risk.value,
            "reason": worst.reason,
            "what": worst.what,
            "seconds": _seconds(trial.milliseconds) if trial.ran else "",
            "down": down_method_of(source, suffix).value,
            "preview": "no" if statements is None else "yes",
            "statements": str(len(statements or ())),
        },
    )
    yield from findings
    if trial.ran:
        yield _effect(trial)
    for one in old_code:
        yield Finding("old_code", {"migration": trial.name, "effect": one.kind.value, "what": one.what})


def _effect(trial: Trial) -> Finding:
    before, after = set(canonical(trial.before).splitlines()), set(canonical(trial.after).splitlines())
    brings, takes = "\n".join(sorted(after - before)), "\n".join(sorted(before - after))
    return Finding(EFFECT, {"migration": trial.name, "brings": brings, "takes": takes})


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
        return RiskVerdict(MigrationRisk.DESTRUCTIVE, destroyed[0].kind.value, destroyed[0].what)
    table = statement.table
    if any(one.kind is EffectKind.UNKNOWN for one in effects):
        return RiskVerdict(MigrationRisk.UNKNOWN, "unread", table)
    size = state.size(table)
    if size is None:
        new = statement.operation in {Operation.CREATE_TABLE, Operation.ALTER_TABLE, Operation.CREATE_INDEX}
        return RiskVerdict(MigrationRisk.SAFE, "new_table" if new else "nothing", table)
    if prediction is not None:
        return _by_prediction(prediction, size, table)
    if size.is_large and any(one.kind is EffectKind.ROWS_FILLED for one in effects):
        return RiskVerdict(MigrationRisk.SLOW, "fills", table)
    return RiskVerdict(MigrationRisk.SAFE, "nothing", table)


def _by_prediction(prediction: Prediction, size: TableSize, table: str) -> RiskVerdict:
    waits = MigrationRisk.BLOCKING if size.is_large else MigrationRisk.SLOW
    match prediction.online:
        case Online.UNKNOWN:
            return RiskVerdict(waits, "unpredicted", table)
        case Online.INSTANT:
            return RiskVerdict(MigrationRisk.SAFE, "instant", table)
        case Online.COPY:
            return RiskVerdict(waits, "copy", table)
        case Online.NOCOPY | Online.INPLACE:
            if prediction.writes_wait:
                return RiskVerdict(waits, "writes_wait", table)
            if size.is_large:
                return RiskVerdict(MigrationRisk.SLOW, "builds", table)
            return RiskVerdict(MigrationRisk.SAFE, "online", table)


def _statement(
    migration: str,
    number: int,
    statement: MigrationStatement,
    effects: tuple[StatementEffect, ...],
    destroys: bool,  # noqa: FBT001 - a fact to write down, not a switch
    prediction: Prediction | None,
    state: _MigratedState,
) -> Finding:
    size = state.size(statement.table)
    waits = "" if prediction is None else "yes" if prediction.writes_wait else "no"
    return Finding(
        "statement",
        {
            "migration": migration,
            "number": str(number),
            "sql": statement.sql[:_LONGEST_SQL],
            "operation": statement.operation.value,
            "table": statement.table,
            "rows": "" if size is None else str(size.rows),
            "bytes": "" if size is None else str(size.bytes),
            "online": "" if prediction is None else prediction.online.value,
            "writes_wait": waits,
            "effects": "; ".join(f"{one.kind.value} {one.what}".strip() for one in effects),
            "destroys": "yes" if destroys else "no",
        },
    )


def _schema(results: RehearsalResults) -> Iterator[Finding]:
    for table, lines in schema_diff(results.before, results.after).items():
        after = canonical(results.after.of([table]))
        yield Finding("schema", {"table": table, "lines": "\n".join(lines), "after": after})


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.2f}"
