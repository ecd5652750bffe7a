"""A server's part in replication: its primaries and its lag, and its replicas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.databases.server.connection import Row, Statement
from bot.databases.server.errors import NEEDS_PRIVILEGE, NO_ANSWER, ServerError
from bot.databases.server.privileges import grants_of
from bot.databases.server.session import Flavour, ReadOnlySession
from bot.domain.targets.look import HiddenReplication, Primary, Replica, Replication

_LONGEST_TROUBLE = 200

_FOLLOWS = {
    Flavour.MARIADB: ("SHOW ALL SLAVES STATUS",),
    Flavour.MYSQL: ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS"),
}
"""Statements that show a server's primaries, one row each; the later ones are for older servers."""

_SHOWS_LAG = {Flavour.MARIADB: "SLAVE MONITOR", Flavour.MYSQL: "REPLICATION CLIENT"}
_SHOWS_REPLICAS = "PROCESS"

_REPLICAS = "SELECT host, COALESCE(state, '') FROM {processlist} WHERE command LIKE 'Binlog Dump%' ORDER BY id"
"""Each connected replica is a session of its primary; without the privilege PROCESS none of them is shown."""

_COUNTS = "SHOW GLOBAL STATUS WHERE variable_name IN ('Slaves_connected', 'Slave_running', 'Slaves_running')"
"""MariaDB shows everybody how many replicas are connected, and whether it replicates; MySQL does not."""

_REFUSES_EVERYBODY = ("innodb_read_only", "super_read_only", "tx_read_only", "transaction_read_only")
"""Settings by which a server takes writes of nobody; the last two, of nobody who does not ask for it first."""

_REFUSES_MOST = "read_only"
_REFUSES_NONE = frozenset({"", "OFF", "0"})
_EXEMPT = {
    Flavour.MARIADB: ("READ_ONLY ADMIN", "READ ONLY ADMIN"),
    Flavour.MYSQL: ("CONNECTION_ADMIN", "SUPER"),
}
"""Privileges of which one is enough to write in spite of `_REFUSES_MOST`."""

_SUPER_IS_NOT_EXEMPT = (10, 11)
"""The version of MariaDB from which SUPER does not include READ_ONLY ADMIN any more."""

_NOBODY_IS_EXEMPT = "NO_LOCK_NO_ADMIN"
"""The value of `_REFUSES_MOST` that MariaDB 12 has for what MySQL calls `super_read_only`."""

_EVER = "gtid_slave_pos"
"""Empty on a MariaDB that never was a replica; readable without privileges."""

_SETTINGS = (
    "SHOW GLOBAL VARIABLES WHERE variable_name IN ("
    + ", ".join(f"'{name}'" for name in (_REFUSES_MOST, *_REFUSES_EVERYBODY, _EVER))
    + ")"
)


async def replication_of(session: ReadOnlySession, *, sees_all_sessions: bool) -> Replication:
    """Read a server's part in replication; what may not be seen is reported as hidden.

    A proxy or a managed server that does not know these statements is no reason to know nothing else of it.

    Args:
        session: with the server.
        sees_all_sessions: whether the session's user may see everybody's sessions.

    Raises:
        ServerError: the connection was lost, or the time is over.
    """
    counts = await _named(session, _COUNTS)
    settings = await _named(session, _SETTINGS)
    hidden: dict[HiddenReplication, str] = {}
    primaries = await _primaries(session)
    if primaries is None:
        unseen = _unseen(counts.get("slaves_running", counts.get("slave_running")), bool(settings.get(_EVER)))
        if unseen is not None:
            hidden[unseen] = _SHOWS_LAG[session.flavour]
    connected = counts.get("slaves_connected")
    replicas: tuple[Replica, ...] = ()
    count = int(connected) if connected is not None else None
    if sees_all_sessions:
        replicas = replicas_of(await _rows(session, _REPLICAS.replace("{processlist}", session.processlist)))
        count = len(replicas)
    elif count is None or count > 0:
        hidden[HiddenReplication.REPLICAS] = _SHOWS_REPLICAS
    return Replication(primaries or (), replicas, count, hidden, await _refuses_writes(session, settings))


def replication_statements(session: ReadOnlySession) -> tuple[Statement, ...]:
    """Return the statements with which `replication_of` begins, for `ReadOnlySession.ahead`."""
    return (_COUNTS, ()), (_SETTINGS, ()), (_FOLLOWS[session.flavour][0], ())


