"""Bytes as a column, also where the driver cannot send them.

aiomysql 0.3.2 escapes bytes with a function that PyMySQL 1.2 no longer has, so that each statement with bytes fails.
They are sent as hexadecimal digits there and become bytes at the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.dialects.mysql import LONGBLOB
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.expression import BindParameter
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine


class _sent_bytes(GenericFunction[bytes]):  # noqa: N801 - stands in a statement like a function
    """A bound value of type `Bytes`, as the statement takes it."""

    inherit_cache = True


@compiles(_sent_bytes, "sqlite")
def _as_it_is(element: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_sent_bytes, "mysql")
@compiles(_sent_bytes, "mariadb")
def _from_digits(element: Any, compiler: Any, **options: Any) -> str:
    return f"UNHEX({compiler.process(element.clauses, **options)})"


class Bytes(TypeDecorator[bytes]):
    """Bytes of any length up to what the server takes in one statement."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        wide = dialect.name in {"mysql", "mariadb"}
        return dialect.type_descriptor(LONGBLOB() if wide else LargeBinary())

    def bind_expression(self, bindparam: BindParameter[bytes]) -> ColumnElement[bytes]:
        """Put the value into a statement."""
        return _sent_bytes(bindparam)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Give the value the form in which the driver sends it."""
        return bytes if dialect.name == "sqlite" else bytes.hex
