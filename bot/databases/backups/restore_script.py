"""The scripts that restore a dump into a separate database and compare it with its manifest. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources

from bot.databases.backups.dump_script import (
    CHECKSUM_VALUES,
    CONTENTS,
    OPTION_FILE,
    PREAMBLE,
    REMOVE_STALE,
    RESERVE_KIB,
    SHA256,
    narrow_to_tables,
)
from bot.databases.backups.host_script import HostScript
from bot.databases.backups.manifest import Manifest
from bot.databases.server.quoting import identifier, option_file
from bot.domain.backups.backup import Proof
from bot.domain.backups.leftovers import leftovers_of
from bot.domain.secrets import Secret
from bot.domain.shell import Command, Syntax, Word, assignments
from bot.domain.targets.target import Database
from bot.sandbox.plan import Sandbox, functions
from bot.sandbox.server import PrivateServer

EXPECTED_FILE = "expected"
"""Name of the file with what must come out, in the job's private directory."""

SANDBOX_RESULTS = "proof-sandbox"
"""Name of the folder with what a private server had to say, in the directory that the steps of the run share."""

_WAIT = 3600
"""Seconds that a proof waits for another sandbox on its host."""

_WAIT_OF_SENDER = 420
"""The same where the bot waits to send the backup; it does not wait for longer than ten minutes."""

MANIFEST_FILE = "manifest"
"""Name of the file with the manifest of a backup that the host has not, in the job's private directory."""


@dataclass(frozen=True)
class SentBackup:
    """A backup that the bot sends to the host.

    Args:
        pipe: name of the pipe, in the directory that the steps of the run share.
        manifest: its manifest, as it is.
    """

    pipe: str
    manifest: bytes


def proof_result_file(pipe: str) -> str:
    """Name the manifest that a proof of a sent backup leaves beside its pipe."""
    return f"{pipe}.json"


def script(name: str) -> str:
    """Read one of the room's scripts."""
    return resources.files("bot.databases").joinpath("scripts", name).read_text(encoding="utf-8")


_BESIDE = script("beside.sh")
_PRIVATE = script("private.sh")
_LOAD = script("record.sh") + script("dump_text.sh") + script("myloader.sh") + script("load.sh")
_PROOF = script("proof.sh")
_LOADED = script("loaded.sh")
_SWAP = script("swap.sh")
_DROP = script("drop.sh")


class RestoreStage(StrEnum):
    """Stages at which a restore can fail; each has an exit status of its own."""

    TOOLS = "tools"
    CONNECT = "connect"
    SPACE = "space"
    FILE = "file"
    CREATE = "create"
    INTERRUPTED = "interrupted"
    REFUTED = "refuted"
    MANIFEST = "manifest"
    DROP = "drop"
    REFERENCES = "references"
    OBJECTS = "objects"
    SWAP = "swap"
    HALF = "half"
    IMPOSSIBLE = "impossible"
    """Nothing stands against the backup; it could not be tried here."""

    @property
    def exit_status(self) -> int:
        """The exit status of a script when this stage failed; distinct from those of shells and signals."""
        return 70 + list(RestoreStage).index(self)


def failed_stage(exit_status: int | None) -> RestoreStage | None:
    """Return the stage that an exit status of a script stands for, or None."""
    return next((stage for stage in RestoreStage if stage.exit_status == exit_status), None)


@dataclass(frozen=True)
class ProofPlaces:
    """Where a backup is restored to prove it: in a private server, and where that cannot be, beside the live database.

    Args:
        private: the server that is started for it; None where there is to be none.
        beside: name of the database that is made and dropped beside the live one; None where there is to be none.
    """

    private: PrivateServer | None = None
    beside: str | None = None


def proof_job(
    manifest: Manifest, source: str | SentBackup, database: Database, places: ProofPlaces, attempt: int
) -> HostScript:
    """Build the script that proves a backup.

    Args:
        manifest: of the backup.
        source: the directory on the host; or how the bot sends it.
        database: whose backup it is, and as whom it is restored beside the live database.
        places: where it is restored.
        attempt: of the step.

    Raises:
        ValueError: a value that cannot be used; the message names it and holds no secret.
    """
    values = {"yields": (Proof.PROVEN if manifest.rows or not manifest.tables else Proof.CHECKED).value}
    stale_prefix = (places.beside or "").rpartition("_")[0] + "_"
    purpose = _Purpose("proof", places, stale_prefix=stale_prefix, tail=_PROOF, values=values)
    return _job(manifest, source, database, attempt, purpose)


def load_job(manifest: Manifest, source: str | SentBackup, database: Database, fresh: str, attempt: int) -> HostScript:
    """Build the script that restores a backup into a database that stays.

    Args:
        manifest: of the backup.
        source: the directory on the host; or how the bot sends it.
        database: whose backup it is, and as whom it is restored.
        fresh: name of the database that is made.
        attempt: of the step.

    Raises:
        ValueError: a value that cannot be used; the message names it and holds no secret.
    """
    purpose = _Purpose("restore", ProofPlaces(beside=fresh), stale_prefix=fresh, tail=_LOADED)
    return _job(manifest, source, database, attempt, purpose)


