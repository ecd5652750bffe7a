"""Problems as codes and facts. Their wording belongs to `bot/slack` and the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.json_codec import stored


class Reason(StrEnum):
    """The closed list of reasons, shared by history, tests and messages."""

    # what was typed
    USAGE = "usage"
    UNKNOWN_APP = "unknown_app"
    UNKNOWN_ENVIRONMENT = "unknown_environment"
    UNKNOWN_RUN = "unknown_run"
    BAD_REF = "bad_ref"
    BAD_OPTION = "bad_option"
    BAD_TABLE = "bad_table"
    UNKNOWN_TABLE = "unknown_table"
    BAD_TIME = "bad_time"
    NO_TIME = "no_time"
    NO_WINDOW = "no_window"
    UNKNOWN_BACKUP = "unknown_backup"
    UNKNOWN_REMAINS = "unknown_remains"
    # who and when
    WRONG_CHANNEL = "wrong_channel"
    NOT_IN_CHANNEL = "not_in_channel"
    CHANNEL_ARCHIVED = "channel_archived"
    NOT_ALLOWED = "not_allowed"
    MEMBERSHIP_UNKNOWN = "membership_unknown"
    FROZEN = "frozen"
    NO_OVERRIDE = "no_override"
    NO_EMERGENCY = "no_emergency"
    LOCKED = "locked"
    DRAINING = "draining"
    # what was found on hosts and databases
    HOST_UNREACHABLE = "host_unreachable"
    HOST_KEY_CHANGED = "host_key_changed"
    HOST_LOGIN_REFUSED = "host_login_refused"
    HOST_TOOL_MISSING = "host_tool_missing"
    CHECKOUT_MISSING = "checkout_missing"
    CHECKOUT_UNREADABLE = "checkout_unreadable"
    CHECKOUT_DIRTY = "checkout_dirty"
    LAYOUT_UNFIT = "layout_unfit"
    FILES_IN_THE_WAY = "files_in_the_way"
    NOT_WRITABLE = "not_writable"
    SERVICE_NOT_ALLOWED = "service_not_allowed"
    SERVICE_MISSING = "service_missing"
    CHECKOUTS_DIFFER = "checkouts_differ"
    DISK_FULL = "disk_full"
    INODES_FULL = "inodes_full"
    REF_NOT_FOUND = "ref_not_found"
    NOT_FAST_FORWARD = "not_fast_forward"
    NOT_VERIFIED_BEFORE = "not_verified_before"
    CHECKS_NOT_GREEN = "checks_not_green"
    FORGE_SILENT = "forge_silent"
    NEEDS_DOWNTIME = "needs_downtime"
    DATABASE_UNREACHABLE = "database_unreachable"
    DATABASE_LOGIN_REFUSED = "database_login_refused"
    DATABASE_MISSING = "database_missing"
    DATABASE_DIFFERS = "database_differs"
    DATABASE_READ_ONLY = "database_read_only"
    BLOCKED_BY_SESSIONS = "blocked_by_sessions"
    BACKUP_IMPOSSIBLE = "backup_impossible"
    NOT_RESTORABLE = "not_restorable"
    NOT_DROPPED = "not_dropped"
    NO_PROVEN_BACKUP = "no_proven_backup"
    BACKUP_STORE_FAILED = "backup_store_failed"
    REHEARSAL_FAILED = "rehearsal_failed"
    NO_MIGRATIONS = "no_migrations"
    MIGRATIONS_UNREADABLE = "migrations_unreadable"
    MIGRATION_NOT_IN_GIT = "migration_not_in_git"
    NO_RELEASE = "no_release"
    NO_WAY_BACK = "no_way_back"
    NOT_BEHIND = "not_behind"
    NOT_THE_LATEST = "not_the_latest"
    DECISION_NOT_LEGAL = "move_not_legal"
    # what happened to a step
    EXIT_STATUS = "exit_status"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    NEVER_STARTED = "never_started"
    OUTCOME_UNKNOWN = "outcome_unknown"
    NOT_TAKEN_EFFECT = "not_taken_effect"
    MIGRATOR_UNANSWERED = "migrator_unanswered"
    MIGRATIONS_NOT_APPROVED = "migrations_not_approved"
    MIGRATED_OTHERWISE = "migrated_otherwise"
    ROWS_LOST = "rows_lost"
    STILL_RUNNING = "still_running"
    OVERTAKEN = "overtaken"
    # what happened to an approval
    REJECTED = "rejected"
    EXPIRED = "expired"
    START_MISSED = "start_missed"
    MOVED = "moved"
    OLDER_VERSION = "older_version"
    UNTRUSTED_COMMIT = "untrusted_commit"
    UNLISTED_COMMIT = "unlisted_commit"
    APPROVAL_UNREADABLE = "approval_unreadable"
    # what is wrong with a signature
    NOT_TO_BE_SIGNED = "not_to_be_signed"
    PLAN_NOT_SIGNABLE = "plan_not_signable"
    SIGNATURE_NOT_READABLE = "signature_not_readable"
    SIGNATURE_OTHER_NAMESPACE = "signature_other_namespace"
    SIGNATURE_NO_KEY = "signature_no_key"
    SIGNATURE_FOREIGN_KEY = "signature_foreign_key"
    SIGNATURE_KEY_NOT_VALID = "signature_key_not_valid"
    SIGNATURE_OTHER_TEXT = "signature_other_text"
    SIGNATURE_NOT_CHECKED = "signature_not_checked"
    SIGNATURE_TWICE = "signature_twice"
    SIGNATURE_OF_REQUESTER = "signature_of_requester"
    # what should not happen
    INTERNAL = "internal"


CUT = "cut"
"""The fact `why` of `host_unreachable` if an established connection was lost."""

ENDED = "ended"
"""The same if the host's end of a stream ended early, on a connection that is there."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Args:
        reason: a code.
        facts: the values that a message about it needs (names, paths, numbers), as text.
    """

    reason: Reason
    facts: Mapping[str, str] = field(default_factory=dict, metadata=stored(optional=True))


def problem(reason: Reason, **facts: str) -> Problem:
    """Build a problem from keywords."""
    return Problem(reason, facts)


class RefusedError(Exception):
    """A request is refused; the requester is shown the problem.

    Args:
        found: the problem.
    """

    def __init__(self, found: Problem) -> None:
        super().__init__(f"{found.reason}: {dict(found.facts)}")
        self.problem = found


class OutageError(Exception):
    """Something that everything needs does not answer.

    Whoever watches it logs that once; nobody logs each failure that follows from it, and none of them is the fault of
    the run that meets it.
    """
