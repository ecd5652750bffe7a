"""The script that makes a dump on a host, built from a plan and the operations file. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources

from bot.databases.backups.host_script import HostScript
from bot.databases.backups.manifest import origin
from bot.databases.server.checksums import CHECKSUM_SQL, LONG_NAMES_SQL
from bot.databases.server.quoting import option_file
from bot.domain.errors import Problem, Reason, problem
from bot.domain.names import is_name
from bot.domain.runs.acts import Dump
from bot.domain.shell import Command, Syntax, Word, assignments
from bot.domain.targets.target import Backups, Database, RehearseOn, Target

RESERVE_KIB = 64 * 1024
"""KiB that stay free on the host's disk."""

OPTION_FILE = "client.cnf"
"""Name of the file with the credentials, in the job's private directory."""

SHA256 = """\
# digest: print the checksum of standard input, by whichever program is installed; openssl is the fastest
digest() (
  if openssl dgst -sha256 -r </dev/null >/dev/null 2>&1; then
    sum=$(openssl dgst -sha256 -r)
  elif command -v sha256sum >/dev/null 2>&1; then
    sum=$(sha256sum)
  else
    sum=$(shasum -a 256)
  fi || exit 1
  sum=${sum%% *}
  [ ${#sum} -eq 64 ] || exit 1
  printf '%s\\n' "$sum"
)

# sha256 FILE: print its checksum
sha256() { digest 2>/dev/null <"$1"; }
"""

PREAMBLE = resources.files("bot.databases").joinpath("scripts", "preamble.sh").read_text(encoding="utf-8")
"""Shell functions of every script that queries a server."""

CONTENTS = resources.files("bot.databases").joinpath("scripts", "contents.sh").read_text(encoding="utf-8")
"""Shell functions that read the contents of a database, for dumps and restores."""

CHECKSUM_VALUES = {"checksum_sql": CHECKSUM_SQL, "long_names_sql": LONG_NAMES_SQL}
"""Variables of `CONTENTS`."""

REMOVE_STALE = resources.files("bot.databases").joinpath("scripts", "remove_stale.sh").read_text(encoding="utf-8")
"""Shell functions that detect and remove what killed jobs left."""

_MYDUMPER = resources.files("bot.databases").joinpath("scripts", "mydumper.sh").read_text(encoding="utf-8")
_SCRIPT = resources.files("bot.databases").joinpath("scripts", "dump.sh").read_text(encoding="utf-8")


class DumpStage(StrEnum):
    """Stages at which a dump can fail; each has an exit status of its own."""

    SETTINGS = "settings"
    DIRECTORY = "directory"
    TOOLS = "tools"
    LOGIN = "login"
    DATABASE = "database"
    CONNECT = "connect"
    SPACE = "space"
    CONTENTS = "contents"
    DUMP = "dump"
    COMPRESS = "compress"
    INTEGRITY = "integrity"
    TRAILER = "trailer"
    CHECKSUM = "checksum"
    MANIFEST = "manifest"
    PUBLISH = "publish"
    READ_BACK = "read_back"
    ENCRYPT = "encrypt"
    STREAM = "stream"
    STORE = "store"

    @property
    def exit_status(self) -> int:
        """The exit status of the script when this stage failed; distinct from those of shells and signals."""
        return 40 + list(DumpStage).index(self)


def failed_stage(exit_status: int | None) -> DumpStage | None:
    """Return the stage that an exit status of the script stands for, or None."""
    return next((stage for stage in DumpStage if stage.exit_status == exit_status), None)


_CAUSES = {
    DumpStage.LOGIN: Reason.DATABASE_LOGIN_REFUSED,
    DumpStage.DATABASE: Reason.DATABASE_MISSING,
    DumpStage.CONNECT: Reason.DATABASE_UNREACHABLE,
    DumpStage.SPACE: Reason.DISK_FULL,
    DumpStage.TOOLS: Reason.HOST_TOOL_MISSING,
}


def dump_problem(stage: DumpStage, detail: str) -> Problem:
    """Describe why no backup could be made.

    Args:
        stage: that failed.
        detail: for people, without secrets; the script's own prefix is removed.
    """
    detail = re.sub(rf"\bbackup \S+ failed at {stage.value}: ", "", detail)
    cause = {"cause": _CAUSES[stage].value} if stage in _CAUSES else {}
    return problem(Reason.BACKUP_IMPOSSIBLE, stage=stage.value, detail=detail, **cause)


