"""What an application's environment becomes in a sandbox: which keys keep their values. Pure.

An allow-list: every key stays, so that the application finds what it asks for, and the value of an unlisted key is
replaced by a harmless one of the same kind. `environment.awk` does it on the host; no value leaves the host.

| value of an unlisted key | becomes |
| --- | --- |
| empty, `true`, `false`, `null`, `on`, `off`, `yes`, `no` | itself |
| a number | `1` |
| `base64:…` | 32 fresh bytes |
| `scheme://…` | `scheme://sandbox.invalid` |
| `…@…` | `sandbox@sandbox.invalid` |
| `/…` | `/tmp/sandbox` |
| anything else | `sandbox` |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Treatment(StrEnum):
    """What becomes of the value of one key."""

    KEEP = "keep"
    """It stays, if it is one short line; else it is replaced as that of an unlisted key."""
    NAME = "name"
    """It stays; where the copy of the live database has another name, that comes for it."""
    USER = "user"
    """It stays, and names an account that the private server gets; another server's account comes for it."""
    HOST = "host"
    """It stays, and the private server answers there."""
    PORT = "port"
    """It stays, and the private server listens there."""
    SOCKET = "socket"
    """It stays, and the private server's socket lies there."""
    PASSWORD = "password"  # noqa: S105 - the name of a treatment
    """It becomes the private server's new password."""
    URL = "url"
    """The address of a database: it stays without its options, with the new password."""
    KEY = "key"
    """It becomes a fresh `base64:` key of 32 bytes."""


_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEXT = re.compile(r"[ -~]*")


class Form(StrEnum):
    """How the application reads its environment."""

    DOTENV = "dotenv"
    """From a file in its folder, as Laravel does."""
    VARIABLES = "variables"
    """From its process's environment."""


