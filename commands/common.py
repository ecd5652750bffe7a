"""Shared by the planners: reading a target, the basis of a plan, maintenance and backups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Dump
from bot.domain.runs.basis import Basis, checked_out
from bot.domain.runs.findings import AlreadyDown
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.runs.plan import Plan, Step
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run
from bot.domain.targets.look import AppliedMigration, DatabaseFacts, HostFacts, HostQuestion, Look
from bot.domain.targets.target import Target
from bot.recipes.questions import question, ready_question
from bot.recipes.recipe import Migrations, MigrationTable, Recipe
from bot.recipes.step_needs import lacking
from commands.gather import both, each
from commands.pending import listing_of, live_table, migrator_of, table_in, table_of, with_listing
from commands.used_database import require_used_database


async def read_target(
    recipe: Recipe,
    target: Target,
    look: Look,
    ref: str | None,
    since: tuple[str, ...] = (),
    compared: tuple[str, ...] = (),
) -> tuple[tuple[HostFacts, ...], DatabaseFacts | None]:
    """Read every host and the database of a target, at once.

    Args:
        recipe: of the target.
        target: which.
        look: reads.
        ref: branch, tag or commit to resolve, or None.
        since: commits from which changes of files count too.
        compared: commits whose files to compare with those of the ref.

    Raises:
        RefusedError: a host or the database cannot be read; `database_differs`, the application uses another.
    """
    asked = question(recipe, target, None) if ref is None else ready_question(recipe, target, ref)
    asked = replace(asked, since=since, compared=compared)
    # What a tool prints about migrations is the same on every host.
    first, *others = target.hosts
    at_others = replace(asked, commit_command=None, migrator=None)
    hosts = each(look.host(first, asked), *(look.host(name, at_others) for name in others))
    migrations = recipe.migrations
    if target.database is None or migrations is None:
        return await hosts, None
    answers, facts = await both(hosts, look.database(table_of(migrations)))
    facts = await as_called_live(migrations, answers[0], facts, look)
    at_first, database = with_listing(migrations, answers[0], facts)
    return (at_first, *answers[1:]), database


def require_ready(recipe: Recipe, steps: tuple[Step, ...], hosts: tuple[HostFacts, ...]) -> None:
    """Refuse a plan whose steps would fail for certain once the site is down.

    Raises:
        RefusedError: `host_tool_missing`, `service_missing`, `service_not_allowed`, `not_writable`,
            `files_in_the_way`.
    """
    found = lacking(steps, hosts, recipe.writes)
    if found is not None:
        raise RefusedError(found)


async def as_called_live(
    migrations: Migrations, facts: HostFacts, database: DatabaseFacts, look: Look
) -> DatabaseFacts:
    """Read the database again where the framework calls its table otherwise than the recipe, as with a prefix.

    Args:
        migrations: how the recipe's migrations are known.
        facts: of the host whose framework was asked.
        database: as just read.
        look: reads.

    Raises:
        RefusedError: the database cannot be read; `database_differs`, the application uses another.
    """
    if not isinstance(migrations, MigrationTable):
        return database
    if live_table(migrations, facts) != migrations.table:
        database = await look.database(live_table(migrations, facts))
    require_used_database(facts, database)
    return database


async def ran_now(
    recipe: Recipe, target: Target, look: Look, plan: Plan | None = None
) -> tuple[AppliedMigration, ...] | None:
    """Read again which migrations were applied, in order; None if the target has no migrations.

    Args:
        recipe: of the target.
        target: which.
        look: reads.
        plan: that knows how the framework calls its table; None to ask the framework.

    Raises:
        RefusedError: a host or the database cannot be read.
    """
    migrations = recipe.migrations
    if target.database is None or migrations is None:
        return None
    if isinstance(migrations, MigrationTable):
        if plan is not None or migrations.migrator is None:
            return await look.applied((table_in(plan, migrations) if plan else None) or migrations.table)
        asked = question(recipe, target, None)
        return await look.applied(live_table(migrations, await look.host(target.hosts[0], asked)))
    first = await look.host(target.hosts[0], question(recipe, target, None))
    found = listing_of(migrations, first)
    if found.unknown:
        raise RefusedError(problem(Reason.MIGRATIONS_UNREADABLE, unknown=", ".join(found.unknown)))
    return found.ran


async def pending_now(recipe: Recipe, target: Target, look: Look) -> tuple[MigrationSource, ...] | None:
    """Ask the framework of the live checkout which migrations are pending; None where it cannot be asked.

    Args:
        recipe: of the target.
        target: which.
        look: reads.

    Raises:
        RefusedError: the host cannot be read.
    """
    asked = question(recipe, target, None)
    if asked.migrator is None:
        return None
    answer = migrator_of(await look.host(target.hosts[0], asked))
    return None if answer is None else answer.pending


def host_basis(hosts: tuple[HostFacts, ...], sha: str) -> Basis:
    """Give the basis of a plan that brings a commit: what each host has checked out, and whether it is as planned.

    Args:
        hosts: what each host answered about `sha`.
        sha: the commit that the plan brings.
    """
    basis = Basis({"commit": sha})
    for facts in hosts:
        basis |= checked_out(facts.host, facts.head)
        basis |= Basis({f"local changes on {facts.host}": ", ".join(facts.dirty)})
        basis |= maintenance_basis((facts,))
        basis |= Basis({f"approved commit on {facts.host}": facts.sha or "not there"})
    return basis


def maintenance_basis(hosts: tuple[HostFacts, ...]) -> Basis:
    """Give the basis of a plan that depends on nothing of a host but its maintenance."""
    states = {None: "unknown", True: "on", False: "off"}
    return Basis({f"maintenance on {facts.host}": states[facts.maintenance] for facts in hosts})


def plan_maintenance(
    target: Target, hosts: tuple[HostFacts, ...], migrations: tuple[str, ...]
) -> tuple[bool, tuple[AlreadyDown, ...]]:
    """Decide whether a run takes the site down; a site that is already down stays down.

    Args:
        target: whose `maintenance:` setting decides.
        hosts: as just read.
        migrations: that the run would apply or undo.

    Returns:
        Whether it does, and findings for approvers.
    """
    down = tuple(facts.host for facts in hosts if facts.maintenance)
    if down:
        return False, (AlreadyDown(down),)
    match target.vars.get("maintenance", "never"):
        case "always":
            return True, ()
        case "if-migrations":
            return bool(migrations), ()
        case _:
            return False, ()


def wants_backup(target: Target, action: Action, migrations: int) -> bool:
    """Decide whether the run makes a backup first.

    Args:
        target: whose policy decides.
        action: of the run.
        migrations: number of migrations to apply or undo.

    Raises:
        RefusedError: `backup_impossible`, the policy requires one, but the environment has no database or no place for
            backups.
    """
    if not target.policy.wants_backup(action, migrations):
        return False
    if target.database is None or target.backups is None:
        missing = "database" if target.database is None else "backups"
        raise RefusedError(
            problem(Reason.BACKUP_IMPOSSIBLE, stage="configuration", detail=f"{target.name} has no `{missing}:`")
        )
    return True


async def require_encryption(steps: Iterable[Step], target: Target, look: Look) -> None:
    """Make sure that the host can encrypt the backups that it stores itself.

    Args:
        steps: of a plan; without a dump among them, nothing is checked.
        target: of the backups.
        look: reads.

    Raises:
        RefusedError: `backup_impossible`, it has no `age`; or the host cannot be read.
    """
    backups = target.backups
    if backups is None or backups.store is not None or backups.encrypt_to is None:
        return
    if not any(isinstance(step.act, Dump) for step in steps):
        return
    host = target.hosts[0]
    facts = await look.host(host, HostQuestion(path=target.path, tools=("age",)))
    if facts.missing_tools:
        detail = f"`encrypt_to` is set and {host} has no `age`, so a dump would lie there in the clear"
        raise RefusedError(problem(Reason.BACKUP_IMPOSSIBLE, stage="tools", detail=detail))


def backup_id(run: Run) -> str:
    """Give the ID of a run's backup, from its day and the run's ID, so that planning again gives the same."""
    return f"B-{run.created_at:%Y%m%d}-{run.id.removeprefix('R-')}"
