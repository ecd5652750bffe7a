"""The manifest beside each dump: what it is, where it is from, and how it can be recognised. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.plan import Dump

FORMAT = 1
"""Raised when a reader of the old form would misunderstand the new one; further keys do not raise it."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Manifest:
    """What a finished backup says of itself.

    Args:
        backup: its ID.
        app: whose database it is.
        environment: of the app.
        database: its name at the server.
        file: name of the dump, in the manifest's own directory.
        bytes: size of the dump, packed.
        sha256: of the dump, packed; 64 hexadecimal digits.
        seconds: how long dumping and checking took.
        started: when, RFC 3339 in UTC.
        server: what the server called itself.
        tables: names of the tables in it.
        proof: `checked`: every stage's exit status, the trailer, the packing and the checksum were in order.
    """

    backup: str
    app: str
    environment: str
    database: str
    file: str
    bytes: int
    sha256: str
    seconds: int
    started: str
    server: str
    tables: tuple[str, ...]
    proof: str


def origin(dump: Dump, app: str, environment: str, database: str, run: str) -> str:
    """Write the part of a manifest that is known before the dump.

    Args:
        dump: which backup, of which tables, for what.
        app: whose database.
        environment: of the app.
        database: its name at the server.
        run: the run that makes it.

    Returns:
        Lines of JSON without the braces and without a comma at the end.
    """
    values = {
        "format": FORMAT,
        "backup": dump.backup,
        "app": app,
        "environment": environment,
        "database": database,
        "run": run,
        "purpose": dump.purpose.value,
        "chosen": list(dump.tables),
    }
    return ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())


def parse_manifest(text: bytes) -> Manifest:
    """Read a manifest.

    Args:
        text: the file's content.

    Raises:
        ValueError: it is none, it is of a later format, or what it says cannot be true.
    """
    data = json.loads(text)
    if not isinstance(data, Mapping):
        raise ValueError("a manifest is a JSON object")  # noqa: TRY004 - what is in a file is a value, not a type
    if data.get("format") != FORMAT:
        raise ValueError(f"the manifest is of format {data.get('format')!r}, and only {FORMAT} is known")
    try:
        manifest = _manifest(data)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the manifest lacks something: {error}") from error
    if manifest.file not in dump_files(manifest.backup):
        raise ValueError(f"the manifest names a file that is not its own: {manifest.file!r}")
    if _SHA256.fullmatch(manifest.sha256) is None or manifest.bytes <= 0:
        raise ValueError("the manifest has no checksum or size that a dump can have")
    return manifest


def dump_files(backup: str) -> tuple[str, ...]:
    """Name the files in which the dump of a backup can lie."""
    return (f"{backup}.sql.zst", f"{backup}.sql.gz")


def _manifest(data: Mapping[str, Any]) -> Manifest:
    return Manifest(
        backup=str(data["backup"]),
        app=str(data["app"]),
        environment=str(data["environment"]),
        database=str(data["database"]),
        file=str(data["file"]),
        bytes=int(data["bytes"]),
        sha256=str(data["sha256"]),
        seconds=int(data["seconds"]),
        started=str(data["started"]),
        server=str(data["server"]),
        tables=tuple(str(name) for name in data["tables"]),
        proof=str(data["proof"]),
    )
