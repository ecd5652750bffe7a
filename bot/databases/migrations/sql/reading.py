"""Whether evaluating a part of a statement is certain to run no code of the database's own. Pure.

A function, or a view that calls one, may delete rows wherever it is read (MySQL Reference Manual, "Stored Routines").
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.databases.migrations.sql.catalog import Catalog
from bot.databases.migrations.sql.lexer import SqlTokenKind, Token, starts_with
from bot.databases.migrations.sql.names import read_name

_FUNCTIONS = frozenset(
    re.findall(
        r"\w+",
        """
    ABS ACOS ADDDATE ADDTIME ASCII ASIN ATAN ATAN2 AVG BIN BIT_AND BIT_COUNT BIT_LENGTH BIT_OR BIT_XOR CAST CEIL
    CEILING CHAR CHARACTER_LENGTH CHAR_LENGTH CHARSET COALESCE COLLATION CONCAT CONCAT_WS CONNECTION_ID CONV
    CONVERT CONVERT_TZ COS COT COUNT CRC32 CURDATE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
    CURTIME DATABASE DATE DATEDIFF DATE_ADD DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR
    DECIMAL DEGREES ELT EXP EXPORT_SET EXTRACT FIELD FIND_IN_SET FLOOR FORMAT FOUND_ROWS FROM_BASE64 FROM_DAYS
    FROM_UNIXTIME GREATEST GROUP_CONCAT HEX HOUR IF IFNULL INET6_ATON INET6_NTOA INET_ATON INET_NTOA INSERT
    INSTR ISNULL JSON_ARRAY JSON_ARRAYAGG JSON_ARRAY_APPEND JSON_ARRAY_INSERT JSON_CONTAINS JSON_CONTAINS_PATH
    JSON_DEPTH JSON_EXTRACT JSON_INSERT JSON_KEYS JSON_LENGTH JSON_MERGE_PATCH JSON_MERGE_PRESERVE JSON_OBJECT
    JSON_OBJECTAGG JSON_QUOTE JSON_REMOVE JSON_REPLACE JSON_SEARCH JSON_SET JSON_TYPE JSON_UNQUOTE JSON_VALID
    JSON_VALUE LAST_DAY LAST_INSERT_ID LCASE LEAST LEFT LENGTH LN LOCATE LOG LOG10 LOG2 LOWER LPAD LTRIM
    MAKEDATE MAKETIME MAX MD5 MICROSECOND MID MIN MINUTE MOD MONTH MONTHNAME NOW NULLIF OCT OCTET_LENGTH ORD
    PERIOD_ADD PERIOD_DIFF PI POSITION POW POWER QUARTER QUOTE RADIANS RAND REGEXP_INSTR REGEXP_REPLACE
    REGEXP_SUBSTR REPEAT REPLACE REVERSE RIGHT ROUND ROW ROW_COUNT ROW_NUMBER RPAD RTRIM SCHEMA SECOND
    SEC_TO_TIME SHA SHA1 SHA2 SIGN SIN SOUNDEX SPACE SQRT STD STDDEV STR_TO_DATE SUBDATE SUBSTR SUBSTRING
    SUBSTRING_INDEX SUBTIME SUM SYSDATE TAN TIME TIMEDIFF TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF TIME_FORMAT
    TIME_TO_SEC TO_BASE64 TO_DAYS TO_SECONDS TRIM TRUNCATE UCASE UNHEX UNIX_TIMESTAMP UPPER USER UTC_DATE
    UTC_TIME UTC_TIMESTAMP UUID VARIANCE VERSION WEEK WEEKDAY WEEKOFYEAR YEAR YEARWEEK RANK DENSE_RANK LAG LEAD
    FIRST_VALUE LAST_VALUE NTILE VALUES
    """,
    )
)
"""Functions of both MySQL and MariaDB that change nothing. With a blank before its bracket even `COUNT` may be a stored
function of that name (MySQL Reference Manual, "Function Name Parsing and Resolution")."""

_BEFORE_A_BRACKET = frozenset(
    re.findall(
        r"\w+",
        """
    ALL AND AS BETWEEN BY CASE DISTINCT DIV ELSE EXCEPT EXISTS FROM GROUP HAVING IN INDEX INNER INTERSECT
    INTERVAL INTO IS JOIN KEY LIKE LIMIT MOD NOT ON OR ORDER OVER PARTITION REGEXP RLIKE SELECT SET
    STRAIGHT_JOIN THEN UNION UPDATE USING VALUES WHEN WHERE WITH XOR RETURNING CROSS
    """,
    )
)
"""Reserved words: no function can be called so without quotes."""

_REFUSED = ("OUTFILE", "DUMPFILE", "PROCEDURE", "NEXT", "PREVIOUS")
_TABLE_FOLLOWS = ("FROM", "JOIN", "STRAIGHT_JOIN", "TABLE")
_TABLES_END = (
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "SELECT",
    "UNION",
    "SET",
    "WINDOW",
    "FOR",
    "LOCK",
    "VALUES",
)


def only_reads(row: tuple[Token, ...], catalog: Catalog | None) -> bool:
    """Return whether it is certain that evaluating a row changes nothing and writes no file.

    Args:
        row: a query, or expressions.
        catalog: of the database; without it no table is known to be more than a view.
    """
    if any(token.is_word(*_REFUSED) for token in row):
        return False
    if catalog is not None and any(token.can_name and token.text.lower() in catalog.executable for token in row):
        return False
    return _calls_are_harmless(row) and all(_is_base_table(name, row, catalog) for name in _tables(row))


def _calls_are_harmless(row: tuple[Token, ...]) -> bool:
    for place, token in enumerate(row[1:], 1):
        before = row[place - 1]
        if not token.is_mark("("):
            continue
        if before.kind in {SqlTokenKind.NAME, SqlTokenKind.TEXT}:
            return False
        if before.kind is SqlTokenKind.WORD:
            qualified = place > 1 and row[place - 2].is_mark(".")
            function = before.is_word(*_FUNCTIONS) and before.end == token.start
            if qualified or not (function or before.is_word(*_BEFORE_A_BRACKET)):
                return False
    return True


def _tables(row: tuple[Token, ...]) -> Iterator[tuple[str, ...]]:
    """Yield what stands where a table stands, as its parts; nothing at all where it cannot be read."""
    in_tables, awaited = [False], False
    for place, token in enumerate(row):
        if token.is_mark("("):
            in_tables.append(in_tables[-1] if awaited else False)
        elif token.is_mark(")"):
            if len(in_tables) > 1:
                in_tables.pop()
            awaited = False
        elif token.is_word(*_TABLE_FOLLOWS):
            in_tables[-1] = awaited = True
        elif token.is_mark(","):
            awaited = in_tables[-1]
        elif awaited:
            awaited = False
            if token.is_word("SELECT", "WITH", "VALUES"):
                in_tables[-1] = False
            elif token.is_word("LATERAL"):
                awaited = True
            else:
                name, _ = read_name(row[place:])
                yield tuple(name.split(".")) if token.can_name else ()
        elif token.is_word(*_TABLES_END):
            in_tables[-1] = False


def _is_base_table(parts: tuple[str, ...], row: tuple[Token, ...], catalog: Catalog | None) -> bool:
    if len(parts) == 2:
        return parts[0].lower() == "information_schema"
    if len(parts) != 1 or not parts[0]:
        return False
    name = parts[0]
    if name.upper() == "DUAL" or (starts_with(row, "WITH") and _is_common_table(name, row)):
        return True
    return catalog is not None and name in catalog.tables


def _is_common_table(name: str, row: tuple[Token, ...]) -> bool:
    return any(
        token.can_name and token.text == name and row[place + 1].is_word("AS") and row[place + 2].is_mark("(")
        for place, token in enumerate(row[:-2])
    )
