"""Opening the store: what STORE_URL means, and the engine for it."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from bot.store.sql.database import Database
from bot.store.sql.errors import StoreError, StoreMissingError
from bot.store.sql.pools import FilePool, ServerPool

EXAMPLES = "`sqlite+aiosqlite:///data/countersign.db`, or `mysql+aiomysql://user:password@host:port/name`"

_BUSY_SECONDS = 10
"""How long SQLite waits for a reader of another process."""
_CONNECT_SECONDS = 10
_ATTEMPT_SECONDS = 30.0
_CONNECTIONS = 8
_RECYCLE_SECONDS = 1800
_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700


def parse(url: str) -> URL:
    """Read STORE_URL.

    Raises:
        StoreError: it names no database that the store can use.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text is not shown: it may hold a password.
        raise StoreError("STORE_URL is not a URL of a database", "STORE_URL", f"write {EXAMPLES}") from None
    where = shown(parsed)
    if parsed.drivername not in {"sqlite+aiosqlite", "mysql+aiomysql", "mariadb+aiomysql"}:
        raise StoreError(f"the store cannot use {parsed.drivername!r}", where, f"write {EXAMPLES}")
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise StoreError("the URL names no file or database that lasts", where, f"write {EXAMPLES}")
    return parsed


def shown(url: URL) -> str:
    """Write a URL for people, without its password."""
    return url.render_as_string(hide_password=True)


def is_sqlite(url: URL) -> bool:
    """Say whether the store is a file of this machine."""
    return url.get_backend_name() == "sqlite"


def sqlite_path(url: URL) -> Path:
    """Give the file of an SQLite store."""
    return Path(url.database or "").absolute()


def prepare_file(url: URL) -> None:
    """Make the folder and the file of an SQLite store, readable by its owner alone: it holds what people typed.

    Raises:
        StoreError: they cannot be made.
    """
    path = sqlite_path(url)
    try:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE_FILE))
    except OSError as error:
        raise StoreError(
            f"the file cannot be made: {error.strerror}", str(path), "name a folder in STORE_URL that may be written"
        ) from error


def owner_database(url: URL) -> Database:
    """Open a database for reading and writing."""
    if not is_sqlite(url):
        return _server_database(url, ())
    return _sqlite_database(url, sqlite_path(url), "BEGIN IMMEDIATE", ("journal_mode=DELETE", "synchronous=EXTRA"))


def reader_database(url: URL) -> Database:
    """Open a database for reading alone.

    Raises:
        StoreMissingError: there is no such file.
    """
    if not is_sqlite(url):
        return _server_database(url, ("SET SESSION TRANSACTION READ ONLY",))
    path = _existing(url)
    # Not `mode=ro`: after a crash of the bot the first reader must roll back what it left half-written.
    return _sqlite_database(url, path, "BEGIN", ("query_only=ON",))


def guest_database(url: URL) -> Database:
    """Open a database for reading and writing beside its owner; an SQLite file's own locks keep the two apart.

    Raises:
        StoreMissingError: there is no such file.
    """
    if not is_sqlite(url):
        return _server_database(url, ())
    return _sqlite_database(url, _existing(url), "BEGIN IMMEDIATE", ("synchronous=EXTRA",))


def _existing(url: URL) -> Path:
    path = sqlite_path(url)
    if not path.exists():
        raise StoreMissingError("there is no store yet", str(path), "start the bot once: `countersign serve`")
    return path


def _sqlite_database(url: URL, path: Path, begin: str, pragmas: tuple[str, ...]) -> Database:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"}),
        # One connection: SQLite writes one transaction at a time anyway, and two would wait for each other by polling.
        pool_size=1,
        max_overflow=0,
        connect_args={"timeout": _BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        del record
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return Database(FilePool(engine), str(path), at_once=1, attempt_seconds=None, marks_commits=False)


_BAD_HANDSHAKE = 1043
_TLS_MODES = ("preferred", "required", "verify", "off")


def _without_tls_options(url: URL) -> tuple[URL, ssl.SSLContext | None]:
    """Read what the URL asks of TLS: `?tls=MODE`, and `&tls_ca=FILE` with `verify`.

    Returns:
        The URL without it, and the context of a connection; None where there shall be no TLS.

    Raises:
        StoreError: there is no such mode, or the file cannot be read.
    """
    mode, ca = str(url.query.get("tls", "preferred")), url.query.get("tls_ca")
    plain = url.difference_update_query(["tls", "tls_ca"])
    if mode not in _TLS_MODES:
        raise StoreError(f"there is no TLS mode {mode!r}", shown(plain), f"write tls={'|'.join(_TLS_MODES)}")
    if mode == "off":
        return plain, None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if mode != "verify":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return plain, context
    try:
        if ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=str(ca))
    except OSError as error:
        raise StoreError(f"no certificates can be read from {ca}", shown(plain), "name a file in tls_ca") from error
    return plain, context


def _insists_on_tls(url: URL) -> bool:
    return url.query.get("tls") in {"required", "verify"}


def _server_database(url: URL, statements: tuple[str, ...]) -> Database:
    # Only here: it brings SQLAlchemy's object mapper along, which a bot with a file needs neither time nor memory for.
    from sqlalchemy.ext.asyncio import create_async_engine

    insists, where = _insists_on_tls(url), shown(url)
    url, context = _without_tls_options(url)
    if url.password is not None:
        # The driver encodes it as Latin-1; the server expects UTF-8.
        url = url.set(password=str(url.password).encode().decode("latin-1"))
    engine = create_async_engine(
        url,
        pool_size=_CONNECTIONS + 1,  # one for the question whether it answers
        max_overflow=0,
        pool_pre_ping=True,
        pool_recycle=_RECYCLE_SECONDS,
        isolation_level="READ COMMITTED",  # no gap locks, hence fewer deadlocks
        connect_args={"connect_timeout": _CONNECT_SECONDS, "charset": "utf8mb4", "ssl": context},
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect(dialect: Any, record: Any, words: Any, options: dict[str, Any]) -> Any:
        del record
        try:
            return dialect.connect(*words, **options)
        except dialect.loaded_dbapi.OperationalError as error:
            # The driver announces TLS also to a MySQL server that offers none.
            if insists or error.args[:1] != (_BAD_HANDSHAKE,):
                raise
            return dialect.connect(*words, **{**options, "ssl": None})

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        del record
        cursor = connection.cursor()
        if insists:
            cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
            if not (cursor.fetchone() or ("", ""))[1]:
                raise StoreError("TLS is asked for, and the server offers none", where, "let the server offer it")
        cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'")
        cursor.execute("SHOW SESSION VARIABLES LIKE 'wsrep_on'")
        cluster = cursor.fetchone()
        if cluster is not None and cluster[1] == "ON":
            cursor.execute("SET SESSION wsrep_sync_wait = 1")  # a node answers only when it has seen what came before
        for statement in statements:
            cursor.execute(statement)
        cursor.close()

    pool = ServerPool(engine)
    return Database(pool, shown(url), at_once=_CONNECTIONS, attempt_seconds=_ATTEMPT_SECONDS, marks_commits=True)
