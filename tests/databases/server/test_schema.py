"""Schemas compared: what people read, and what it does to data and to old code."""

import pytest

from bot.databases.migrations.sql.ddl import EffectKind, StatementEffect
from bot.databases.server.schema import canonical, schema_diff, schema_digests, schema_effects
from bot.databases.server.schema_rows import parse_lines, schema_of

USERS = [
    ("column", "users", "id", "bigint(20)", "NO", "", "auto_increment", "", ""),
    ("column", "users", "fax", "varchar(40)", "YES", "'NULL'", "", "", ""),
    ("column", "users", "price", "decimal(8,2)", "NO", "'0.00'", "", "", ""),
    ("index", "users", "PRIMARY", "001", "0", "id", "", "", ""),
]
TABLE = ("table", "users", "", "InnoDB", "utf8mb4_bin", "", "", "", "")
DIGEST = "3f2a9c0b1d4e" + "0" * 52
KEY = ("foreign key", "users", "fk", "001", "id", "", "accounts", "id", "")
RULES = ("foreign key", "users", "fk", "", "", "", "", "RESTRICT", "CASCADE")
CHECK = ("check", "users", "positive", "(`price` > 0)", DIGEST, "", "", "", "")
TRIGGER = ("trigger", "users", "keeps", "BEFORE INSERT", DIGEST, "", "", "", "")
VIEW = ("view", "recent", "", "", DIGEST, "NONE", "DEFINER", "", "")
FUNCTION = [
    ("function", "twice", "001", "IN", "a", "int", "", "", ""),
    ("function", "twice", "", "int", DIGEST, "NO SQL", "DEFINER", "DETERMINISTIC", ""),
]
TOKEN = ("column", "users", "token_id", "varchar(100)", "YES", "'NULL'", "", "", "")
TOKEN_INDEX = ("index", "users", "users_token_id_index", "001", "1", "token_id", "", "", "")
PAIR = [
    ("index", "users", "pair", "002", "0", "fax", "20", "", ""),
    ("index", "users", "pair", "001", "0", "id", "", "", ""),
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
            [USERS[0], ("column", "users", "fax", "text", "NO", "", "", "", ""), *USERS[2:]],
            ["~ users.fax varchar(40) NULL → text NOT NULL"],
        ),
        ([], USERS, ["+ table users (3 columns)"]),
        (USERS, [], ["- table users (3 columns)"]),
        (
            USERS,
            [*USERS[:2], ("column", "users", "price", "decimal(8,2)", "NO", "'it\\'s'", "", "", ""), USERS[3]],
            ["~ users.price decimal(8,2) NOT NULL DEFAULT 0.00 → decimal(8,2) NOT NULL DEFAULT it's"],
        ),
        (
            [*USERS, TABLE],
            [*USERS, ("table", "users", "", "MyISAM", "utf8mb4_bin", "", "row_format=FIXED", "", "people")],
            ["~ table users InnoDB utf8mb4_bin → MyISAM utf8mb4_bin row_format=FIXED people"],
        ),
        (USERS, [*USERS, KEY, RULES], ["+ foreign key users.fk (id) → accounts (id) ON DELETE CASCADE"]),
        (
            [*USERS, KEY, RULES],
            [*USERS, KEY, (*RULES[:8], "SET NULL")],
            ["~ foreign key users.fk (id) → accounts (id) ON DELETE CASCADE → (id) → accounts (id) ON DELETE SET NULL"],
        ),
        (USERS, [*USERS, CHECK], ["+ check users.positive (`price` > 0) 3f2a9c0b1d4e"]),
        ([*USERS, TRIGGER], USERS, ["- trigger users.keeps BEFORE INSERT 3f2a9c0b1d4e"]),
        (
            [*USERS, VIEW],
            [*USERS, (*VIEW[:4], "a" * 64, *VIEW[5:])],
            ["~ view recent 3f2a9c0b1d4e NONE DEFINER → aaaaaaaaaaaa NONE DEFINER"],
        ),
        (
            USERS,
            [*USERS, *FUNCTION],
            [
                "+ function twice int 3f2a9c0b1d4e NO SQL DEFINER DETERMINISTIC",
                "+ function twice.001 IN a int",
            ],
        ),
        (
            [*USERS, ("column", "users", "x", "text", "YES", "", "", "utf8mb4_bin", ""), TABLE],
            [*USERS, ("column", "users", "x", "text", "YES", "", "", "latin1_bin", "old"), TABLE],
            ["~ users.x text NULL → text COLLATE latin1_bin NULL COMMENT 'old'"],
        ),
        (
            USERS,
            [*USERS, (*TOKEN_INDEX[:7], "HASH DESC", "IGNORED by day")],
            ["+ users index users_token_id_index (token_id DESC) HASH IGNORED by day"],
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
            [*USERS, ("column", "users", "x", "int(11)", "NO", "", "", "", "")],
            [
                StatementEffect(EffectKind.COLUMN_ADDED, "users", "x"),
                StatementEffect(EffectKind.COLUMN_REQUIRED, "users", "x"),
            ],
        ),
        (
            USERS,
            [*USERS[:2], ("column", "users", "price", "int(11)", "NO", "'0'", "", "", ""), USERS[3]],
            [
                StatementEffect(EffectKind.COLUMN_CHANGED, "users", "price"),
                StatementEffect(EffectKind.COLUMN_CUT, "users", "price"),
            ],
        ),
        (
            USERS,
            [USERS[0], ("column", "users", "fax", "varchar(40)", "NO", "", "", "", ""), *USERS[2:]],
            [
                StatementEffect(EffectKind.COLUMN_CHANGED, "users", "fax"),
                StatementEffect(EffectKind.COLUMN_REQUIRED, "users", "fax"),
            ],
        ),
    ],
)
def test_a_change_of_the_schema_tells_its_effects(before: list, after: list, effects: list[StatementEffect]) -> None:
    assert list(schema_effects(schema_of(before), schema_of(after))) == effects


def test_a_table_is_compared_with_its_options_keys_and_partitions_and_free_sql_by_itself() -> None:
    part = ("partition", "users", "p0", "", "HASH", "`id`", "", " ", "")
    schema = schema_of([*USERS, TABLE, KEY, RULES, part, CHECK, TRIGGER, VIEW, *FUNCTION])
    others = {"check users.positive", "trigger keeps", "view recent", "function twice"}
    assert schema_digests(schema).keys() == schema.places == {"users", *others}
    assert {of.kind for of in schema.of(["users"]).parts.values()} == {"table", "foreign key", "partition"}
    assert len(schema.of(["function twice"]).parts) == 2


def test_what_an_earlier_version_read_of_a_schema_is_still_known() -> None:
    collated = ("column", "users", "x", "text", "YES", "", "", "latin1_bin", "old")
    index = (*TOKEN_INDEX[:7], " DESC", "IGNORED by day")
    now = schema_of([*USERS, TABLE, KEY, RULES, CHECK, collated, index])
    then = schema_of([*USERS, (*collated[:7], "", ""), TOKEN_INDEX])
    assert canonical(now.as_once_read()) == canonical(then)


def test_what_is_no_row_of_a_schema_is_refused() -> None:
    for row in (("column", "users", "id"), ("table", "a", "", "", "", "", "", "", "", ""), ("grant", *USERS[0][1:])):
        with pytest.raises(ValueError, match="not a row"):
            schema_of([row])


def test_fields_are_read_as_the_client_escapes_them() -> None:
    assert parse_lines("a\\tb\tc\\\\n\n\td\\n\n") == (("a\tb", "c\\n"), ("", "d\n"))
