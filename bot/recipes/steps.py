"""From a recipe and what was found to the steps of a plan, and to those it does not need. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.plan import Phase, Skipped, Step
from bot.domain.shell import fill
from bot.domain.targets.layout import KeptRelease
from bot.domain.targets.target import Target
from bot.recipes.proof import RESTORE_TIMEOUT, proof_steps
from bot.recipes.questions import tools_of
from bot.recipes.recipe import (
    Condition,
    ConditionKind,
    Does,
    MigrationCommand,
    Migrations,
    MigrationTable,
    Place,
    Recipe,
    ReleaseState,
    RunKind,
    StepSpec,
)
from bot.recipes.rehearsal_way import NoRehearsal, RehearsalWay
from bot.recipes.step_acts import act_of_step, check_of_step, scratch_of
from bot.recipes.step_inputs import StepInputs, template_values

_PLANNED = frozenset({Does.BACKUP, Does.PREVIEW, Does.REHEARSE})
"""Acts of prepare that need a plan: whether they are needed depends on what it changes."""


_MAX_PATHS = 2


def before_plan(recipe: Recipe, target: Target, run: str) -> tuple[Step, ...]:
    """Give the steps of prepare that precede the plan: the checks and the fetch."""
    inputs = StepInputs(run, RunKind.DEPLOY, "", "", (), (), takes_down=False, backup=None)
    specs = [spec for spec in recipe.prepare if spec.does not in _PLANNED and not spec.when and spec.release is None]
    return tuple(step for spec in specs for step in _steps(spec, Phase.PREPARE, recipe, target, inputs))


def recipe_steps(recipe: Recipe, target: Target, inputs: StepInputs) -> tuple[tuple[Step, ...], tuple[Skipped, ...]]:
    """Decide which steps of a recipe are needed.

    Args:
        recipe: of the target.
        target: to operate.
        inputs: what determines them.

    Returns:
        The steps of prepare that need a plan, then those of change and verify; and the skipped steps with the reason.

    Raises:
        RefusedError: `host_tool_missing`, a host lacks a program that one of the steps needs there.
    """
    steps: list[Step] = []
    skipped: list[Skipped] = []
    phases = ((Phase.PREPARE, recipe.prepare), (Phase.CHANGE, recipe.change), (Phase.VERIFY, recipe.verify))
    already = {step.key for step in before_plan(recipe, target, inputs.run)}
    for phase, specs in phases:
        for spec in specs:
            if spec.only not in {None, inputs.way} or spec.release not in {None, _state(inputs)}:
                continue
            if spec.does in _EVIDENCE and isinstance(inputs.rehearses, NoRehearsal):
                continue
            if _is_unused(spec, target):
                continue
            why_not = _why_not(spec, recipe, target, inputs)
            if why_not is not None:
                skipped.append(Skipped(spec.key, spec.title.replace(" {each}", ""), why_not))
                continue
            _require_tools(spec, target, inputs)
            placed = Phase.REHEARSAL if _is_behind_gate(spec, inputs) else phase
            steps += (step for step in _steps(spec, placed, recipe, target, inputs) if step.key not in already)
            if spec.does is Does.BACKUP and inputs.backup is not None:
                steps += proof_steps(target, inputs.backup, inputs.run, placed)
    return tuple(sorted(steps, key=lambda step: _ORDER.index(step.phase))), tuple(skipped)


_ORDER = tuple(Phase)
"""In which the phases of a run follow each other."""


def _is_unused(spec: StepSpec, target: Target) -> bool:
    """Whether a step is for the texts of a list that need not be set, and is not: then there is nothing to tell."""
    optional = Condition(ConditionKind.VAR, spec.each or "") in spec.when
    return spec.each is not None and optional and not target.vars.get(spec.each)


def _is_behind_gate(spec: StepSpec, inputs: StepInputs) -> bool:
    if spec.does is Does.BACKUP:
        return inputs.begins_later
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


def _has_copy(target: Target, inputs: StepInputs) -> bool:
    """Whether migrations run on a copy first, so that there is a schema to compare with."""
    return inputs.rehearses is RehearsalWay.SANDBOX or scratch_of(target, inputs) is not None


def _state(inputs: StepInputs) -> ReleaseState:
    return ReleaseState.KEPT if isinstance(inputs.release, KeptRelease) else ReleaseState.NEW


def _why_not(spec: StepSpec, recipe: Recipe, target: Target, inputs: StepInputs) -> str | None:
    """Give the reason why a step is not needed; None if it is needed."""
    if spec.does is Does.BACKUP and inputs.backup is None:
        return "the policy asks for none"
    if spec.does is Does.HEALTH and any(facts.maintenance for facts in inputs.hosts):
        return "the site is in maintenance already, and this run leaves that as it is"
    if spec.does is Does.AS_REHEARSED and not (inputs.migrations and _has_copy(target, inputs)):
        return "no migrations were rehearsed"
    if inputs.way is RunKind.ROLLBACK and spec.does in _EVIDENCE and not _shows_undoing(recipe.migrations):
        return "the recipe cannot show what undoing does"
    if spec.each is not None and not target.vars.get(spec.each):
        return f"no {spec.each} are named"
    if spec.when and not any(_holds(condition, target, inputs) for condition in spec.when):
        return "; ".join(_absences(spec.when))
    lacking = [path for path in spec.requires if any(path not in facts.existing for facts in inputs.hosts)]
    return f"no {' and no '.join(lacking)}" if lacking else None


def _require_tools(spec: StepSpec, target: Target, inputs: StepInputs) -> None:
    needed = set(tools_of(spec.tools, template_values(target, inputs)))
    at = _hosts(spec.on, target)
    for facts in inputs.hosts:
        missing = sorted(needed.intersection(facts.missing_tools))
        if missing and facts.host in at:
            detail = f"the step '{spec.title}' needs it"
            raise RefusedError(
                problem(Reason.HOST_TOOL_MISSING, host=facts.host, tools=", ".join(missing), detail=detail)
            )


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
            return all(condition.value in facts.existing for facts in hosts)
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
    values["is_down"] = fill(recipe.maintenance, values).script() if recipe.maintenance is not None else "exit 2"
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
        act=act_of_step(spec, recipe, target, inputs, values),
        check=check_of_step(spec, recipe, values),
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


_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def _slug(text: str) -> str:
    slug = _UNSAFE.sub("-", text).strip("-.")[:32].strip("-.")
    return re.sub(r"\.{2,}", ".", slug) or "step"


def _unique(key: str, taken: set[str]) -> str:
    if key not in taken:
        return key
    return next(f"{key}-{n}" for n in range(2, len(taken) + 3) if f"{key}-{n}" not in taken)
