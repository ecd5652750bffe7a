"""One file per slash command: words to a request, and a request with a look at the world to a plan.

A command sees the world through `bot.domain.look.Look`, which can read and nothing else. A new command is a new file
here and a line in `ALL`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.names import TargetName
from bot.recipes.recipe import Recipe
from commands.backup import Backup
from commands.command import Command
from commands.deploy import Deploy
from commands.migrate_status import MigrateStatus
from commands.rollback import Rollback

__all__ = ["Command", "all_commands", "status_command"]


def all_commands(recipes: Mapping[TargetName, Recipe]) -> tuple[Command, ...]:
    """Build every slash command there is.

    Args:
        recipes: the recipe of each target.
    """
    return (Deploy(recipes), Rollback(recipes), Backup(recipes))


def status_command(recipes: Mapping[TargetName, Recipe]) -> MigrateStatus:
    """Build `/migrate-status`, which reads and makes no run.

    Args:
        recipes: the recipe of each target.
    """
    return MigrateStatus(recipes)
