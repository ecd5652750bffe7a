"""Whether the configured database is the one that the application really uses, by the framework's own answer."""

from __future__ import annotations

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.findings import OtherServer
from bot.domain.targets.look import DatabaseFacts, HostFacts, Look
from bot.domain.targets.migrator import MigratorAnswer, UsedDatabase
from bot.domain.targets.target import Target
from bot.recipes.questions import question
from bot.recipes.recipe import Recipe
from commands.pending import migrator_of

_DRIVERS = frozenset({"mysql", "mariadb"})


def require_used_database(first: HostFacts, database: DatabaseFacts | None) -> None:
    """Make sure that what is read, backed up and compared is where the framework runs migrations.

    Where the framework was not asked, or does not say, nothing is known and nothing is refused.

    Args:
        first: the host whose framework was asked.
        database: the configured one, with the table that the framework names.

    Raises:
        RefusedError: `database_differs`, the application uses another kind of database, or one of another name or with
            other migrations.
    """
    answer = migrator_of(first)
    if answer is None or answer.database is None or database is None or not database.name:
        return
    used = answer.database
    if used.driver not in _DRIVERS:
        raise _differs(first, database, f"{used.name} ({used.driver})")
    if used.name != database.name:
        raise _differs(first, database, used.name)
    if different := _different_migrations(answer, database):
        detail = f"only one of the two has run {', '.join(different[:_MOST_NAMES])}"
        raise _differs(first, database, f"{used.name} on {used.server}", detail)


_MOST_NAMES = 3


def _different_migrations(answer: MigratorAnswer, database: DatabaseFacts) -> tuple[str, ...]:
    return tuple(sorted({row.name for row in answer.rows} ^ {row.name for row in database.ran}))


def _differs(first: HostFacts, database: DatabaseFacts, used: str, detail: str = "") -> RefusedError:
    configured = f"{database.name} on {database.server}" if detail else database.name
    return RefusedError(
        problem(Reason.DATABASE_DIFFERS, host=first.host, used=used, configured=configured, detail=detail)
    )


def other_server(first: HostFacts, database: DatabaseFacts | None) -> tuple[OtherServer, ...]:
    """Report that another server answers the application than the bot; nodes of a cluster are other servers too.

    Args:
        first: the host whose framework was asked.
        database: the configured one.
    """
    answer = migrator_of(first)
    used = answer.database if answer is not None else None
    if used is None or database is None or not used.server or not database.server or used.server == database.server:
        return ()
    return (OtherServer(used.server, database.server),)


async def require_known_database(recipe: Recipe, target: Target, look: Look) -> None:
    """Make sure that the database to back up is one of those that the application's connections name.

    Args:
        recipe: of the target.
        target: with the database.
        look: reads.

    Raises:
        RefusedError: `database_differs`. Where the framework cannot be asked, a backup is made all the same.
    """
    asked = question(recipe, target, None)
    if asked.migrator is None or target.database is None:
        return
    try:
        first = await look.host(target.hosts[0], asked)
    except RefusedError:
        return
    answer = migrator_of(first)
    if answer is not None and answer.database is not None and not _is_named(target.database.name, answer.database):
        used = ", ".join((answer.database.name, *answer.database.others))
        raise RefusedError(
            problem(Reason.DATABASE_DIFFERS, host=first.host, used=used, configured=target.database.name)
        )


def _is_named(name: str, used: UsedDatabase) -> bool:
    # Some servers keep names of databases in lower case.
    return name.casefold() in {one.casefold() for one in (used.name, *used.others)}
