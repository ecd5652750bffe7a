"""One file per slash command or subcommand: words to a request, and a request with a look at the world to a plan.

A command sees the world through `bot.domain.targets.look.Look`, which can read and nothing else. A new command is a
new file here, a class of options in `bot.domain.runs.request`, and a line in `all_commands` or in
`commands.backup.SUBCOMMANDS`; if it makes runs, also a line in `planner_for`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.names import TargetName
from bot.domain.runs.planner import Planner
from bot.domain.runs.request import (
    Action,
    BackupOptions,
    ChangeLayout,
    DeployOptions,
    DropLeftover,
    ListBackups,
    MigrateStatusOptions,
    OverdueBackup,
    RequestOptions,
    RestoreBackup,
    ResumeOptions,
    RollbackOptions,
    ScheduledBackup,
    VerifyBackup,
)
from bot.recipes.recipe import Recipe
from commands.backup import Backup
from commands.backup_drop_old import DropOldSubcommand
from commands.backup_restore import RestoreSubcommand
from commands.backup_verify import VerifySubcommand
from commands.command import SlashCommand
from commands.deploy import Deploy
from commands.layout import LayoutChange
from commands.migrate_status import MigrateStatus
from commands.ops import Ops
from commands.rollback import Rollback

__all__ = ["SlashCommand", "all_commands", "ops_command", "planner_for", "status_command"]


def all_commands(recipes: Mapping[TargetName, Recipe]) -> tuple[SlashCommand, ...]:
    """Build every slash command that makes runs.

    Args:
        recipes: the recipe of each target.
    """
    return (Deploy(recipes), Rollback(recipes), Backup(recipes))


def planner_for(options: RequestOptions, recipes: Mapping[TargetName, Recipe]) -> Planner | None:
    """Build the planner of a request.

    Args:
        options: of the request.
        recipes: the recipe of each target.

    Returns:
        None for a request that makes no run, or whose run does nothing.
    """
    match options:
        case DeployOptions() | ResumeOptions(action=Action.DEPLOY):
            return Deploy(recipes)
        case ChangeLayout():
            return LayoutChange(recipes)
        case RollbackOptions() | ResumeOptions(action=Action.ROLLBACK):
            return Rollback(recipes)
        case BackupOptions() | ScheduledBackup() | ResumeOptions(action=Action.BACKUP):
            return Backup(recipes)
        case VerifyBackup():
            return VerifySubcommand()
        case RestoreBackup() | ResumeOptions(action=Action.RESTORE):
            return RestoreSubcommand(recipes)
        case DropLeftover():
            return DropOldSubcommand()
        case ListBackups() | MigrateStatusOptions() | OverdueBackup() | ResumeOptions():
            return None


def status_command(recipes: Mapping[TargetName, Recipe]) -> MigrateStatus:
    """Build `/migrate-status`, which reads and makes no run.

    Args:
        recipes: the recipe of each target.
    """
    return MigrateStatus(recipes)


def ops_command() -> Ops:
    """Build `/ops`, which speaks of all runs and makes none."""
    return Ops()