def replica_statements(session: ReadOnlySession) -> tuple[Statement, ...]:
    """Return those with which it goes on where everybody's sessions are seen."""
    return ((_REPLICAS.replace("{processlist}", session.processlist), ()),)


async def _refuses_writes(session: ReadOnlySession, settings: Mapping[str, str]) -> str:
    """Name the setting by which the server refuses the writes of the session's account; empty where it takes them."""
    for name in _REFUSES_EVERYBODY:
        if settings.get(name, "") not in _REFUSES_NONE:
            return name
    value = settings.get(_REFUSES_MOST, "")
    if value in _REFUSES_NONE:
        return ""
    if value != _NOBODY_IS_EXEMPT:
        try:
            grants, _ = await grants_of(session)
        except ServerError as error:
            if error.number in NO_ANSWER:
                raise
        else:
            if grants.everywhere(*_exempt(session)):
                return ""
    return _REFUSES_MOST


def _exempt(session: ReadOnlySession) -> tuple[str, ...]:
    exempt = _EXEMPT[session.flavour]
    if session.flavour is Flavour.MARIADB and session.series < _SUPER_IS_NOT_EXEMPT:
        return (*exempt, "SUPER")
    return exempt


async def _named(session: ReadOnlySession, sql: str) -> Mapping[str, str]:
    """Run a statement that shows values by their names."""
    return {str(name).lower(): str(value) for name, value in await _rows(session, sql)}


async def _rows(session: ReadOnlySession, sql: str) -> tuple[Row, ...]:
    """Run a statement; return no rows where the server refuses it."""
    try:
        return await session.rows(sql)
    except ServerError as error:
        if error.number in NO_ANSWER:
            raise
        return ()


async def _primaries(session: ReadOnlySession) -> tuple[Primary, ...] | None:
    """Read the server's primaries; None where it does not show them."""
    for words in _FOLLOWS[session.flavour]:
        try:
            return primaries_of(await session.records(words))
        except ServerError as error:
            if error.number in NO_ANSWER:
                raise
            if error.number == NEEDS_PRIVILEGE:
                return None
    return None


def _unseen(running: str | None, was_replica: bool) -> HiddenReplication | None:  # noqa: FBT001 - a fact, not a switch
    """Return what is hidden of a server whose primaries may not be seen; None where it has none."""
    if running is None:
        return HiddenReplication.PRIMARY
    if running not in {"0", "OFF"}:
        return HiddenReplication.LAG
    # Stopped, or made a primary since.
    return HiddenReplication.PRIMARY if was_replica else None


def primaries_of(records: Iterable[Mapping[str, Any]]) -> tuple[Primary, ...]:
    """Parse a replica's status of each of its primaries, of any server version.

    Args:
        records: the values by the names of their columns.
    """
    return tuple(_primary({_in_new_words(name): value for name, value in record.items()}) for record in records)


def _in_new_words(name: str) -> str:
    return name.lower().replace("master", "source").replace("slave", "replica")


def _primary(status: Mapping[str, Any]) -> Primary:
    receives, applies = (str(status.get(f"replica_{part}_running", "")) for part in ("io", "sql"))
    seconds = status.get("seconds_behind_source")
    trouble = ""
    if receives != "Yes":
        trouble = str(status.get("last_io_error") or "") or f"receiving: {receives or 'unknown'}"
    if applies != "Yes":
        trouble = str(status.get("last_sql_error") or "") or f"applying: {applies or 'unknown'}"
    return Primary(
        address=f"{status.get('source_host') or '?'}:{status.get('source_port') or '?'}",
        # A disconnected replica may report no lag, relative to what it has received.
        seconds=int(seconds) if seconds is not None and not trouble else None,
        trouble=" ".join(trouble.split())[:_LONGEST_TROUBLE],
    )


def replicas_of(rows: Iterable[tuple[Any, ...]]) -> tuple[Replica, ...]:
    """Read the sessions through which replicas are served.

    Args:
        rows: pairs of where each one comes from and what its session does.
    """
    return tuple(Replica(str(host).rpartition(":")[0] or str(host), _sent(str(state))) for host, state in rows)


def _sent(state: str) -> bool | None:
    """Return whether a replica was sent everything, by its session's state, whose words differ by version."""
    if "has sent all binlog" in state:
        return True
    return False if "Sending binlog" in state else None
