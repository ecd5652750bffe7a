"""What statements do, as a table; and the two forms in which Laravel prints them."""

from pathlib import Path

import pytest

from bot.databases.migrations.pretend import parse_pretend
from bot.databases.migrations.sql.catalog import Catalog, KnownColumn
from bot.databases.migrations.sql.ddl import EffectKind as Kind
from bot.databases.migrations.sql.ddl import Operation, StatementEffect, read_statement, read_statements

GOLDEN = Path(__file__).parent / "pretend"

SQL = [
    "alter table `user_sessions` add `token_id` varchar(100) null",
    "alter table `user_sessions` add index `user_sessions_token_id_index`(`token_id`)",
    "update `users`\n  set name = 'a: b'\n where name is null",
    "alter table `users` drop `fax`",
]


@pytest.mark.parametrize(
    ("file", "labels"),
    [
        (
            "laravel_8.txt",
            ["AddTokenIdToUserSessionsTable"] * 2 + ["2025_11_18_074003_fill_names", "DropFax"],
        ),
        (
            "laravel_11.txt",
            ["2025_11_16_074003_add_token_id_to_user_sessions_table"] * 2
            + ["2025_11_18_074003_fill_names", "2025_11_19_074003_drop_fax"],
        ),
    ],
)
def test_what_pretend_prints_is_split_into_statements(file: str, labels: list[str]) -> None:
    found = parse_pretend((GOLDEN / file).read_text())
    assert found == tuple(zip(labels, SQL, strict=True))


@pytest.mark.parametrize("text", ["", "Nothing to migrate.\n", "\n   INFO  Nothing to migrate.  \n\n"])
def test_nothing_is_no_statement(text: str) -> None:
    assert parse_pretend(text) == ()


def one(kind: Kind, name: str = "", table: str = "users") -> StatementEffect:
    return StatementEffect(kind, table, name)


@pytest.mark.parametrize(
    ("sql", "operation", "table", "effects"),
    [
        ("create table `users` (`a` int)", Operation.CREATE_TABLE, "users", [one(Kind.TABLE_CREATED)]),
        ("CREATE TABLE IF NOT EXISTS users (a int)", Operation.CREATE_TABLE, "users", [one(Kind.TABLE_CREATED)]),
        ("alter table `users` add `a` text null", Operation.ALTER_TABLE, "users", [one(Kind.COLUMN_ADDED, "a")]),
        (
            "alter table users add column a int not null, add b int not null default 0",
            Operation.ALTER_TABLE,
            "users",
            [one(Kind.COLUMN_ADDED, "a"), one(Kind.COLUMN_REQUIRED, "a"), one(Kind.COLUMN_ADDED, "b")],
        ),
        (
            "alter table users add (a int, b decimal(4,2) not null)",
            Operation.ALTER_TABLE,
            "users",
            [one(Kind.COLUMN_ADDED, "a"), one(Kind.COLUMN_ADDED, "b"), one(Kind.COLUMN_REQUIRED, "b")],
        ),
        (
            "alter table users drop `fax`, drop column pager",
            Operation.ALTER_TABLE,
            "users",
            [one(Kind.COLUMN_DROPPED, "fax"), one(Kind.COLUMN_DROPPED, "pager")],
        ),
        ("alter table users drop index `i`", Operation.ALTER_TABLE, "users", [one(Kind.INDEX_DROPPED, "i")]),
        ("alter table users drop foreign key `f`", Operation.ALTER_TABLE, "users", [one(Kind.INDEX_DROPPED, "f")]),
        ("alter table users drop partition p0", Operation.ALTER_TABLE, "users", [one(Kind.ROWS_DELETED)]),
        (
            "ALTER TABLE users MODIFY a TEXT NULL",
            Operation.ALTER_TABLE,
            "users",
            [one(Kind.COLUMN_CHANGED, "a"), one(Kind.UNKNOWN, "a")],
        ),
        (
            "ALTER TABLE users CHANGE a b INT NOT NULL",
            Operation.ALTER_TABLE,
            "users",
            [one(Kind.COLUMN_RENAMED, "a"), one(Kind.COLUMN_CHANGED, "a"), one(Kind.UNKNOWN, "a")],
        ),
        ("alter table users rename column a to b", Operation.ALTER_TABLE, "users", [one(Kind.COLUMN_RENAMED, "a")]),
        ("rename table `users` to `people`", Operation.RENAME_TABLE, "users", [one(Kind.TABLE_RENAMED, "people")]),
        ("alter table users rename to people", Operation.ALTER_TABLE, "users", [one(Kind.TABLE_RENAMED, "people")]),
        (
            "drop table if exists users, `odd``name`",
            Operation.DROP_TABLE,
            "users",
            [one(Kind.TABLE_DROPPED), one(Kind.TABLE_DROPPED, table="odd`name")],
        ),
        ("truncate table users", Operation.TRUNCATE, "users", [one(Kind.ROWS_DELETED)]),
        ("delete from users where a = 'drop table x'", Operation.DELETE, "users", [one(Kind.ROWS_DELETED)]),
        (
            "update users set a = 1, b = concat(c, ',') where d in (1, 2)",
            Operation.UPDATE,
            "users",
            [one(Kind.ROWS_CHANGED, "a"), one(Kind.ROWS_CHANGED, "b")],
        ),
        (
            "update users u join x set a = 1",
            Operation.UPDATE,
            "users",
            [one(Kind.ROWS_CHANGED), one(Kind.UNKNOWN, table="")],
        ),
        (
            "insert into users (a) values ('x; drop table y')",
            Operation.INSERT,
            "users",
            [one(Kind.ROWS_ADDED), one(Kind.UNKNOWN)],
        ),
        (
            "insert into users (a) values (1) on duplicate key update a = 2",
            Operation.INSERT,
            "users",
            [one(Kind.ROWS_CHANGED), one(Kind.UNKNOWN)],
        ),
        ("create unique index i on users (a)", Operation.CREATE_INDEX, "users", [one(Kind.INDEX_ADDED, "i")]),
        ("-- why\nselect 1", Operation.SELECT, "", []),
        ("create view v as select 1", Operation.OTHER, "", [one(Kind.UNKNOWN, table="")]),
        ("alter table `тест таблица` add `имя``x` int", Operation.ALTER_TABLE, "тест таблица",
         [one(Kind.COLUMN_ADDED, "имя`x", "тест таблица")]),
    ],
)  # fmt: skip
def test_a_statement_is_read(sql: str, operation: Operation, table: str, effects: list[StatementEffect]) -> None:
    read = read_statement(sql)
    assert (read.operation, read.table, list(read.effects)) == (operation, table, effects)
    assert read.self_contained


