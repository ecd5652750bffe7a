"""Loading recipes from YAML: built-in ones by name, others by path. All problems are reported, with their paths."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.domain.names import TargetName, is_name, nearest
from bot.domain.runs.acts import PackageTool
from bot.domain.runs.batches import HOOKS
from bot.domain.runs.plan import OnFailure, Risk
from bot.domain.runs.release_order import SWITCH
from bot.domain.shell import placeholders
from bot.domain.targets.target import Target
from bot.recipes.parsers import Parser
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
    Rehearsal,
    ReleaseState,
    ReleaseSteps,
    RunKind,
    SandboxCommands,
    StepSpec,
    VarKind,
    VarSpec,
)
from bot.recipes.rollout_steps import with_rollout


class RecipeError(Exception):
    """A recipe cannot be used.

    Args:
        source: the name or path of the recipe.
        problems: sentences, each with its path in the file.
    """

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"recipe {source}: " + "; ".join(problems))
        self.source = source
        self.problems = problems


BUILTIN = resources.files("bot.recipes") / "builtin"

ALWAYS_KNOWN = frozenset({"path", "branch", "sha", "run", "each", "count", "migrations", "lock_wait", "is_down"}) | {
    "root",
    "release",
    "shared",
    "keep_releases",
}
"""Values that a template may use beside the recipe's variables."""


def builtin_names() -> tuple[str, ...]:
    """Name the built-in recipes, sorted."""
    return tuple(sorted(item.name.removesuffix(".yaml") for item in BUILTIN.iterdir() if item.name.endswith(".yaml")))


def load_recipe(name_or_path: str, base: Path) -> Recipe:
    """Read a recipe.

    Args:
        name_or_path: the name of a built-in recipe, or the path of a file (it has a `/` or ends in `.yaml`).
        base: the folder that a relative path starts from.

    Returns:
        The recipe.

    Raises:
        RecipeError: there is none, or something in it is wrong.
    """
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        path = base / Path(name_or_path).expanduser()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise RecipeError(name_or_path, (f"cannot be read: {error}",)) from None
        return parse_recipe(text, name_or_path)
    if name_or_path not in builtin_names():
        near = nearest(name_or_path, builtin_names())
        hint = f"; did you mean '{near}'?" if near else ""
        known = ", ".join(builtin_names())
        raise RecipeError(name_or_path, (f"unknown recipe '{name_or_path}'{hint} (built in: {known})",))
    return parse_recipe((BUILTIN / f"{name_or_path}.yaml").read_text(encoding="utf-8"), name_or_path)


def load_recipes(targets: Mapping[TargetName, Target]) -> Mapping[TargetName, Recipe]:
    """Load the recipe of each target with the steps for its layout and rollout; the configuration has checked it."""
    return {name: _of(target) for name, target in targets.items()}


def _of(target: Target) -> Recipe:
    return with_rollout(load_recipe(target.recipe, Path()).laid_out(target.layout), target.rollout)


@lru_cache(maxsize=32)
def parse_recipe(text: str, source: str) -> Recipe:
    """Parse a recipe, with a cache: many environments share a recipe, and YAML is slow to parse.

    Args:
        text: YAML.
        source: its name or path, for problems.

    Raises:
        RecipeError: something in it is wrong; every problem is named.
    """
    try:
        data = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise RecipeError(source, (f"is not YAML: {error}",)) from None
    try:
        read = _RecipeFile.model_validate(data)
    except ValidationError as error:
        problems = tuple(f"{_path(item['loc'])}: {item['msg']}" for item in error.errors())
        raise RecipeError(source, problems) from None
    recipe = replace(read.recipe_of(), sha256=hashlib.sha256(text.encode()).hexdigest())
    problems = tuple(_inconsistencies(recipe))
    releases = read.releases
    if releases is not None and not problems:
        recipe, problems = _with_releases(recipe, read, releases)
    if problems:
        raise RecipeError(source, problems)
    return recipe