def swap_job(manifest: Manifest, database: Database, fresh: str, old: str) -> HostScript:
    """Build the script that puts restored tables into the place of the live ones.

    Args:
        manifest: of the backup that was restored.
        database: the live one, and as whom it is changed.
        fresh: name of the database that holds the restored tables.
        old: name of the database in which the live tables are kept.

    Raises:
        ValueError: a value that cannot be used; the message names it and holds no secret.
    """
    narrowed = narrow_to_tables(manifest.chosen)
    values = {
        "backup": manifest.backup,
        "source": database.name,
        "fresh": fresh,
        "old": old,
        "live_sql": _sql_text(identifier(database.name)),
        "fresh_sql": _sql_text(identifier(fresh)),
        "old_sql": _sql_text(identifier(old)),
        "only": narrowed,
        "referenced_only": narrowed.replace("table_name", "referenced_table_name"),
        **{f"status_{stage.value}": str(stage.exit_status) for stage in RestoreStage},
    }
    parts = [*assignments(values), Syntax("set --")]
    for table in manifest.chosen:
        parts += [Syntax(" "), Word(table)]
    parts.append(Syntax('\nkept="$COUNTERSIGN_RUN_DIR/restore"\n' + PREAMBLE + CONTENTS + _SWAP))
    files = {OPTION_FILE: option_file(database), EXPECTED_FILE: Secret(_expected(manifest))}
    return HostScript(Command(tuple(parts)), files)


def drop_job(database: Database, gone: str, tables: int | None) -> HostScript:
    """Build the script that drops a database which a restore left beside the live one.

    Args:
        database: the live one, and as whom the other is dropped.
        gone: name of the one that goes.
        tables: how many it must have; None where that does not matter.

    Raises:
        ValueError: it is not one that a restore makes, or a value that cannot be used; the message names it and holds
            no secret.
    """
    if leftovers_of(database.name, gone, 0, 0) is None:
        raise ValueError(f"{gone!r} is no database that a restore makes beside {database.name!r}")
    identifier(gone)
    values = {
        "source": database.name,
        "gone": gone,
        "gone_sql": _sql_text(gone),
        "tables": "" if tables is None else str(tables),
        **{f"status_{stage.value}": str(stage.exit_status) for stage in RestoreStage},
    }
    return HostScript(Command((*assignments(values), Syntax(PREAMBLE + _DROP))), {OPTION_FILE: option_file(database)})


def mydumper_stays_on_host(manifest: Manifest) -> str:
    """Describe why a backup of mydumper is not sent to a host."""
    return f"{manifest.file} was made by mydumper, and can be restored only where it lies on the host"


def _sql_text(text: str) -> str:
    # hexadecimal, so that nothing can end the literal in any SQL mode
    return f"CONVERT(0x{text.encode().hex()} USING utf8mb4)"


@dataclass(frozen=True)
class _Purpose:
    """What a backup is loaded for.

    Args:
        folder: of the step, in the directory that the steps of the run share.
        places: where.
        stale_prefix: of the names of databases that earlier attempts may have left.
        tail: script that follows the load.
        values: variables of that script.
    """

    folder: str
    places: ProofPlaces
    stale_prefix: str
    tail: str
    values: Mapping[str, str] = field(default_factory=dict)


def _job(
    manifest: Manifest, source: str | SentBackup, database: Database, attempt: int, purpose: _Purpose
) -> HostScript:
    private, beside = purpose.places.private, purpose.places.beside
    for name in (database.name, *((beside,) if beside is not None else ())):
        identifier(name)
    if isinstance(source, SentBackup) and manifest.by_mydumper:
        raise ValueError(mydumper_stays_on_host(manifest))
    folder = "" if isinstance(source, SentBackup) else f"{source.rstrip('/')}/"
    values = {
        "backup": manifest.backup,
        "source": database.name,
        "places": " ".join(_places(purpose.places)),
        "beside": beside or "",
        "sweep": _sql_text(purpose.stale_prefix),
        "dump": f"{folder}{manifest.file.removesuffix('.age')}",
        "manifest": f"{folder}{manifest.backup}.json",
        "pipe": source.pipe if isinstance(source, SentBackup) else "",
        "sha256": manifest.loads_sha256,
        "data_bytes": str(manifest.data_bytes),
        "server": manifest.server,
        "reserve": str(RESERVE_KIB),
        "only": narrow_to_tables(manifest.chosen),
        "attempt": str(attempt),
        **CHECKSUM_VALUES,
        **purpose.values,
        **{f"status_{stage.value}": str(stage.exit_status) for stage in RestoreStage},
    }
    kept = f'kept="$COUNTERSIGN_RUN_DIR/{purpose.folder}"\n'
    parts = [*assignments(values)]
    text = kept + PREAMBLE + SHA256 + CONTENTS + REMOVE_STALE
    files = {EXPECTED_FILE: Secret(_expected(manifest))}
    if private is not None:
        wait = _WAIT_OF_SENDER if isinstance(source, SentBackup) else _WAIT
        parts += functions(Sandbox(SANDBOX_RESULTS, private, wait=wait)).parts
        text += _PRIVATE
    if beside is not None:
        files[OPTION_FILE] = option_file(database)
        text += _BESIDE
    if isinstance(source, SentBackup):
        files[MANIFEST_FILE] = Secret(source.manifest.decode())
    return HostScript(Command((*parts, Syntax("\n" + text + _LOAD + purpose.tail))), files)


def _places(places: ProofPlaces) -> Iterator[str]:
    if places.private is not None:
        yield "private"
    if places.beside is not None:
        yield "beside"


def _expected(manifest: Manifest) -> str:
    """Write the expected contents; names are in hexadecimal, so that they cannot contain separators."""
    lines = ["start\t-"]
    for table in manifest.tables:
        figures = manifest.rows.get(table)
        shown = "" if figures is None else "".join(f"\t{figure}" for figure in figures)
        lines.append(f"table\t{_hex(table)}{shown}")
    lines += [f"object\t{_hex(named)}" for named in manifest.objects or ()]
    return "\n".join(lines) + "\n"


def _hex(text: str) -> str:
    return text.encode().hex().upper()
