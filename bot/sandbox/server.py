"""The private database server of a sandbox: which one, and how it is made to behave like the live one. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ServerKind(StrEnum):
    """Whose server it is; Percona's counts as MySQL's."""

    MARIADB = "mariadb"
    MYSQL = "mysql"


_NUMBERS = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True)
class ServerSeries:
    """Kind and series of a server: two servers of one series understand the same SQL and the same files.

    Args:
        kind: whose server it is.
        series: first two numbers of its version, such as `10.11`.
    """

    kind: ServerKind
    series: str

    def __post_init__(self) -> None:
        if _NUMBERS.fullmatch(self.series) is None:
            raise ValueError(f"not the series of a server: {self.series!r}")

    def __str__(self) -> str:
        return f"{'MariaDB' if self.kind is ServerKind.MARIADB else 'MySQL'} {self.series}"


def series_of(version: str) -> ServerSeries | None:
    """Read a server's series.

    Args:
        version: what `SELECT VERSION()` or `mysqld --version` prints.

    Returns:
        The series; None where the text names no version.
    """
    # `mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux`, `8.4.2`, `10.11.6-MariaDB-0+deb12u1`, and from old replication
    # `5.5.5-10.11.6-MariaDB`.
    text = version.partition(" Ver ")[2] or version
    found = _NUMBERS.match(text.strip().removeprefix("5.5.5-"))
    if found is None:
        return None
    kind = ServerKind.MARIADB if "mariadb" in version.lower() else ServerKind.MYSQL
    return ServerSeries(kind, f"{found[1]}.{found[2]}")


_NAME = re.compile(r"[A-Za-z0-9_$-]{1,62}")
"""Of a database, with room for the ending of another one beside it."""

_WORD = re.compile(r"[A-Za-z0-9_,]*")
_ZONE = re.compile(r"[A-Za-z0-9_/+-]*")
_OFFSET = re.compile(r"[+-]\d{1,2}:\d\d")
_ON = {"ON", "1"}


@dataclass(frozen=True)
class ServerSettings:
    """What of the live server's settings decides what SQL does. None and "" leave the server's own default.

    Args:
        sql_mode: as the server gives it; None is its default, "" is no mode at all.
        character_set: `character_set_server`.
        collation: `collation_server`.
        lower_case_table_names: 0, 1 or 2.
        time_zone: a name of the time zone database, an offset such as `+02:00`, or "" for the host's own.
        page_size: bytes of an InnoDB page; index keys are limited by it.
        row_format: `innodb_default_row_format`.
        strict: `innodb_strict_mode`.
        timestamp_defaults: `explicit_defaults_for_timestamp`.
        require_primary_key: `sql_require_primary_key`, which only MySQL has.
        engine: `default_storage_engine`.
        named_time_zones: whether sessions can ask for a time zone by its name; see `NAMED_TIME_ZONES_SQL`. Loading
            them takes about half a second.

    Raises:
        ValueError: a value is not of that form.
    """

    sql_mode: str | None = None
    character_set: str = ""
    collation: str = ""
    lower_case_table_names: int = 0
    time_zone: str = ""
    page_size: int = 16384
    row_format: str = ""
    strict: bool | None = None
    timestamp_defaults: bool | None = None
    require_primary_key: bool | None = None
    engine: str = ""
    named_time_zones: bool = False

    def __post_init__(self) -> None:
        for text in (self.sql_mode or "", self.character_set, self.collation, self.row_format, self.engine):
            if _WORD.fullmatch(text) is None:
                raise ValueError(f"not a setting of a server: {text!r}")
        if _ZONE.fullmatch(self.time_zone) is None and _OFFSET.fullmatch(self.time_zone) is None:
            raise ValueError(f"not a time zone: {self.time_zone!r}")
        if self.lower_case_table_names not in {0, 1, 2}:
            raise ValueError(f"not a value of lower_case_table_names: {self.lower_case_table_names!r}")
        if self.page_size not in {4096, 8192, 16384, 32768, 65536}:
            raise ValueError(f"not a size of pages: {self.page_size!r}")


SETTINGS_SQL = """SHOW GLOBAL VARIABLES WHERE variable_name IN ('sql_mode', 'character_set_server', 'collation_server',
    'lower_case_table_names', 'time_zone', 'system_time_zone', 'innodb_page_size', 'innodb_default_row_format',
    'innodb_strict_mode', 'explicit_defaults_for_timestamp', 'sql_require_primary_key', 'default_storage_engine')"""
"""Asks a live server for its settings; any account may. The rows are for `settings_of`."""


NAMED_TIME_ZONES_SQL = "SELECT CONVERT_TZ('2000-01-01', 'UTC', 'Europe/Paris') IS NOT NULL"
"""Asks a live server whether it knows time zones by their names; any account may."""


def settings_of(variables: Mapping[str, str], *, named_time_zones: bool = False) -> ServerSettings:
    """Read the settings of a live server.

    Args:
        variables: name to value, as `SETTINGS_SQL` asks for them.
        named_time_zones: the answer to `NAMED_TIME_ZONES_SQL`.

    Raises:
        ValueError: a value is not of its form.
    """
    zone = variables.get("time_zone", "SYSTEM")
    if zone.upper() == "SYSTEM":
        # An abbreviation such as CEST names no zone; the host's own is the best guess, except for UTC.
        zone = "UTC" if variables.get("system_time_zone") == "UTC" else ""
    return ServerSettings(
        sql_mode=variables.get("sql_mode"),
        character_set=variables.get("character_set_server", ""),
        collation=variables.get("collation_server", ""),
        lower_case_table_names=int(variables.get("lower_case_table_names", "0")),
        time_zone=zone,
        page_size=int(variables.get("innodb_page_size", "16384")),
        row_format=variables.get("innodb_default_row_format", ""),
        strict=_switch(variables.get("innodb_strict_mode")),
        timestamp_defaults=_switch(variables.get("explicit_defaults_for_timestamp")),
        require_primary_key=_switch(variables.get("sql_require_primary_key")),
        engine=variables.get("default_storage_engine", ""),
        named_time_zones=named_time_zones,
    )


def _switch(value: str | None) -> bool | None:
    return None if value is None else value.upper() in _ON


@dataclass(frozen=True)
class PrivateDatabase:
    """A database that the private server has, empty at first.

    Args:
        name: of the database.
        character_set: its default; "" is the server's.
        collation: its default; "" is the server's.
    """

    name: str
    character_set: str = ""
    collation: str = ""

    def __post_init__(self) -> None:
        if not self.name or re.search(r"[\0\n]", self.name):
            raise ValueError(f"not the name of a database: {self.name!r}")
        if not (_WORD.fullmatch(self.character_set) and _WORD.fullmatch(self.collation)):
            raise ValueError(f"not a character set: {self.character_set!r} {self.collation!r}")

    def create(self) -> str:
        """Write the statement that creates it."""
        character_set = f" CHARACTER SET {self.character_set}" if self.character_set else ""
        collation = f" COLLATE {self.collation}" if self.collation else ""
        return f"CREATE DATABASE {_identifier(self.name)}{character_set}{collation};"

    def pattern(self) -> str:
        """Write its name for GRANT, in which `_` and `%` would stand for anything."""
        return _identifier(re.sub(r"([\\_%])", r"\\\1", self.name))


def _identifier(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@dataclass(frozen=True)
class Endpoint:
    """Where the application looks for its server; the private one answers there.

    Args:
        port: of TCP. A port that the application's environment names comes before it.
        hosts: names and addresses; those of the environment join them.
        sockets: paths; those of the environment join them.
    """

    port: int = 3306
    hosts: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock")  # noqa: S108


@dataclass(frozen=True)
class PrivateServer:
    """The server that a sandbox starts.

    Args:
        series: of the live server; another one is not started.
        databases: what it has.
        settings: of the live server.
        endpoint: where the application looks for it.
        users: names of accounts with rights on those databases alone; those of the environment join them. Their
            password is made on the host.
        data_kib: what its databases will hold, to see beforehand whether there is room.
    """

    series: ServerSeries
    databases: tuple[PrivateDatabase, ...]
    settings: ServerSettings = ServerSettings()
    endpoint: Endpoint = Endpoint()
    users: tuple[str, ...] = ()
    data_kib: int = 0

    def __post_init__(self) -> None:
        if any(not user or re.search(r"[\0\n]", user) for user in self.users):
            raise ValueError("not the name of an account")


@dataclass(frozen=True)
class RelayedServer:
    """A server elsewhere that a sandbox uses, through one socket.

    What is made there goes again, and has names that nobody else uses: those here, and the same with an ending for what
    lies beside them.

    Args:
        series: of it, which is the live server's.
        host: where it is, as seen from the host of the sandbox.
        port: of TCP.
        database: that the application gets, empty at first.
        user: the account that the application gets. Its password is made on the host.
        stands_for: the live database, whose name becomes that of `database` in the application's environment.
        endpoint: where the application looks for its server.
        data_kib: what the database will hold.

    Raises:
        ValueError: a name has other characters than letters, digits, `_`, `$` and `-`, or is too long.
    """

    series: ServerSeries
    host: str
    port: int
    database: PrivateDatabase
    user: str
    stands_for: str
    endpoint: Endpoint = Endpoint()
    data_kib: int = 0

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.database.name) is None:
            raise ValueError(f"not the name of a database on another server: {self.database.name!r}")
        if re.fullmatch(r"[a-z0-9_]{1,30}", self.user) is None:
            raise ValueError(f"not the name of an account: {self.user!r}")
        if re.fullmatch(r"[A-Za-z0-9.:_-]+", self.host) is None:
            raise ValueError(f"not the address of a server: {self.host!r}")


SandboxServer = PrivateServer | RelayedServer
"""The database server of a sandbox."""

PROGRAMS = tuple(
    f"{folder}/{program}"
    for program in ("mariadbd", "mysqld")
    for folder in ("/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/bin", "/usr/local/sbin", "/usr/local/mysql/bin")
)
"""Where a server's program may lie; boxes see /usr alone."""

