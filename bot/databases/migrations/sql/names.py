"""Names at the beginning of a row of tokens. Pure."""

from __future__ import annotations

from bot.databases.migrations.sql.lexer import Token, starts_with


def read_name(row: tuple[Token, ...]) -> tuple[str, tuple[Token, ...]]:
    """Read a name, perhaps qualified, and what follows it; the name is empty where there is none.

    Args:
        row: of tokens.
    """
    if not row or not row[0].can_name:
        return "", row
    if len(row) >= 3 and row[1].is_mark(".") and row[2].can_name:
        return f"{row[0].text}.{row[2].text}", row[3:]
    return row[0].text, row[1:]


def is_qualified(row: tuple[Token, ...]) -> bool:
    """Return whether the row begins with a name that has its database before it, or with none that can be read.

    Args:
        row: of tokens.
    """
    return not row or not row[0].can_name or (len(row) > 1 and row[1].is_mark("."))


def without_existence(row: tuple[Token, ...]) -> tuple[Token, ...]:
    """Drop a leading `IF EXISTS`, `IF NOT EXISTS`.

    Args:
        row: of tokens.
    """
    if starts_with(row, "IF", "NOT", "EXISTS"):
        return row[3:]
    return row[2:] if starts_with(row, "IF", "EXISTS") else row


def without_waiting(row: tuple[Token, ...]) -> tuple[Token, ...]:
    """Drop a leading `NOWAIT` or `WAIT n`, which MariaDB allows behind a table's name.

    Args:
        row: of tokens.
    """
    if starts_with(row, "NOWAIT"):
        return row[1:]
    return row[2:] if starts_with(row, "WAIT") else row
