"""What is told of a failure in a sandbox: classes, numbers and names, and nothing of rows."""

import subprocess
from importlib import resources

import pytest

_PROGRAM = resources.files("bot.databases").joinpath("scripts", "failure.awk").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (
            "SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry 'bob's' for key 'x'-2' for key"
            " 'users_name_unique' (SQL: ALTER TABLE users ADD UNIQUE (name))",
            {"sqlstate": "23000", "number": "1062", "message": "Duplicate entry '?' for key 'users_name_unique'"},
        ),
        (
            "SQLSTATE[22007]: Invalid datetime format: 1366 Incorrect integer value: 'bob@example.com' for column"
            " `compte`.`users`.`age` at row 1 (SQL: …)",
            {
                "sqlstate": "22007",
                "number": "1366",
                "message": "Incorrect integer value: '?' for column `compte`.`users`.`age`",
            },
        ),
        (
            "SQLSTATE[42S21]: Column already exists: 1060 Duplicate column name 'email' (Connection: mysql, SQL: x)",
            {"sqlstate": "42S21", "number": "1060", "message": "Duplicate column name 'email'"},
        ),
        (
            "SQLSTATE[42000]: 1064 You have an error near 'bob@example.com' at line 1",
            {"sqlstate": "42000", "number": "1064"},
        ),
        ("  RuntimeException  bob@example.com has no account", {"class": "RuntimeException"}),
        (
            'PHP Fatal error:  Uncaught Error: Class "App\\Nope" not found in /x',
            {"class": "Error", "message": 'Class "App\\Nope" not found'},
        ),
        (
            "Parse error: syntax error, unexpected end of file in secret",
            {"class": "ParseError", "message": "syntax error, unexpected end of file"},
        ),
        ("bob@example.com", {}),
    ],
)
def test_what_leaves_the_host(printed: str, told: dict[str, str]) -> None:
    done = subprocess.run(
        ["awk", _PROGRAM], input=f"before\n{printed}\nafter\n", capture_output=True, text=True, check=True
    )
    found = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert found == told
