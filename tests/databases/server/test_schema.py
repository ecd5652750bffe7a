"""Schemas compared: what people read, and what it does to data and to old code."""

import pytest

from bot.databases.migrations.sql.ddl import EffectKind, StatementEffect
from bot.databases.server.schema import canonical, parse_lines, schema_diff, schema_effects, schema_of

USERS = [
    ("column", "users", "id", "bigint(20)", "NO", "", "auto_increment"),
    ("column", "users", "fax", "varchar(40)", "YES", "'NULL'", ""),
    ("column", "users", "price", "decimal(8,2)", "NO", "'0.00'", ""),
    ("index", "users", "PRIMARY", "001", "0", "id", ""),
]
TOKEN = ("column", "users", "token_id", "varchar(100)", "YES", "'NULL'", "")
TOKEN_INDEX = ("index", "users", "users_token_id_index", "001", "1", "token_id", "")
PAIR = [
    ("index", "users", "pair", "002", "0", "fax", "20"),
    ("index", "users", "pair", "001", "0", "id", ""),
]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (USERS, USERS, []),
        (USERS, [*USERS, TOKEN, TOKEN_INDEX], ["+ users.token_id varchar(100) NULL, index"]),
        (USERS, [USERS[0], *USERS[2:]], ["- users.fax varchar(40) NULL"]),
        (USERS, [*USERS, *PAIR], ["+ users unique index pair (id, fax(20))"]),
        ([*USERS, *PAIR], USERS, ["- users unique index pair (id, fax(20))"]),
        (
            USERS,
            [USERS[0], ("column", "users", "fax", "text", "NO", "", ""), *USERS[2:]],
            ["~ users.fax varchar(40) NULL → text NOT NULL"],
        ),
        ([], USERS, ["+ table users (3 columns)"]),
        (USERS, [], ["- table users (3 columns)"]),
        (
            USERS,
            [*USERS[:2], ("column", "users", "price", "decimal(8,2)", "NO", "'it\\'s'", ""), USERS[3]],
            ["~ users.price decimal(8,2) NOT NULL DEFAULT 0.00 → decimal(8,2) NOT NULL DEFAULT it's"],
        ),
    ],
)
def test_a_change_reads_as_a_small_diff(before: list, after: list, lines: list[str]) -> None:
    found = schema_diff(schema_of(before), schema_of(after))
    assert [line for table in found.values() for line in table] == lines
    assert (canonical(schema_of(before)) == canonical(schema_of(after))) is (not lines)


@pytest.mark.parametrize(
    ("before", "after", "effects"),
    [
        (USERS, [*USERS, TOKEN], [StatementEffect(EffectKind.COLUMN_ADDED, "users", "token_id")]),
        (USERS, [USERS[0], *USERS[2:]], [StatementEffect(EffectKind.COLUMN_DROPPED, "users", "fax")]),
        (USERS, [], [StatementEffect(EffectKind.TABLE_DROPPED, "users")]),
        (
            USERS,
            [*USERS, ("column", "users", "x", "int(11)", "NO", "", "")],
            [
                StatementEffect(EffectKind.COLUMN_ADDED, "users", "x"),
                StatementEffect(EffectKind.COLUMN_REQUIRED, "users", "x"),
            ],
        ),
        (
            USERS,
            [*USERS[:2], ("column", "users", "price", "int(11)", "NO", "'0'", ""), USERS[3]],
            [
                StatementEffect(EffectKind.COLUMN_CHANGED, "users", "price"),
                StatementEffect(EffectKind.COLUMN_CUT, "users", "price"),
            ],
        ),
        (
            USERS,
            [USERS[0], ("column", "users", "fax", "varchar(40)", "NO", "", ""), *USERS[2:]],
            [
                StatementEffect(EffectKind.COLUMN_CHANGED, "users", "fax"),
                StatementEffect(EffectKind.COLUMN_REQUIRED, "users", "fax"),
            ],
        ),
    ],
)
def test_a_change_of_the_schema_tells_its_effects(before: list, after: list, effects: list[StatementEffect]) -> None:
    assert list(schema_effects(schema_of(before), schema_of(after))) == effects


def test_fields_are_read_as_the_client_escapes_them() -> None:
    assert parse_lines("a\\tb\tc\\\\n\n\td\\n\n") == (("a\tb", "c\\n"), ("", "d\n"))
