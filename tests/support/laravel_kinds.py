"""Kinds of Laravel applications that differ in how they say where their database is, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.demo.host.database import DemoDatabase
from tests.support.laravel_oddities import replace_in

CONFIG = "config/database.php"
_KEYS = ("DB_HOST", "DB_PORT", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD")


@dataclass(frozen=True)
class DatabaseKind:
    """How an application says where its database is.

    Args:
        config: replacements in `config/database.php`, in which `{…}` is of the database.
        env: lines of `.env` that replace those of the same key; None takes a key away.
        means: what the keys of `.env` mean.
    """

    config: tuple[tuple[str, str], ...]
    env: Mapping[str, str | None]
    means: Mapping[str, str]

    def configure(self, folder: Path, database: DemoDatabase, socket: Path) -> None:
        """Change the application's configuration files."""
        for old, new in self.config:
            replace_in(folder / CONFIG, old, _of(new, database, socket))

    def set_up(self, folder: Path, database: DemoDatabase, socket: Path) -> None:
        """Change the application's environment file."""
        file = folder / ".env"
        kept = [line for line in file.read_text().splitlines() if line.partition("=")[0] not in self.env]
        new = [f"{key}={_of(value, database, socket)}" for key, value in self.env.items() if value is not None]
        file.write_text("\n".join([*kept, *new, ""]))


def _of(text: str, database: DemoDatabase, socket: Path) -> str:
    values = {
        "{host}": database.host,
        "{port}": str(database.port),
        "{name}": database.name,
        "{user}": database.user,
        "{password}": database.password,
        "{socket}": str(socket),
    }
    for word, value in values.items():
        text = text.replace(word, value)
    return text


_DRIVER = "'driver' => 'mysql',"
_ACCOUNT = "['username' => env('WRITER'), 'password' => env('WORD')]"
# The account is called as the database is.
_PLAIN = {"DB_HOST": "host", "DB_PORT": "port", "DB_DATABASE": "user", "DB_USERNAME": "user", "DB_PASSWORD": "password"}
_OWN_NAMES = {
    "DB_HOST": "COMPTE_SERVER",
    "DB_PORT": "COMPTE_TCP",
    "DB_DATABASE": "COMPTE_BASE",
    "DB_USERNAME": "COMPTE_LOGIN",
    "DB_PASSWORD": "COMPTE_SECRET",
}
_VALUES = dict(zip(_KEYS, ("{host}", "{port}", "{name}", "{user}", "{password}"), strict=True))
_NONE: Mapping[str, str | None] = dict.fromkeys(_KEYS)

DATABASE_KINDS: Mapping[str, DatabaseKind] = {
    "plain": DatabaseKind((), {}, _PLAIN),
    "quotes and several lines": DatabaseKind(
        (),
        {
            "DB_DATABASE": '"{name}"',
            "DB_USERNAME": "'{user}'",
            "DB_PASSWORD": '"{password}" # said',
            "DB_HOST": "{host} # DB_HOST=10.0.0.8",
            "export DB_PORT": "'{port}'",
            "DB_PORT": None,
            "# DB_DATABASE": "commented",
            "PEM": '"-----BEGIN\nDB_HOST=10.0.0.9\n-----END"',
            "MAIL_FROM_NAME": '"${APP_NAME}"',
        },
        _PLAIN,
    ),
    "URL": DatabaseKind(
        ((_DRIVER, f"{_DRIVER} 'url' => env('COMPTE_DSN'),"),),
        {**_NONE, "COMPTE_DSN": "mysql://{user}:{password}@{host}:{port}/{name}?charset=utf8mb4"},
        {"COMPTE_DSN": "url"},
    ),
    "URL of other keys": DatabaseKind(
        ((_DRIVER, f"{_DRIVER} 'url' => env('DB_URL'),"),),
        {"DB_URL": '"mysql://${DB_USERNAME}:${DB_PASSWORD}@${DB_HOST}:${DB_PORT}/${DB_DATABASE}"'},
        {**_PLAIN, "DB_URL": "url"},
    ),
    "socket": DatabaseKind(
        ((_DRIVER, f"{_DRIVER} 'unix_socket' => env('DB_SOCKET'),"),),
        {"DB_HOST": "localhost", "DB_SOCKET": "{socket}"},
        {**_PLAIN, "DB_SOCKET": "socket"},
    ),
    "read and write": DatabaseKind(
        (
            (
                _DRIVER,
                f"{_DRIVER} 'sticky' => true, 'read' => ['host' => explode(',', env('READ_HOSTS'))] + ({_ACCOUNT}),"
                f" 'write' => ['host' => env('WRITE_HOST')] + ({_ACCOUNT}),",
            ),
        ),
        {**_NONE, "DB_PORT": "{port}", "DB_DATABASE": "{name}", "READ_HOSTS": "127.0.0.1,localhost",
         "WRITE_HOST": "{host}", "WRITER": "{user}", "WORD": "{password}"},
        {"DB_PORT": "port", "DB_DATABASE": "user", "READ_HOSTS": "host", "WRITE_HOST": "host", "WRITER": "user",
         "WORD": "password"},
    ),
    "names of its own": DatabaseKind(
        tuple((f"env('{key}'", f"env('{own}'") for key, own in _OWN_NAMES.items()),
        {**_NONE, **{own: _VALUES[key] for key, own in _OWN_NAMES.items()}},
        {own: _PLAIN[key] for key, own in _OWN_NAMES.items()},
    ),
    "prefix": DatabaseKind((("'prefix' => ''", "'prefix' => env('DB_PREFIX', '')"),), {"DB_PREFIX": ""}, _PLAIN),
    "second connection": DatabaseKind(
        (
            (
                "'connections' => [",
                "'connections' => ['audit' => ['driver' => 'mysql', 'host' => '{host}', 'port' => '{port}',"
                " 'database' => env('AUDIT_DATABASE'), 'username' => '{user}', 'password' => env('DB_PASSWORD'),"
                " 'charset' => 'utf8mb4', 'collation' => 'utf8mb4_unicode_ci', 'prefix' => ''],",
            ),
        ),
        {"AUDIT_DATABASE": "{name}_audit"},
        {**_PLAIN, "AUDIT_DATABASE": "name"},
    ),
}  # fmt: skip
"""By what they are called; all of them are on the same database in the end."""
