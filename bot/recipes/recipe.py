"""Recipes as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from bot.domain.names import nearest
from bot.domain.runs.acts import PackageTool
from bot.domain.runs.plan import OnFailure, Risk
from bot.domain.targets.layout import Layout, Releases
from bot.domain.targets.target import VarValue
from bot.recipes.parsers import Parser


class VarKind(StrEnum):
    """Type of a recipe's variable."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    URL = "url"
    CHOICE = "choice"
    TEXTS = "texts"


@dataclass(frozen=True)
class VarSpec:
    """A variable of a recipe, set under `vars:` of an environment.

    Args:
        name: of the variable.
        kind: its type.
        about: one line of description.
        default: its value if not set; None if it may be absent.
        required: whether it must be set.
        options: of a choice, or of each text of a list; empty for any.
    """

    name: str
    kind: VarKind
    about: str
    default: VarValue | None = None
    required: bool = False
    options: tuple[str, ...] = ()

    def problem_with(self, value: object) -> str | None:
        """Say what is wrong with a value, or None."""
        match self.kind:
            case VarKind.TEXT:
                return None if isinstance(value, str) and value else "must be a text"
            case VarKind.NUMBER:
                return None if type(value) is int and value >= 0 else "must be a whole number, 0 or more"
            case VarKind.FLAG:
                return None if isinstance(value, bool) else "must be true or false"
            case VarKind.URL:
                return None if isinstance(value, str) and _is_url(value) else "must be a URL (http or https)"
            case VarKind.CHOICE:
                return None if value in self.options else f"must be one of {', '.join(self.options)}"
            case VarKind.TEXTS:
                fine = isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in value)
                if fine and self.options and isinstance(value, list | tuple) and set(value) - set(self.options):
                    return f"must be a list of {', '.join(self.options)}"
                return None if fine else "must be a list of texts"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


class ConditionKind(StrEnum):
    """Kind of a condition of a step."""

    MIGRATIONS = "migrations"
    """The run applies or undoes migrations."""
    MAINTENANCE = "maintenance"
    """The run takes the site down (the setting `maintenance:`), and it is not down already."""
    DATABASE = "database"
    """The environment has a database."""
    CHANGED = "changed"
    """A path that matches the pattern differs between what is live and the approved commit."""
    MISSING = "missing"
    """The path is missing on a host once the commit is checked out."""
    EXISTS = "exists"
    """The path is there on every host once the commit is checked out."""
    VAR = "var"
    """The variable is set and not empty."""


@dataclass(frozen=True)
class Condition:
    """A condition under which a step is needed.

    Args:
        kind: of the condition.
        value: the pattern, path or variable; empty for a kind that needs none.
    """

    kind: ConditionKind
    value: str = ""


class Place(StrEnum):
    """The hosts of the environment on which a step runs."""

    ALL = "all"
    FIRST = "first"
    BOT = "bot"


