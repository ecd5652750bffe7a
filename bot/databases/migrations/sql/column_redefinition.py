"""Whether a column's new definition holds every value of its old one, in any SQL mode. Pure.

Only what is certain is said to hold: MySQL Reference Manual, "Data Types"; "CREATE TABLE" for the attributes.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.databases.migrations.sql.catalog import KnownColumn
from bot.databases.migrations.sql.lexer import SqlTokenKind, Token, UnreadableSqlError, tokens

_WHOLE = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "integer": 4, "bigint": 8}
_TEXTS = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215, "longtext": 4_294_967_295}
_BYTES = {"tinyblob": 255, "blob": 65_535, "mediumblob": 16_777_215, "longblob": 4_294_967_295}
_MOMENTS = frozenset({"datetime", "timestamp", "time"})
_LISTS = frozenset({"enum", "set"})
_CHARACTERS = frozenset({"char", "varchar", *_TEXTS, *_LISTS})
_AS_THEY_ARE = frozenset({"date", "year", "json", "double", "float", "binary"})
_BYTES_A_CHARACTER = 4


@dataclass(frozen=True)
class ColumnDefinition:
    """A column's definition.

    Args:
        type: without its size.
        size: what is in the brackets behind it, as it stands.
        unsigned: whether it holds no negative numbers.
        required: whether it cannot be NULL.
        nullable: whether it says that it can be NULL.
        charset: named for its texts; empty where none is.
        counts: whether it is `AUTO_INCREMENT`.
    """

    type: str
    size: tuple[str, ...] = ()
    unsigned: bool = False
    required: bool = False
    nullable: bool = False
    charset: str = ""
    counts: bool = False


def parse_definition(row: tuple[Token, ...]) -> ColumnDefinition | None:
    """Read a definition; None where it has a part that these rules do not know.

    Args:
        row: from the type on.
    """
    if not row or row[0].kind is not SqlTokenKind.WORD:
        return None
    size, rest = _size(row[1:])
    facts: dict[str, object] = {"type": row[0].text.lower(), "size": size}
    while rest:
        taken = _attribute(rest, facts)
        if taken == 0:
            return None
        rest = rest[taken:]
    return ColumnDefinition(**facts)  # type: ignore[arg-type]  # the keys are those of `_attribute`


def _size(row: tuple[Token, ...]) -> tuple[tuple[str, ...], tuple[Token, ...]]:
    if not row or not row[0].is_mark("("):
        return (), row
    end = next((place for place, token in enumerate(row) if token.is_mark(")")), len(row))
    return tuple(token.text for token in row[1:end] if not token.is_mark(",")), row[end + 1 :]


def _attribute(row: tuple[Token, ...], facts: dict[str, object]) -> int:
    """Note an attribute, and return how many tokens it has; 0 where it is not known."""
    head, after = row[0], row[1:]
    if head.is_word("UNSIGNED"):
        facts["unsigned"] = True
    elif head.is_word("NULL"):
        facts["nullable"] = True
    elif head.is_word("AUTO_INCREMENT"):
        facts["counts"] = True
    elif head.is_word("NOT") and after and after[0].is_word("NULL"):
        facts["required"] = True
        return 2
    elif head.is_word("CHARSET") and after:
        facts["charset"] = _bare(after[0])
        return 2
    elif head.is_word("CHARACTER") and len(after) > 1 and after[0].is_word("SET"):
        facts["charset"] = _bare(after[1])
        return 3
    elif head.is_word("COLLATE") and after:
        facts.setdefault("charset", _bare(after[0]).partition("_")[0])
        return 2
    elif head.is_word("COMMENT") and after and after[0].kind is SqlTokenKind.TEXT:
        return 2
    elif head.is_word("DEFAULT") and after:
        return 1 + _value(after)
    elif head.is_word("ON") and len(after) > 1 and after[0].is_word("UPDATE"):
        return 2 + _value(after[1:])
    elif head.is_word("AFTER") and after:
        return 2
    elif not head.is_word("FIRST", "INVISIBLE", "VISIBLE", "UNIQUE"):
        return 0
    return 1


def _value(row: tuple[Token, ...]) -> int:
    """Count the tokens of a default; an expression in brackets is not read."""
    if row[0].is_mark("-") or row[0].is_mark("+"):
        return 2
    if len(row) > 2 and row[0].is_word("CURRENT_TIMESTAMP", "NOW") and row[1].is_mark("("):
        return 3 if row[2].is_mark(")") else 4
    return 0 if row[0].kind is SqlTokenKind.MARK else 1


def _bare(token: Token) -> str:
    return token.text.strip("'\"").lower()


def holds_every_value(old: KnownColumn, definition: tuple[Token, ...], table_charset: str) -> bool:
    """Return whether it is certain that every value stays as it is.

    Args:
        old: the column before.
        definition: the new one, from the type on.
        table_charset: of new columns of the table; empty where unknown.
    """
    try:
        before, after = parse_definition(tokens(old.type)), parse_definition(definition)
    except UnreadableSqlError:
        return False
    if before is None or after is None or "generated" in old.extra:
        return False
    if old.nullable and (after.required or (after.type == "timestamp" and not after.nullable)):
        return False
    if after.counts and "auto_increment" not in old.extra:  # 0 would become the next number
        return False
    if before.type in _CHARACTERS and not _charset_holds(old.charset, before, after, table_charset):
        return False
    return _type_holds(before, after)


def _charset_holds(old: str, before: ColumnDefinition, after: ColumnDefinition, table_charset: str) -> bool:
    new = after.charset or table_charset
    if new == old != "":
        return True
    # in a larger character set a text of the same size in bytes holds fewer characters
    grows = before.type not in _TEXTS or _TEXTS.get(after.type, 0) > _TEXTS[before.type]
    return new == "utf8mb4" and grows


def _type_holds(before: ColumnDefinition, after: ColumnDefinition) -> bool:
    if before.type in _WHOLE:
        larger = _WHOLE.get(after.type, 0) - _WHOLE[before.type]
        return larger >= 0 if before.unsigned == after.unsigned else larger > 0 and before.unsigned
    if before.type in _LISTS:
        return after.type == before.type and after.size[: len(before.size)] == before.size
    if before.type in _MOMENTS:
        return after.type == before.type and _number(after) >= _number(before)
    if before.type == "decimal":
        return after.type in {"decimal", "numeric"} and _decimals_hold(before, after)
    if before.type == "bit":
        return after.type == "bit" and _number(after, 1) >= _number(before, 1)
    if before.type in {"varchar", "char", *_TEXTS}:
        return _capacity_holds(before, after, _TEXTS, "varchar", "char", _BYTES_A_CHARACTER)
    if before.type in {"varbinary", *_BYTES}:
        return _capacity_holds(before, after, _BYTES, "varbinary", "", 1)
    return (
        before.type in _AS_THEY_ARE
        and after.type == before.type
        and after.size == before.size
        and (after.unsigned == before.unsigned)
    )


def _capacity_holds(
    before: ColumnDefinition, after: ColumnDefinition, large: dict[str, int], variable: str, fixed: str, unit: int
) -> bool:
    if before.type in large:
        return not after.size and large.get(after.type, 0) >= large[before.type]
    longest = _number(before, 1)
    if after.type in large:
        return not after.size and large[after.type] >= longest * unit
    kinds = {variable} if before.type == variable else {variable, fixed}
    return after.type in kinds and _number(after, 1) >= longest


def _decimals_hold(before: ColumnDefinition, after: ColumnDefinition) -> bool:
    old, new = _digits(before), _digits(after)
    signs = before.unsigned or not after.unsigned
    return signs and new[1] >= old[1] and new[0] - new[1] >= old[0] - old[1]


def _digits(definition: ColumnDefinition) -> tuple[int, int]:
    sizes = [int(size) for size in definition.size if size.isdigit()]
    return (sizes[0] if sizes else 10), (sizes[1] if len(sizes) > 1 else 0)


def _number(definition: ColumnDefinition, default: int = 0) -> int:
    return int(definition.size[0]) if definition.size and definition.size[0].isdigit() else default
