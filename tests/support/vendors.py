"""What differs between the servers that the tests run on: the one that is installed here, or in a world."""

from __future__ import annotations

import pytest

from bot.demo.host.server_programs import installed_programs

PROGRAMS = installed_programs()
"""Of the server that the tests run on."""

BY_INDEX = {"MariaDB": "NOCOPY", "MySQL": "INPLACE"}[PROGRAMS.vendor]
"""How an index is made where nothing needs to be copied; MySQL has no name of its own for it."""

INT = {"MariaDB": "int(11)", "MySQL": "int"}[PROGRAMS.vendor]
"""How the server writes the type of whole numbers."""

_DIGIT = "(" + " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10)) + ")"


def on_mariadb(why: str) -> pytest.MarkDecorator:
    """Mark a test that makes sense on MariaDB alone.

    Args:
        why: what MySQL has not.
    """
    return pytest.mark.skipif(PROGRAMS.vendor != "MariaDB", reason=f"MariaDB alone: {why}")


def on_mysql(why: str) -> pytest.MarkDecorator:
    """Mark a test that makes sense on MySQL alone; it runs in the world `mysql`.

    Args:
        why: what MariaDB has not.
    """
    return pytest.mark.skipif(PROGRAMS.vendor != "MySQL", reason=f"MySQL alone: {why}")


def numbers(count: int) -> str:
    """SQL of a table with the column `seq`: 1 to `count`."""
    places = range(len(str(count)))
    seq = " + ".join(f"p{place}.d * {10**place}" for place in places)
    tables = ", ".join(f"{_DIGIT} p{place}" for place in places)
    return f"(SELECT 1 + {seq} AS seq FROM {tables} HAVING seq <= {count}) numbers"