MEMORY_KIB = {ServerKind.MARIADB: 200 * 1024, ServerKind.MYSQL: 320 * 1024}
"""What a server needs that was just started, measured and rounded up."""


def layout(series: ServerSeries, settings: ServerSettings) -> tuple[str, ...]:
    """List the options for initialising a data folder; only these decide what a template looks like."""
    return (
        f"--innodb-page-size={settings.page_size}",
        f"--lower-case-table-names={settings.lower_case_table_names}",
        "--innodb-log-file-size=32M" if series.kind is ServerKind.MARIADB else "--loose-innodb-redo-log-capacity=8M",
    )


_ALWAYS = """\
[mysqld]
datadir=/sandbox/server/data
tmpdir=/sandbox/server/tmp
socket=/sandbox/run/s
pid-file=/sandbox/server/pid
log-error=/sandbox/server/error.log
init-file=/sandbox/server/init.sql
bind-address=*
skip-name-resolve
skip-log-bin
log-output=TABLE
general-log=0
event-scheduler=OFF
performance-schema=OFF
max-connections=60
innodb-buffer-pool-size=64M
key-buffer-size=8M
table-open-cache=400
max-allowed-packet=1G
innodb-flush-log-at-trx-commit=0
innodb-doublewrite=0
loose-innodb-flush-method=nosync
secure-file-priv=/sandbox/server/tmp
"""

