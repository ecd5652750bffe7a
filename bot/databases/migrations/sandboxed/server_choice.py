"""Which server a rehearsal in a sandbox uses: a private one of the host's, or the target's scratch server."""

from __future__ import annotations

from dataclasses import fields

from bot.databases.ports import HostReader
from bot.databases.server.connector import Connector
from bot.databases.server.private_server import private_server_like, settings_like
from bot.databases.server.scratch_names import scratch_names
from bot.databases.server.session import ReadOnlySession
from bot.domain.errors import RefusedError
from bot.domain.runs.findings import NotRehearsed, NotRehearsedReason
from bot.domain.targets.scratch import ScratchServer
from bot.domain.targets.target import Database, Target
from bot.domain.targets.tls import TlsMode
from bot.sandbox.capability import Capable, capability_of, probe
from bot.sandbox.server import (
    PrivateDatabase,
    PrivateServer,
    RelayedServer,
    SandboxServer,
    ServerSeries,
    ServerSettings,
    series_of,
)

_SECONDS = 60.0

_ENGINES = """SELECT engine FROM information_schema.engines
    WHERE support IN ('YES', 'DEFAULT') AND engine IN ('FEDERATED', 'CONNECT', 'SPIDER', 'S3')"""
"""Storage engines by which a table reaches another server, or a file."""

_IDENTITY = "SELECT @@hostname, @@port, @@datadir"

_WITHOUT_EFFECT = frozenset({"character_set", "collation", "time_zone"})
"""Settings that may differ: the database has its own character set, and rows have no other times for it."""


class ServerChoice:
    """Chooses the server of a rehearsal.

    Args:
        reader: asks the host which servers' programs it has.
        connections: opens sessions with the live and the scratch server.
    """

    def __init__(self, reader: HostReader, connections: Connector) -> None:
        self._hosts = reader
        self._connections = connections

    async def of(self, target: Target, database: Database, run: str) -> SandboxServer | NotRehearsed:
        """Choose for a run: the scratch server is for a host that has no program of the live server's series.

        Args:
            target: whose migrations are rehearsed.
            database: of the target.
            run: its ID.

        Returns:
            The server, or why there is none.

        Raises:
            RefusedError: a reason of the live database or of a host.
            ValueError: the live server has a version or a setting that no other can be given, or a name has a
                character that none can have elsewhere.
        """
        async with self._connections.reading(target) as session:
            ((size,),) = await session.rows(_SIZE)
            private = await private_server_like(session, database, int(size) // 1024)
            identity = await session.rows(_IDENTITY)
        if not isinstance(database.scratch, ScratchServer) or await self._has_program(target.hosts[0], private.series):
            return private
        return await self._elsewhere(target, database, database.scratch, private, identity, run)

    async def _elsewhere(
        self,
        target: Target,
        database: Database,
        scratch: ScratchServer,
        private: PrivateServer,
        identity: object,
        run: str,
    ) -> RelayedServer | NotRehearsed:
        if database.tls.mode in {TlsMode.REQUIRED, TlsMode.VERIFY}:
            # The code's own way leads through a plain socket.
            return _not("`database.tls` wants the way there encrypted, and that of the commit's code cannot be")
        try:
            async with self._connections.scratch(target) as session:
                hindrance = await _hindrance(session, private, identity)
        except RefusedError as refused:
            detail = f"the scratch server: {refused.problem.reason.value}"
            return NotRehearsed(NotRehearsedReason.CONNECT, detail)
        return hindrance if hindrance is not None else relayed(private, database, scratch, run)

    async def _has_program(self, host: str, series: ServerSeries) -> bool:
        """Whether a private server can be had; where there is no sandbox at all, the script says why."""
        answer = await self._hosts.read(host, probe(), _SECONDS)
        try:
            capability = capability_of(answer.stdout.decode(errors="replace"))
        except ValueError:
            return True
        return not isinstance(capability, Capable) or any(program.series == series for program in capability.programs)


_SIZE = """
    SELECT CAST(COALESCE(SUM(COALESCE(data_length, 0)), 0) AS SIGNED)
    FROM information_schema.tables WHERE table_schema = DATABASE()
"""


def _not(detail: str, reason: NotRehearsedReason = NotRehearsedReason.SCRATCH) -> NotRehearsed:
    return NotRehearsed(reason, detail)


async def _hindrance(session: ReadOnlySession, private: PrivateServer, identity: object) -> NotRehearsed | None:
    """Say why a scratch server cannot stand in for the live one; None where it can."""
    series = series_of(session.version)
    if series != private.series:
        detail = f"the scratch server is {series or session.version}, and the live one {private.series}"
        return _not(detail, NotRehearsedReason.VERSION)
    if await session.rows(_IDENTITY) == identity:
        return _not("the scratch server is the live one")
    if engines := ", ".join(str(row[0]) for row in await session.rows(_ENGINES)):
        return _not(f"tables of the scratch server can reach elsewhere, by {engines}")
    if differing := unlike(private.settings, await settings_like(session)):
        return _not(f"the scratch server has other settings than the live one: {', '.join(differing)}")
    return None


def unlike(live: ServerSettings, scratch: ServerSettings) -> tuple[str, ...]:
    """Name the settings of a scratch server in which SQL would do something else than at the live one. Pure."""
    found = []
    for one in fields(ServerSettings):
        there, here = getattr(live, one.name), getattr(scratch, one.name)
        if one.name in _WITHOUT_EFFECT or there == here or (one.name == "named_time_zones" and here):
            continue
        found.append(f"{one.name} ({_shown(there)}, and {_shown(here)} there)")
    return tuple(found)


def _shown(value: object) -> str:
    return "nothing" if value in {None, ""} else str(value)


def relayed(private: PrivateServer, database: Database, scratch: ScratchServer, run: str) -> RelayedServer:
    """Describe the scratch server, with names that are this run's alone. Pure.

    Args:
        private: the private server that cannot be had.
        database: the live one.
        scratch: where it is.
        run: its ID.

    Raises:
        ValueError: a name has a character that none can have there, or is too long.
    """
    names = scratch_names(database.name, run)
    (copy,) = private.databases
    return RelayedServer(
        private.series,
        scratch.host,
        scratch.port,
        PrivateDatabase(names.database, copy.character_set, copy.collation),
        names.account,
        database.name,
        data_kib=private.data_kib,
    )
