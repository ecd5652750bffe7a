"""`/backup`: a verified dump of a database; its subcommands have files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.backups.backup import Purpose, parse_table
from bot.domain.backups.retention import choose_deletions, future_dated
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName, nearest
from bot.domain.runs.acts import Discard
from bot.domain.runs.basis import Basis
from bot.domain.runs.findings import BackupsFromTheFuture, BackupsNoLongerKept, MissedBackup
from bot.domain.runs.plan import NothingToDo, Phase, Plan, Risk, Step
from bot.domain.runs.request import Action, BackupOptions, Origin, Request, ScheduledBackup
from bot.domain.runs.run import Run
from bot.domain.targets.look import Look
from bot.domain.targets.target import Operations, Target
from bot.recipes.proof import proof_steps
from bot.recipes.recipe import Recipe
from commands.backup_drop_old import DropOldSubcommand
from commands.backup_list import ListSubcommand
from commands.backup_restore import RestoreSubcommand
from commands.backup_verify import VerifySubcommand
from commands.command import Subcommand
from commands.common import backup_id, require_encryption
from commands.dump import dump_step, require_backups
from commands.named import require_tables
from commands.privileges import lacking_privileges
from commands.server_role import read_on_replica
from commands.used_database import require_known_database
from commands.words import TARGET_WORDS, find_target, sort_words, with_target

_MISTYPED = 0.7
_MAX_TABLES = 50
_USAGE = "APP ENV [TABLE…]"
_REMOVE_TIMEOUT = 600
"""Seconds."""

SUBCOMMANDS: tuple[Subcommand, ...] = (ListSubcommand(), VerifySubcommand(), DropOldSubcommand(), RestoreSubcommand({}))
"""In the order in which the usage lists them. None of them needs a recipe to read its words."""


@dataclass(frozen=True)
class Backup:
    """The command, and the planner of runs that make a backup. They change nothing in production.

    Args:
        recipes: the recipe of each target.
    """

    recipes: Mapping[TargetName, Recipe]

    name: str = "/backup"
    action: Action = Action.BACKUP
    description: str = "A verified backup of the database; list, prove and restore backups"
    usage: str = " | ".join((_USAGE, *(subcommand.usage for subcommand in SUBCOMMANDS)))

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind `/backup`.

        Raises:
            RefusedError: with what is wrong and what would be right.
        """
        named = words[0].lower() if words and words[0] not in operations.apps() else ""
        for subcommand in SUBCOMMANDS:
            if subcommand.name == named:
                return subcommand.parse(words, origin, operations)
        usage = f"{self.name} {_USAGE}"
        meant = nearest(named, [subcommand.name for subcommand in SUBCOMMANDS], similar=_MISTYPED)
        if meant is not None and nearest(named, operations.apps(), similar=_MISTYPED) is None:
            ways = f"{self.name} {self.usage}"
            raise RefusedError(problem(Reason.BAD_OPTION, option=named[:60], nearest=meant, usage=ways))
        plain = sort_words(words, usage, frozenset(), TARGET_WORDS + _MAX_TABLES).plain
        plain = with_target(plain, origin.channel, operations, TARGET_WORDS + _MAX_TABLES) if words else ()
        target = find_target(plain, origin.channel, operations, usage)
        tables = tuple(dict.fromkeys(parse_table(table) for table in plain[TARGET_WORDS:]))
        return Request(BackupOptions(tables), target.name, origin, " ".join((self.name, *words)))

    async def check_names(self, request: Request, target: Target, look: Look) -> None:
        """Refuse tables that are not there (`unknown_table`)."""
        if isinstance(request.options, BackupOptions) and request.options.tables and target.database is not None:
            await require_tables(request.options.tables, target, look)

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """Nothing precedes the plan: the dump itself fails early if it cannot succeed."""
        return ()

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Plan a dump.

        Raises:
            RefusedError: `backup_impossible`, the environment has no database or no place for backups, or its host
                cannot encrypt what it is to encrypt; `database_differs`, it is no database of the application.
        """
        require_backups(target)
        options = run.request.options
        tables = options.tables if isinstance(options, BackupOptions) else ()
        purpose = Purpose.SCHEDULED if isinstance(options, ScheduledBackup) else Purpose.ASKED
        made = backup_id(run)
        retention, ignored = await _retention(target, run, look) if purpose is Purpose.SCHEDULED else ((), ())
        steps = (
            dump_step(target, made, tables, purpose),
            *proof_steps(target, made, run.id, Phase.CHANGE),
            *retention,
        )
        await require_encryption(steps, target, look)
        await require_known_database(self.recipes[target.name], target, look)
        return Plan(
            request=run.request,
            steps=steps,
            requirement=target.policy.requirement(self.action),
            findings=(
                *_missed(run),
                *_no_longer_kept(retention),
                *ignored,
                *await read_on_replica(look),
                *await lacking_privileges(steps, look),
            ),
        )

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Basis:
        """The plan depends on nothing that could change."""
        return Basis()

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """No migration is run or undone."""
        return ()


def _missed(run: Run) -> tuple[MissedBackup, ...]:
    """Say that the time of the schedule was missed, and that this run makes up for it."""
    match run.request.options:
        case ScheduledBackup(due, missed=True):
            return (MissedBackup(due),)
        case _:
            return ()


async def _retention(target: Target, run: Run, look: Look) -> tuple[tuple[Step, ...], tuple[BackupsFromTheFuture, ...]]:
    """Give the step that deletes backups that are no longer kept, after the new one was verified.

    Returns:
        The step, if anything is to be deleted; and a finding that names the backups dated in the future, if there are
        any.
    """
    backups = target.backups
    if backups is None or backups.keep is None:
        return (), ()
    backup_list = await look.backups()
    gone = choose_deletions(backup_list.backups, backups.keep, run.created_at, backups.timezone, backup_list.referred)
    ahead = tuple(backup.backup for backup in future_dated(backup_list.backups, run.created_at))
    ignored = (BackupsFromTheFuture(ahead),) if ahead else ()
    if not gone:
        return (), ignored
    title = "Remove backups that are no longer kept"
    act = Discard(gone)
    step = Step("retention", title, Phase.CHANGE, target.hosts[:1], Risk.CHANGES, _REMOVE_TIMEOUT, act)
    return (step,), ignored


def _no_longer_kept(retention: tuple[Step, ...]) -> tuple[BackupsNoLongerKept, ...]:
    acts = [step.act for step in retention]
    return tuple(BackupsNoLongerKept(act.backups) for act in acts if isinstance(act, Discard))