class RunKind(StrEnum):
    """Direction of a run; a step may belong to only one."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class At(StrEnum):
    """The commit that must be checked out when a step starts, else somebody else has changed the checkout."""

    ANY = "any"
    APPROVED = "approved"
    LIVE = "live"
    """The commit that was live when the plan was made."""


class ReleaseState(StrEnum):
    """Whether the folder of the release to make live is there already; a step may be for one case only."""

    NEW = "new"
    KEPT = "kept"


class Does(StrEnum):
    """What a step does if it runs no command."""

    PREFLIGHT = "preflight"
    BACKUP = "backup"
    HEALTH = "health"
    HOST_HEALTH = "host-health"
    """Not in a recipe's file: the environment's `rollout` adds it."""
    NOTHING_PENDING = "nothing-pending"
    UNDONE = "undone"
    PREVIEW = "preview"
    REHEARSE = "rehearse"
    DOWNLOAD = "download"
    MIGRATE = "migrate"
    AS_REHEARSED = "as-rehearsed"


@dataclass(frozen=True)
class StepSpec:
    """One step of a recipe.

    Args:
        key: its identity; safe in a path.
        title: for people.
        run: a shell template; None if `does` is set.
        does: what it does if it runs no command.
        check: a shell template that reads whether it took effect (status 0 yes, 1 no), or None.
        risk: what it can do to production.
        on: on which hosts.
        timeout: seconds.
        when: it is needed if any of these is met; empty means always.
        at: the commit that must be checked out.
        each: a list variable; there is one step for each of its texts, as `{each}`.
        undoes: key of the step that it undoes.
        on_failure: what its failure means for the run.
        schema: whether it changes the schema.
        only: the kind of run to which it belongs; None for both.
        requires: paths without any one of which it is left out.
        tools: programs that it needs; variables in braces.
        release: the case to which it belongs; None for both.
    """

    key: str
    title: str
    run: str | None
    does: Does | None
    check: str | None
    risk: Risk
    on: Place
    timeout: int
    when: tuple[Condition, ...]
    at: At
    each: str | None
    undoes: str | None
    on_failure: OnFailure
    schema: bool
    only: RunKind | None
    requires: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    release: ReleaseState | None = None


@dataclass(frozen=True)
class Rehearsal:
    """How to rehearse migrations on a copy of the database; see `bot.domain.runs.acts.Rehearse`.

    Args:
        setup: a shell template.
        probe: a shell template.
        pretend: a shell template.
        apply: a shell template.
        environment: templates by name.
        other_connection: a regular expression; empty if not needed.
        pretend_down: a shell template that prints the SQL of undoing the latest migration; empty if the recipe cannot.
        apply_down: a shell template that undoes the latest migration; empty if the recipe cannot.
    """

    setup: str
    probe: str
    pretend: str
    apply: str
    environment: Mapping[str, str]
    other_connection: str
    pretend_down: str = ""
    apply_down: str = ""


@dataclass(frozen=True)
class Migrator:
    """How to ask the framework's own migrator, and how to have it run and undo exactly the migrations of a plan.

    Args:
        ask: a shell template that prints what `bot.domain.targets.migrator` reads; it changes nothing.
        run: a shell template that runs the migrations in the files whose paths are its arguments; their names are in
            COUNTERSIGN_MIGRATIONS, one a line.
        undo: the same for undoing them; empty if the recipe undoes them by a command of its own.
        dumps: the folder of dumps of the schema that the framework loads into an empty database; empty if it does not.
    """

    ask: str
    run: str
    undo: str = ""
    dumps: str = ""


@dataclass(frozen=True)
class SandboxCommands:
    """How to run migrations in a sandbox; see `bot.domain.runs.acts.SandboxRehearsal`.

    Args:
        setup: a shell template that does what production does before migrating, in that order.
        apply: a shell template that runs all pending migrations.
        undo: a shell template that undoes what was just run; empty if the recipe cannot.
        apply_down: a shell template that undoes the migrations of a rollback; empty if the recipe cannot.
        packages: what brings the commit's packages.
        environment: the application's environment file, relative to the checkout; a template; empty if it has none.
        python: the live virtual environment, absolute or relative to the checkout; a template; empty if it has none.
        live_packages: patterns of files that name packages, none of which is brought: where one of these files
            changed, nothing is rehearsed.
        listing: with `MigrationCommand`, a shell template that prints which migrations a commit's files have, without a
            database; empty if the recipe cannot.
        table: with `MigrationCommand`, the table that records which were applied.
    """

    setup: str
    apply: str
    undo: str = ""
    apply_down: str = ""
    packages: PackageTool = PackageTool.NONE
    environment: str = ""
    python: str = ""
    live_packages: tuple[str, ...] = ()
    listing: str = ""
    table: str = ""


@dataclass(frozen=True)
class MigrationTable:
    """Migrations that are files of a directory in git, and are recorded by name in a table of the database.

    Args:
        directory: in the repository.
        suffix: of their files; the name of a migration is the file's without it.
        table: that records which were applied.
        rehearsal: how to run them on a copy; None if the recipe cannot.
        session: a shell template that runs before the command of each step that changes the schema, in the same shell:
            it limits how long the tool's sessions wait for locks, to `{lock_wait}` seconds.
        migrator: how to ask the framework itself; None if the recipe cannot.
        sandbox: how to run them in a sandbox; None if the recipe cannot.
        pattern: of the names of migrations; other files of the directory are none.
    """

    directory: str
    suffix: str
    table: str
    rehearsal: Rehearsal | None = None
    session: str = ""
    migrator: Migrator | None = None
    sandbox: SandboxCommands | None = None
    pattern: str = "*"

    def names(self, files: Iterable[str]) -> tuple[str, ...]:
        """Name the migrations among files of the directory, in the order in which they run."""
        visible = (file for file in files if file.endswith(self.suffix) and not file.startswith("."))
        names = (file.removesuffix(self.suffix) for file in visible)
        return tuple(sorted(name for name in names if fnmatchcase(name, self.pattern)))


@dataclass(frozen=True)
class MigrationCommand:
    """Migrations that only the stack's own tool can list.

    The commands run in the files of a commit: in the checkout, or in a temporary copy. `$live` is the checkout. They
    change nothing.

    Args:
        setup: a shell template that runs before each of the others, in the same shell.
        status: a shell template that prints which migrations exist and which were applied.
        parser: of its output.
        sql: a shell template that prints the SQL of the migrations `{migrations}`, each after a comment
            `-- Running NAME`; None if the stack cannot.
        session: as in `MigrationTable`.
        sql_down: as `sql`, for undoing them, the newest first.
        sandbox: how to list and run them in a sandbox; None if the recipe cannot.
        migrator: how to ask the framework itself in the sandbox and behind the gate; None if the recipe cannot.
    """

    setup: str
    status: str
    parser: Parser
    sql: str | None
    session: str = ""
    sql_down: str | None = None
    sandbox: SandboxCommands | None = None
    migrator: Migrator | None = None


Migrations = MigrationTable | MigrationCommand
"""How to list the migrations of an app."""


@dataclass(frozen=True)
class ReleaseSteps:
    """The steps for `layout: releases`, in place of those for a checkout.

    Args:
        prepare: steps before the gate.
        change: steps after the gate.
        verify: steps after the changes.
        convert: steps that make the live code the first release; none if the recipe cannot.
        revert: steps that make the live release a checkout again; none if the recipe cannot.
    """

    prepare: tuple[StepSpec, ...]
    change: tuple[StepSpec, ...]
    verify: tuple[StepSpec, ...]
    convert: tuple[StepSpec, ...] = ()
    revert: tuple[StepSpec, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How an app of a kind is operated.

    Args:
        name: of the recipe.
        title: for people.
        vars: its variables, by name.
        needs_kib: kibibytes that must be free on the file system of the checkout.
        tools: programs that each host must have.
        maintenance: a shell template that reads whether the app is in maintenance, or None.
        migrations: how to list them; None if the app has none.
        prepare: steps before the gate.
        change: steps after the gate.
        verify: steps after the changes.
        sha256: of its text.
        writes: folders of the checkout that its steps write to, where they are there.
        releases: the steps for releases; None if the recipe knows a checkout alone.
    """

    name: str
    title: str
    vars: Mapping[str, VarSpec]
    needs_kib: int
    tools: tuple[str, ...]
    maintenance: str | None
    migrations: Migrations | None
    prepare: tuple[StepSpec, ...]
    change: tuple[StepSpec, ...]
    verify: tuple[StepSpec, ...]
    sha256: str = ""
    writes: tuple[str, ...] = ()
    releases: ReleaseSteps | None = None

    def laid_out(self, layout: Layout) -> Recipe:
        """Give the recipe with the steps for a layout.

        Raises:
            ValueError: it has none for it; the configuration has checked that.
        """
        if not isinstance(layout, Releases):
            return self
        if self.releases is None:
            raise ValueError(f"the recipe {self.name} does not say how releases are made")
        own = self.releases
        return replace(self, prepare=own.prepare, change=own.change, verify=own.verify)

    def check_vars(self, values: Mapping[str, object]) -> tuple[Mapping[str, VarValue], tuple[tuple[str, str], ...]]:
        """Validate the `vars:` of an environment, and add the defaults.

        Args:
            values: as read from the operations file.

        Returns:
            The variables, and the problems: pairs of the variable's name and a sentence.
        """
        checked: dict[str, VarValue] = {}
        problems: list[tuple[str, str]] = []
        for name, value in values.items():
            spec = self.vars.get(name)
            if spec is None:
                near = nearest(name, self.vars)
                hint = f"; did you mean '{near}'?" if near else ""
                problems.append((name, f"the recipe '{self.name}' has no such variable{hint}"))
                continue
            problem = spec.problem_with(value)
            if problem is not None:
                problems.append((name, problem))
            elif isinstance(value, list | tuple):
                checked[name] = tuple(str(item) for item in value)
            elif isinstance(value, str | int | bool):
                checked[name] = value
        for name, spec in self.vars.items():
            if name in values:
                continue
            if spec.required:
                problems.append((name, f"is missing; the recipe '{self.name}' needs it: {spec.about}"))
            elif spec.default is not None:
                checked[name] = spec.default
        return checked, tuple(problems)
