"""Which migrations exist and which were applied: from git and a table, or from the output of the stack's tool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.targets.look import AppliedMigration, DatabaseFacts, HostFacts
from bot.recipes.parsers import Listing, read_status
from bot.recipes.recipe import MigrationCommand, Migrations, MigrationTable

_LONGEST_DETAIL = 600


def table_of(migrations: Migrations) -> str | None:
    """Name the table that records applied migrations; None if only the stack's tool can read them."""
    return migrations.table if isinstance(migrations, MigrationTable) else None


def listing_of(migrations: MigrationCommand, facts: HostFacts) -> Listing:
    """Parse what the stack's tool printed about the migrations at a commit.

    Args:
        migrations: how the recipe's migrations are known.
        facts: of the host that ran the tool.

    Returns:
        An empty listing if the host has no such commit.

    Raises:
        RefusedError: `migrations_unreadable`, the tool failed; the end of its output is in `detail`;
            `untrusted_commit`, only the commit's own code can say, and it is not on the environment's branch.
    """
    told = facts.commit_output
    if told is None:
        if facts.sha is not None and facts.sha != facts.head and not facts.on_branch:
            raise RefusedError(problem(Reason.UNTRUSTED_COMMIT, sha=facts.sha, host=facts.host))
        return Listing((), ())
    if told.exit_status != 0:
        said = (told.complaint.strip() or told.output.strip())[-_LONGEST_DETAIL:]
        raise RefusedError(problem(Reason.MIGRATIONS_UNREADABLE, host=facts.host, detail=said.strip()))
    return read_status(migrations.parser, told.output)


def with_listing(migrations: Migrations, facts: HostFacts, database: DatabaseFacts) -> tuple[HostFacts, DatabaseFacts]:
    """Add the tool's listing to the facts: existing migrations to the host's, applied ones to the database's.

    Args:
        migrations: how the recipe's migrations are known; unchanged for a migrations table.
        facts: of the host that ran the tool.
        database: as just read.

    Raises:
        RefusedError: `migrations_unreadable`.
    """
    if isinstance(migrations, MigrationTable):
        return facts, database
    found = listing_of(migrations, facts)
    remembers = bool(found.ran or found.unknown)
    return (
        replace(facts, migrations=found.there),
        replace(database, has_table=remembers, ran=found.ran, unknown=found.unknown),
    )


def remembered(database: DatabaseFacts) -> tuple[AppliedMigration, ...]:
    """Give the applied migrations, in order.

    Raises:
        RefusedError: `migrations_unreadable`, one of them is unknown to the tool, so the order is unknown.
    """
    if database.unknown:
        raise RefusedError(problem(Reason.MIGRATIONS_UNREADABLE, unknown=", ".join(database.unknown)))
    return database.ran


def names_of(files: Iterable[str], migrations: Migrations) -> tuple[str, ...]:
    """Name the migrations among the files of their directory, in the order in which they run."""
    if isinstance(migrations, MigrationCommand):
        return tuple(files)
    return tuple(sorted(file.removesuffix(migrations.suffix) for file in files if file.endswith(migrations.suffix)))


def not_run(files: Iterable[str], migrations: Migrations, database: DatabaseFacts) -> tuple[str, ...]:
    """Name the migrations that exist and were not applied, in order.

    Raises:
        RefusedError: `migrations_unreadable`.
    """
    ran = {row.name for row in remembered(database)}
    return tuple(name for name in names_of(files, migrations) if name not in ran)
