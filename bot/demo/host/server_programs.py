"""The programs of a database server, and what each vendor's want: MariaDB's where they are installed, else MySQL's."""

from __future__ import annotations

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.demo.errors import DemoError

_SERVER_PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


@dataclass(frozen=True)
class ServerFolder:
    """Where a server's files lie.

    Args:
        folder: for its temporary files.
        data: its data folder.
    """

    folder: Path
    data: Path

    @property
    def options(self) -> tuple[str, ...]:
        """Options that say so, and as whom it runs; the first must stay the first."""
        account = pwd.getpwuid(os.getuid()).pw_name
        # Servers that share a folder for temporary tables remove each other's when they start.
        return "--no-defaults", f"--user={account}", f"--datadir={self.data}", f"--tmpdir={self.folder}"


class ServerPrograms(Protocol):
    """The programs of a vendor."""

    @property
    def vendor(self) -> str:
        """Its name, for people."""
        ...

    @property
    def client(self) -> str:
        """The client program."""
        ...

    @property
    def dumper(self) -> str:
        """The program that dumps."""
        ...

    @property
    def dump_options(self) -> tuple[str, ...]:
        """Its options for a dump that any database of such a server can take in."""
        ...

    @property
    def forgetting_accounts(self) -> tuple[str, ...]:
        """Statements that take away accounts of the installation that are reached without the folder."""
        ...

    def install(self, at: ServerFolder) -> list[str]:
        """The command that makes the data folder.

        Raises:
            DemoError: its program is not installed.
        """
        ...

    def serve(self, at: ServerFolder) -> list[str]:
        """The command that starts the server, small, with the options that differ between vendors.

        Raises:
            DemoError: its program is not installed.
        """
        ...


@dataclass(frozen=True)
class MariaDb:
    """MariaDB's."""

    vendor: str = "MariaDB"
    client: str = "mariadb"
    dumper: str = "mariadb-dump"
    dump_options: tuple[str, ...] = ("--single-transaction", "--routines")
    forgetting_accounts: tuple[str, ...] = (
        "DELETE FROM mysql.global_priv WHERE User IN ('root', '') AND Host <> 'localhost'",
        "FLUSH PRIVILEGES",
    )

    def install(self, at: ServerFolder) -> list[str]:
        """As `ServerPrograms`."""
        installer = _program("mariadb-install-db", "mariadb-server-core", None)
        # --force: it refuses where neither the machine's own name nor localhost resolves, as in a bare installation.
        options = ("--auth-root-authentication-method=normal", "--skip-test-db", "--force")
        return [installer, *at.options, *options, *_SMALL_MARIADB]

    def serve(self, at: ServerFolder) -> list[str]:
        """As `ServerPrograms`."""
        server = _program("mariadbd", "mariadb-server-core", _SERVER_PATH)
        return [server, *at.options, "--aria-pagecache-buffer-size=2M", *_SMALL_MARIADB]


@dataclass(frozen=True)
class MySql:
    """MySQL's."""

    vendor: str = "MySQL"
    client: str = "mysql"
    dumper: str = "mysqldump"
    dump_options: tuple[str, ...] = ("--single-transaction", "--routines", "--set-gtid-purged=OFF")
    forgetting_accounts: tuple[str, ...] = ()

    def install(self, at: ServerFolder) -> list[str]:
        """As `ServerPrograms`."""
        return [self._server(), *at.options, "--initialize-insecure", *_SMALL_MYSQL]

    def serve(self, at: ServerFolder) -> list[str]:
        """As `ServerPrograms`. Ordinary accounts may make triggers and functions, as the applications' do."""
        return [
            self._server(),
            *at.options,
            "--mysqlx=OFF",
            "--log-bin-trust-function-creators=1",
            f"--secure-file-priv={at.folder}",
            *_SMALL_MYSQL,
        ]

    def _server(self) -> str:
        return _program("mysqld", "mysql-server-core", _SERVER_PATH)


_SMALL_MARIADB = (
    "--innodb-log-file-size=16M",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--innodb-temp-data-file-path=ibtmp1:4M:autoextend",
)
_SMALL_MYSQL = ("--innodb-redo-log-capacity=16M",)
"""Sizes that the data folder is made with and must be started with."""


def installed_programs() -> ServerPrograms:
    """Choose a vendor by what is installed.

    Raises:
        DemoError: no server is.
    """
    if shutil.which("mariadbd", path=_SERVER_PATH) is not None:
        return MariaDb()
    if shutil.which("mysqld", path=_SERVER_PATH) is not None:
        return MySql()
    raise DemoError("neither mariadbd nor mysqld was found; install the package mariadb-server-core")


def _program(name: str, package: str, path: str | None) -> str:
    found = shutil.which(name, path=path)
    if found is None:
        raise DemoError(f"{name} was not found; install the package {package}")
    return found