@dataclass(frozen=True)
class Environment:
    """An application's live environment, and what of it code in a sandbox gets.

    Args:
        path: of the live `.env` file on the host, which is only read.
        treatments: of each key whose value does not simply become a harmless one.
        replaced: keys with the value that they get, such as a driver that reaches nothing.
        form: how the application reads it.
        name: of the file in the application's folder, with `Form.DOTENV`.
        known: treatments by value, for keys that are not listed: of values that the bot's own configuration has and
            that are no secrets, such as the database's name.

    Raises:
        ValueError: a key or a value has a form that it cannot have, or a key is listed twice.
    """

    path: str
    treatments: Mapping[str, Treatment]
    replaced: Mapping[str, str] = field(default_factory=dict)
    form: Form = Form.DOTENV
    name: str = ".env"
    known: Mapping[str, Treatment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in (*self.treatments, *self.replaced):
            if _KEY.fullmatch(key) is None:
                raise ValueError(f"not the key of an environment: {key!r}")
        for value in (*self.replaced.values(), *self.known):
            if _TEXT.fullmatch(value) is None:
                raise ValueError(f"not a value for an environment: {value!r}")
        if both := sorted(set(self.treatments) & set(self.replaced)):
            raise ValueError(f"listed twice: {', '.join(both)}")
        if re.fullmatch(r"\.?[A-Za-z0-9_-][A-Za-z0-9._-]*", self.name) is None:
            raise ValueError(f"not the name of a file: {self.name!r}")

    def rules(self) -> str:
        """Write the rules as `environment.awk` reads them."""
        treated = [f"{key} {treatment.value} " for key, treatment in self.treatments.items()]
        known = [f"= {treatment.value} {value}" for value, treatment in self.known.items()]
        return "\n".join(treated + [f"{key} value {value}" for key, value in self.replaced.items()] + known)


LARAVEL_TREATMENTS: Mapping[str, Treatment] = {
    "APP_NAME": Treatment.KEEP,
    "APP_ENV": Treatment.KEEP,
    "APP_LOCALE": Treatment.KEEP,
    "APP_FALLBACK_LOCALE": Treatment.KEEP,
    "APP_TIMEZONE": Treatment.KEEP,
    "APP_KEY": Treatment.KEY,
    "DB_CONNECTION": Treatment.KEEP,
    "DB_HOST": Treatment.HOST,
    "DB_PORT": Treatment.PORT,
    "DB_SOCKET": Treatment.SOCKET,
    "DB_DATABASE": Treatment.NAME,
    "DB_USERNAME": Treatment.USER,
    "DB_PASSWORD": Treatment.PASSWORD,
    "DB_URL": Treatment.URL,
    "DATABASE_URL": Treatment.URL,
    "DB_PREFIX": Treatment.KEEP,
    "DB_CHARSET": Treatment.KEEP,
    "DB_COLLATION": Treatment.KEEP,
    "DB_STRICT_MODE": Treatment.KEEP,
    "DB_ENGINE": Treatment.KEEP,
}
"""Keys that a Laravel application's migrations need."""

LARAVEL_REPLACED: Mapping[str, str] = {
    "APP_URL": "http://sandbox.invalid",
    "LOG_CHANNEL": "stderr",
    "CACHE_DRIVER": "array",
    "CACHE_STORE": "array",
    "SESSION_DRIVER": "array",
    "QUEUE_CONNECTION": "null",
    "BROADCAST_DRIVER": "null",
    "BROADCAST_CONNECTION": "null",
    "MAIL_MAILER": "array",
    "MAIL_DRIVER": "array",
    "FILESYSTEM_DISK": "local",
    "FILESYSTEM_DRIVER": "local",
    "SCOUT_DRIVER": "null",
    "MYSQL_ATTR_SSL_CA": "",
}
"""Drivers that exist in every Laravel application and reach nothing; the private server speaks no TLS."""

_URLS = ("DATABASE_URL", "DB_URL", "MYSQL_URL", "SQLALCHEMY_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL")
_PREFIXES = ("DB_", "DATABASE_", "MYSQL_", "MARIADB_")
_ENDINGS: Mapping[str, Treatment] = {
    "HOST": Treatment.HOST,
    "PORT": Treatment.PORT,
    "SOCKET": Treatment.SOCKET,
    "UNIX_SOCKET": Treatment.SOCKET,
    "NAME": Treatment.NAME,
    "DATABASE": Treatment.NAME,
    "USER": Treatment.USER,
    "USERNAME": Treatment.USER,
    "PASSWORD": Treatment.PASSWORD,
    "PASSWD": Treatment.PASSWORD,
    "PASS": Treatment.PASSWORD,
}

PYTHON_TREATMENTS: Mapping[str, Treatment] = {
    **{f"{prefix}{ending}": treatment for prefix in _PREFIXES for ending, treatment in _ENDINGS.items()},
    **dict.fromkeys(_URLS, Treatment.URL),
    "PASSWORD": Treatment.PASSWORD,
    "DB_ENGINE": Treatment.KEEP,
    "DATABASE_ENGINE": Treatment.KEEP,
    "DB_CHARSET": Treatment.KEEP,
    "DJANGO_SETTINGS_MODULE": Treatment.KEEP,
    "DJANGO_ENV": Treatment.KEEP,
    "APP_ENV": Treatment.KEEP,
    "FLASK_ENV": Treatment.KEEP,
    "ENVIRONMENT": Treatment.KEEP,
    "TIME_ZONE": Treatment.KEEP,
    "LANGUAGE_CODE": Treatment.KEEP,
    "SECRET_KEY": Treatment.KEY,
    "DJANGO_SECRET_KEY": Treatment.KEY,
}
"""Keys that migrations of a Django application, or of Alembic, need. There is no convention: these are usual names."""

PYTHON_REPLACED: Mapping[str, str] = {
    "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
    "CELERY_TASK_ALWAYS_EAGER": "true",
    "SENTRY_DSN": "",
}
"""Settings that reach nothing."""
