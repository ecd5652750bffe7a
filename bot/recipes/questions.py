"""What a recipe has to know of a host before its steps can be planned. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.shell import Command, fill, fill_text
from bot.domain.targets.layout import Releases
from bot.domain.targets.look import CommitCode, ConfinedCommand, HostQuestion
from bot.domain.targets.target import Target
from bot.recipes.recipe import (
    ConditionKind,
    MigrationCommand,
    Migrations,
    MigrationTable,
    Recipe,
)
from bot.recipes.step_needs import possible_services


def question(recipe: Recipe, target: Target, ref: str | None) -> HostQuestion:
    """Build the question to each host whose answer decides which steps are needed.

    Args:
        recipe: of the target.
        target: of the hosts.
        ref: to deploy, or None.
    """
    values = {name: str(value) for name, value in target.vars.items()}
    migrations = recipe.migrations
    asked = {ConditionKind.MISSING, ConditionKind.EXISTS}
    specs = (*recipe.prepare, *recipe.change, *recipe.verify)
    required = {path for spec in specs for path in spec.requires}
    return HostQuestion(
        path=target.path,
        ref=ref,
        trunk=target.branch,
        exists=tuple(sorted({c.value for spec in specs for c in spec.when if c.kind in asked} | required)),
        tools=tuple(sorted({tool for spec in specs for tool in tools_of(spec.tools, values)})),
        directory=migrations.directory if isinstance(migrations, MigrationTable) else None,
        migrator=fill(migrations.migrator.ask, values)
        if isinstance(migrations, MigrationTable) and migrations.migrator is not None and target.database
        else None,
        maintenance=fill(recipe.maintenance, values) if recipe.maintenance else None,
        commit_command=commit_command(migrations, migrations.status, target)
        if isinstance(migrations, MigrationCommand) and target.database
        else None,
        code=_commit_code(migrations, target),
        releases=target.layout.root if isinstance(target.layout, Releases) else "",
    )


def ready_question(recipe: Recipe, target: Target, ref: str | None) -> HostQuestion:
    """Build the question before changes: as `question`, and what planned steps will need besides.

    Args:
        recipe: of the target.
        target: of the hosts.
        ref: to bring live, or None.
    """
    services = possible_services(recipe, target)
    return replace(question(recipe, target, ref), services=services, writes=recipe.writes)


def _commit_code(migrations: Migrations | None, target: Target) -> CommitCode | ConfinedCommand:
    """Decide how code of a commit may run before it is approved, to list its migrations."""
    if target.policy.rehearsal is RehearsalMode.TRUSTED:
        return CommitCode.ON_TRUNK
    if not isinstance(migrations, MigrationCommand) or migrations.sandbox is None or not migrations.sandbox.listing:
        return CommitCode.NEVER
    how, values = migrations.sandbox, {name: str(value) for name, value in target.vars.items()}
    values |= {"path": target.path, "branch": target.branch}
    return ConfinedCommand(fill(how.listing, values), fill_text(how.python, values), fill_text(how.environment, values))


def commit_command(migrations: MigrationCommand, template: str, target: Target, names: tuple[str, ...] = ()) -> Command:
    """Write a command that reads the files of a commit.

    Args:
        migrations: how the recipe lists migrations.
        template: one of its templates.
        target: where.
        names: of migrations, which the template may use as `{migrations}`.
    """
    values = {name: str(value) for name, value in target.vars.items()}
    values |= {"path": target.path, "branch": target.branch, "migrations": "\n".join(names)}
    return fill(f"{migrations.setup}\n{template}", values)


def needed_tools(recipe: Recipe, values: Mapping[str, str]) -> tuple[str, ...]:
    """List the programs that each host must have, those that variables name included."""
    return tools_of(recipe.tools, values)


def tools_of(tools: tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    """Name programs, those that variables name included."""
    return tuple(values[tool[1:-1]] if tool.startswith("{") else tool for tool in tools)
