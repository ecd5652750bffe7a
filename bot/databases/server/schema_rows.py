"""The rows in which a server tells its schema, and the schema that they make. Pure: others run the SQL."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bot.databases.server.schema import PARTS, Column, Index, Part, Schema

SCHEMA_SQL = """
    SELECT 'column', table_name, column_name, column_type, is_nullable,
        IF(column_default IS NULL, '',
            QUOTE(
                /*!80013 IF(LOCATE('DEFAULT_GENERATED', extra), column_default, QUOTE( */ column_default /*!80013 )) */
            )),
        CONCAT(extra, IF(COALESCE(generation_expression, '') = '', '', CONCAT(' AS (', generation_expression, ')'))),
        COALESCE(collation_name, ''), LEFT(column_comment, 200)
    FROM information_schema.columns WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'index', table_name, index_name, LPAD(seq_in_index, 3, '0'), non_unique,
        COALESCE(column_name, /*!80013 CONCAT('(', expression, ')'), */ ''), COALESCE(sub_part, ''),
        CONCAT(IF(index_type = 'BTREE', '', index_type), IF(collation = 'D', ' DESC', '')),
        CONCAT(/*!80000 IF(is_visible = 'NO', 'INVISIBLE ', ''), */ /*M!100600 IF(ignored = 'YES', 'IGNORED ', ''), */
            LEFT(index_comment, 200))
    FROM information_schema.statistics WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'table', table_name, '', COALESCE(engine, ''), COALESCE(table_collation, ''),
        IF(table_type = 'BASE TABLE', '', table_type), create_options, '', LEFT(table_comment, 200)
    FROM information_schema.tables WHERE table_schema = DATABASE()
        AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')
    UNION ALL
    SELECT 'foreign key', table_name, constraint_name, LPAD(ordinal_position, 3, '0'), column_name,
        IF(referenced_table_schema = DATABASE(), '', referenced_table_schema), referenced_table_name,
        referenced_column_name, ''
    FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL
    UNION ALL
    SELECT 'foreign key', table_name, constraint_name, '', '', '', '', update_rule, delete_rule
    FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()
    UNION ALL
    SELECT 'partition', table_name, partition_name, COALESCE(subpartition_name, ''), partition_method,
        COALESCE(partition_expression, ''), COALESCE(partition_description, ''),
        CONCAT(COALESCE(subpartition_method, ''), ' ', COALESCE(subpartition_expression, '')),
        LEFT(partition_comment, 200)
    FROM information_schema.partitions WHERE table_schema = DATABASE() AND partition_name IS NOT NULL
    /*M!100210 UNION ALL
    SELECT 'check', table_name, constraint_name, LEFT(check_clause, 400), SHA2(check_clause, 256), '', '', '', ''
    FROM information_schema.check_constraints WHERE constraint_schema = DATABASE() */
    /*!80016 UNION ALL
    SELECT 'check', t.table_name, c.constraint_name, LEFT(c.check_clause, 400), SHA2(c.check_clause, 256),
        IF(t.enforced = 'NO', 'NOT ENFORCED', ''), '', '', ''
    FROM information_schema.check_constraints c
    JOIN information_schema.table_constraints t
        ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name
    WHERE c.constraint_schema = DATABASE() AND t.constraint_type = 'CHECK' */
    UNION ALL
    SELECT 'view', table_name, '', '', SHA2(REPLACE(view_definition, CONCAT('`', DATABASE(), '`.'), ''), 256),
        check_option, security_type, '', ''
    FROM information_schema.views WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'trigger', event_object_table, trigger_name, CONCAT(action_timing, ' ', event_manipulation),
        SHA2(action_statement, 256), '', '', '', ''
    FROM information_schema.triggers
    WHERE trigger_schema = DATABASE() AND LEFT(trigger_name, 12) <> 'countersign_'
    UNION ALL
    SELECT LOWER(routine_type), routine_name, '', COALESCE(dtd_identifier, ''),
        COALESCE(SHA2(routine_definition, 256), ''), sql_data_access, security_type,
        IF(is_deterministic = 'YES', 'DETERMINISTIC', ''), LEFT(routine_comment, 200)
    FROM information_schema.routines WHERE routine_schema = DATABASE()
    UNION ALL
    SELECT LOWER(routine_type), specific_name, LPAD(ordinal_position, 3, '0'), COALESCE(parameter_mode, ''),
        parameter_name, COALESCE(dtd_identifier, ''), '', '', ''
    FROM information_schema.parameters WHERE specific_schema = DATABASE() AND ordinal_position > 0
    UNION ALL
    SELECT 'event', event_name, '', CONCAT_WS(' ', execute_at, interval_value, interval_field),
        SHA2(event_definition, 256), on_completion, COALESCE(ends, ''), '', LEFT(event_comment, 200)
    FROM information_schema.events WHERE event_schema = DATABASE()
