"""What a step does: an act for each kind of work, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from bot.domain.backups.backup import Purpose
from bot.domain.json_codec import stored
from bot.domain.shell import Command


@dataclass(frozen=True)
class Shell:
    """A command that runs detached on each host of its step, with a journal.

    Args:
        command: what runs, by `sh`.
        directory: where, on the host.
        expects: the commit that must be checked out there, else nothing is run; None where it does not matter.
    """

    act: ClassVar = "shell"
    command: Command
    directory: str
    expects: str | None = None


@dataclass(frozen=True)
class Dump:
    """A verified dump of the target's database, on the host of its step.

    Args:
        backup: the ID it will have.
        tables: which tables; none means all.
        purpose: what it is made for.
    """

    act: ClassVar = "dump"
    backup: str
    tables: tuple[str, ...] = ()
    purpose: Purpose = Purpose.BEFORE


@dataclass(frozen=True)
class Prove:
    """Restoring a backup into a scratch database on the host of its step, and comparing it with what was dumped.

    Args:
        backup: its ID.
        scratch: name of the database that is made and dropped; None where the target allows none, and then the file
            alone is checked.
    """

    act: ClassVar = "prove"
    backup: str
    scratch: str | None


@dataclass(frozen=True)
class Discard:
    """Removing backups that are no longer kept, on the host of its step.

    Args:
        backups: their IDs, oldest first.
    """

    act: ClassVar = "discard"
    backups: tuple[str, ...]


@dataclass(frozen=True)
class Load:
    """Restoring a backup into a fresh database beside the live one, and comparing it with what was dumped.

    Args:
        backup: its ID.
        sha256: of its file.
        fresh: name of the database that is made.
    """

    act: ClassVar = "load"
    backup: str
    sha256: str
    fresh: str


@dataclass(frozen=True)
class Swap:
    """Putting restored tables into the place of the live ones, in one statement.

    Args:
        backup: the ID of what was restored.
        fresh: the database it was restored into.
        old: the database in which the tables that were live are kept.
    """

    act: ClassVar = "swap"
    backup: str
    fresh: str
    old: str


@dataclass(frozen=True)
class DropOld:
    """Dropping the database in which a restore kept what it replaced.

    Args:
        database: its name.
        tables: how many tables it has; with another number it stays.
    """

    act: ClassVar = "drop_old"
    database: str
    tables: int


@dataclass(frozen=True)
class DropCopy:
    """Dropping the copy that a restore made, where the restore did not put it into the live one's place.

    Args:
        database: its name.
    """

    act: ClassVar = "drop_copy"
    database: str


@dataclass(frozen=True)
class Preflight:
    """Reading a host and the database, and refusing where a run could not end well.

    Args:
        needs: kibibytes that must be free where the checkout lies.
        tools: programs that must be found in PATH.
    """

    act: ClassVar = "preflight"
    needs: int
    tools: tuple[str, ...] = ()


@dataclass(frozen=True)
class Health:
    """Asking a URL until it answers with a status below 400.

    Args:
        url: http or https.
        tries: how often it is asked, one second apart, before the step fails.
    """

    act: ClassVar = "health"
    url: str
    tries: int


@dataclass(frozen=True)
class NothingPending:
    """Reading the migrations table: each of these names must be there.

    Args:
        names: of the migrations that the run applied.
    """

    act: ClassVar = "nothing_pending"
    names: tuple[str, ...]


@dataclass(frozen=True)
class Undone:
    """Reading the migrations table: none of these names may be there any more.

    Args:
        names: of the migrations that the run undid.
    """

    act: ClassVar = "undone"
    names: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """Asking the stack's own tool for the SQL of migrations, where they cannot be rehearsed. Nothing of it runs.

    Args:
        sha: the commit whose migrations they are.
        migrations: their names, in order.
        telling: prints the SQL, told apart by comments `-- Running NAME`; runs where the commit's files are.
        scratch: name of the database that is made and dropped to ask the server how it would change its tables; None
            where the target allows none.
    """

    act: ClassVar = "preview"
    scratch: str | None = field(kw_only=True)
    sha: str
    migrations: tuple[str, ...]
    show_sql: Command = field(metadata=stored(name="telling"))


class Direction(StrEnum):
    """Which way migrations go."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True)
class Rehearse:
    """Finding out what pending migrations would do, by running them on a copy of the database that is thrown away.

    The commands run by `sh` in a throwaway worktree at the commit, with `environment` on top of the host's own; there
    `$live` is the checkout that serves the site, and `$file` the path of the migration's file in the repository.

    Args:
        sha: the commit whose migrations they are.
        migrations: their names, in order.
        directory: of their files in the repository.
        suffix: of their files.
        table: in which the database remembers which ran.
        scratch: name of the database that is made and dropped; None where the target allows none, and then nothing
            runs and only the sources are read.
        setup: makes the worktree able to run.
        probe: prints the name of the database that the application would connect to.
        pretend: prints the SQL of one migration.
        apply: runs one migration.
        environment: pairs of name and template; a template may ask for `{scratch}`, `{database_host}`,
            `{database_port}`, `{database_user}` and `{database_password}`, which are filled in on the way to the host.
        other_connection: a regular expression of sources that use a connection which the environment does not turn
            to the copy; where one matches, nothing runs.
        backup: ID of the backup whose data the copy gets; None where it gets the live database's schema, or where
            there is no backup.
        direction: whether they are run, or undone, the newest first.
    """

    act: ClassVar = "rehearse"
    sha: str
    migrations: tuple[str, ...]
    directory: str
    suffix: str
    table: str
    scratch: str | None
    setup: Command
    probe: Command
    pretend: Command
    apply: Command
    environment: tuple[tuple[str, str], ...]
    other_connection: str
    backup: str | None = field(default=None, metadata=stored(optional=True))
    direction: Direction = field(default=Direction.UP, metadata=stored(optional=True))


@dataclass(frozen=True)
class AsRehearsed:
    """Comparing the tables that the migrations touched with what the rehearsal made of them.

    Args:
        expected: the canonical schema by table, empty where the table is to be gone; filled in when the plan is sealed.
    """

    act: ClassVar = "as_rehearsed"
    expected: Mapping[str, str] = field(default_factory=dict)


Act = (
    Shell
    | Dump
    | Prove
    | Discard
    | Load
    | Swap
    | DropOld
    | DropCopy
    | Preflight
    | Health
    | NothingPending
    | Undone
    | Preview
    | Rehearse
    | AsRehearsed
)
"""What a step does. A new act is a class here, with the name under which it is stored, and a performer for it."""
