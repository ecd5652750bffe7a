"""`/migrate-status APP ENV`: applied, pending and missing migrations, and what would block them. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain.backups.backup import BackupList
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.runs.request import Action, MigrateStatusOptions, Origin, Request
from bot.domain.targets.look import DatabaseFacts, HostFacts, HostQuestion, Look
from bot.domain.targets.migration_report import Disk, DiskContent, MigrationStatus
from bot.domain.targets.snapshot import TargetState
from bot.domain.targets.target import Database, Operations, Target
from bot.recipes.questions import question
from bot.recipes.recipe import MigrationCommand, Migrations, Recipe
from commands.common import as_called_live
from commands.gather import both, each
from commands.pending import migrator_of, names_of, not_run, table_of, why_unanswered, why_unlisted, with_listing
from commands.words import find_target, sort_words, with_target

_WORDS = 2


@dataclass(frozen=True)
class MigrateStatus:
    """The command.

    Args:
        recipes: the recipe of each target.
    """

    recipes: Mapping[TargetName, Recipe]

    name: str = "/migrate-status"
    action: Action = Action.MIGRATE_STATUS
    description: str = "Which migrations ran, which are pending, and what stands in their way"
    usage: str = "APP ENV"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind `/migrate-status`.

        Raises:
            RefusedError: with what is wrong and what would be right.
        """
        usage = f"{self.name} {self.usage}"
        sorted_words = sort_words(words, usage, frozenset(), _WORDS)
        plain = with_target(sorted_words.plain, origin.channel, operations, _WORDS)
        target = find_target(plain, origin.channel, operations, usage)
        return Request(MigrateStatusOptions(), target.name, origin, " ".join((self.name, *words)))

    async def status(self, target: Target, look: Look) -> MigrationStatus:
        """Read the first host at its live commit and at the branch's, every host's maintenance, and the database.

        Raises:
            RefusedError: what a host or the database answers; `usage` where the target has no migrations at all.
        """
        recipe = self.recipes[target.name]
        migrations = recipe.migrations
        if target.database is None or migrations is None:
            missing = "database" if target.database is None else "migrations"
            raise RefusedError(problem(Reason.NO_MIGRATIONS, target=str(target.name), missing=missing))
        (ahead, live, database), backup_list = await both(_read(recipe, target, look, migrations), _shelf(look))
        status = judge_status(target, migrations, ahead, live, database)
        disks = (*disks_of(live, recipe.needs_kib), *await _database_disk(target.database, database, target.path, look))
        return replace(status, disks=disks, backup_list=backup_list)

    async def read_state(self, target: Target, look: Look) -> TargetState:
        """Read what is live, what is in maintenance, and what is pending where the target has migrations.

        Raises:
            RefusedError: what a host or the database answers.
        """
        recipe = self.recipes[target.name]
        migrations = recipe.migrations
        if target.database is None or migrations is None:
            asked = replace(question(recipe, target, target.branch), ref=None, commit_command=None, migrator=None)
            live = await each(*(look.host(name, asked) for name in target.hosts))
            return TargetState(_heads(live), _in_maintenance(live), unclear=_unclear(live))
        ahead, live, database = await _read(recipe, target, look, migrations)
        status = judge_status(target, migrations, ahead, live, database)
        return TargetState(_heads(live), status.maintenance, status.pending_live, status.pending_branch, _unclear(live))


async def _shelf(look: Look) -> BackupList | None:
    """Read the backups; a failure must not hide the rest of the report."""
    try:
        return await look.backups()
    except RefusedError:
        return None


_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


async def _database_disk(database: Database, facts: DatabaseFacts, path: str, look: Look) -> tuple[Disk, ...]:
    """Read the free space for the database's files, if they are on the host through which it is reached."""
    if database.via is None or database.host not in _HERE or not facts.directory:
        return ()
    try:
        seen = await look.host(database.via, HostQuestion(path, disks=(facts.directory,)))
    except RefusedError:
        return ()
    needs_kib = facts.largest_bytes // 1024
    return tuple(Disk(database.via, DiskContent.DATABASE, free_kib, needs_kib) for free_kib in seen.disks.values())


