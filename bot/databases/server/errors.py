"""The meaning of a server's error numbers; its texts are never interpreted. Pure."""

from __future__ import annotations

from bot.domain.errors import Problem, Reason, problem
from bot.domain.targets.target import Database

NO_SUCH_TABLE = frozenset({1146, 1103, 1059, 1300})
"""The table is not there, or no table can have that name."""

NO_SUCH_DATABASE = frozenset({1049})

NO_SUCH_COLUMN = 1054
NEEDS_PRIVILEGE = 1227
UNKNOWN_VARIABLE = 1193

CONNECTION_LOST = 2013
LOST = frozenset(
    {
        1053,  # the server is being shut down
        1152,  # aborted connection
        1184,  # the same, while it is new
        1927,  # the connection was killed (MariaDB)
        2006,  # the server has gone away
        CONNECTION_LOST,
        2055,  # the same, with the system's own number
        3169,  # the session was killed (MySQL)
        4031,  # closed for inactivity (MySQL)
    }
)
"""The connection is gone; another one may answer."""

NO_ANSWER = LOST | frozenset(
    {
        0,  # the bot's own time limit, and what the client library gives no number
        1317,  # the statement was killed
        1969,  # the server's time limit (MariaDB)
        3024,  # the server's time limit (MySQL)
    }
)
"""The answer did not come, which says nothing of the question. Other numbers refuse the statement itself."""

_LOGIN_REFUSED = frozenset(
    {
        1044,  # access to the database denied
        1045,  # wrong user or password
        1129,  # host blocked after too many errors
        1130,  # host not allowed
        1142,  # command denied on the table
        1143,  # command denied on the column
        NEEDS_PRIVILEGE,
        1251,  # authentication method not supported
        1275,  # old password format
        1698,  # socket authentication only
        1820,  # password must be changed first
        1862,  # password expired
        3118,  # account locked (MySQL)
        3159,  # the server takes no connection without TLS
        4151,  # account locked (MariaDB)
    }
)
_BLOCKED = frozenset({1205, 3572})
"""The lock wait exceeded the session's short timeout."""

_LONGEST_DETAIL = 300


class ServerError(Exception):
    """A statement or a login did not succeed.

    Args:
        number: the server's or the client library's error number; 0 where there is none.
        text: what it said.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(number, text)
        self.number = number
        self.text = text


def problem_of(error: ServerError, database: Database) -> Problem:
    """Translate an error into a problem.

    Args:
        error: what the server said.
        database: which database was asked.

    Returns:
        `database_login_refused`, `database_missing`, `blocked_by_sessions`, else `database_unreachable`; with where
        it is, who asked and the server's own number and words.
    """
    return problem(
        _reason(error.number),
        host=database.host,
        port=str(database.port),
        via=database.via or "",
        database=database.name,
        user=database.user,
        code=str(error.number),
        detail=" ".join(error.text.split())[:_LONGEST_DETAIL],
    )


def _reason(number: int) -> Reason:
    if number in _LOGIN_REFUSED:
        return Reason.DATABASE_LOGIN_REFUSED
    if number in NO_SUCH_DATABASE:
        return Reason.DATABASE_MISSING
    if number in _BLOCKED:
        return Reason.BLOCKED_BY_SESSIONS
    return Reason.DATABASE_UNREACHABLE
