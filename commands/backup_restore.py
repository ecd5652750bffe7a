"""`/backup restore APP ENV ID`: restore a backup. Destructive, so it always has a gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain.backups.backup import (
    BackupInfo,
    BackupList,
    Proof,
    Purpose,
    parse_backup_id,
    predicted_seconds,
    scratch_name,
)
from bot.domain.backups.writes_since import TableWrites, WriteState
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.runs.acts import DropCopy, Health, Load, Prove, Swap
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import BackupToRestore, Finding, OtherTables, TableWritten, WritesUnknown
from bot.domain.runs.plan import NothingToDo, OnFailure, Phase, Plan, Risk, Step
from bot.domain.runs.request import Action, Origin, Request, RestoreBackup
from bot.domain.runs.run import Run
from bot.domain.targets.look import HostFacts, Look
from bot.domain.targets.privileges import Capability, MissingPrivilege
from bot.domain.targets.target import Database, Operations, Target
from bot.recipes.recipe import Recipe, RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps
from commands.command import options_as
from commands.common import backup_id, maintenance_basis, plan_maintenance, read_target, require_encryption
from commands.dump import dump_step, require_backups
from commands.exceptions import FLAGS, USAGE, read_exceptions
from commands.named import require_backup
from commands.privileges import lacks_for
from commands.resume import read_stopped_run, resume_restore
from commands.server_role import on_replica, require_writable
from commands.words import TARGET_WORDS, find_target, sort_words, with_target

_LOAD_TIMEOUT = 12 * 3600
_SWAP_TIMEOUT = 15 * 60
_CHECK_TIMEOUT = 3600
_TIDY_TIMEOUT = 2 * 60
_SWAP_SECONDS = 2
"""Approximate duration of the swap."""

_MAX_TABLES = 8


@dataclass(frozen=True)
class RestoreSubcommand:
    """The subcommand, and the planner of its runs.

    Args:
        recipes: the recipe of each target.
    """

    recipes: Mapping[TargetName, Recipe]

    name: str = "restore"
    usage: str = f"restore APP ENV ID {USAGE}"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind `/backup`."""
        usage = f"/backup {self.usage}"
        sorted_words = sort_words(words[1:], usage, frozenset(), TARGET_WORDS + 1, with_text=FLAGS)
        plain = with_target(sorted_words.plain, origin.channel, operations, TARGET_WORDS + 1)
        target = find_target(plain, origin.channel, operations, usage)
        if len(plain) == TARGET_WORDS:
            raise RefusedError(problem(Reason.USAGE, usage=usage))
        backup = parse_backup_id(plain[TARGET_WORDS])
        options = RestoreBackup(backup, read_exceptions(sorted_words.flags, usage))
        return Request(options, target.name, origin, " ".join(("/backup", *words)))

    async def check_names(self, request: Request, target: Target, look: Look) -> None:
        """Refuse a backup that is not there (`unknown_backup`)."""
        if isinstance(request.options, RestoreBackup):
            await require_backup(request.options.backup, look)

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """Nothing precedes the plan."""
        return ()

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Find the backup, and report what restoring it would replace.

        Raises:
            RefusedError: `unknown_backup`; `not_restorable`, it is refuted, of another database, or the target allows
                no database beside the live one; or a host or the database cannot be read.
        """
        require_backups(target)
        if run.request.resumes is not None:
            return await resume_restore(run, await read_stopped_run(run, look), self.recipes[target.name], target, look)
        backup_list = await look.backups()
        backup = backup_list.find(options_as(run, RestoreBackup).backup)
        database = restorable(backup, target)
        missing = await look.missing_privileges()
        require_privileges(backup, missing)
        hosts, found = await read_target(self.recipes[target.name], target, look, None)
        written = found or await look.database(None)
        require_writable(written)
        takes_down, downs = plan_maintenance(target, hosts, (backup.backup,))
        databases = restore_databases(database, backup, run)
        steps = _steps(self.recipes[target.name], target, run, hosts, backup, databases, takes_down=takes_down)
        await require_encryption(steps, target, look)
        return Plan(
            request=run.request,
            steps=steps,
            requirement=target.policy.requirement(Action.RESTORE, destructive=True),
            basis=_basis(backup, hosts),
            findings=(
                restore_finding(backup, backup_list, databases.old),
                *await write_findings(backup, look),
                *downs,
                *on_replica(written),
                *lacks_for(steps, missing),
            ),
            destructive=True,
        )

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Basis:
        """Read the basis again: the backup's manifest, and each host's maintenance.

        Raises:
            RefusedError: what a host answers.
        """
        hosts, found = await read_target(self.recipes[target.name], target, look, None)
        if run.request.resumes is not None:
            return maintenance_basis(hosts)
        require_writable(found)
        backup_list = await look.backups()
        return _basis(backup_list.find(options_as(run, RestoreBackup).backup), hosts)

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """No migration is run or undone."""
        return ()


def restorable(backup: BackupInfo, target: Target) -> Database:
    """Check that a backup can be restored, and give the database to restore it into.

    Args:
        backup: to restore.
        target: of the backup.

    Raises:
        RefusedError: `not_restorable`, it is refuted, damaged, encrypted without a key here, of another database, or
            the target allows no database beside the live one.
    """
    database = target.database
    if database is None or not database.may_copy_beside:
        detail = f"a restore needs `scratch: true` at the database of {target.name}"
        raise RefusedError(problem(Reason.NOT_RESTORABLE, backup=backup.backup, stage="configuration", detail=detail))
    if backup.encrypted and (target.backups is None or target.backups.identity is None):
        detail = "it is encrypted, and `backups.identity` does not say with which key it is opened"
        raise RefusedError(problem(Reason.NOT_RESTORABLE, backup=backup.backup, stage="configuration", detail=detail))
    if backup.proof.is_bad:
        damaged = "its file is not the one that was made; `/backup verify` reads it again"
        detail = damaged if backup.proof is Proof.DAMAGED else "its last proof found that it does not restore"
        raise RefusedError(problem(Reason.NOT_RESTORABLE, backup=backup.backup, stage="proof", detail=detail))
    if backup.database != database.name:
        detail = f"it is of database {backup.database}"
        raise RefusedError(problem(Reason.NOT_RESTORABLE, backup=backup.backup, stage="database", detail=detail))
    return database


def require_privileges(backup: BackupInfo, missing: tuple[MissingPrivilege, ...]) -> None:
    """Check that the account may do all that restoring a backup takes, and undoing that.

    Args:
        backup: to restore.
        missing: what the account lacks, as just read.

    Raises:
        RefusedError: `not_restorable`, it may not.
    """
    needed = [one for one in missing if one.capability is Capability.RESTORE and one.concerns(backup.objects)]
    if needed:
        detail = f"the database account lacks {'; '.join(str(one) for one in needed)}"
        raise RefusedError(problem(Reason.NOT_RESTORABLE, backup=backup.backup, stage="privileges", detail=detail))


@dataclass(frozen=True)
class RestoreDatabases:
    """The names of the two databases that a restore makes beside the live one.

    Args:
        fresh: what the backup is restored into.
        old: what keeps the tables that the restore replaces.
    """

    fresh: str
    old: str


def restore_databases(database: Database, backup: BackupInfo, run: Run) -> RestoreDatabases:
    """Name the databases that a restore makes beside the live one.

    Args:
        database: the live one.
        backup: to restore.
        run: that restores it.

    Raises:
        RefusedError: `not_restorable`, the name would be too long.
    """
    fresh, old = scratch_name(database.name, "restore", run.id), scratch_name(database.name, "before", run.id)
    if fresh is None or old is None:
        detail = f"the name {database.name} is too long for a database beside it"
        raise RefusedError(problem(Reason.NOT_RESTORABLE, backup=backup.backup, stage="configuration", detail=detail))
    return RestoreDatabases(fresh, old)


def _steps(
    recipe: Recipe,
    target: Target,
    run: Run,
    hosts: tuple[HostFacts, ...],
    backup: BackupInfo,
    databases: RestoreDatabases,
    *,
    takes_down: bool,
) -> tuple[Step, ...]:
    head = hosts[0].head
    ways, _ = recipe_steps(
        recipe, target, StepInputs(run.id, RunKind.ROLLBACK, head, head, hosts, (), takes_down, None)
    )
    ups = [step for step in ways if step.undoes is not None and takes_down]
    downs = [step for step in ways if step.key in {up.undoes for up in ups}]
    check, *changes = restore_steps(target, run, backup, databases)
    return (check, *downs, *changes, *ups, *(step for step in ways if isinstance(step.act, Health)))


def restore_steps(target: Target, run: Run, backup: BackupInfo, databases: RestoreDatabases) -> tuple[Step, ...]:
    """Give the steps that restore a backup: the check of its file before the gate, then those after it.

    Args:
        target: of the backup.
        run: that restores it.
        backup: to restore.
        databases: that it makes.
    """
    fresh, old = databases.fresh, databases.old
    first = target.hosts[:1]
    check = Prove(backup.backup, None)
    safety = dump_step(target, backup_id(run).replace("B-", "S-", 1), (), Purpose.SAFETY)
    load = Load(backup.backup, backup.sha256, fresh, backup.stable_sha256)
    swap = Swap(backup.backup, fresh, old, backup.stable_sha256)
    tidy = Step("restore-tidy", "Remove the copy", Phase.CHANGE, first, Risk.READS, _TIDY_TIMEOUT, DropCopy(fresh))
    return (
        Step("backup-check", "Check the backup's file", Phase.PREPARE, first, Risk.READS, _CHECK_TIMEOUT, check),
        replace(safety, key="backup", title="Back up what is there now"),
        Step("restore-load", "Restore beside the live database", Phase.CHANGE, first, Risk.READS, _LOAD_TIMEOUT, load),
        Step(
            "restore-swap",
            "Swap the tables",
            Phase.CHANGE,
            first,
            Risk.DESTROYS,
            _SWAP_TIMEOUT,
            swap,
            on_failure=OnFailure.HOLD_IN_DOUBT,
        ),
        replace(tidy, undoes="restore-load"),
    )


def _basis(backup: BackupInfo, hosts: tuple[HostFacts, ...]) -> Basis:
    return maintenance_basis(hosts) | backup_basis(backup)


def backup_basis(backup: BackupInfo) -> Basis:
    """Give the fact which backup is restored: its file, and all that its manifest says except its proof."""
    return Basis({"backup": backup.stable_sha256})


def restore_finding(backup: BackupInfo, backup_list: BackupList, old: str) -> BackupToRestore:
    """Build the finding about a restore for its approvers.

    Args:
        backup: to restore.
        backup_list: of the target, for estimates.
        old: the database that will keep the replaced tables.
    """
    predicted = predicted_seconds(backup, backup_list)
    return BackupToRestore(
        backup.backup,
        backup.database,
        backup.chosen,
        backup.started,
        backup.proof,
        backup.proven_at,
        predicted,
        predicted + _safety_seconds(backup, backup_list) + _SWAP_SECONDS if predicted is not None else None,
        old,
    )


def _safety_seconds(backup: BackupInfo, backup_list: BackupList) -> int:
    """Estimate the duration of the safety backup: that of the latest backup of the whole database."""
    return next((other.dump_seconds for other in backup_list.backups if not other.chosen), backup.dump_seconds)


async def write_findings(backup: BackupInfo, look: Look) -> tuple[Finding, ...]:
    """Report the writes since a backup, by table, which restoring it would lose.

    Args:
        backup: to restore.
        look: reads them; if it cannot, the finding says so.
    """
    try:
        since = await look.writes_since(backup.backup)
    except RefusedError as refused:
        return (WritesUnknown(refused.problem.reason),)
    told = [table for table in since if table.written is not WriteState.SAME]
    told.sort(key=lambda table: (_GRAVEST.index(table.written), table.table))
    rest = OtherTables(same=len(since) - len(told), more=max(len(told) - _MAX_TABLES, 0))
    return (*(_table_written(table) for table in told[:_MAX_TABLES]), rest)


_GRAVEST = (WriteState.NEW, WriteState.CHANGED, WriteState.ADDED, WriteState.GONE, WriteState.UNKNOWN)
"""Order of the findings: what a restore would lose comes first."""


def _table_written(table: TableWrites) -> TableWritten:
    return TableWritten(table.table, table.written, table.then, table.now, table.counted, table.at, table.grown)
