"""Which changes of a column's type may lose something of its values."""

import pytest

from bot.databases.server.column_types import narrows


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("varchar(500)", "varchar(500)"),
        ("varchar(500)", "text"),
        ("varchar(40)", "varchar(100)"),
        ("char(36)", "varchar(36)"),
        ("text", "mediumtext"),
        ("json", "longtext"),
        ("enum('a','b')", "enum('a','b','c')"),
        ("enum('a','bcd')", "varchar(3)"),
        ("set('a','b')", "set('b','a','c')"),
        ("binary(16)", "varbinary(20)"),
        ("varbinary(100)", "blob"),
        ("blob", "longblob"),
        ("int(11)", "bigint(20)"),
        ("int(11)", "int(10)"),
        ("int", "int(11)"),
        ("int(10) unsigned", "bigint(20)"),
        ("tinyint(1)", "decimal(3,0)"),
        ("int(11)", "double"),
        ("int(11)", "varchar(50)"),
        ("bit(1)", "tinyint(4)"),
        ("decimal(8,2)", "decimal(10,4)"),
        ("float", "double"),
        ("date", "datetime"),
        ("timestamp", "datetime"),
        ("datetime", "datetime(6)"),
        ("datetime", "varchar(40)"),
    ],
)
def test_a_type_that_holds_everything_is_not_narrower(old: str, new: str) -> None:
    assert not narrows(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("varchar(100)", "varchar(10)"),
        ("text", "varchar(500)"),
        ("varchar(20000)", "text"),
        ("longtext", "text"),
        ("blob", "text"),
        ("text", "json"),
        ("enum('a','b')", "enum('a')"),
        ("enum('a','A')", "enum('a')"),
        ("set('a','b')", "set('a')"),
        ("set('aa','bb')", "varchar(2)"),
        ("varchar(10)", "enum('a')"),
        ("varbinary(20)", "binary(16)"),
        ("bigint(20)", "int(11)"),
        ("int(11)", "int(10) unsigned"),
        ("int(10) unsigned", "int(11)"),
        ("bigint(20)", "double"),
        ("int(11)", "float"),
        ("int(11)", "varchar(5)"),
        ("varchar(10)", "int(11)"),
        ("int(11)", "decimal(5,0)"),
        ("int(11)", "year(4)"),
        ("bit(8)", "bit(1)"),
        ("decimal(8,2)", "int(11)"),
        ("decimal(8,4)", "decimal(8,2)"),
        ("decimal(10,2)", "decimal(8,2)"),
        ("decimal(8,2)", "decimal(8,4)"),
        ("decimal(8,2)", "double"),
        ("double", "decimal(20,10)"),
        ("double", "float"),
        ("datetime", "date"),
        ("datetime", "timestamp"),
        ("datetime", "time"),
        ("datetime(6)", "datetime"),
        ("time(3)", "time"),
        ("geometry", "point"),
        ("char(36)", "uuid"),
    ],
)
def test_a_type_that_may_lose_something_is_narrower(old: str, new: str) -> None:
    assert narrows(old, new)