_OF_KIND = {
    ServerKind.MARIADB: "innodb-log-file-size=32M\nloose-aria-pagecache-buffer-size=8M\n",
    ServerKind.MYSQL: "mysqlx=OFF\nloose-innodb-redo-log-capacity=100M\n",
}


def option_text(series: ServerSeries, settings: ServerSettings) -> str:
    """Write the option file of a private server, but for its port.

    The log goes to a table, where a statement of several lines cannot pass for several statements; it is turned on
    when code runs. What protects against a crash is off, since nothing of the server is ever kept.
    """
    options = {
        "sql-mode": settings.sql_mode,
        "character-set-server": settings.character_set or None,
        "collation-server": settings.collation or None,
        "lower-case-table-names": str(settings.lower_case_table_names),
        "innodb-page-size": str(settings.page_size),
        "default-time-zone": settings.time_zone if _OFFSET.fullmatch(settings.time_zone) else None,
        "loose-innodb-default-row-format": settings.row_format or None,
        "innodb-strict-mode": _digit(settings.strict),
        "explicit-defaults-for-timestamp": _digit(settings.timestamp_defaults),
        "loose-sql-require-primary-key": _digit(settings.require_primary_key),
        "default-storage-engine": settings.engine or None,
    }
    lines = "".join(f"{name}={value}\n" for name, value in options.items() if value is not None)
    return _ALWAYS + _OF_KIND[series.kind] + lines


def _digit(switch: bool | None) -> str | None:  # noqa: FBT001 - a setting's value
    return None if switch is None else str(int(switch))


def zone_of(settings: ServerSettings) -> str:
    """Give the variable TZ of the server's process; "" leaves the host's own time zone."""
    return "" if _OFFSET.fullmatch(settings.time_zone) else settings.time_zone
