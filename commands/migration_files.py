"""The files to which the approval of a plan's migrations is bound, before anything was rehearsed."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.targets.look import HostFacts, HostQuestion, Look
from bot.domain.targets.target import Target
from bot.recipes.recipe import Migrations, MigrationTable
from commands.pending import from_elsewhere, live_table, migrator_of, names_of


@dataclass(frozen=True)
class MigrationFiles:
    """The files of a plan's migrations.

    Args:
        files: in the order in which they run or are undone.
        dumps: of the schema, any of which the framework may load first.
        table: in which the framework records migrations; None for the recipe's.
    """

    files: tuple[MigrationSource, ...] = ()
    dumps: tuple[MigrationSource, ...] = ()
    table: str | None = None


async def migration_files(
    migrations: Migrations | None, names: tuple[str, ...], facts: HostFacts, target: Target, look: Look
) -> MigrationFiles:
    """Find the files of migrations: in git at the commit, or where the live framework knows them, as in packages.

    Args:
        migrations: how the recipe's migrations are known.
        names: of the migrations, in order.
        facts: of the first host, asked about the commit.
        target: where.
        look: reads.

    Raises:
        RefusedError: `migration_not_in_git`, a file of the checkout is not in git and would run too;
            `migrations_unreadable`, the file of a migration is not known.
    """
    if not names or not isinstance(migrations, MigrationTable) or migrations.migrator is None:
        return MigrationFiles()
    _require_tracked(migrations, facts)
    folder, suffix, dumps = migrations.directory.strip("/"), migrations.suffix, migrations.migrator.dumps.strip("/")
    in_git = {name: f"{folder}/{name}{suffix}" for name in names_of(facts.migrations, migrations) if name in names}
    paths = (*in_git.values(), *((f"{dumps}/",) if dumps else ()))
    hashes = (await look.host(facts.host, HostQuestion(target.path, ref=facts.sha, hashed=paths))).hashes
    files = {name: MigrationSource(name, path, hashes[path]) for name, path in in_git.items() if path in hashes}
    known = {file.name: file for file in from_elsewhere(migrations, facts)} | files
    lost = [name for name in names if name not in known]
    if lost:
        detail = f"the files of {', '.join(lost)} are not there"
        raise RefusedError(problem(Reason.MIGRATIONS_UNREADABLE, host=facts.host, detail=detail))
    return MigrationFiles(
        files=tuple(known[name] for name in names),
        dumps=tuple(
            MigrationSource("", path, sha256)
            for path, sha256 in hashes.items()
            if path.startswith(f"{dumps}/") and dumps
        ),
        table=live_table(migrations, facts),
    )


async def files_to_undo(
    migrations: Migrations | None, names: tuple[str, ...], live: HostFacts, target: Target, look: Look
) -> MigrationFiles:
    """Find the files of migrations to undo: as the live framework knows them, or in git at the live commit.

    Args:
        migrations: how the recipe's migrations are known.
        names: of the migrations, the newest first.
        live: facts of the first host about its live commit.
        target: where.
        look: reads.

    Raises:
        RefusedError: `migrations_unreadable`, the file of a migration is not known.
    """
    if not names or not isinstance(migrations, MigrationTable) or migrations.migrator is None:
        return MigrationFiles()
    answer = migrator_of(live)
    if answer is None:
        return await migration_files(migrations, names, live, target, look)
    found = {file.name: file for file in answer.ran}
    lost = [name for name in names if name not in found]
    if lost:
        detail = f"the files of {', '.join(lost)} are not there, so nothing says how to undo them"
        raise RefusedError(problem(Reason.MIGRATIONS_UNREADABLE, host=live.host, detail=detail))
    return MigrationFiles(tuple(found[name] for name in names), (), answer.table)


def _require_tracked(migrations: MigrationTable, facts: HostFacts) -> None:
    """Make sure that no file would run that is not in git.

    Raises:
        RefusedError: `migration_not_in_git`.
    """
    untracked = names_of(facts.untracked, migrations)
    answer = migrator_of(facts)
    would_run = untracked if answer is None else [file.name for file in answer.pending if file.name in untracked]
    if would_run:
        folder = migrations.directory.strip("/")
        files = ", ".join(f"{folder}/{name}{migrations.suffix}" for name in would_run)
        raise RefusedError(problem(Reason.MIGRATION_NOT_IN_GIT, host=facts.host, files=files))