"""
"""Rows of nine texts: the kind, what it belongs to, its name, and six of its own. A default is the text of its SQL,
quoted: MariaDB has that text, and the word NULL for columns that may be NULL; MySQL has the value of a constant, and
nothing for NULL. A missing one is not quoted, for that gives the word NULL. MySQL alone has indexes on expressions. It
alone reads what begins with `/*!80013`, from then on, and MariaDB alone what begins with `/*M!`. Triggers called
`countersign_…` are those by which a rehearsal watches. Of what is free SQL there is a digest: it may be long, and it is
compared, not shown; who owns it is another account in a copy."""

_FIELDS = 9
_SHOWN_DIGITS = 12
_WHOLE_DIGEST = 64
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\\\": "\\", "\\0": "\0"}
_KINDS = PARTS | {"column", "index"}


def schema_of(rows: Iterable[Sequence[object]]) -> Schema:
    """Build a schema from the rows of `SCHEMA_SQL`.

    Raises:
        ValueError: a row is not of that form.
    """
    by_kind: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for row in rows:
        texts = tuple(_text(value) for value in row)
        if len(texts) != _FIELDS or texts[0] not in _KINDS:
            raise ValueError(f"not a row of a schema: {texts[:2]!r}")
        by_kind[texts[0]].append(texts[1:])
    collations = {of[0]: of[3] for of in by_kind["table"]}
    columns = (_column(texts, collations) for texts in by_kind.pop("column", []))
    indexes = _grouped(by_kind.pop("index", []))
    keys = _grouped(by_kind.pop("foreign key", []))
    parts = [_foreign_key(*key, texts) for key, texts in keys.items()]
    for kind, of_kind in by_kind.items():
        parts += [Part(kind, *key, _definition(texts)) for key, texts in _grouped(of_kind).items()]
    return Schema(
        {(column.table, column.name): column for column in columns},
        {key: _index_of(*key, texts) for key, texts in indexes.items()},
        {(part.kind, part.owner, part.name): part for part in parts},
    )


def _grouped(rows: Iterable[tuple[str, ...]]) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """Put together what has one owner and name, in order."""
    found: dict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
    for owner, name, *texts in sorted(rows):
        found[owner, name].append(tuple(texts))
    return found


def _column(texts: tuple[str, ...], collations: Mapping[str, str]) -> Column:
    table, name, type_, nullable, default, extra, collation, comment = texts
    own = collation if collations.get(table, collation) != collation else ""
    return Column(table, name, type_, nullable == "YES", default, extra, own, comment)


def _index_of(table: str, name: str, rows: Sequence[tuple[str, ...]]) -> Index:
    columns, extra = [], ""
    for _, _, column, length, kind, beside in rows:
        how, _, direction = kind.partition(" ")
        columns.append(column + (f"({length})" if length else "") + (f" {direction}" if direction else ""))
        extra = " ".join(filter(None, (how, beside.strip())))
    return Index(table, name, rows[0][1] == "0", tuple(columns), extra)


def _foreign_key(table: str, name: str, rows: Sequence[tuple[str, ...]]) -> Part:
    pairs = [row for row in rows if row[0]]
    rules = {
        f"ON {when} {rule}" for row in rows if not row[0] for when, rule in (("UPDATE", row[4]), ("DELETE", row[5]))
    }
    does = sorted(rule for rule in rules if not rule.endswith(("RESTRICT", "NO ACTION")))
    own, others = ", ".join(row[1] for row in pairs), ", ".join(row[4] for row in pairs)
    to = ".".join(filter(None, pairs[0][2:4])) if pairs else ""
    return Part("foreign key", table, name, " ".join((f"({own}) → {to} ({others})", *does)))


def _definition(rows: Sequence[tuple[str, ...]]) -> str:
    return ", ".join(" ".join(_shown(text) for text in row if text.strip()) for row in rows)


def _shown(text: str) -> str:
    return text[:_SHOWN_DIGITS] if len(text) == _WHOLE_DIGEST and not text.strip("0123456789abcdef") else text.strip()


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def parse_lines(text: str) -> tuple[tuple[str, ...], ...]:
    """Read rows as a server's client writes them with `--batch`: tabs between fields, blanks escaped.

    Args:
        text: its output.
    """
    return tuple(
        tuple(re.sub(r"\\[tn\\0]", lambda m: _ESCAPES[m.group()], field) for field in line.split("\t"))
        for line in text.split("\n")
        if line
    )
