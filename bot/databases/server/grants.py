"""Reading what `SHOW GRANTS` prints. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_GRANT = re.compile(r"GRANT (?P<privileges>.+?) ON (?P<scope>\S.*?) TO ")
_REVOKE = re.compile(r"REVOKE (?P<privileges>.+?) ON (?P<scope>\S.*?) FROM ")
_SCOPE = re.compile(r"(?P<database>\*|`(?:[^`]|``)*`)\.(?P<table>\*|`(?:[^`]|``)*`)")
_COLUMNS = re.compile(r"\([^)]*\)")
_EVERYTHING = "ALL PRIVILEGES"
GRANT_OPTION = "GRANT OPTION"
"""The privilege to give others what one has; it is not among all privileges."""


@dataclass(frozen=True)
class Grant:
    """Privileges on something.

    Args:
        privileges: by name, in upper case.
        database: as it was granted, perhaps a pattern of LIKE; None for all.
        table: its name; None for all.
    """

    privileges: frozenset[str]
    database: str | None
    table: str | None

    def gives(self, privilege: str) -> bool:
        """Whether it has a privilege among its own."""
        return privilege in self.privileges or (_EVERYTHING in self.privileges and privilege != GRANT_OPTION)

    def covers(self, database: str) -> bool:
        """Whether it is about all tables of a database."""
        return self.table is None and (self.database is None or _like(self.database).fullmatch(database) is not None)


@dataclass(frozen=True)
class Grants:
    """All privileges of an account, its active roles' too.

    Args:
        granted: to it.
        revoked: from it again, in part (MySQL's `partial_revokes`).
    """

    granted: tuple[Grant, ...]
    revoked: tuple[Grant, ...] = ()

    def everywhere(self, *privileges: str) -> bool:
        """Whether it has one of some privileges on everything."""
        return any(
            grant.database is None and grant.table is None and any(grant.gives(one) for one in privileges)
            for grant in self.granted
        )

    def on_database(self, privilege: str, database: str) -> bool:
        """Whether it has a privilege on all that is in a database."""
        if any(revoke.database == database and revoke.gives(privilege) for revoke in self.revoked):
            return any(
                grant.database is not None and grant.covers(database) and grant.gives(privilege)
                for grant in self.granted
            )
        return any(grant.covers(database) and grant.gives(privilege) for grant in self.granted)

    def on_table(self, privilege: str, database: str, table: str) -> bool:
        """Whether it has a privilege on one table."""
        return self.on_database(privilege, database) or any(
            (grant.database, grant.table) == (database, table) and grant.gives(privilege) for grant in self.granted
        )


def parse_grants(lines: Iterable[str]) -> Grants:
    """Read the lines of `SHOW GRANTS`; those that grant roles, columns or routines say nothing here."""
    granted: list[Grant] = []
    revoked: list[Grant] = []
    for line in lines:
        for pattern, found in ((_GRANT, granted), (_REVOKE, revoked)):
            match = pattern.match(line)
            if match is not None:
                passes_on = f", {GRANT_OPTION}" if line[match.end() :].endswith(" WITH GRANT OPTION") else ""
                found += _grant(match["privileges"] + passes_on, match["scope"])
    return Grants(tuple(granted), tuple(revoked))


def _grant(privileges: str, scope: str) -> list[Grant]:
    where = _SCOPE.fullmatch(scope)
    if where is None:
        return []
    whole = _COLUMNS.sub("(", privileges)  # a privilege on columns is none on the table
    names = frozenset(name.strip().upper() for name in whole.split(",") if "(" not in name)
    return [Grant(names, _name(where["database"]), _name(where["table"]))]


def _name(quoted: str) -> str | None:
    return None if quoted == "*" else quoted[1:-1].replace("``", "`")


def _like(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"\\[%_\\]|[%_]|[^%_\\]+|\\", pattern)
    wild = {"%": ".*", "_": "."}
    plain = (wild.get(part) or re.escape(part.removeprefix("\\") or "\\") for part in parts)
    return re.compile("".join(plain), re.DOTALL)