def _with_releases(recipe: Recipe, read: _RecipeFile, releases: _Releases) -> tuple[Recipe, tuple[str, ...]]:
    """Add the steps for releases to a recipe; and give what is wrong with them."""
    problems: list[str] = []
    steps = [
        _resolved(phase, getattr(releases, phase), getattr(read, phase), problems)
        for phase in ("prepare", "change", "verify")
    ]
    changes = [
        _resolved("change", getattr(releases, name), read.change, problems, name) for name in ("convert", "revert")
    ]
    recipe = replace(recipe, releases=ReleaseSteps(*steps, *changes))
    if not problems:
        laid_out = replace(recipe, prepare=steps[0], change=steps[1], verify=steps[2])
        problems += [f"releases.{found}" for found in _inconsistencies(laid_out) if not found.startswith("migrations.")]
        for name, specs in zip(("convert", "revert"), changes, strict=True):
            found = _inconsistencies(replace(recipe, prepare=(), change=specs))
            problems += [f"releases.{one}".replace("change[", f"{name}[") for one in found if one.startswith("change[")]
    if not problems and all(spec.key != SWITCH for spec in steps[1]):
        problems.append(f"releases.change: there is no step '{SWITCH}', which makes the release live")
    return recipe, tuple(problems)


def _resolved(
    phase: str, given: list[dict[str, Any]] | None, steps: list[_Step], problems: list[str], name: str = ""
) -> tuple[StepSpec, ...]:
    """Give the steps of a phase for releases: `use: KEY` is the step of the same phase, with what stands beside it."""
    if given is None:
        return _specs(steps)
    by_key = {step.key: step.model_dump(exclude_unset=True) for step in steps}
    specs = []
    for index, item in enumerate(given):
        where = f"releases.{name or phase}[{index}]"
        used = item.get("use")
        if used is not None and used not in by_key:
            near = nearest(str(used), by_key)
            problems.append(
                f"{where}.use: there is no step '{used}' under {phase}" + (f"; did you mean '{near}'?" if near else "")
            )
            continue
        own = {name: value for name, value in item.items() if name != "use"}
        try:
            specs.append(_Step.model_validate((by_key[used] if used is not None else {}) | own).spec())
        except ValidationError as error:
            problems += [f"{where}.{_path(one['loc'])}: {one['msg']}" for one in error.errors()]
    return tuple(specs)


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for item in location:
        text += f"[{item}]" if isinstance(item, int) else f".{item}"
    return text.lstrip(".") or "the file"


def _inconsistencies(recipe: Recipe) -> list[str]:
    problems: list[str] = []
    seen: set[str] = set()
    changes = {spec.key for spec in recipe.change}
    for phase, specs in (("prepare", recipe.prepare), ("change", recipe.change), ("verify", recipe.verify)):
        for index, spec in enumerate(specs):
            where = f"{phase}[{index}]"
            if spec.key in seen:
                problems.append(f"{where}.key: '{spec.key}' stands twice")
            seen.add(spec.key)
            if phase != "change" and spec.risk is not Risk.READS:
                problems.append(f"{where}.risk: a step of {phase} cannot change production; it belongs under change")
            if spec.undoes is not None and spec.undoes not in changes:
                problems.append(f"{where}.undoes: there is no step '{spec.undoes}' under change")
            known = ALWAYS_KNOWN | recipe.vars.keys()
            problems.extend(
                f"{where}: the template asks for {{{name}}}, which is no variable of the recipe"
                for name in sorted(_asked_for(spec) - known)
            )
            if spec.each is not None and (
                spec.each not in recipe.vars or recipe.vars[spec.each].kind is not VarKind.TEXTS
            ):
                problems.append(f"{where}.each: '{spec.each}' is no variable of kind texts")
            problems.extend(
                f"{where}.when: '{condition.value}' is no variable of the recipe"
                for condition in spec.when
                if condition.kind is ConditionKind.VAR and condition.value not in recipe.vars
            )
    problems += _inconsistent_migrations(recipe)
    return problems


