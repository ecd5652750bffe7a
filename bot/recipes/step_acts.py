"""From a step of a recipe to what it does. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.domain.runs.acts import (
    Act,
    AsRehearsed,
    Direction,
    Download,
    Dump,
    Health,
    HostHealth,
    Migrate,
    MigrationRecords,
    NothingPending,
    Preflight,
    Preview,
    Rehearse,
    SandboxRehearsal,
    Shell,
    Undone,
)
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.shell import Command, fill, fill_text
from bot.domain.targets.rollout import HealthUrl
from bot.domain.targets.target import Target
from bot.recipes.parsers import Parser
from bot.recipes.questions import commit_command, needed_tools
from bot.recipes.recipe import (
    At,
    Does,
    MigrationCommand,
    Migrations,
    MigrationTable,
    Migrator,
    Recipe,
    RunKind,
    StepSpec,
)
from bot.recipes.rehearsal_way import RehearsalWay
from bot.recipes.step_inputs import StepInputs, folder_of

_HEALTH_TRIES = 20


def act_of_step(spec: StepSpec, recipe: Recipe, target: Target, inputs: StepInputs, values: Mapping[str, str]) -> Act:
    """Give what a step does.

    Args:
        spec: the step.
        recipe: whose.
        target: to operate.
        inputs: of the plan.
        values: for templates.

    Raises:
        ValueError: the recipe does not say how.
    """
    match spec.does:
        case None:
            return _shell(spec, recipe, target, inputs, values)
        case Does.PREFLIGHT:
            return Preflight(recipe.needs_kib, needed_tools(recipe, values))
        case Does.BACKUP:
            return Dump(inputs.backup or "")
        case Does.HEALTH:
            release = None if inputs.release is None else inputs.release.name
            return Health(str(target.vars.get("health_url", "")), _HEALTH_TRIES, release)
        case Does.HOST_HEALTH:
            return _host_health(target, inputs)
        case Does.NOTHING_PENDING:
            return NothingPending(inputs.migrations, inputs.table)
        case Does.UNDONE:
            return Undone(inputs.migrations, inputs.table)
        case Does.PREVIEW:
            if inputs.rehearses is RehearsalWay.SANDBOX:
                return sandbox_rehearsal(recipe, inputs, values)
            return _preview(recipe, target, inputs)
        case Does.REHEARSE:
            if inputs.rehearses is RehearsalWay.SANDBOX:
                return sandbox_rehearsal(recipe, inputs, values)
            return _rehearse(recipe, target, inputs, values)
        case Does.DOWNLOAD:
            return Download(inputs.sha, folder_of(target, inputs))
        case Does.MIGRATE:
            return _migrate(recipe, target, inputs, values)
        case Does.AS_REHEARSED:
            return AsRehearsed()


def _host_health(target: Target, inputs: StepInputs) -> HostHealth:
    health = None if target.rollout is None else target.rollout.health
    if not isinstance(health, HealthUrl):
        raise ValueError(f"{target.name} does not say which URL a host is asked for")  # noqa: TRY004 - a value too
    return HostHealth(health.url, _HEALTH_TRIES, None if inputs.release is None else inputs.release.name)


def _shell(spec: StepSpec, recipe: Recipe, target: Target, inputs: StepInputs, values: Mapping[str, str]) -> Shell:
    """Give a command; where the approved commit must be checked out, it runs in that commit's folder."""
    directory = folder_of(target, inputs) if spec.at is At.APPROVED else target.path
    return Shell(_command(spec, recipe, {**values, "path": directory}), directory, _expected(spec.at, inputs))


def check_of_step(spec: StepSpec, recipe: Recipe, values: Mapping[str, str]) -> Command | None:
    """Give the command that reads whether a step took effect; None if it cannot be asked."""
    if spec.does is Does.MIGRATE:
        # What it prints is judged, and not its exit status alone.
        return fill(_migrator(recipe)[1].ask, values)
    return fill(spec.check, values) if spec.check else None


def _migrator(recipe: Recipe) -> tuple[Migrations, Migrator]:
    migrations = recipe.migrations
    if migrations is None or migrations.migrator is None:
        raise ValueError(f"the recipe {recipe.name} does not say how the framework is asked for its migrations")
    return migrations, migrations.migrator


def _migrate(recipe: Recipe, target: Target, inputs: StepInputs, values: Mapping[str, str]) -> Migrate:
    migrations, migrator = _migrator(recipe)
    back = inputs.way is RunKind.ROLLBACK
    if back and not migrator.undo:
        raise ValueError(f"the recipe {recipe.name} does not say how exactly some migrations are undone")
    is_table = isinstance(migrations, MigrationTable)
    return Migrate(
        command=fill(f"{migrations.session}\n{migrator.undo if back else migrator.run}", values),
        ask=fill(migrator.ask, values),
        directory=target.path if back else folder_of(target, inputs),
        # the live commit has the files of the migrations to undo
        expects=inputs.live if back else inputs.sha,
        # Where git does not say which files they are, only the rehearsal can.
        files=inputs.files if is_table else tuple(MigrationSource(name, "", "") for name in inputs.migrations),
        dumps=inputs.dumps,
        direction=Direction.DOWN if back else Direction.UP,
        table=inputs.table or recorded_in(migrations),
    )


