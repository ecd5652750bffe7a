"""What is said of a migration and of its statements: operations, effects, risks and their reasons."""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    """The kind of a statement."""

    CREATE_TABLE = "create_table"
    ALTER_TABLE = "alter_table"
    DROP_TABLE = "drop_table"
    RENAME_TABLE = "rename_table"
    TRUNCATE = "truncate"
    CREATE_INDEX = "create_index"
    DROP_INDEX = "drop_index"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    SELECT = "select"
    OTHER = "other"
    """A view, a routine, a setting, or something that the rules do not cover."""


class EffectKind(StrEnum):
    """The kind of an effect on one table, column or index."""

    TABLE_CREATED = "table_created"
    TABLE_DROPPED = "table_dropped"
    TABLE_RENAMED = "table_renamed"
    COLUMN_ADDED = "column_added"
    COLUMN_REQUIRED = "column_required"
    """Added or changed to NOT NULL without a default, so that inserts that do not name it are refused."""
    COLUMN_DROPPED = "column_dropped"
    COLUMN_RENAMED = "column_renamed"
    COLUMN_CHANGED = "column_changed"
    COLUMN_CUT = "column_cut"
    """Changed to a type that does not hold every value of the old one."""
    INDEX_ADDED = "index_added"
    INDEX_DROPPED = "index_dropped"
    ROWS_ADDED = "rows_added"
    ROWS_CHANGED = "rows_changed"
    ROWS_FILLED = "rows_filled"
    """Changed only in columns that the same run has added, so that nothing is overwritten."""
    ROWS_DELETED = "rows_deleted"
    TABLE_CHANGED = "table_changed"
    UNKNOWN = "unknown"
    """It is not certain that all data is kept."""


class Online(StrEnum):
    """The ways to change a table, from the least disruptive to the most."""

    INSTANT = "INSTANT"
    """Only the table's metadata changes."""
    NOCOPY = "NOCOPY"
    """Something is built without rebuilding the table (MariaDB)."""
    INPLACE = "INPLACE"
    """Inside the engine; it may rebuild the table. Reading and writing go on, unless `writes_wait`."""
    COPY = "COPY"
    """Row by row into a new table, while writers wait."""
    UNKNOWN = "unknown"


class MigrationRisk(StrEnum):
    """The risk of a migration, from low to high."""

    SAFE = "safe"
    SLOW = "slow"
    BLOCKING = "blocking"
    UNKNOWN = "unknown"
    """What it does cannot be known."""
    DESTRUCTIVE = "destructive"
    """It drops or rewrites data."""


class RiskReason(StrEnum):
    """Why a migration has its risk."""

    # safe
    NOTHING = "nothing"
    """It changes no table."""
    NEW_TABLE = "new_table"
    INSTANT = "instant"
    ONLINE = "online"
    # slow or blocking
    BUILDS = "builds"
    """A large table is worked on while reading and writing go on."""
    FILLS = "fills"
    """Many rows are written."""
    COPY = "copy"
    """The table is rebuilt while writes wait."""
    WRITES_WAIT = "writes_wait"
    UNPREDICTED = "unpredicted"
    # unknown
    UNREAD = "unread"
    """SQL that could not be read."""
    NOT_PREVIEWED = "not_previewed"
    READ_ROWS_WROTE_NONE = "read_rows_wrote_none"
    """It read rows of which the copy had a sample or none, and wrote none."""
    LOG_INCOMPLETE = "log_incomplete"
    """The log of what it ran is not complete."""
    SANDBOX_ONLY = "sandbox_only"
    """It failed in a way that only the sandbox or a sample of the rows can cause."""
    REACHED_OUT = "reached_out"
    """It tried to reach what a sandbox has not, so that what it would do there cannot be known."""
    # destructive
    SOURCE_SAYS = "source_says"
    """There is no preview; its source has a word that destroys."""
    ROWS_LOST = "rows_lost"
    """Rows were gone after it ran."""
    ROWS_REWRITTEN = "rows_rewritten"
    """Rows were different after it ran."""
    TABLE_DROPPED = EffectKind.TABLE_DROPPED.value
    COLUMN_DROPPED = EffectKind.COLUMN_DROPPED.value
    COLUMN_CUT = EffectKind.COLUMN_CUT.value
    ROWS_CHANGED = EffectKind.ROWS_CHANGED.value
    ROWS_DELETED = EffectKind.ROWS_DELETED.value


class DownMethod(StrEnum):
    """Whether a migration's source says how to undo it."""

    YES = "yes"
    MISSING = "missing"
    EMPTY = "empty"
    UNKNOWN = "unknown"
    """Its language is not supported."""
