"""The findings of a rehearsal in a sandbox, from what the server logged and what became of schema and rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.databases.migrations.commit_files import CommitFiles
from bot.databases.migrations.evidence import PreviewedTrial, rehearsed, seconds_of, unseen_migrations
from bot.databases.migrations.online_ddl import CHANGES_A_TABLE, UNPREDICTED, Prediction
from bot.databases.migrations.rehearsal_script import CopiedData, RehearsalOutcome, RehearsalResults, Trial
from bot.databases.migrations.sandboxed.results import (
    RanMigration,
    RanStatement,
    SandboxOutcome,
    SandboxRehearsalResults,
)
from bot.databases.migrations.sandboxed.rows import LiveFacts, rows_changed
from bot.databases.migrations.sandboxed.verdicts import Verdicts
from bot.databases.migrations.sql.ddl import MigrationStatement, catalog_after, read_statement
from bot.databases.server.schema import schema_diff, schema_digests
from bot.domain.runs.acts import Direction, SandboxRehearsal
from bot.domain.runs.findings import (
    AttemptKind,
    Finding,
    LackKind,
    MigrationEffect,
    MigrationFile,
    MigrationFinding,
    NoBackupData,
    NotRehearsed,
    NotRehearsedReason,
    Rehearsed,
    RehearsedRows,
    RehearsedWhere,
    SandboxAttempt,
    SandboxLack,
    SandboxLimit,
    SchemaDigest,
    StatementFinding,
    TableDigest,
    WayBack,
    WayBackState,
)
from bot.domain.runs.migration_risk import EffectKind, Online, Operation
from bot.domain.targets.migrator import MigratorAnswer, parse_migrator
from bot.sandbox.results import Beyond, Ended, FileAct, FileAttempt, Unseen

_PREPARING = ("packages", "server", "rows", "setup", "snapshots")
_WAYS = {
    "INSTANT": Prediction(Online.INSTANT, writes_wait=False),
    "NOCOPY": Prediction(Online.NOCOPY, writes_wait=False),
    "INPLACE": Prediction(Online.INPLACE, writes_wait=False),
    "INPLACE_WAITS": Prediction(Online.INPLACE, writes_wait=True),
    "COPY": Prediction(Online.COPY, writes_wait=True),
}
_MOST_BACK_LINES = 20
_DID = {FileAct.READ: "read", FileAct.WROTE: "wrote to"}
_UNSEEN = {Unseen.READS: LackKind.READS, Unseen.WRITES: LackKind.WRITES}


def not_rehearsed_in(act: SandboxRehearsal, files: CommitFiles, why: NotRehearsed) -> tuple[Finding, ...]:
    """Write the findings without a rehearsal, from the sources alone.

    Args:
        act: what was to be rehearsed.
        files: of the commit.
        why: it was not.
    """
    return (
        why,
        *unseen_migrations(act.migrations, files.migrations, act.suffix, act.direction),
        *(files.migration_files() if act.direction is Direction.UP else ()),
    )


def reason_of(results: SandboxRehearsalResults) -> NotRehearsed:
    """Say why a rehearsal that came to nothing did.

    Args:
        results: with the outcome `not_possible`, or of a command that a limit ended.
    """
    if (ended := results.ended_by_limit) is not None:
        limit = None if ended is Ended.LOST else SandboxLimit(ended.value)
        return NotRehearsed(NotRehearsedReason.STOPPED, limit=limit)
    return NotRehearsed(NotRehearsedReason(results.why), results.words)


def rehearsed_in(
    act: SandboxRehearsal, files: CommitFiles, results: SandboxRehearsalResults, live: LiveFacts, data: CopiedData
) -> tuple[Finding, ...]:
    """Write the findings of a rehearsal that ran.

    Args:
        act: what was rehearsed.
        files: of the commit.
        results: of the rehearsal; it may have failed in a way that says nothing of production.
        live: what is known of the live database.
        data: the backup whose rows the copy had.
    """
    answer = _answer(results)
    migrations = _named(results, act)
    ran: dict[tuple[str, int], RanStatement] = {}
    previewed = tuple(_previewed(migrations, results, live, ran))
    as_results = _as_results(results, previewed, data)
    own = rehearsed(act.suffix, files.migrations, as_results, previewed, live.sizes, RehearsedWhere.SANDBOX)
    rows = tuple(rows_changed(results, previewed, act.table, live))
    verdicts = Verdicts(results, live, rows, {one.trial.name: one for one in previewed}, migrations, act, answer)
    snapped = all(migration.after is not None for migration in migrations)
    findings: list[Finding] = []
    for one in own:
        match one:
            case Rehearsed():
                findings.append(_summary(one, results, live.sample_rows))
                findings += rows
            case MigrationEffect() if not snapped:
                continue
            case MigrationFinding():
                findings.append(verdicts.judge(one))
            case StatementFinding():
                findings.append(_as_it_ran(one, ran))
            case _:
                findings.append(one)
    missing = [name for name in act.migrations if name not in {one.trial.name for one in previewed}]
    return (
        *findings,
        *unseen_migrations(tuple(missing), files.migrations, act.suffix, act.direction),
        *_way_back(results),
        *_attempts(results),
        *_lacks(results),
        *(_files(answer, files) if act.direction is Direction.UP else ()),
        _digest(results),
    )


def _answer(results: SandboxRehearsalResults) -> MigratorAnswer | None:
    try:
        return parse_migrator(results.ask) if results.ask is not None else None
    except ValueError:
        return None


def _named(results: SandboxRehearsalResults, act: SandboxRehearsal) -> tuple[RanMigration, ...]:
    """Give what ran its names: what follows the last recorded migration is the next one, if it failed."""
    *done, last = results.migrations or (RanMigration("", (), 0.0, None),)
    if last.name:
        return results.migrations
    if results.outcome is SandboxOutcome.OK or not _changes(last):
        return tuple(done)
    ran = {migration.name for migration in done}
    name = next((name for name in act.migrations if name not in ran), "")
    return (*done, replace(last, name=name)) if name else tuple(done)


def _changes(migration: RanMigration) -> bool:
    return any(read_statement(one.sql).operation is not Operation.SELECT for one in migration.statements)


def _previewed(
    migrations: tuple[RanMigration, ...],
    results: SandboxRehearsalResults,
    live: LiveFacts,
    ran: dict[tuple[str, int], RanStatement],
) -> Iterator[PreviewedTrial]:
    """Read what each migration ran; `ran` gets what the server logged, by the migration and the statement's number."""
    catalog = live.catalog
    before = results.before
    for place, migration in enumerate(migrations):
        found = []
        for one in migration.statements:
            if _enters(one.sql, live.name):
                continue
            statement = read_statement(one.sql, catalog)
            catalog = catalog_after(catalog, statement)
            if statement.operation is Operation.SELECT and not _is_unread(statement):
                continue
            if statement.effects:
                found.append((statement, _prediction(statement, one, results)))
                ran[migration.name, len(found)] = one
        after = migration.after
        if after is None:
            # Without a snapshot the last one answers for all that became of the schema.
            after = results.after if place == len(migrations) - 1 else before
        yield PreviewedTrial(
            Trial(
                name=migration.name,
                pretend=None,
                ran=True,
                well=True,
                milliseconds=round(migration.seconds * 1000),
                before=before,
                after=after,
                output="",
            ),
            tuple(found),
        )
        before = after