@pytest.mark.parametrize(
    "sql",
    [
        "alter table compte.users add a int",
        "alter table users rename to `compte`.`x`",
        "create table x as select * from compte.users",
        "alter table users add a int; drop table users",
        "alter table users /*!50000 rename to compte.x */",
        "alter table users comment 'never closed",
    ],
)
def test_what_may_reach_further_is_not_tried_on_a_copy(sql: str) -> None:
    assert not read_statement(sql).self_contained


@pytest.mark.parametrize("sql", ["alter table users add a int; drop table users", "alter table users /*! drop a */"])
def test_what_is_hidden_is_unknown(sql: str) -> None:
    assert Kind.UNKNOWN in {effects.kind for effects in read_statement(sql).effects}


CATALOG = Catalog(
    tables={"users": "utf8mb4", "orders": "utf8mb4"},
    triggered=frozenset({"orders"}),
    executable=frozenset({"purge", "summary"}),
    columns={
        ("users", "name"): KnownColumn("varchar(50)", nullable=True, charset="utf8mb4", extra=""),
        ("users", "age"): KnownColumn("smallint(6)", nullable=False, charset="", extra=""),
        ("users", "seen"): KnownColumn("timestamp", nullable=True, charset="", extra="on update current_timestamp()"),
    },
)


@pytest.mark.parametrize(
    ("sql", "certain"),
    [
        ("alter table users modify name varchar(60) null", True),
        ("alter table users modify name varchar(40) null", False),
        ("alter table users modify name varchar(60) not null", False),
        ("alter table users modify name varchar(60) character set latin1 null", False),
        ("alter table users modify age int not null", True),
        ("alter table users modify age tinyint not null", False),
        ("alter table users modify age int not null auto_increment", False),
        ("alter table users add primary key (age)", True),
        ("alter table users add primary key (name)", False),
        ("insert into users (name) values ('x')", True),
        ("insert into users (name) values (purge(1))", False),
        ("insert into orders (name) values ('x')", False),
        ("insert into summary (name) values ('x')", False),
        ("select * from users", True),
        ("select * from summary", False),
        ("select purge (1)", False),
        ("select name from users, summary", False),
    ],
)
def test_what_is_known_of_the_tables_makes_a_statement_certain(sql: str, certain: bool) -> None:
    assert (Kind.UNKNOWN not in {effect.kind for effect in read_statement(sql, CATALOG).effects}) is certain
    if "select" not in sql:
        assert Kind.UNKNOWN in {effect.kind for effect in read_statement(sql).effects}


def test_an_update_changes_what_the_table_itself_stamps() -> None:
    read = read_statement("update users set name = 'x'", CATALOG)
    assert list(read.effects) == [one(Kind.ROWS_CHANGED, "name"), one(Kind.ROWS_CHANGED, "seen")]


def test_what_an_earlier_statement_did_counts_for_the_later_ones() -> None:
    read = read_statements(
        (
            "alter table users modify name text null",
            "alter table users modify name varchar(60) null",
            "create table fresh (id int)",
            "insert into fresh values (1)",
            "create trigger t after insert on fresh for each row delete from users",
            "insert into fresh values (2)",
        ),
        CATALOG,
    )
    unknown = [Kind.UNKNOWN in {effect.kind for effect in statement.effects} for statement in read]
    assert unknown == [False, True, False, False, True, True]
