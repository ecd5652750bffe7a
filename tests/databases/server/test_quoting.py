import pytest

from bot.databases.server.quoting import identifier, option_file
from bot.domain.secrets import Secret
from bot.domain.targets.target import Database


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("migrations", "`migrations`"),
        ("mi`gra`tions", "`mi``gra``tions`"),
        ("a b; DROP TABLE x -- ", None),
        ("a; DROP TABLE x --", "`a; DROP TABLE x --`"),
        ("100%s", "`100%s`"),
        ("été", "`été`"),
        ("x" * 64, "`" + "x" * 64 + "`"),
        ("x" * 65, None),
        ("", None),
        ("a\0b", None),
        ("🎉", None),
        ("\ud800", None),
    ],
)
def test_a_name_is_quoted_or_cannot_be_a_tables(name: str, quoted: str | None) -> None:
    if quoted is None:
        with pytest.raises(ValueError, match="no table"):
            identifier(name)
    else:
        assert identifier(name) == quoted


def database(**values: str) -> Database:
    given = {"host": "127.0.0.1", "user": "compte", "password": "x", **values}
    return Database(None, given["host"], 3306, "compte", given["user"], Secret(given["password"]))


@pytest.mark.parametrize(
    ("password", "line"),
    [
        ("plain", 'password="plain"'),
        ("a#b", 'password="a#b"'),
        ('a"b', 'password="a\\"b"'),
        ("a\\b", 'password="a\\\\b"'),
        ("a\tb", 'password="a\\tb"'),
        (" a ", 'password=" a "'),
        ("", 'password=""'),
    ],
)
def test_a_password_is_written_so_that_it_is_read_back(password: str, line: str) -> None:
    assert line in option_file(database(password=password)).reveal().splitlines()


@pytest.mark.parametrize("value", ["a\nuser=root", "a\rb", "a\0b", "x" * 1001])
@pytest.mark.parametrize("name", ["password", "user", "host"])
def test_what_no_option_file_can_hold_is_refused_without_telling_it(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name) as caught:
        option_file(database(**{name: value}))
    assert value not in str(caught.value)
