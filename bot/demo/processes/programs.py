"""The system programs that the demonstration needs, and which of them are missing here."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_SEARCH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
LARAVEL = Path("/usr/share/php/Illuminate/autoload.php")
"""Debian's Laravel framework, which stands in for what Composer would download."""

_MARIADB = {
    "mariadbd": "mariadb-server-core",
    "mariadb-install-db": "mariadb-server-core",
    "mariadb": "mariadb-client",
    "mariadb-dump": "mariadb-client",
}
_MYSQL = ("mysqld", "mysql", "mysqldump")
"""These do as well where there is none of the others."""

_PROGRAMS = {"sshd": "openssh-server", **_MARIADB, "php": "php-cli", "git": "git"}
_EXTENSIONS = {"pdo_mysql": "php-mysql", "dom": "php-xml", "mbstring": "php-mbstring"}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that the demonstration needs and this machine has not.

    Attributes:
        what: its name in plain words.
        package: the Debian package that has it.
    """

    what: str
    package: str


def find(program: str) -> bool:
    """Whether a program is installed.

    Args:
        program: its name.
    """
    return shutil.which(program, path=_SEARCH) is not None


def php_extensions() -> frozenset[str]:
    """The names of the extensions that PHP loads here, in lower case; empty without PHP."""
    php = shutil.which("php", path=_SEARCH)
    if php is None:
        return frozenset()
    listed = subprocess.run([php, "-m"], capture_output=True, text=True, check=False)  # noqa: S603 - a list, no shell
    return frozenset(listed.stdout.lower().split())


def missing(
    found: Callable[[str], bool] = find,
    extensions: Callable[[], Iterable[str]] = php_extensions,
    laravel: Path = LARAVEL,
) -> tuple[Missing, ...]:
    """List what is missing on this machine.

    Args:
        found: whether a program is installed.
        extensions: gives the PHP extensions that are there; asked only where PHP is.
        laravel: a file that is there if the framework is.

    Returns:
        What is missing, in the order in which it would be needed; empty if nothing is.
    """
    has_mysql = all(map(found, _MYSQL)) and not any(map(found, _MARIADB))
    needed = {name: package for name, package in _PROGRAMS.items() if not (has_mysql and name in _MARIADB)}
    lacking = [Missing(name, package) for name, package in needed.items() if not found(name)]
    if found("php"):
        loaded = frozenset(extensions())
        lacking += [
            Missing(f"PHP's extension {name}", package) for name, package in _EXTENSIONS.items() if name not in loaded
        ]
    if not laravel.exists():
        lacking.append(Missing("Laravel", "php-laravel-framework"))
    return tuple(lacking)