_BY_TABLE = frozenset({Does.NOTHING_PENDING, Does.UNDONE})
_OF_REHEARSAL = ("setup", "probe", "pretend", "apply", "pretend_down", "apply_down")
_OF_MIGRATOR = ("ask", "run", "undo")
_OF_SANDBOX = ("setup", "apply", "undo", "apply_down", "environment", "python", "listing")
_BY_REHEARSAL = frozenset({Does.REHEARSE, Does.AS_REHEARSED})


def _inconsistent_migrations(recipe: Recipe) -> list[str]:
    migrations = recipe.migrations
    done = {spec.does for spec in (*recipe.prepare, *recipe.change, *recipe.verify)}
    templates: dict[str, str] = {}
    can: set[Does] = set()
    match migrations:
        case MigrationTable(rehearsal=how, migrator=migrator, sandbox=sandbox):
            can |= _BY_TABLE
            if how is not None:
                can |= _BY_REHEARSAL
                templates |= {f"rehearsal.{name}": getattr(how, name) for name in _OF_REHEARSAL}
            if migrator is not None:
                can |= {Does.MIGRATE}
                templates |= {f"migrator.{name}": getattr(migrator, name) for name in _OF_MIGRATOR}
            if sandbox is not None:
                can |= _BY_REHEARSAL
                templates |= {f"sandbox.{name}": getattr(sandbox, name) for name in _OF_SANDBOX}
        case MigrationCommand(
            setup=setup, status=status, sql=sql, sql_down=sql_down, sandbox=sandbox, migrator=migrator
        ):
            can |= {Does.PREVIEW} if sql is not None else set()
            templates = {"setup": setup, "status": status, "sql": sql or "", "sql_down": sql_down or ""}
            if migrator is not None:
                can |= {Does.MIGRATE}
                templates |= {f"migrator.{name}": getattr(migrator, name) for name in _OF_MIGRATOR}
            if sandbox is not None:
                templates |= {f"sandbox.{name}": getattr(sandbox, name) for name in _OF_SANDBOX}
    session = migrations.session if migrations is not None else ""
    problems = [
        f"migrations.session: the template asks for {{{asked}}}, which is no variable of the recipe"
        for asked in sorted(placeholders(session) - ALWAYS_KNOWN - recipe.vars.keys())
    ]
    problems += [
        f"migrations.{name}: the template asks for {{{asked}}}, which is no variable of the recipe"
        for name, template in templates.items()
        for asked in sorted(placeholders(template) - _known(migrations, name) - recipe.vars.keys())
    ]
    lacking = dict.fromkeys(_BY_TABLE, "migrations.table") | dict.fromkeys(_BY_REHEARSAL, "migrations.rehearsal")
    lacking |= {Does.PREVIEW: "migrations.sql", Does.MIGRATE: "migrations.migrator"}
    return problems + [
        f"{where}: is missing, and a step does `{does.value}`"
        for does, where in lacking.items()
        if does in done and does not in can
    ]


def _known(migrations: Migrations | None, template: str) -> frozenset[str]:
    """Give the values that a template of migrations may use beside the recipe's variables."""
    if template in {"sandbox.environment", "sandbox.python", "sandbox.listing"}:
        return frozenset({"path", "branch"})
    if isinstance(migrations, MigrationCommand) and not template.startswith(("sandbox.", "migrator.")):
        return frozenset({"path", "branch", "migrations"})
    return ALWAYS_KNOWN - {"each"}


def _asked_for(spec: StepSpec) -> frozenset[str]:
    templates = (spec.title, spec.run or "", spec.check or "", *spec.tools)
    return frozenset().union(*(placeholders(template) for template in templates))