def recorded_in(migrations: Migrations) -> str:
    """Name the table in which a framework records which migrations ran; empty where the recipe does not say."""
    if isinstance(migrations, MigrationTable):
        return migrations.table
    return migrations.sandbox.table if migrations.sandbox is not None else ""


def _preview(recipe: Recipe, target: Target, inputs: StepInputs) -> Preview:
    migrations = recipe.migrations
    if not isinstance(migrations, MigrationCommand) or migrations.sql is None:
        raise ValueError(f"the recipe {recipe.name} does not say how SQL is previewed")
    back = inputs.way is RunKind.ROLLBACK
    asked = commit_command(
        migrations, (migrations.sql_down if back else migrations.sql) or "", target, inputs.migrations
    )
    scratch = scratch_of(target, inputs)
    sha = inputs.live if back else inputs.sha
    return Preview(sha, inputs.migrations, asked, scratch=f"{scratch}_p" if scratch else None)


def _rehearse(recipe: Recipe, target: Target, inputs: StepInputs, values: Mapping[str, str]) -> Rehearse:
    migrations = recipe.migrations
    if not isinstance(migrations, MigrationTable) or migrations.rehearsal is None:
        raise ValueError(f"the recipe {recipe.name} does not say how migrations are rehearsed")
    how, back = migrations.rehearsal, inputs.way is RunKind.ROLLBACK
    return Rehearse(
        # the live commit has the files of the migrations to undo
        sha=inputs.live if back else inputs.sha,
        migrations=inputs.migrations,
        directory=migrations.directory,
        suffix=migrations.suffix,
        table=inputs.table or migrations.table,
        scratch=scratch_of(target, inputs),
        setup=fill(how.setup, values),
        probe=fill(how.probe, values),
        pretend=fill(how.pretend_down if back else how.pretend, values),
        apply=fill(how.apply_down if back else how.apply, values),
        environment=tuple(how.environment.items()),
        other_connection=how.other_connection,
        backup=inputs.rehearsed_on,
        direction=Direction.DOWN if back else Direction.UP,
    )


def sandbox_rehearsal(recipe: Recipe, inputs: StepInputs, values: Mapping[str, str]) -> SandboxRehearsal:
    """Give the act that rehearses in a sandbox.

    Args:
        recipe: that knows how.
        inputs: of the plan.
        values: for templates.

    Raises:
        ValueError: the recipe does not say how.
    """
    migrations = recipe.migrations
    if migrations is None or migrations.sandbox is None:
        raise ValueError(f"the recipe {recipe.name} does not say how migrations run in a sandbox")
    how, back = migrations.sandbox, inputs.way is RunKind.ROLLBACK
    table = migrations if isinstance(migrations, MigrationTable) else None
    migrator = migrations.migrator
    return SandboxRehearsal(
        # the live commit has the files of the migrations to undo
        sha=inputs.live if back else inputs.sha,
        migrations=inputs.migrations,
        directory=table.directory if table is not None else "",
        suffix=table.suffix if table is not None else ".py",
        table=inputs.table or recorded_in(migrations),
        packages=how.packages,
        setup=fill(how.setup, values),
        ask=fill(migrator.ask, values) if migrator is not None else None,
        apply=fill(how.apply_down if back else how.apply, values),
        undo=fill(how.undo, values) if how.undo and not back else None,
        backup=inputs.rehearsed_on,
        direction=Direction.DOWN if back else Direction.UP,
        environment_file=fill_text(how.environment, values),
        python=fill_text(how.python, values) or None,
        records=_RECORDS[migrations.parser] if isinstance(migrations, MigrationCommand) else None,
    )


_RECORDS = {
    Parser.ALEMBIC: MigrationRecords.ALEMBIC,
    Parser.DJANGO: MigrationRecords.DJANGO,
    Parser.LARAVEL: None,
}


_LONGEST_DATABASE = 64 - len("_p")
"""Maximum characters of a database's name, less the suffix of a second database."""


def scratch_of(target: Target, inputs: StepInputs) -> str | None:
    """Name the run's scratch database; None if the target allows none."""
    database = target.database
    if database is None or database.copies_at(target.hosts[0]) is None:
        return None
    own = re.sub(r"[^a-z0-9]", "", inputs.run.lower().removeprefix("r-"))
    name = f"{database.name}_countersign_rehearsal_{own}"
    return name if own and len(name) <= _LONGEST_DATABASE else None


def _expected(at: At, inputs: StepInputs) -> str | None:
    match at:
        case At.ANY:
            return None
        case At.APPROVED:
            return inputs.sha
        case At.LIVE:
            return inputs.live


def _command(spec: StepSpec, recipe: Recipe, values: Mapping[str, str]) -> Command:
    session = recipe.migrations.session if recipe.migrations is not None and spec.schema else ""
    return fill(f"{session}\n{spec.run or ''}" if session else spec.run or "", values)
