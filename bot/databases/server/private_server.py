"""The private server that stands in for a target's live one in a sandbox."""

from __future__ import annotations

from bot.databases.server.session import ReadOnlySession
from bot.domain.targets.target import Database
from bot.sandbox.server import (
    NAMED_TIME_ZONES_SQL,
    SETTINGS_SQL,
    PrivateDatabase,
    PrivateServer,
    ServerSettings,
    series_of,
    settings_of,
)

_DEFAULTS = """SELECT default_character_set_name, default_collation_name FROM information_schema.schemata
    WHERE schema_name = DATABASE()"""


async def private_server_like(session: ReadOnlySession, database: Database, data_kib: int) -> PrivateServer:
    """Describe a private server that behaves like a live one, with an empty database of the same name.

    Args:
        session: with the live database.
        database: the live one.
        data_kib: what it will hold.

    Raises:
        ValueError: the live server has a version or a setting that a private one cannot be given.
        ServerError: it did not answer.
    """
    series = series_of(session.version)
    if series is None:
        raise ValueError(f"the live server calls itself {session.version!r}")
    defaults = await session.rows(_DEFAULTS)
    character_set, collation = defaults[0] if defaults else ("", "")
    return PrivateServer(
        series,
        (PrivateDatabase(database.name, str(character_set), str(collation)),),
        await settings_like(session),
        data_kib=data_kib,
    )


async def settings_like(session: ReadOnlySession) -> ServerSettings:
    """Read the settings of a server that decide what SQL does.

    Args:
        session: with it.

    Raises:
        ValueError: it has a setting that no other server can be given.
        ServerError: it did not answer.
    """
    variables = {str(name): str(value) for name, value in await session.rows(SETTINGS_SQL)}
    [[named]] = await session.rows(NAMED_TIME_ZONES_SQL)
    return settings_of(variables, named_time_zones=bool(named))
