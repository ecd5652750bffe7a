"""How the migrations of a target are rehearsed, as its configuration says, for people. Pure."""

from __future__ import annotations

from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.targets.scratch import ScratchNone, ScratchServer
from bot.domain.targets.target import Target
from bot.recipes.recipe import MigrationCommand, MigrationTable, Recipe

MORE_APPROVALS = "need the approvals of `destructive-migration`"


def rehearsal_text(target: Target, recipe: Recipe) -> str | None:
    """Write what the configuration means for the migrations of a target; None where it has none.

    Args:
        target: with the policy.
        recipe: of the target.
    """
    database, migrations, mode = target.database, recipe.migrations, target.policy.rehearsal
    if database is None or migrations is None:
        return None
    if mode is RehearsalMode.NEVER:
        return f"not rehearsed (`rehearsal: never`), and {MORE_APPROVALS}"
    if isinstance(database.scratch, ScratchNone):
        return f"not rehearsed (`scratch: false`), and {MORE_APPROVALS}"
    if mode is RehearsalMode.SANDBOX:
        if migrations.sandbox is None:
            return f"not rehearsed, for the recipe has no `sandbox`, and {MORE_APPROVALS}"
        elsewhere = ""
        if isinstance(database.scratch, ScratchServer):
            elsewhere = f", at {_server(database.scratch)} if that host has no server's program of the live series"
        where = f"in a sandbox on {target.hosts[0]}{elsewhere}"
        return f"rehearsed before approval, {where}; where there is none, they {MORE_APPROVALS}"
    if isinstance(migrations, MigrationTable) and migrations.rehearsal is None:
        return f"not rehearsed, for the recipe has no `rehearsal`, and {MORE_APPROVALS}"
    if isinstance(migrations, MigrationCommand) and migrations.sql is None:
        return f"not rehearsed, for the recipe has no `sql`, and {MORE_APPROVALS}"
    if mode is RehearsalMode.TRUSTED:
        which = f"and only commits on {target.branch}; others {MORE_APPROVALS}"
        return f"rehearsed before approval, with production's rights, {which}"
    return f"rehearsed after approval, on {_server(database.scratch)}"


def _server(scratch: object) -> str:
    return f"{scratch.host}:{scratch.port}" if isinstance(scratch, ScratchServer) else "another server"
