"""Which migrations exist and which were applied: from git and a table, or from the output of the stack's tool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Migrate
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.runs.plan import Plan
from bot.domain.targets.look import AppliedMigration, CommandOutput, DatabaseFacts, HostFacts, NotConfined
from bot.domain.targets.migrator import MigratorAnswer, parse_migrator
from bot.recipes.parsers import Listing, read_at_commit, read_status
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
            `untrusted_commit`, only the commit's own code can say, and it is not on the environment's branch;
            `unlisted_commit`, likewise, and it could not be asked cut off from production.
    """
    told = facts.commit_output
    if told is None:
        if facts.sha is not None and facts.sha != facts.head:
            reason = Reason.UNLISTED_COMMIT if facts.on_branch else Reason.UNTRUSTED_COMMIT
            raise RefusedError(problem(reason, sha=facts.sha, host=facts.host))
        return Listing((), ())
    if told.exit_status != 0:
        said = (told.complaint.strip() or told.output.strip())[-_LONGEST_DETAIL:]
        raise RefusedError(problem(Reason.MIGRATIONS_UNREADABLE, host=facts.host, detail=said.strip()))
    if (detail := why_unlisted(facts)) is not None:
        raise RefusedError(problem(Reason.UNLISTED_COMMIT, sha=facts.sha or "", host=facts.host, detail=detail))
    if isinstance(facts.confined_output, CommandOutput):
        return read_at_commit(migrations.parser, told.output, facts.confined_output.output)
    return read_status(migrations.parser, told.output)


def why_unlisted(facts: HostFacts) -> str | None:
    """Say why the code of a commit, which alone knows its migrations, could not be asked cut off from production.

    Returns:
        None where it was, or need not be; empty where the recipe does not say how.
    """
    if facts.commit_output is None and facts.sha not in {None, facts.head}:
        return ""
    match facts.confined_output:
        case None | CommandOutput(exit_status=0):
            return None
        case CommandOutput(output=said):
            return said.strip()[-_LONGEST_DETAIL:].rpartition("\n")[2]
        case NotConfined(obstacle, detail):
            return f"{obstacle}: {detail}" if detail else obstacle


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


def migrator_of(facts: HostFacts) -> MigratorAnswer | None:
    """Parse what the framework of the live checkout said of its migrations.

    Returns:
        None if it was not asked, or could not answer.
    """
    told = facts.migrator
    if told is None or told.exit_status != 0:
        return None
    try:
        return parse_migrator(told.output)
    except ValueError:
        return None


def why_unanswered(facts: HostFacts) -> str:
    """Give the words of an application that could not say which migrations there are; empty if there is no need."""
    told = facts.migrator
    if told is None or migrator_of(facts) is not None:
        return ""
    said = " ".join((told.complaint.strip() or told.output.strip()).split())[-_LONGEST_DETAIL:]
    return said or f"exit status {told.exit_status}"


def live_table(migrations: MigrationTable, facts: HostFacts) -> str:
    """Name the table that records applied migrations: as the framework calls it, or else as the recipe does."""
    answer = migrator_of(facts)
    return migrations.table if answer is None else answer.table


def table_in(plan: Plan, migrations: Migrations) -> str | None:
    """Name the table that records applied migrations, as a plan knows it.

    Args:
        plan: that runs or undoes migrations.
        migrations: how the recipe's migrations are known.
    """
    return next((step.act.table for step in plan.steps if isinstance(step.act, Migrate)), table_of(migrations))


def from_elsewhere(migrations: Migrations, facts: HostFacts) -> tuple[MigrationSource, ...]:
    """Give the pending migrations that the live framework knows elsewhere than in git, such as those of packages.

    Args:
        migrations: how the recipe's migrations are known.
        facts: of the host whose framework was asked.
    """
    answer = migrator_of(facts)
    if answer is None or not isinstance(migrations, MigrationTable):
        return ()
    # A folder that is a link has no files in git.
    own = f"{migrations.directory.strip('/')}/" if facts.migrations else None
    return tuple(file for file in answer.pending if own is None or not file.path.startswith(own))


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
    return migrations.names(files)


def not_run(files: Iterable[str], migrations: Migrations, database: DatabaseFacts) -> tuple[str, ...]:
    """Name the migrations that exist and were not applied, in order.

    Raises:
        RefusedError: `migrations_unreadable`.
    """
    ran = {row.name for row in remembered(database)}
    return tuple(name for name in names_of(files, migrations) if name not in ran)
