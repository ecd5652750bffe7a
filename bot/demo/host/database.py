"""The demonstration's database: a private MariaDB or MySQL server in a folder, on loopback."""

import asyncio
import contextlib
import os
import re
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiomysql

from bot.demo.errors import DemoError
from bot.demo.host.general_log import GeneralLogStatement, parse_general_log
from bot.demo.host.server_programs import ServerFolder, installed_programs
from bot.demo.processes.ports import LOOPBACK, Port
from bot.demo.processes.process import Process

_START_SECONDS = 30.0
_SOCKET_PATH_BYTES = 107
_LAYOUT = "--lower-case-table-names="
"""Of the options, what holds for a data folder from its making on."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


@dataclass(frozen=True, slots=True)
class DemoDatabase:
    """One application's database on a server, with the account that the application uses.

    Attributes:
        host: address of the server.
        port: port of the server.
        name: name of the database.
        user: the account; it may also create and drop databases called NAME_countersign_….
        password: the account's password.
    """

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)


class DatabaseServer:
    """A private server of the vendor that is installed.

    Everything lies in one folder: data, socket, error log and general log. As a context manager it is installed,
    started and stopped. `root` is reached through the socket in the folder alone, without a password.

    Args:
        folder: an existing folder, its owner's alone, with a path of at most 100 bytes.
        options: more options for the server, such as `--log-bin`.
        path: where the server finds the programs that it starts itself.
    """

    def __init__(self, folder: Path, options: Sequence[str] = (), path: str = "/usr/bin:/bin:/usr/sbin:/sbin") -> None:
        self.folder = folder
        self.programs = installed_programs()
        """The vendor's programs."""
        self._options = tuple(options)
        self._path = path
        self.socket = folder / "s.sock"
        """The server's socket, for root."""
        self._at = ServerFolder(folder, folder / "data")
        self._general_log = folder / "general.log"
        self._error_log = folder / "error.log"
        self._port = Port()
        self._process: Process | None = None

    @property
    def host(self) -> str:
        """The address to connect to."""
        return LOOPBACK

    @property
    def port(self) -> int:
        """The port to connect to; it stays the same through stop and start."""
        return self._port.number

    @property
    def pid(self) -> int:
        """Process id of the server; 0 when it is down."""
        return self._process.pid if self._process is not None else 0

    async def __aenter__(self) -> Self:
        if len(os.fsencode(self.socket)) > _SOCKET_PATH_BYTES:
            raise DemoError(
                f"{self.socket} is too long for a socket ({_SOCKET_PATH_BYTES} bytes at most);"
                " take a folder nearer the root"
            )
        await asyncio.to_thread(self._install)
        await self.start()
        for statement in self.programs.forgetting_accounts:
            await self.query(statement)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()
        self._port.close()

    async def start(self) -> None:
        """Start the server and wait until it answers; after `kill` it recovers its data first.

        Raises:
            DemoError: it runs already, or did not start; with the end of its log.
        """
        if self._process is not None:
            raise DemoError("the database server is up already; it was not started again")
        process = Process(self._command(), self._error_log, {"PATH": self._path})
        await process.start()
        try:
            await self._answers(process)
        except DemoError as error:
            await process.end()
            raise DemoError(f"{self.programs.vendor} did not start: {error}\n{process.log_tail()}") from error
        self._process = process

    async def stop(self) -> None:
        """Shut the server down in good order."""
        process, self._process = self._process, None
        if process is not None:
            process.signal(signal.SIGTERM)
            await process.ended()
            await process.end()

    async def kill(self) -> None:
        """Kill the server at once, as `kill -9` does."""
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    async def create(self, name: str, user: str | None = None, password: str | None = None) -> DemoDatabase:
        """Create a database and its account.

        Args:
            name: the database's name: lower-case letters, digits and underscores.
            user: the account's name; that of the database if None.
            password: the account's password; a random one if None.

        Returns:
            How to reach it.

        Raises:
            DemoError: a name is not allowed.
        """
        user = user or name
        password = password or secrets.token_urlsafe(16)
        for given in (name, user):
            if not _NAME.fullmatch(given):
                raise DemoError(f"{given!r} cannot be a database's or account's name here; nothing was created")
        pattern = name.replace("_", r"\_")
        async with self._root() as cursor:
            await cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
            await cursor.execute(f"CREATE USER IF NOT EXISTS `{user}`@`%%` IDENTIFIED BY %s", (password,))
            await cursor.execute(f"GRANT ALL ON `{pattern}`.* TO `{user}`@`%`")
            await cursor.execute(rf"GRANT ALL ON `{pattern}\_countersign\_%`.* TO `{user}`@`%`")
        return DemoDatabase(self.host, self.port, name, user, password)

    async def drop(self, database: DemoDatabase) -> None:
        """Drop a database, its scratch databases and its account.

        Args:
            database: what `create` gave.
        """
        scratch = await self.query(
            "SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE %s",
            database.name.replace("_", r"\_") + r"\_countersign\_%",
        )
        for name in (database.name, *(row["name"] for row in scratch)):
            await self.query(f"DROP DATABASE IF EXISTS `{name}`")
        await self.query(f"DROP USER IF EXISTS `{database.user}`@`%`")

    async def query(self, sql: str, *parameters: object, database: str | None = None) -> list[dict[str, Any]]:
        """Run one statement as root, on a connection of its own.

        Args:
            sql: the statement, with `%s` for each parameter.
            parameters: values for the placeholders.
            database: the database to use.

        Returns:
            The rows by column name; nothing for statements without rows.
        """
        async with self._root(database) as cursor:
            await cursor.execute(sql, parameters or None)
            return list(await cursor.fetchall())

    async def load(self, script: Path, database: str) -> None:
        """Run a file of statements, such as a dump, as root.

        Args:
            script: the file.
            database: the database to use.

        Raises:
            DemoError: a statement failed; those before it were run.
        """
        await asyncio.to_thread(self._load, script, database)

    async def dump(self, database: str, script: Path) -> None:
        """Write a dump of a database as root.

        Args:
            database: its name.
            script: the file to write.

        Raises:
            DemoError: the dump failed.
        """
        await asyncio.to_thread(self._dump, database, script)

    async def columns(self, database: str, table: str) -> dict[str, str]:
        """The columns of a table.

        Args:
            database: name of the database.
            table: name of the table.

        Returns:
            The full type (`varchar(100)`) by column name, in their order; empty if there is no such table.
        """
        rows = await self.query(
            "SELECT column_name AS name, column_type AS type FROM information_schema.columns"
            " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            database,
            table,
        )
        return {row["name"]: row["type"] for row in rows}

    @contextlib.asynccontextmanager
    async def lock_table(self, database: str, table: str) -> AsyncIterator[None]:
        """Hold a table's metadata lock: while open, an ALTER of the table waits, and what queues behind it too.

        Args:
            database: name of the database.
            table: name of the table.
        """
        async with self._root(database) as cursor:
            await cursor.execute("START TRANSACTION")
            await cursor.execute(f"SELECT 1 FROM `{table}` LIMIT 1")  # noqa: S608 - names are the caller's own
            yield

    def log_position(self) -> int:
        """Where the general log ends now, in bytes; to be given to `statements`."""
        try:
            return self._general_log.stat().st_size
        except FileNotFoundError:
            return 0

    def statements(self, since: int = 0) -> tuple[GeneralLogStatement, ...]:
        """The statements that the server received from anybody, from its general log.

        Args:
            since: an earlier `log_position`; only what came later is given.

        Returns:
            The records, in the order in which the server received them.
        """
        with contextlib.suppress(FileNotFoundError), self._general_log.open("rb") as log:
            log.seek(since)
            return parse_general_log(log.read().decode(errors="replace"))
        return ()

    @contextlib.asynccontextmanager
    async def _root(self, database: str | None = None) -> AsyncIterator[Any]:
        connection = await aiomysql.connect(
            unix_socket=str(self.socket), user="root", db=database, autocommit=True, charset="utf8mb4"
        )
        try:
            async with connection.cursor(aiomysql.DictCursor) as cursor:
                yield cursor
        finally:
            connection.close()

    def _install(self) -> None:
        self.folder.chmod(0o700)
        command = [*self.programs.install(self._at), *(one for one in self._options if one.startswith(_LAYOUT))]
        done = subprocess.run(  # noqa: S603 - a list, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode != 0:
            raise DemoError(f"{command[0]} failed ({done.returncode}):\n{done.stdout[-2000:]}")

    def _command(self) -> list[str]:
        return [
            *self.programs.serve(self._at),
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'server.pid'}",
            f"--port={self.port}",
            f"--bind-address={LOOPBACK}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--general-log=1",
            f"--general-log-file={self._general_log}",
            "--innodb-buffer-pool-size=64M",
            "--key-buffer-size=1M",
            "--performance-schema=0",
            *self._options,
        ]

    async def _answers(self, process: Process) -> None:
        async def ask() -> None:
            while True:
                try:
                    await self.query("SELECT 1")
                except (OSError, aiomysql.Error):
                    if not process.running:
                        raise DemoError("it ended at once") from None
                    await asyncio.sleep(0.02)
                else:
                    return

        try:
            await asyncio.wait_for(ask(), _START_SECONDS)
        except TimeoutError:
            raise DemoError(f"it gave no answer within {_START_SECONDS:.0f} s") from None

    def _load(self, script: Path, database: str) -> None:
        with script.open("rb") as statements:
            self._client([self.programs.client, *self._as_root(), database], {"stdin": statements})

    def _dump(self, database: str, script: Path) -> None:
        with script.open("wb") as statements:
            self._client(
                [self.programs.dumper, *self._as_root(), *self.programs.dump_options, database],
                {"stdout": statements},
            )

    def _as_root(self) -> list[str]:
        return ["--no-defaults", f"--socket={self.socket}", "--user=root", "--default-character-set=utf8mb4"]

    def _client(self, command: list[str], streams: Mapping[str, Any]) -> None:
        done = subprocess.run(command, stderr=subprocess.PIPE, check=False, **streams)  # noqa: S603 - a list, no shell
        if done.returncode != 0:
            raise DemoError(f"{command[0]} failed ({done.returncode}): {done.stderr.decode(errors='replace').strip()}")
