"""Names and values in the two syntaxes that a database server's programs read: SQL and option files. Pure."""

from __future__ import annotations

from bot.domain.secrets import Secret
from bot.domain.targets.target import Database

_LONGEST_IDENTIFIER = 64
_LONGEST_VALUE = 1000
"""Bytes. The programs read an option file by lines of at most 4096 bytes."""

_OPTION_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\t": "\\t", "\b": "\\b"})


def identifier(name: str) -> str:
    """Quote a name for SQL.

    Args:
        name: of a table or a database, as it is.

    Returns:
        The name between backticks, its own backticks doubled.

    Raises:
        ValueError: no table can have this name (MySQL Reference Manual, "Schema Object Names").
    """
    if not 0 < len(name) <= _LONGEST_IDENTIFIER or name.endswith(" "):
        raise ValueError(f"no table can have this name: {name!r}")
    if any(ord(character) == 0 or ord(character) > 0xFFFF or 0xD800 <= ord(character) <= 0xDFFF for character in name):
        raise ValueError(f"no table can have this name: {name!r}")
    return "`" + name.replace("`", "``") + "`"


def option_file(database: Database) -> Secret:
    """Write the option file with which the server's own programs log in.

    Args:
        database: where to and as whom.

    Returns:
        The file's contents. TCP is asked for, because these programs take `localhost` for a socket.

    Raises:
        ValueError: a value has a line break or a NUL byte, which no option file can hold, or is too long.
    """
    values = {
        "host": database.host,
        "port": str(database.port),
        "protocol": "tcp",
        "user": database.user,
        "password": database.password.reveal(),
    }
    lines = [f"{name}={_option_value(name, value)}" for name, value in values.items()]
    # Options for TLS differ between programs: the scripts read what is asked for from these comments.
    asked = [f"#tls {database.tls.mode.value}", *(f"#ca {line}" for line in (database.tls.ca or "").splitlines())]
    return Secret("\n".join(("[client]", *lines, *asked)) + "\n")


def _option_value(name: str, value: str) -> str:
    if any(character in value for character in "\n\r\0"):
        raise ValueError(f"the database's {name} has a line break or a NUL byte; an option file cannot hold it")
    if len(value.encode()) > _LONGEST_VALUE:
        raise ValueError(f"the database's {name} is longer than {_LONGEST_VALUE} bytes; an option file cannot hold it")
    return '"' + value.translate(_OPTION_ESCAPES) + '"'