@dataclass(frozen=True)
class DumpContext:
    """What is known before a dump.

    Args:
        backup: ID of the latest backup of the same tables; empty where there is none.
        bytes: size of its file.
        data_bytes: size of the tables it was made of.
        migrations: names of the recorded migrations; None where unknown.
        counters: the next AUTO_INCREMENT of tables that have one; empty where unknown.
    """

    backup: str = ""
    bytes: int = 0
    data_bytes: int = 0
    migrations: tuple[str, ...] | None = None
    counters: Mapping[str, int] = field(default_factory=dict)

    def shrunk(self, now: int) -> bool:
        """Whether a dump is less than half as large as the previous one.

        Args:
            now: bytes of the new one.
        """
        return now * 2 < self.bytes


EMPTY_CONTEXT = DumpContext()


def dump_job(
    target: Target,
    dump: Dump,
    run: str,
    attempt: int,
    context: DumpContext = EMPTY_CONTEXT,
    reserve_kib: int = RESERVE_KIB,
) -> HostScript:
    """Build the script of a dump.

    Args:
        target: whose database, and where its backups lie. Where that is not the host, the dump goes into a pipe of the
            job (`dump_pipe`) and its manifest beside it (`streamed_manifest_file`).
        dump: which backup, which tables.
        run: the run that makes it, for the manifest.
        attempt: of the step; each has a `.part` of its own.
        context: what is known of the previous backup, and of the migrations.
        reserve_kib: KiB that must stay free.

    Raises:
        ValueError: the target has no database or no place for backups, or a value that cannot be used; the message
            names it and holds no secret.
    """
    database, backups = target.database, target.backups
    if database is None or backups is None:
        raise ValueError("the target has no database, or no directory for backups")
    on_host = backups.store is None
    if on_host and not backups.directory.startswith("/"):
        raise ValueError(f"the directory for backups must be an absolute path: {backups.directory!r}")
    if not is_name(dump.backup):
        raise ValueError(f"the ID of a backup must be safe in a path: {dump.backup!r}")
    values: dict[str, str] = {
        "backup": dump.backup,
        "attempt": str(attempt),
        "directory": backups.directory if on_host else "",
        # An upload is encrypted by the bot, after the checksums of both ends were compared.
        "recipient": (backups.encrypt_to or "") if on_host else "",
        "last": str(context.bytes),
        "last_data": str(context.data_bytes),
        "checkout": target.path,
        "reserve": str(reserve_kib),
        "only": narrow_to_tables(dump.tables),
        "mydumper_from": str(backups.mydumper_from),
        "not_by_mydumper": _not_by_mydumper(dump, database, backups),
        "counts": "yes" if database.may_copy else "no",
        **CHECKSUM_VALUES,
        "origin": origin(
            dump,
            target.name.app,
            target.name.environment,
            database.name,
            run,
            context.migrations,
            context.counters,
        ),
        **{f"status_{stage.value}": str(stage.exit_status) for stage in DumpStage},
    }
    parts = list(assignments(values))
    parts.append(Syntax("set --"))
    for word in (database.name, *dump.tables):
        parts += [Syntax(" "), Word(word)]
    parts.append(Syntax("\n" + PREAMBLE + SHA256 + CONTENTS + REMOVE_STALE + _MYDUMPER + _SCRIPT))
    return HostScript(Command(tuple(parts)), {OPTION_FILE: option_file(database)})


def _not_by_mydumper(dump: Dump, database: Database, backups: Backups) -> str:
    """Describe why mydumper does not suit a dump, however large the database; empty where it may."""
    if dump.tables:
        return "it is of chosen tables"
    if backups.store is not None:
        return "backups are kept elsewhere, and it would write to the disk of the host"
    if backups.encrypt_to is not None:
        return "backups are encrypted, and it would write to the disk in the clear"
    if not database.may_copy:
        return "with `scratch: false` nothing would prove that its files can be restored"
    if database.rehearse is RehearseOn.DATA:
        return "migrations are rehearsed on the data of backups, and cannot be on such a one"
    return ""


def dump_pipe(dump: Dump, attempt: int) -> str:
    """Name the pipe of an uploaded dump, in the directory that the steps of its run share."""
    return f"{dump.backup}.{attempt}.pipe"


def streamed_manifest_file(dump: Dump, attempt: int) -> str:
    """Name the file beside the pipe that holds the manifest once the dump has succeeded."""
    return f"{dump.backup}.{attempt}.json"


def narrow_to_tables(tables: tuple[str, ...]) -> str:
    """Write an SQL condition that narrows a list of tables.

    Args:
        tables: their names; none means all.
    """
    if not tables:
        return ""
    # hexadecimal, so that no name can end the literal in any SQL mode
    names = ", ".join(f"CONVERT(0x{name.encode().hex()} USING utf8mb4)" for name in tables)
    return f"AND table_name IN ({names})"