def _enters(sql: str, database: str) -> bool:
    """Whether a statement does nothing but enter the database that the application works in."""
    return sql.rstrip("; ").casefold() in {f"use {database}".casefold(), f"use `{database}`".casefold()}


def _is_unread(statement: MigrationStatement) -> bool:
    return any(effect.kind is EffectKind.UNKNOWN for effect in statement.effects)


def _as_it_ran(found: StatementFinding, ran: Mapping[tuple[str, int], RanStatement]) -> StatementFinding:
    one = ran[found.migration, found.number or 0]
    seconds = Decimal(str(round(one.seconds, 3))) if one.seconds is not None else None
    return replace(found, times=one.times if one.times > 1 else None, seconds=seconds)


def _prediction(
    statement: MigrationStatement, one: RanStatement, results: SandboxRehearsalResults
) -> Prediction | None:
    if statement.operation not in CHANGES_A_TABLE:
        return None
    if any(effect.kind is EffectKind.TABLE_RENAMED for effect in statement.effects):
        return _WAYS["INSTANT"]
    return _WAYS.get(results.predicted.get(one.number, ""), UNPREDICTED)


def _as_results(
    results: SandboxRehearsalResults, previewed: tuple[PreviewedTrial, ...], data: CopiedData
) -> RehearsalResults:
    rows = RehearsedRows(results.rows)
    is_backup = rows is RehearsedRows.BACKUP
    return RehearsalResults(
        ended=RehearsalOutcome.OK,
        why=None,
        detail="",
        rows=rows,
        routines_left_out=results.routines_left_out,
        trials=tuple(one.trial for one in previewed),
        before=results.before,
        after=results.after,
        backup=data.backup if is_backup else "",
        made_at=datetime.fromisoformat(data.made_at) if is_backup else None,
        age=results.age,
        no_data=NoBackupData(results.no_data) if results.no_data else None,
        no_data_detail=results.no_data_words,
    )


