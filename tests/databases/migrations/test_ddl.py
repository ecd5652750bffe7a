"""What statements do, as a table; and the two forms in which Laravel prints them."""

from pathlib import Path

import pytest

from bot.databases.migrations.ddl import Done, Effect, Operation, pretended, read_statement

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
    found = pretended((GOLDEN / file).read_text())
    assert found == tuple(zip(labels, SQL, strict=True))


@pytest.mark.parametrize("text", ["", "Nothing to migrate.\n", "\n   INFO  Nothing to migrate.  \n\n"])
def test_nothing_is_no_statement(text: str) -> None:
    assert pretended(text) == ()


def one(effect: Effect, name: str = "", table: str = "users") -> Done:
    return Done(effect, table, name)


@pytest.mark.parametrize(
    ("sql", "operation", "table", "done"),
    [
        ("create table `users` (`a` int)", Operation.CREATE_TABLE, "users", [one(Effect.TABLE_CREATED)]),
        ("CREATE TABLE IF NOT EXISTS users (a int)", Operation.CREATE_TABLE, "users", [one(Effect.TABLE_CREATED)]),
        ("alter table `users` add `a` text null", Operation.ALTER_TABLE, "users", [one(Effect.COLUMN_ADDED, "a")]),
        (
            "alter table users add column a int not null, add b int not null default 0",
            Operation.ALTER_TABLE,
            "users",
            [one(Effect.COLUMN_ADDED, "a"), one(Effect.COLUMN_REQUIRED, "a"), one(Effect.COLUMN_ADDED, "b")],
        ),
        (
            "alter table users add (a int, b decimal(4,2) not null)",
            Operation.ALTER_TABLE,
            "users",
            [one(Effect.COLUMN_ADDED, "a"), one(Effect.COLUMN_ADDED, "b"), one(Effect.COLUMN_REQUIRED, "b")],
        ),
        (
            "alter table users drop `fax`, drop column pager",
            Operation.ALTER_TABLE,
            "users",
            [one(Effect.COLUMN_DROPPED, "fax"), one(Effect.COLUMN_DROPPED, "pager")],
        ),
        ("alter table users drop index `i`", Operation.ALTER_TABLE, "users", [one(Effect.INDEX_DROPPED, "i")]),
        ("alter table users drop foreign key `f`", Operation.ALTER_TABLE, "users", [one(Effect.INDEX_DROPPED, "f")]),
        ("alter table users drop partition p0", Operation.ALTER_TABLE, "users", [one(Effect.ROWS_DELETED)]),
        ("ALTER TABLE users MODIFY a TEXT NULL", Operation.ALTER_TABLE, "users", [one(Effect.COLUMN_CHANGED, "a")]),
        (
            "ALTER TABLE users CHANGE a b INT NOT NULL",
            Operation.ALTER_TABLE,
            "users",
            [one(Effect.COLUMN_RENAMED, "a"), one(Effect.COLUMN_CHANGED, "a")],
        ),
        ("alter table users rename column a to b", Operation.ALTER_TABLE, "users", [one(Effect.COLUMN_RENAMED, "a")]),
        ("rename table `users` to `people`", Operation.RENAME_TABLE, "users", [one(Effect.TABLE_RENAMED, "people")]),
        ("alter table users rename to people", Operation.ALTER_TABLE, "users", [one(Effect.TABLE_RENAMED, "people")]),
        (
            "drop table if exists users, `odd``name`",
            Operation.DROP_TABLE,
            "users",
            [one(Effect.TABLE_DROPPED), one(Effect.TABLE_DROPPED, table="odd`name")],
        ),
        ("truncate table users", Operation.TRUNCATE, "users", [one(Effect.ROWS_DELETED)]),
        ("delete from users where a = 'drop table x'", Operation.DELETE, "users", [one(Effect.ROWS_DELETED)]),
        (
            "update users set a = 1, b = concat(c, ',') where d in (1, 2)",
            Operation.UPDATE,
            "users",
            [one(Effect.ROWS_CHANGED, "a"), one(Effect.ROWS_CHANGED, "b")],
        ),
        ("update users u join x set a = 1", Operation.UPDATE, "users", [one(Effect.ROWS_CHANGED)]),
        ("insert into users (a) values ('x; drop table y')", Operation.INSERT, "users", [one(Effect.ROWS_ADDED)]),
        (
            "insert into users (a) values (1) on duplicate key update a = 2",
            Operation.INSERT,
            "users",
            [one(Effect.ROWS_CHANGED)],
        ),
        ("create unique index i on users (a)", Operation.CREATE_INDEX, "users", [one(Effect.INDEX_ADDED, "i")]),
        ("-- why\nselect 1", Operation.SELECT, "", []),
        ("create view v as select 1", Operation.OTHER, "", [one(Effect.UNKNOWN, table="")]),
        ("alter table `тест таблица` add `имя``x` int", Operation.ALTER_TABLE, "тест таблица",
         [one(Effect.COLUMN_ADDED, "имя`x", "тест таблица")]),
    ],
)  # fmt: skip
def test_a_statement_is_read(sql: str, operation: Operation, table: str, done: list[Done]) -> None:
    read = read_statement(sql)
    assert (read.operation, read.table, list(read.done)) == (operation, table, done)
    assert read.apart


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
    assert not read_statement(sql).apart


@pytest.mark.parametrize("sql", ["alter table users add a int; drop table users", "alter table users /*! drop a */"])
def test_what_is_hidden_is_unknown(sql: str) -> None:
    assert Effect.UNKNOWN in {done.effect for done in read_statement(sql).done}
