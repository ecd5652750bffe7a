"""What a failure in a sandbox says of production. Pure."""

from __future__ import annotations

from bot.databases.migrations.sandboxed.results import MigrationFailure, SandboxRehearsalResults
from bot.databases.migrations.sql.ddl import Operation, read_statement
from bot.domain.errors import Problem, Reason, problem
from bot.domain.runs.acts import Direction, SandboxRehearsal

_CONNECTING = frozenset(
    {"1040", "1043", "1044", "1045", "1049", "1129", "1130", "1203", "1226", "2002", "2003", "2005", "2006", "2013"}
)
"""Numbers of errors about a connection: the application looks for a server that a sandbox does not have."""

_BY_RIGHTS = frozenset({"1142", "1143", "1227", "1370", "1418", "1419"})
"""Numbers of errors about what an account may do: that of a copy may do less than the live one."""

_BY_ROWS = frozenset({"1216", "1217", "1451", "1452"})
"""Numbers of errors about a foreign key, whose row may be missing in a sample."""

_CODE = frozenset(
    {
        "ParseError",
        "TypeError",
        "ArgumentCountError",
        "SyntaxError",
        "IndentationError",
        "NameError",
        "UnboundLocalError",
    }
)
"""Classes of errors that PHP and Python raise of the code itself."""


def cannot_be_known(results: SandboxRehearsalResults) -> bool:
    """Return whether only the sandbox, or the rows that it has, may have caused the failure.

    Args:
        results: of a rehearsal that failed.
    """
    failure = results.failure
    if results.reached_out:
        return True
    # Python's drivers tell the number alone.
    if failure.sqlstate or failure.number:
        if failure.number in _CONNECTING | _BY_RIGHTS or failure.sqlstate.startswith("08"):
            return True
        return failure.number in _BY_ROWS and results.rows != "copied"
    return not _is_of_the_code(failure)


def _is_of_the_code(failure: MigrationFailure) -> bool:
    return failure.error.rpartition("\\")[2] in _CODE or bool(failure.message)


def failure_of(results: SandboxRehearsalResults, act: SandboxRehearsal) -> Problem:
    """Describe a failure that production would have too.

    Args:
        results: of a rehearsal that failed.
        act: what was rehearsed.
    """
    ran = [migration.name for migration in results.migrations if migration.name]
    name = next((name for name in act.migrations if name not in ran), "")
    last = results.migrations[-1].statements if results.migrations and not results.migrations[-1].name else ()
    statement = next((one.sql for one in reversed(last) if _is_work(one.sql)), "")
    return problem(
        Reason.REHEARSAL_FAILED,
        **{"undone" if act.direction is Direction.DOWN else "migration": name},
        error=_error(results.failure),
        statement=statement[:1000],
        rows="none" if results.rows == "sample" else results.rows,
        seconds=f"{results.command.milliseconds / 1000:.2f}" if results.command is not None else "",
    )


def _is_work(sql: str) -> bool:
    return read_statement(sql).operation not in {Operation.OTHER, Operation.SELECT}


def _error(failure: MigrationFailure) -> str:
    state = f"SQLSTATE[{failure.sqlstate}]" if failure.sqlstate else failure.error.rpartition("\\")[2]
    parts = (state, failure.number, failure.message)
    return " ".join(part for part in parts if part) or "it ended with an error"
