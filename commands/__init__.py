"""One file per slash command: words to a request, and a request with a look at the world to a plan.

A command sees the world through `bot.domain.targets.look.Look`, which can read and nothing else. A new command is a
new file here and a line in `ALL`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.names import TargetName
from bot.domain.runs.request import Action
from bot.recipes.recipe import Recipe
from commands.backup import DROP_OLD, Backup
from commands.command import Command, Planner
from commands.deploy import Deploy
from commands.dispatch import ByWhat
from commands.drop_old import DropOld
from commands.migrate_status import MigrateStatus
from commands.ops import Ops
from commands.restore import Restore
from commands.rollback import Rollback

__all__ = ["Command", "all_commands", "all_planners", "ops_command", "status_command"]


def all_commands(recipes: Mapping[TargetName, Recipe]) -> tuple[Command, ...]:
    """Build every slash command there is.

    Args:
        recipes: the recipe of each target.
    """
    return (Deploy(recipes), Rollback(recipes), Backup(recipes))


def all_planners(recipes: Mapping[TargetName, Recipe]) -> Mapping[Action, Planner]:
    """Build what plans each action; `/backup restore` and `/backup drop-old` are one of their own.

    Args:
        recipes: the recipe of each target.
    """
    planners: dict[Action, Planner] = {command.action: command for command in all_commands(recipes)}
    return planners | {Action.RESTORE: ByWhat(Action.RESTORE, Restore(recipes), {DROP_OLD: DropOld()})}


def status_command(recipes: Mapping[TargetName, Recipe]) -> MigrateStatus:
    """Build `/migrate-status`, which reads and makes no run.

    Args:
        recipes: the recipe of each target.
    """
    return MigrateStatus(recipes)


def ops_command() -> Ops:
    """Build `/ops`, which speaks of all runs and makes none."""
    return Ops()
