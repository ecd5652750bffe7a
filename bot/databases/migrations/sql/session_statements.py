"""Statements about the session, and others that leave all data alone. Pure."""

from __future__ import annotations

from bot.databases.migrations.sql.catalog import Catalog
from bot.databases.migrations.sql.lexer import SqlTokenKind, Token, clauses, starts_with
from bot.databases.migrations.sql.reading import only_reads

_VARIABLES = frozenset(
    {"FOREIGN_KEY_CHECKS", "UNIQUE_CHECKS", "TIME_ZONE", "AUTOCOMMIT", "LOCK_WAIT_TIMEOUT", "INNODB_LOCK_WAIT_TIMEOUT"}
    | {"WAIT_TIMEOUT", "GROUP_CONCAT_MAX_LEN", "COLLATION_CONNECTION", "CHARACTER_SET_RESULTS", "SQL_AUTO_IS_NULL"}
)
"""Settings of a session that change neither a row nor how a later statement is read."""

_MODES = frozenset(
    {"ERROR_FOR_DIVISION_BY_ZERO", "NO_AUTO_CREATE_USER", "NO_AUTO_VALUE_ON_ZERO", "NO_ENGINE_SUBSTITUTION"}
    | {"NO_ZERO_DATE", "NO_ZERO_IN_DATE", "ONLY_FULL_GROUP_BY", "STRICT_ALL_TABLES", "STRICT_TRANS_TABLES"}
    | {"TRADITIONAL", ""}
)
"""SQL modes that leave it as it is where names and literals end."""

_CHARSETS = frozenset({"utf8mb4", "utf8mb3", "utf8", "binary", "latin1"})
"""Character sets of a session in which every byte of a quote or backslash is one."""

_TRANSACTIONS = frozenset(
    {"BEGIN", "BEGIN WORK", "COMMIT", "COMMIT WORK", "ROLLBACK", "ROLLBACK WORK", "START TRANSACTION"}
    | {"START TRANSACTION READ ONLY", "START TRANSACTION READ WRITE", "START TRANSACTION WITH CONSISTENT SNAPSHOT"}
    | {"UNLOCK TABLES", "SET TRANSACTION READ ONLY", "SET TRANSACTION READ WRITE"}
)
_NAMED = (
    ("SAVEPOINT",),
    ("RELEASE", "SAVEPOINT"),
    ("ROLLBACK", "TO", "SAVEPOINT"),
    ("ROLLBACK", "TO"),
    ("LOCK", "TABLES"),
    ("LOCK", "TABLE"),
    ("ANALYZE", "TABLE"),
    ("ANALYZE", "LOCAL", "TABLE"),
    ("ANALYZE", "NO_WRITE_TO_BINLOG", "TABLE"),
    ("CHECK", "TABLE"),
    ("CHECKSUM", "TABLE"),
    ("OPTIMIZE", "TABLE"),
    ("DEALLOCATE", "PREPARE"),
    ("SET", "SESSION", "TRANSACTION"),
    ("SET", "TRANSACTION", "ISOLATION"),
)
"""Beginnings behind which only names and words follow."""


def leaves_data_alone(row: tuple[Token, ...], catalog: Catalog | None) -> bool:
    """Return whether a statement is certain to change no data, nor how a later statement is read.

    Args:
        row: the statement.
        catalog: of the database before it.
    """
    if not row:
        return True
    if all(token.kind is SqlTokenKind.WORD for token in row) and " ".join(t.text.upper() for t in row) in _TRANSACTIONS:
        return True
    if any(starts_with(row, *words) for words in _NAMED):
        return all(token.can_name or token.is_mark(",") or token.is_mark(".") for token in row)
    if row[0].is_word("EXPLAIN", "DESCRIBE", "DESC"):
        return _explains(row[1:], catalog)
    return row[0].is_word("SET") and all(_sets_harmlessly(part) for part in clauses(row[1:]))


def _explains(row: tuple[Token, ...], catalog: Catalog | None) -> bool:
    """Return whether what is explained changes nothing even if the server evaluates parts of it."""
    if starts_with(row, "FORMAT") and len(row) > 2 and row[1].is_mark("="):
        row = row[3:]
    if starts_with(row, "SELECT"):
        return only_reads(row, catalog)
    if len(row) > 2 and row[1].is_mark("."):
        row = row[2:]
    of_a_table = 1 <= len(row) <= 2
    return of_a_table and all(token.can_name for token in row)


def _sets_harmlessly(part: tuple[Token, ...]) -> bool:
    if any(token.is_mark("(") for token in part):
        return False
    if starts_with(part, "NAMES") or starts_with(part, "CHARACTER", "SET"):
        charset = part[1] if part[0].is_word("NAMES") and len(part) > 1 else part[-1]
        return charset.text.strip("'\"").lower() in _CHARSETS
    name, value = _assignment(part)
    if len(value) != 1:
        return False
    # In what a private server logged, a literal is a question mark.
    literal = value[0].kind in {SqlTokenKind.TEXT, SqlTokenKind.NUMBER} or value[0].is_mark("?")
    if name == "SQL_MODE":
        return value[0].kind is SqlTokenKind.TEXT and set(_modes(value[0])) <= _MODES
    if name.startswith("@") and not name.startswith("@@"):
        return literal
    return name in _VARIABLES and (literal or value[0].kind is SqlTokenKind.WORD)


def _assignment(part: tuple[Token, ...]) -> tuple[str, tuple[Token, ...]]:
    """Read the variable of the session that is set, and what it is set to; empty where it is none."""
    place = next((at for at, token in enumerate(part) if token.is_mark("=")), 0)
    left, value = part[:place], part[place + 1 :]
    if left and left[-1].is_mark(":"):
        left = left[:-1]
    words = [token.text.upper() for token in left if not token.is_mark(".")]
    if words and words[0] in {"SESSION", "LOCAL", "@@SESSION", "@@LOCAL"}:
        words = words[1:]
    if len(words) != 1:
        return "", ()
    return words[0].removeprefix("@@"), value


def _modes(token: Token) -> list[str]:
    return [mode.strip().upper() for mode in token.text[1:-1].split(",")]
