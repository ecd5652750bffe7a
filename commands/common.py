"""What going forward (`/deploy`) and going back (`/rollback`) share: reading a target, and what a plan stands on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Dump
from bot.domain.runs.basis import Basis, checked_out
from bot.domain.runs.plan import Finding, Step
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run
from bot.domain.targets.look import AppliedMigration, DatabaseFacts, HostFacts, HostQuestion, Look
from bot.domain.targets.target import Target
from bot.recipes.recipe import MigrationTable, Recipe
from bot.recipes.steps import question
from commands.gather import both, each
from commands.pending import listing_of, table_of, with_listing


async def read_target(
    recipe: Recipe, target: Target, look: Look, ref: str | None
) -> tuple[tuple[HostFacts, ...], DatabaseFacts | None]:
    """Read every host and the database of a target, at once.

    Args:
        recipe: of the target.
        target: which.
        look: reads.
        ref: the commit that is asked about, or None.

    Raises:
        RefusedError: what a host or the database answers.
    """
    asked = question(recipe, target, ref)
    # What a tool tells of the migrations is the same on every host.
    first, *others = target.hosts
    hosts = each(look.host(first, asked), *(look.host(name, replace(asked, commit_command=None)) for name in others))
    migrations = recipe.migrations
    if target.database is None or migrations is None:
        return await hosts, None
    answers, facts = await both(hosts, look.database(table_of(migrations)))
    at_first, database = with_listing(migrations, answers[0], facts)
    return (at_first, *answers[1:]), database


async def ran_now(recipe: Recipe, target: Target, look: Look) -> tuple[AppliedMigration, ...] | None:
    """Read again which migrations the database remembers, in order; None where there are none to know of.

    Args:
        recipe: of the target.
        target: which.
        look: reads.

    Raises:
        RefusedError: what a host or the database answers.
    """
    migrations = recipe.migrations
    if target.database is None or migrations is None:
        return None
    if isinstance(migrations, MigrationTable):
        return (await look.database(migrations.table)).ran
    first = await look.host(target.hosts[0], question(recipe, target, None))
    found = listing_of(migrations, first)
    if found.unknown:
        raise RefusedError(problem(Reason.MIGRATIONS_UNREADABLE, unknown=", ".join(found.unknown)))
    return found.ran


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
) -> tuple[bool, tuple[Finding, ...]]:
    """Decide whether a run takes the site down; one that is down already stays as it is, whoever did it.

    Args:
        target: whose `maintenance:` setting decides.
        hosts: what each host answered.
        migrations: that the run would apply or undo.

    Returns:
        Whether it does, and what an approver should know.
    """
    down = [facts.host for facts in hosts if facts.maintenance]
    if down:
        return False, (Finding("already_down", {"hosts": ", ".join(down)}),)
    match target.vars.get("maintenance", "never"):
        case "always":
            return True, ()
        case "if-migrations":
            return bool(migrations), ()
        case _:
            return False, ()


def wants_backup(target: Target, action: Action, migrations: int) -> bool:
    """Decide whether a backup is made first.

    Args:
        target: whose policy decides.
        action: what the run does.
        migrations: how many it would apply or undo.

    Raises:
        RefusedError: `backup_impossible`, the policy wants one and the environment does not say of what or where to.
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
    """Make sure that the host can encrypt the backups that it makes and keeps itself.

    Args:
        steps: of a plan; where none of them dumps, there is nothing to ask.
        target: whose backups.
        look: reads.

    Raises:
        RefusedError: `backup_impossible`, it cannot; or a host's reason.
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
    """Name the backup by its day and its run, so that planning again names the same one."""
    return f"B-{run.created_at:%Y%m%d}-{run.id.removeprefix('R-')}"