def disks_of(live: tuple[HostFacts, ...], needs_kib: int) -> tuple[Disk, ...]:
    """Give the disks of the checkouts.

    Args:
        live: every host.
        needs_kib: what the recipe asks for before each deploy.
    """
    return tuple(Disk(facts.host, DiskContent.CODE, facts.free_kib, needs_kib) for facts in live)


def _heads(live: tuple[HostFacts, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(facts.head for facts in live))


def _unclear(live: tuple[HostFacts, ...]) -> tuple[str, ...]:
    return tuple(facts.host for facts in live if facts.maintenance is None)


def _in_maintenance(live: tuple[HostFacts, ...]) -> tuple[str, ...]:
    return tuple(facts.host for facts in live if facts.maintenance)


async def _read(
    recipe: Recipe, target: Target, look: Look, migrations: Migrations
) -> tuple[HostFacts, tuple[HostFacts, ...], DatabaseFacts]:
    at_branch = replace(question(recipe, target, target.branch), migrator=None)
    at_head = replace(question(recipe, target, target.branch), ref=None)
    first, *others = target.hosts
    hosts = each(
        look.host(first, at_branch),
        look.host(first, at_head),
        *(look.host(name, replace(at_head, commit_command=None, migrator=None)) for name in others),
    )
    (ahead, live, *rest), facts = await both(hosts, look.database(table_of(migrations)))
    facts = await as_called_live(migrations, live, facts, look)
    live, by_head = with_listing(migrations, live, facts)
    try:
        ahead, by_branch = with_listing(migrations, ahead, facts)
    except RefusedError as refused:
        if refused.problem.reason is not Reason.UNLISTED_COMMIT:
            raise
        return replace(ahead, migrations=live.migrations), (live, *rest), by_head
    # A tool knows only the migrations among its files; those of the branch may be too new or too old.
    database = by_branch if by_branch.ran and not by_branch.unknown else by_head
    return ahead, (live, *rest), database


def judge_status(
    target: Target,
    migrations: Migrations,
    ahead: HostFacts,
    live: tuple[HostFacts, ...],
    database: DatabaseFacts,
) -> MigrationStatus:
    """Compare the applied migrations with those in git.

    Args:
        target: which.
        migrations: where the recipe keeps migrations.
        ahead: the first host, asked about the branch.
        live: every host, asked about what is checked out.
        database: the database.
    """
    answer = migrator_of(live[0])
    in_git = not_run(live[0].migrations, migrations, database)
    pending_live = in_git if answer is None else tuple(file.name for file in answer.pending)
    at_branch = ahead.migrations if ahead.sha is not None else ()
    known = {*names_of(live[0].migrations, migrations), *names_of(at_branch, migrations)}
    known |= set() if answer is None else {*(file.name for file in answer.ran), *answer.squashed}
    return MigrationStatus(
        target=target.name,
        server=database.version,
        head=live[0].head,
        branch=target.branch,
        branch_sha=ahead.sha or "",
        ran=database.ran,
        pending_live=pending_live,
        pending_branch=tuple(name for name in not_run(at_branch, migrations, database) if name not in pending_live),
        missing=tuple(row.name for row in database.ran if row.name not in known),
        blockers=database.sessions,
        sees_all_sessions=database.sees_all_sessions,
        maintenance=_in_maintenance(live),
        maintenance_unknown=_unclear(live),
        size_bytes=database.size_bytes,
        replication=database.replication,
        changed_at=database.changed_at,
        unanswered=why_unanswered(live[0]),
        releases=tuple(dict.fromkeys(facts.release for facts in live if facts.release)),
        unlisted=why_unlisted(ahead) if isinstance(migrations, MigrationCommand) else None,
    )
