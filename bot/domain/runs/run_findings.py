"""Findings about the run: how it goes back, what that loses, which run it resumes, and what is in its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from bot.domain.runs.request import Decision
from bot.domain.runs.stored_facts import StoredFacts, written
from bot.domain.targets.forge import CheckState

_NAMES = written(separator=", ")


class RollbackWay(StrEnum):
    """What a rollback restores."""

    CODE = "code"
    """The previous code, on the current schema."""
    MIGRATIONS = "migrations"
    """The previous schema, with the current code."""
    CODE_AND_MIGRATIONS = "code_and_migrations"
    RESTORE = "restore"
    """The previous code, and the data of a backup."""


class RollbackReason(StrEnum):
    """Why a rollback goes back as it does."""

    ASKED = "asked"
    DECIDED = "decided"
    """On the card of a run that stopped."""
    SAME_SCHEMA = "same_schema"
    NEWER_MIGRATIONS = "newer_migrations"
    COMPATIBLE = "compatible"
    """The migrations cannot be undone, but the previous code works with them."""
    DESTROYED = "destroyed"
    NO_WAY_BACK = "no_way_back"
    LOST = "lost"
    """What was destroyed stays lost, for there is no backup of before."""


@dataclass(frozen=True)
class RollbackChoice(StoredFacts):
    """How a rollback goes back, and why.

    Args:
        way: what it restores.
        reason: why.
        what: the migrations or objects concerned.
    """

    kind: ClassVar = "rollback"
    way: RollbackWay
    reason: RollbackReason | None = field(default=None, metadata=written(name="why"))
    what: tuple[str, ...] = field(default=(), metadata=_NAMES)


@dataclass(frozen=True)
class UsualSteps(StoredFacts):
    """The steps after approval are those of an earlier deploy, but for some.

    Args:
        run: the earlier one.
        added: titles of steps that it had not.
        left_out: titles of steps that it had, and this one has not.
    """

    kind: ClassVar = "usual_steps"
    run: str
    added: tuple[str, ...] = field(default=(), metadata=written(separator="; "))
    left_out: tuple[str, ...] = field(default=(), metadata=written(separator="; "))


@dataclass(frozen=True)
class RowsLost(StoredFacts):
    """Data that undoing migrations would lose.

    Args:
        table: its name.
        column: of the table; empty for the whole table.
        rows: how many it has, or those with a value in the column.
    """

    kind: ClassVar = "loss"
    table: str
    column: str
    rows: int


@dataclass(frozen=True)
class NothingLost(StoredFacts):
    """A table or column that undoing migrations would remove, and that holds nothing.

    Args:
        table: its name.
        column: of the table; empty for the whole table.
    """

    kind: ClassVar = "loss_nothing"
    table: str
    column: str


@dataclass(frozen=True)
class LossUnknown(StoredFacts):
    """Migrations of which nothing was told when they ran, so what undoing them would lose is unknown.

    Args:
        migrations: their names.
    """

    kind: ClassVar = "loss_unknown"
    migrations: tuple[str, ...] = field(metadata=_NAMES)


@dataclass(frozen=True)
class Resumed(StoredFacts):
    """The stopped run that a plan resumes, with what is needed if this one stops too.

    Args:
        run: ID of the stopped run.
        decision: about it; None in what earlier versions stored without it.
        step: title of the step at which it stopped; empty if at none.
        was_live: the commit that was live before the first run of the series; empty if unknown.
        backup: that the first run of the series made; empty if it made none.
        half: migrations that took effect in part, which the step that is retried meets again.
        not_done: migrations of the step that is marked as done which the migrations table does not know as done.
    """

    kind: ClassVar = "resume"
    run: str
    decision: Decision | None = field(default=None, metadata=written(name="move"))
    step: str = ""
    was_live: str = ""
    backup: str = ""
    half: tuple[str, ...] = field(default=(), metadata=written(omit=True))
    not_done: tuple[str, ...] = field(default=(), metadata=written(omit=True))


@dataclass(frozen=True)
class Unfinished(StoredFacts):
    """The failed run that a deploy completes.

    Args:
        run: ID of the failed run.
        step: title of the step at which it stopped; empty if at none.
        was_live: the commit that was live before the first run of the series, empty if unknown; None if the plan's own
            basis says it.
        backup: that the first run with migrations made, empty if it made none; None if no run had migrations.
    """

    kind: ClassVar = "unfinished"
    run: str
    step: str = ""
    was_live: str | None = field(default=None, metadata=written(omit=True))
    backup: str | None = field(default=None, metadata=written(omit=True))


@dataclass(frozen=True)
class AlreadyDown(StoredFacts):
    """Hosts that were in maintenance before the run.

    Args:
        hosts: their names.
    """

    kind: ClassVar = "already_down"
    hosts: tuple[str, ...] = field(metadata=_NAMES)


@dataclass(frozen=True)
class OtherServer(StoredFacts):
    """Another database server answers the application than the bot.

    Args:
        used: what the application's calls itself: host name, port and directory.
        configured: what the bot's calls itself.
    """

    kind: ClassVar = "other_server"
    used: str
    configured: str


@dataclass(frozen=True)
class OnReplica(StoredFacts):
    """The database server is itself a replica.

    Args:
        address: of its primary; empty if it is not shown.
        seconds: replication lag as reported by the replica; None if unknown.
        trouble: why replication is stopped; empty if it is running.
        privilege: that would show the lag; empty if the account has it.
    """

    kind: ClassVar = "on_replica"
    address: str
    seconds: int | None = field(default=None, metadata=written(omit=True))
    trouble: str = ""
    privilege: str = ""


@dataclass(frozen=True)
class VerifiedBefore(StoredFacts):
    """When the commit was verified in the environment before.

    Args:
        environment: its name.
        run: that verified it there.
        at: when that run ended.
        sha: the commit that it verified; where it is another one, it has the same files.
        taken_back: the run that went back from it there later; empty if none did.
    """

    kind: ClassVar = "verified_before"
    environment: str
    run: str
    at: datetime
    sha: str
    taken_back: str = ""


@dataclass(frozen=True)
class OutOfOrder(StoredFacts):
    """The commit was not verified in the environment before, and goes without it: an emergency, or a way back.

    Args:
        environment: its name.
    """

    kind: ClassVar = "out_of_order"
    environment: str


@dataclass(frozen=True)
class CheckFound(StoredFacts):
    """What a required check says about the commit.

    Args:
        name: of the check.
        state: what that means.
        word: the forge's own; empty if there is no such check.
        url: of its page; empty if the forge names none.
    """

    kind: ClassVar = "ci_check"
    name: str
    state: CheckState
    word: str = ""
    url: str = ""


@dataclass(frozen=True)
class ChecksWaived(StoredFacts):
    """The commit goes without green checks: an emergency, or a way back, for which they are not read.

    Args:
        silence: why the forge's answer is not known; empty if it answered, or was not asked.
    """

    kind: ClassVar = "checks_waived"
    silence: str = ""


@dataclass(frozen=True)
class HeldBack(StoredFacts):
    """Pending migrations that the run does not run.

    Args:
        migrations: their names.
    """

    kind: ClassVar = "held_back"
    migrations: tuple[str, ...] = field(metadata=_NAMES)


@dataclass(frozen=True)
class OpenSession(StoredFacts):
    """A session at the live database that could make a migration wait.

    Args:
        id: at the server.
        user: of it.
        seconds: how long it has done what it does.
        query: that it runs, or its state.
        waits: whether it waits for a lock itself.
    """

    kind: ClassVar = "session"
    id: int
    user: str
    seconds: int
    query: str
    waits: bool
