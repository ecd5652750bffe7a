"""Whether the database server can be written to, and whether it is itself a replica of another."""

from __future__ import annotations

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.findings import OnReplica
from bot.domain.targets.look import DatabaseFacts, HiddenReplication, Look


def require_writable(database: DatabaseFacts | None) -> None:
    """Refuse what changes the database where the server would refuse it, as a replica does.

    Args:
        database: as just read; None where there is none.

    Raises:
        RefusedError: `database_read_only`.
    """
    if database is None or not database.replication.read_only:
        return
    primaries = ", ".join(primary.address for primary in database.replication.primaries)
    raise RefusedError(
        problem(
            Reason.DATABASE_READ_ONLY,
            database=database.name,
            server=database.server,
            setting=database.replication.read_only,
            primary=primaries,
        )
    )


def on_replica(database: DatabaseFacts | None) -> tuple[OnReplica, ...]:
    """Say that what is read, backed up or changed is on a replica, and how far that one is behind.

    Args:
        database: as just read; None where there is none.
    """
    if database is None:
        return ()
    hidden = database.replication.hidden.get(HiddenReplication.LAG)
    if hidden is not None:
        return (OnReplica("", privilege=hidden),)
    return tuple(
        OnReplica(primary.address, primary.seconds, primary.trouble) for primary in database.replication.primaries
    )


async def read_on_replica(look: Look) -> tuple[OnReplica, ...]:
    """Say the same of a server that has not been read.

    A database that does not answer now may answer its host when the step runs, and else fails it.

    Args:
        look: reads.
    """
    try:
        return on_replica(await look.database(None))
    except RefusedError:
        return ()
