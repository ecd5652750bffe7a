"""From a recipe and what was found to the steps of a plan, and to those it does not need. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.acts import (
    Act,
    AsRehearsed,
    Direction,
    Dump,
    Health,
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
from bot.domain.runs.plan import Phase, Skipped, Step
from bot.domain.shell import Command, fill, fill_text
from bot.domain.targets.look import CommitCode, ConfinedCommand, HostFacts, HostQuestion
from bot.domain.targets.target import Target
from bot.recipes.parsers import Parser
from bot.recipes.proof import RESTORE_TIMEOUT, proof_steps
from bot.recipes.recipe import (
    At,
    Condition,
    ConditionKind,
    Does,
    MigrationCommand,
    Migrations,
    MigrationTable,
    Migrator,
    Place,
    Recipe,
    RunKind,
    StepSpec,
)
from bot.recipes.rehearsal_way import NoRehearsal, RehearsalWay

_PLANNED = frozenset({Does.BACKUP, Does.PREVIEW, Does.REHEARSE})
"""Acts of prepare that need a plan: whether they are needed depends on what it changes."""

_LOCK_MARGIN = 15
"""Seconds that a session waits for a lock beyond the policy's `lock_patience`, so that the bot, which can name the
blocking session, acts first."""

_HEALTH_TRIES = 20
_MAX_PATHS = 2


@dataclass(frozen=True)
class StepInputs:
    """What determines which steps of a recipe are needed.

    Args:
        run: the run's ID.
        way: deploy or rollback.
        live: the live commit.
        sha: the commit to make live.
        hosts: facts of each host; empty before anything was read.
        migrations: to apply, or to undo.
        takes_down: whether the run takes the site down.
        backup: ID of the backup to make first, or None.
        rehearsed_on: ID of the backup whose data the rehearsal uses, or None.
        rehearses: where the migrations are rehearsed, or why they are not.
        files: of the migrations, in order.
        dumps: of the schema, any of which the framework may load into an empty database.
        table: in which the framework records migrations; None for the recipe's.
    """

    run: str
    way: RunKind
    live: str
    sha: str
    hosts: tuple[HostFacts, ...]
    migrations: tuple[str, ...]
    takes_down: bool
    backup: str | None
    rehearsed_on: str | None = None
    rehearses: RehearsalWay | NoRehearsal = RehearsalWay.TRUSTED
    files: tuple[MigrationSource, ...] = ()
    dumps: tuple[MigrationSource, ...] = ()
    table: str | None = None


def template_values(target: Target, inputs: StepInputs) -> dict[str, str]:
    """Give the values that a template may use, as text; lists are used one by one as `{each}`."""
    plain = {name: str(value) for name, value in target.vars.items() if not isinstance(value, tuple)}
    return plain | {
        "path": target.path,
        "branch": target.branch,
        "sha": inputs.sha,
        "run": inputs.run,
        "count": str(len(inputs.migrations)),
        "migrations": "\n".join(inputs.migrations),
        "lock_wait": str(math.ceil(target.policy.lock_patience.total_seconds()) + _LOCK_MARGIN),
    }


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
    return HostQuestion(
        path=target.path,
        ref=ref,
        trunk=target.branch,
        exists=tuple(sorted({c.value for spec in specs for c in spec.when if c.kind in asked})),
        directory=migrations.directory if isinstance(migrations, MigrationTable) else None,
        migrator=fill(migrations.migrator.ask, values)
        if isinstance(migrations, MigrationTable) and migrations.migrator is not None and target.database
        else None,
        maintenance=fill(recipe.maintenance, values) if recipe.maintenance else None,
        commit_command=commit_command(migrations, migrations.status, target)
        if isinstance(migrations, MigrationCommand) and target.database
        else None,
        code=_commit_code(migrations, target),
    )


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


def _tools(recipe: Recipe, values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(values[tool[1:-1]] if tool.startswith("{") else tool for tool in recipe.tools)


def before_plan(recipe: Recipe, target: Target, run: str) -> tuple[Step, ...]:
    """Give the steps of prepare that precede the plan: the checks and the fetch."""
    inputs = StepInputs(run, RunKind.DEPLOY, "", "", (), (), takes_down=False, backup=None)
    specs = [spec for spec in recipe.prepare if spec.does not in _PLANNED and not spec.when]
    return tuple(step for spec in specs for step in _steps(spec, Phase.PREPARE, recipe, target, inputs))


def recipe_steps(recipe: Recipe, target: Target, inputs: StepInputs) -> tuple[tuple[Step, ...], tuple[Skipped, ...]]:
    """Decide which steps of a recipe are needed.

    Args:
        recipe: of the target.
        target: to operate.
        inputs: what determines them.

    Returns:
        The steps of prepare that need a plan, then those of change and verify; and the skipped steps with the reason.
    """
    steps: list[Step] = []
    skipped: list[Skipped] = []
    phases = ((Phase.PREPARE, recipe.prepare), (Phase.CHANGE, recipe.change), (Phase.VERIFY, recipe.verify))
    already = {step.key for step in before_plan(recipe, target, inputs.run)}
    for phase, specs in phases:
        for spec in specs:
            if spec.only not in {None, inputs.way}:
                continue
            if spec.does in _EVIDENCE and isinstance(inputs.rehearses, NoRehearsal):
                continue
            why_not = _why_not(spec, recipe, target, inputs)
            if why_not is not None:
                skipped.append(Skipped(spec.key, spec.title.replace(" {each}", ""), why_not))
                continue
            placed = Phase.REHEARSAL if _is_behind_gate(spec, inputs) else phase
            steps += (step for step in _steps(spec, placed, recipe, target, inputs) if step.key not in already)
            if spec.does is Does.BACKUP and inputs.backup is not None:
                steps += proof_steps(target, inputs.backup, inputs.run, phase)
    return tuple(sorted(steps, key=lambda step: _ORDER.index(step.phase))), tuple(skipped)


_ORDER = tuple(Phase)
"""In which the phases of a run follow each other."""


def _is_behind_gate(spec: StepSpec, inputs: StepInputs) -> bool:
    return spec.does is Does.REHEARSE and inputs.rehearses is RehearsalWay.AFTER_APPROVAL


_EVIDENCE = frozenset({Does.PREVIEW, Does.REHEARSE, Does.AS_REHEARSED})


def _shows_undoing(migrations: Migrations | None) -> bool:
    """Whether a recipe can rehearse undoing migrations, or show its SQL."""
    match migrations:
        case MigrationTable(rehearsal=how, sandbox=sandbox):
            return (how is not None and bool(how.apply_down)) or (sandbox is not None and bool(sandbox.apply_down))
        case MigrationCommand(sql_down=sql, sandbox=sandbox):
            return sql is not None or (sandbox is not None and bool(sandbox.apply_down))
        case None:
            return False


def _why_not(spec: StepSpec, recipe: Recipe, target: Target, inputs: StepInputs) -> str | None:
    """Give the reason why a step is not needed; None if it is needed."""
    if spec.does is Does.BACKUP and inputs.backup is None:
        return "the policy asks for none"
    if spec.does is Does.HEALTH and any(facts.maintenance for facts in inputs.hosts):
        return "the site is in maintenance already, and this run leaves that as it is"
    if spec.does is Does.AS_REHEARSED and not (inputs.migrations and _scratch(target, inputs)):
        return "no migrations were rehearsed"
    if inputs.way is RunKind.ROLLBACK and spec.does in _EVIDENCE and not _shows_undoing(recipe.migrations):
        return "the recipe cannot show what undoing does"
    if spec.each is not None and not target.vars.get(spec.each):
        return f"no {spec.each} are named"
    if not spec.when or any(_holds(condition, target, inputs) for condition in spec.when):
        return None
    return "; ".join(_absences(spec.when))


def _holds(condition: Condition, target: Target, inputs: StepInputs) -> bool:
    hosts = inputs.hosts
    match condition.kind:
        case ConditionKind.MIGRATIONS:
            return bool(inputs.migrations)
        case ConditionKind.MAINTENANCE:
            return inputs.takes_down
        case ConditionKind.DATABASE:
            return target.database is not None
        case ConditionKind.CHANGED:
            return any(_matches(path, condition.value) for facts in hosts for path in facts.changed)
        case ConditionKind.MISSING:
            return any(condition.value not in facts.existing for facts in hosts)
        case ConditionKind.EXISTS:
            return all(condition.value in facts.existing or condition.value in facts.changed for facts in hosts)
        case ConditionKind.VAR:
            return bool(target.vars.get(condition.value))


def _matches(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern)


def _absences(conditions: Sequence[Condition]) -> Iterator[str]:
    """Give each reason once; of many unchanged paths, the first two and the number of others."""
    unchanged = [condition.value for condition in conditions if condition.kind is ConditionKind.CHANGED]
    if len(unchanged) > _MAX_PATHS:
        yield f"{', '.join(unchanged[:_MAX_PATHS])} and {len(unchanged) - _MAX_PATHS} more unchanged"
    elif unchanged:
        yield f"{' and '.join(unchanged)} unchanged"
    yield from dict.fromkeys(
        _absence(condition) for condition in conditions if condition.kind is not ConditionKind.CHANGED
    )


def _absence(condition: Condition) -> str:
    match condition.kind:
        case ConditionKind.MIGRATIONS:
            return "no migrations to run"
        case ConditionKind.MAINTENANCE:
            return "the site is not taken down by this run"
        case ConditionKind.DATABASE:
            return "no database"
        case ConditionKind.CHANGED:
            return f"{condition.value} unchanged"
        case ConditionKind.MISSING:
            return f"{condition.value} is there"
        case ConditionKind.EXISTS:
            return f"no {condition.value}"
        case ConditionKind.VAR:
            return f"no {condition.value} is set"


def _steps(spec: StepSpec, phase: Phase, recipe: Recipe, target: Target, inputs: StepInputs) -> list[Step]:
    values = template_values(target, inputs)
    if spec.each is None:
        return [_step(spec, spec.key, phase, recipe, target, inputs, values)]
    items = target.vars.get(spec.each, ())
    keys: set[str] = set()
    steps = []
    for item in items if isinstance(items, tuple) else ():
        key = _unique(f"{spec.key}-{_slug(item)}", keys)
        keys.add(key)
        steps.append(_step(spec, key, phase, recipe, target, inputs, values | {"each": item}))
    return steps


def _step(
    spec: StepSpec,
    key: str,
    phase: Phase,
    recipe: Recipe,
    target: Target,
    inputs: StepInputs,
    values: Mapping[str, str],
) -> Step:
    return Step(
        key=key,
        title=spec.title.replace("{each}", values.get("each", ""))[:80],
        phase=phase,
        hosts=_hosts(spec.on, target),
        risk=spec.risk,
        timeout=_timeout(spec, inputs),
        act=_act(spec, recipe, target, inputs, values),
        check=_check(spec, recipe, values),
        on_failure=spec.on_failure,
        undoes=spec.undoes,
        schema=spec.schema,
    )


def _timeout(spec: StepSpec, inputs: StepInputs) -> int:
    # Loading a backup into the copy takes as long as restoring it.
    restores = spec.does in {Does.REHEARSE, Does.PREVIEW} and inputs.rehearsed_on is not None
    return max(spec.timeout, RESTORE_TIMEOUT) if restores else spec.timeout


def _hosts(place: Place, target: Target) -> tuple[str, ...]:
    match place:
        case Place.ALL:
            return target.hosts
        case Place.FIRST:
            return target.hosts[:1]
        case Place.BOT:
            return ()


def _act(spec: StepSpec, recipe: Recipe, target: Target, inputs: StepInputs, values: Mapping[str, str]) -> Act:
    match spec.does:
        case None:
            return Shell(_command(spec, recipe, values), target.path, _expected(spec.at, inputs))
        case Does.PREFLIGHT:
            return Preflight(recipe.needs_kib, _tools(recipe, values))
        case Does.BACKUP:
            return Dump(inputs.backup or "")
        case Does.HEALTH:
            return Health(str(target.vars.get("health_url", "")), _HEALTH_TRIES)
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
        case Does.MIGRATE:
            return _migrate(recipe, target, inputs, values)
        case Does.AS_REHEARSED:
            return AsRehearsed()


def _check(spec: StepSpec, recipe: Recipe, values: Mapping[str, str]) -> Command | None:
    if spec.does is Does.MIGRATE:
        # What it prints is judged, and not its exit status alone.
        return fill(_migrator(recipe)[1].ask, values)
    return fill(spec.check, values) if spec.check else None


def _migrator(recipe: Recipe) -> tuple[MigrationTable, Migrator]:
    migrations = recipe.migrations
    if not isinstance(migrations, MigrationTable) or migrations.migrator is None:
        raise ValueError(f"the recipe {recipe.name} does not say how the framework is asked for its migrations")
    return migrations, migrations.migrator


def _migrate(recipe: Recipe, target: Target, inputs: StepInputs, values: Mapping[str, str]) -> Migrate:
    migrations, migrator = _migrator(recipe)
    back = inputs.way is RunKind.ROLLBACK
    return Migrate(
        command=fill(f"{migrations.session}\n{migrator.undo if back else migrator.run}", values),
        ask=fill(migrator.ask, values),
        directory=target.path,
        # the live commit has the files of the migrations to undo
        expects=inputs.live if back else inputs.sha,
        files=inputs.files,
        dumps=inputs.dumps,
        direction=Direction.DOWN if back else Direction.UP,
        table=inputs.table or migrations.table,
    )


def _preview(recipe: Recipe, target: Target, inputs: StepInputs) -> Preview:
    migrations = recipe.migrations
    if not isinstance(migrations, MigrationCommand) or migrations.sql is None:
        raise ValueError(f"the recipe {recipe.name} does not say how SQL is previewed")
    back = inputs.way is RunKind.ROLLBACK
    asked = commit_command(
        migrations, (migrations.sql_down if back else migrations.sql) or "", target, inputs.migrations
    )
    scratch = _scratch(target, inputs)
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
        scratch=_scratch(target, inputs),
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
    migrator = table.migrator if table is not None else None
    return SandboxRehearsal(
        # the live commit has the files of the migrations to undo
        sha=inputs.live if back else inputs.sha,
        migrations=inputs.migrations,
        directory=table.directory if table is not None else "",
        suffix=table.suffix if table is not None else ".py",
        table=inputs.table or (table.table if table is not None else how.table),
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


def _scratch(target: Target, inputs: StepInputs) -> str | None:
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


_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def _slug(text: str) -> str:
    slug = _UNSAFE.sub("-", text).strip("-.")[:32].strip("-.")
    return re.sub(r"\.{2,}", ".", slug) or "step"


def _unique(key: str, taken: set[str]) -> str:
    if key not in taken:
        return key
    return next(f"{key}-{n}" for n in range(2, len(taken) + 3) if f"{key}-{n}" not in taken)