def _summary(found: Rehearsed, results: SandboxRehearsalResults, sample_rows: int) -> Rehearsed:
    """Complete what is said of the rehearsal as a whole."""
    command = results.command
    return replace(
        found,
        seconds=seconds_of(command.milliseconds if command is not None else 0),
        preparing=seconds_of(sum(results.took.get(part, 0) for part in _PREPARING)),
        sample_rows=sample_rows if found.rows is RehearsedRows.SAMPLE else None,
    )


def _way_back(results: SandboxRehearsalResults) -> Iterable[WayBack]:
    if results.back_failed:
        return (WayBack(WayBackState.FAILED),)
    if results.back is None:
        return ()
    if not results.back:
        return (WayBack(WayBackState.EXACT),)
    lines = tuple(
        ("- " if line.startswith("<") else "+ ") + " ".join(line[2:].split("\t")[:4])
        for line in results.back[:_MOST_BACK_LINES]
    )
    return (WayBack(WayBackState.DIFFERS, lines),)


def _attempts(results: SandboxRehearsalResults) -> Iterable[SandboxAttempt]:
    where = {Beyond.OUTSIDE: "an address outside", Beyond.LOOPBACK: "a port of 127.0.0.1 at which nobody listens"}
    network = (SandboxAttempt(AttemptKind.NETWORK, _times(where[one.where], one.count)) for one in results.attempts)
    login = (SandboxAttempt(AttemptKind.DATABASE, _times("with another login", results.denied)),)
    files = (SandboxAttempt(AttemptKind.FILE, f"{_DID[one.act]} {one.path}") for one in _once(results.touched))
    return (*network, *(login if results.denied else ()), *files)


def _once(touched: tuple[FileAttempt, ...]) -> tuple[FileAttempt, ...]:
    """Leave out what several commands did alike."""
    return tuple({(one.act, one.path): one for one in touched}.values())


def _lacks(results: SandboxRehearsalResults) -> Iterable[SandboxLack]:
    addresses = (SandboxLack(LackKind.ADDRESS, address) for address in results.unserved)
    return (*addresses, *(SandboxLack(_UNSEEN[one]) for one in results.unseen))


def _times(what: str, count: int) -> str:
    return what if count == 1 else f"{what}, {count} times"


def _files(answer: MigratorAnswer | None, files: CommitFiles) -> tuple[MigrationFile, ...]:
    if answer is None:
        return files.migration_files()
    return tuple(MigrationFile(source.name, source.path, source.sha256) for source in answer.pending)


def _digest(results: SandboxRehearsalResults) -> SchemaDigest:
    """Leave out what the copy had otherwise than the live database, and no migration made anew."""
    made = schema_diff(results.before, results.after).keys()
    digests = sorted(schema_digests(results.after).items())
    unknown = results.unlike - made
    return SchemaDigest(tuple(TableDigest(place, digest) for place, digest in digests if place not in unknown))