_DURATION = re.compile(r"([0-9]+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("must be a number and s, m, h or d, such as 90s")
    return int(match[1]) * _SECONDS[match[2]]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Var(_Model):
    type: VarKind
    about: str
    default: str | int | bool | list[str] | None = None
    required: bool = False
    of: list[str] = []

    def spec(self, name: str) -> VarSpec:
        default = tuple(self.default) if isinstance(self.default, list) else self.default
        return VarSpec(name, self.type, self.about, default, self.required, tuple(self.of))


_Flag = Literal["migrations", "maintenance", "database"]


class _Valued(_Model):
    changed: str | None = None
    missing: str | None = None
    exists: str | None = None
    var: str | None = None

    def conditions(self) -> list[Condition]:
        pairs = (
            (ConditionKind.CHANGED, self.changed),
            (ConditionKind.MISSING, self.missing),
            (ConditionKind.EXISTS, self.exists),
            (ConditionKind.VAR, self.var),
        )
        return [Condition(kind, value) for kind, value in pairs if value is not None]


class _Step(_Model):
    key: str
    title: str
    run: str | None = None
    does: Does | None = None
    check: str | None = None
    risk: Risk = Risk.READS
    on: Place = Place.ALL
    timeout: str = "60s"
    when: list[_Flag | _Valued] = []
    at: At = At.ANY
    each: str | None = None
    undoes: str | None = None
    on_failure: OnFailure = OnFailure.FAIL
    changes_schema: bool = False
    only: RunKind | None = None
    requires: list[str] = []
    tools: list[str] = []
    release: ReleaseState | None = None

    @field_validator("key")
    @classmethod
    def _safe(cls, key: str) -> str:
        if not is_name(key):
            raise ValueError("must be letters, digits, '-', '_' and '.', so that it is safe in a path")
        if key in HOOKS:
            raise ValueError(f"'{key}' is the key of a step that `rollout` of an environment adds")
        return key

    @field_validator("timeout")
    @classmethod
    def _duration(cls, text: str) -> str:
        _seconds(text)
        return text

    def model_post_init(self, _context: object) -> None:
        if (self.run is None) == (self.does is None):
            raise ValueError("a step has either `run` or `does`")
        if self.does is Does.HOST_HEALTH:
            raise ValueError(f"`does: {self.does.value}` is for `rollout` of an environment alone")
        if self.does is Does.DOWNLOAD and self.release is not ReleaseState.NEW:
            raise ValueError(f"`does: {self.does.value}` is for a release: it needs `release: new`")

    def spec(self) -> StepSpec:
        conditions: list[Condition] = []
        for item in self.when:
            conditions += item.conditions() if isinstance(item, _Valued) else [Condition(ConditionKind(item))]
        return StepSpec(
            key=self.key,
            title=self.title,
            run=self.run,
            does=self.does,
            check=self.check,
            risk=self.risk,
            on=self.on,
            timeout=_seconds(self.timeout),
            when=tuple(conditions),
            at=self.at,
            each=self.each,
            undoes=self.undoes,
            on_failure=self.on_failure,
            schema=self.changes_schema,
            only=self.only,
            requires=tuple(self.requires),
            tools=tuple(self.tools),
            release=self.release,
        )


class _Needs(_Model):
    free_mib: Annotated[int, Field(ge=0)] = 256
    tools: list[str] = []
    writes: list[str] = []


_FILLED_IN = frozenset({"scratch", "database_host", "database_port", "database_user", "database_password"})
"""Values that a rehearsal's environment may use."""


class _Rehearsal(_Model):
    setup: str
    probe: str
    pretend: str
    apply: str
    environment: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str]
    other_connection: str = ""
    pretend_down: str = ""
    apply_down: str = ""

    @field_validator("other_connection")
    @classmethod
    def _expression(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return text

    @field_validator("environment")
    @classmethod
    def _known(cls, environment: dict[str, str]) -> dict[str, str]:
        for name, template in environment.items():
            for asked in sorted(placeholders(template) - _FILLED_IN):
                raise ValueError(f"{name} asks for {{{asked}}}; there is {', '.join(sorted(_FILLED_IN))}")
        return environment


class _Migrator(_Model):
    ask: str
    run: str
    undo: str = ""
    dumps: str = ""

    def parsed(self) -> Migrator:
        return Migrator(self.ask, self.run, self.undo, self.dumps)


class _Sandbox(_Model):
    setup: str
    apply: str
    undo: str = ""
    apply_down: str = ""
    packages: PackageTool = PackageTool.NONE
    environment: str = ""
    python: str = ""
    live_packages: list[str] = []
    listing: str = ""
    table: str = ""

    def parsed(self) -> SandboxCommands:
        return SandboxCommands(
            setup=self.setup,
            apply=self.apply,
            undo=self.undo,
            apply_down=self.apply_down,
            packages=self.packages,
            environment=self.environment,
            python=self.python,
            live_packages=tuple(self.live_packages),
            listing=self.listing,
            table=self.table,
        )


_KEYS = {
    "table": (
        frozenset({"directory", "suffix", "table"}),
        frozenset({"rehearsal", "session", "migrator", "sandbox", "pattern"}),
    ),
    "command": (
        frozenset({"status", "parser"}),
        frozenset({"setup", "sql", "sql_down", "session", "sandbox", "migrator"}),
    ),
}
"""Required and optional keys of each kind of `migrations:`."""


class _Migrations(_Model):
    kind: Literal["table", "command"] = "table"
    directory: str = ""
    suffix: str = ""
    pattern: str = "*"
    table: str = ""
    rehearsal: _Rehearsal | None = None
    migrator: _Migrator | None = None
    sandbox: _Sandbox | None = None
    setup: str = ""
    status: str = ""
    parser: Parser | None = None
    sql: str | None = None
    session: str = ""
    sql_down: str | None = None

    def model_post_init(self, _context: object) -> None:
        given = self.model_fields_set - {"kind"}
        needed, allowed = _KEYS[self.kind]
        if wrong := sorted((needed - given) | (given - needed - allowed)):
            raise ValueError(f"`kind: {self.kind}` needs {', '.join(sorted(needed))}; look at {', '.join(wrong)}")

    def parsed(self) -> Migrations:
        migrator = self.migrator.parsed() if self.migrator is not None else None
        sandbox = self.sandbox.parsed() if self.sandbox is not None else None
        if self.parser is not None:
            return MigrationCommand(
                self.setup, self.status, self.parser, self.sql, self.session, self.sql_down, sandbox, migrator
            )
        how = self.rehearsal
        rehearsal = (
            Rehearsal(
                how.setup,
                how.probe,
                how.pretend,
                how.apply,
                how.environment,
                how.other_connection,
                how.pretend_down,
                how.apply_down,
            )
            if how is not None
            else None
        )
        return MigrationTable(
            self.directory, self.suffix, self.table, rehearsal, self.session, migrator, sandbox, self.pattern
        )


class _Releases(_Model):
    prepare: list[dict[str, Any]] | None = None
    change: list[dict[str, Any]] | None = None
    verify: list[dict[str, Any]] | None = None
    convert: list[dict[str, Any]] = []
    revert: list[dict[str, Any]] = []


class _RecipeFile(_Model):
    recipe: str
    title: str
    vars: dict[str, _Var] = {}
    needs: _Needs = _Needs()
    maintenance: str | None = None
    migrations: _Migrations | None = None
    prepare: list[_Step] = []
    change: list[_Step] = []
    verify: list[_Step] = []
    releases: _Releases | None = None

    def recipe_of(self) -> Recipe:
        migrations = self.migrations
        return Recipe(
            name=self.recipe,
            title=self.title,
            vars={name: var.spec(name) for name, var in self.vars.items()},
            needs_kib=self.needs.free_mib * 1024,
            tools=tuple(self.needs.tools),
            writes=tuple(self.needs.writes),
            maintenance=self.maintenance,
            migrations=migrations.parsed() if migrations else None,
            prepare=_specs(self.prepare),
            change=_specs(self.change),
            verify=_specs(self.verify),
        )


def _specs(steps: list[_Step]) -> tuple[StepSpec, ...]:
    return tuple(step.spec() for step in steps)
