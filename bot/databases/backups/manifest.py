"""The manifest beside each dump: its contents, origin and checksums. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.domain.backups.backup import BackupInfo, Proof, Purpose
from bot.domain.runs.acts import Dump

FORMAT = 1
"""Raised for incompatible changes only; additional keys do not raise it."""

MYDUMPER = ".mydumper.tar"
"""Suffix of the files that mydumper made."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SHA256 = re.compile(r"[0-9a-f]{64}")


_PROOF_FIELDS = frozenset({"proof", "proven_at", "restore_seconds"})
"""Fields of a manifest that a proof replaces; all others stay as the dump wrote them."""

RowCounts = tuple[int, str, int, str]
"""Rows and checksum of a table before, and after."""


@dataclass(frozen=True)
class Manifest:
    """The manifest of a finished backup.

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
        proof: how far it is known that it can be restored.
        run: the run that made it.
        purpose: what it was made for.
        chosen: the tables that were asked for; empty where the whole database was dumped.
        data_bytes: size of the tables' data at the server.
        rows: for each table its rows and checksum as seen just before and just after the dump's own snapshot; empty
            where nobody counted.
        objects: kind and name of what there is beside tables, such as `view adults`; None where nobody looked.
        proven_at: when a restore was last tried, RFC 3339 in UTC; empty where it never was.
        restore_seconds: how long that took; None where there was none.
        commit: that was checked out on the host; empty where unknown.
        migrations: names of the recorded ones; None where unknown.
        counters: the next AUTO_INCREMENT of tables that have one, just before the dump; empty where nobody looked.
        encrypted_to: the age key that the file is encrypted to; empty where it is not.
        packed_sha256: of the packed dump inside an encrypted file.
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
    proof: Proof
    run: str = ""
    purpose: Purpose = Purpose.BEFORE
    chosen: tuple[str, ...] = ()
    data_bytes: int = 0
    rows: Mapping[str, RowCounts] = field(default_factory=dict)
    objects: tuple[str, ...] | None = None
    proven_at: str = ""
    restore_seconds: int | None = None
    commit: str = ""
    migrations: tuple[str, ...] | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    encrypted_to: str = ""
    packed_sha256: str = ""

    @property
    def loads_sha256(self) -> str:
        """The checksum of the packed dump: of the file, or of the content of an encrypted file."""
        return self.packed_sha256 if self.encrypted_to else self.sha256

    @property
    def stable_sha256(self) -> str:
        """The checksum of all that no proof replaces, and so of everything that decides what a restore loads."""
        stable = {name: value for name, value in asdict(self).items() if name not in _PROOF_FIELDS}
        return hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()

    @property
    def by_mydumper(self) -> bool:
        """Whether it is an archive of mydumper's folder instead of a plain dump."""
        return self.file == f"{self.backup}{MYDUMPER}"

    def info(self) -> BackupInfo:
        """Return what the backup list shows of it.

        Raises:
            ValueError: an instant in it cannot be read, or no dump can be from then.
        """
        started = datetime.fromisoformat(self.started)
        if started.tzinfo is None or started < _EPOCH:
            raise ValueError(f"the manifest has no date that a dump can have: {self.started!r}")
        return BackupInfo(
            backup=self.backup,
            run=self.run,
            purpose=self.purpose,
            started=started,
            database=self.database,
            server=self.server,
            tables=self.tables,
            chosen=self.chosen,
            bytes=self.bytes,
            sha256=self.sha256,
            proof=self.proof,
            proven_at=datetime.fromisoformat(self.proven_at) if self.proven_at else None,
            restore_seconds=self.restore_seconds,
            dump_seconds=self.seconds,
            encrypted=bool(self.encrypted_to),
            data_bytes=self.data_bytes,
            migrations=self.migrations,
            stable_sha256=self.stable_sha256,
            objects=self.objects,
        )


def origin(
    dump: Dump,
    app: str,
    environment: str,
    database: str,
    run: str,
    migrations: tuple[str, ...] | None = None,
    counters: Mapping[str, int] | None = None,
) -> str:
    """Write the part of a manifest that is known before the dump, as lines of JSON.

    Args:
        dump: which backup, of which tables, for what.
        app: whose database.
        environment: of the app.
        database: its name at the server.
        run: the run that makes it.
        migrations: names of the recorded ones; None where unknown.
        counters: the next AUTO_INCREMENT of tables; None where nobody looked.

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
        **({} if migrations is None else {"migrations": list(migrations)}),
        **({"counters": dict(counters)} if counters else {}),
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
    if bool(manifest.encrypted_to) != manifest.file.endswith(".age") or (
        manifest.packed_sha256 and not manifest.encrypted_to
    ):
        raise ValueError("the manifest contradicts itself on whether its file is encrypted")
    sums = (manifest.sha256, manifest.loads_sha256)
    if any(_SHA256.fullmatch(each) is None for each in sums) or manifest.bytes <= 0:
        raise ValueError("the manifest has no checksum or size that a dump can have")
    return manifest


def dump_files(backup: str) -> tuple[str, ...]:
    """Name the files in which the dump of a backup can lie."""
    packed = (f"{backup}.sql.zst", f"{backup}.sql.gz")
    return (*packed, *(f"{name}.age" for name in packed), f"{backup}{MYDUMPER}")


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
        proof=Proof(str(data["proof"])),
        run=str(data.get("run", "")),
        purpose=Purpose(str(data.get("purpose", Purpose.BEFORE))),
        chosen=tuple(str(name) for name in data.get("chosen", ())),
        data_bytes=int(data.get("data_bytes", 0)),
        rows={str(name): (int(a), str(b), int(c), str(d)) for name, (a, b, c, d) in data.get("rows", {}).items()},
        objects=tuple(str(name) for name in data["objects"]) if "objects" in data else None,
        proven_at=str(data.get("proven_at", "")),
        restore_seconds=int(data["restore_seconds"]) if "restore_seconds" in data else None,
        commit=str(data.get("commit", "")),
        migrations=tuple(str(name) for name in data["migrations"]) if "migrations" in data else None,
        counters={str(name): int(next_one) for name, next_one in data.get("counters", {}).items()},
        encrypted_to=str(data.get("encrypted_to", "")),
        packed_sha256=str(data.get("packed_sha256", "")),
    )
