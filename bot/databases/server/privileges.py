"""Which privileges an account lacks for what the operations file asks of it, read from the server."""

from __future__ import annotations

from dataclasses import dataclass

from bot.databases.server.errors import NO_ANSWER, ServerError
from bot.databases.server.grants import GRANT_OPTION, Grants, parse_grants
from bot.databases.server.quoting import identifier
from bot.databases.server.session import Flavour, ReadOnlySession
from bot.domain.targets.privileges import Capability, MissingPrivilege
from bot.domain.targets.target import Database

_DUMPED = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")
"""Without one of them the tool leaves something out, and ends well."""

_COPIED = (
    *("SELECT", "INSERT", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES", "LOCK TABLES"),
    *("CREATE VIEW", "SHOW VIEW", "TRIGGER", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT"),
)
"""What a dump does when it is loaded."""

_SWAPPED = (
    *("SELECT", "INSERT", "CREATE", "DROP", "ALTER"),
    *("CREATE VIEW", "SHOW VIEW", "TRIGGER", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT"),
)
"""What moving tables out of a database and into it does, and making anew what is beside them."""

_NAMES_OWNERS = {Flavour.MARIADB: ("SET USER", "SUPER"), Flavour.MYSQL: ("SET_ANY_DEFINER", "SET_USER_ID", "SUPER")}
_LOGGED_CODE = frozenset({"trigger", "function"})

_OWNERS = """
    SELECT DISTINCT owner, kind FROM (
        SELECT definer AS owner, 'view' AS kind FROM information_schema.views WHERE table_schema = DATABASE()
        UNION SELECT definer, 'trigger' FROM information_schema.triggers WHERE trigger_schema = DATABASE()
        UNION SELECT definer, LOWER(routine_type) FROM information_schema.routines WHERE routine_schema = DATABASE()
        UNION SELECT definer, 'event' FROM information_schema.events WHERE event_schema = DATABASE()
    ) owned
"""
_SETS_SESSIONS = ("SESSION_VARIABLES_ADMIN", "SYSTEM_VARIABLES_ADMIN", "SUPER")
_WITHOUT_KEY = """
    SELECT t.table_name FROM information_schema.tables t
    LEFT JOIN information_schema.table_constraints c
        ON c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY'
    WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND c.table_name IS NULL
    ORDER BY t.table_name LIMIT 1
"""
_SYSTEM_USERS = """
    SELECT CONCAT(user, '@', host) FROM mysql.global_grants WHERE priv = 'SYSTEM_USER'
"""


@dataclass(frozen=True)
class _Account:
    """An account on a server, and what it has to deal with there.

    Args:
        flavour: the server's vendor.
        name: as the server writes it, `user@host`.
        grants: its privileges.
        owners: of views, triggers, routines and events of the database, with the kinds of what they own.
        logs_code: whether triggers and functions need SUPER, as they do by default where there is a binary log.
        system_users: accounts with SYSTEM_USER (MySQL); None where they may not be read.
        keyless: a table without a primary key, where the server lets nobody make one; None where there is none.
        roles: whether some of its roles are active.
    """

    flavour: Flavour
    name: str
    grants: Grants
    owners: tuple[tuple[str, str], ...]
    logs_code: bool
    system_users: frozenset[str] | None
    keyless: str | None
    roles: bool

    @property
    def others(self) -> tuple[str, ...]:
        """Who else owns something."""
        return tuple(sorted({owner for owner, _ in self.owners if owner != self.name}))


async def missing_privileges(session: ReadOnlySession, database: Database) -> tuple[MissingPrivilege, ...]:
    """Read which privileges the session's account lacks.

    Args:
        session: with the database.
        database: which.

    Returns:
        What is missing, by capability, whether the operations file asks for it or not.

    Raises:
        ServerError: it cannot be read.
    """
    account = await _account(session)
    return (*_for_looking(account), *_for_dumping(account, database), *_for_restoring(account, database))


async def missing_at_scratch(session: ReadOnlySession, live: str) -> tuple[MissingPrivilege, ...]:
    """Read what the account of a scratch server lacks for rehearsals in a sandbox.

    Args:
        session: with that server.
        live: name of the live database.

    Raises:
        ServerError: it cannot be read.
    """
    grants, _ = await grants_of(session)
    ((logs,),) = await session.rows("SELECT @@GLOBAL.general_log = 1 AND FIND_IN_SET('TABLE', @@GLOBAL.log_output) > 0")
    missing = [
        _for_rehearsing(privilege, f"{_beside(live)}.*")
        for privilege in (*_COPIED, GRANT_OPTION)
        if not grants.on_database(privilege, f"{live}_countersign_sandbox_x")
    ]
    if not grants.everywhere("CREATE USER"):
        missing.append(_for_rehearsing("CREATE USER", "*.*"))
    if not grants.everywhere("SELECT") and not grants.on_table("SELECT", "mysql", "general_log"):
        missing.append(_for_rehearsing("SELECT", "mysql.general_log", _WITHOUT_LOG))
    switches = _SWITCHES_LOG[session.flavour]
    if not logs and not grants.everywhere(*switches):
        instead = "general_log=ON and log_output=TABLE at the server"
        missing.append(_for_rehearsing(switches[0], "*.*", _WITHOUT_LOG, instead))
    return tuple(missing)


_WITHOUT_LOG = "without which what migrations do cannot be known"
_SWITCHES_LOG = {Flavour.MARIADB: ("SUPER",), Flavour.MYSQL: ("SYSTEM_VARIABLES_ADMIN", "SUPER")}


def _for_rehearsing(privilege: str, on: str, why: str = "", instead: str = "") -> MissingPrivilege:
    return MissingPrivilege(Capability.REHEARSE, privilege, on, why, instead=instead)


async def _account(session: ReadOnlySession) -> _Account:
    ((name,),) = await session.rows("SELECT CURRENT_USER()")
    grants, roles = await grants_of(session)
    ((log, trusting),) = await session.rows("SELECT @@log_bin, @@log_bin_trust_function_creators")
    system_users: frozenset[str] | None = frozenset()
    if session.flavour is Flavour.MYSQL:
        try:
            system_users = frozenset(str(row[0]) for row in await session.rows(_SYSTEM_USERS))
        except ServerError as error:
            if error.number in NO_ANSWER:
                raise
            system_users = None
    return _Account(
        session.flavour,
        str(name),
        grants,
        tuple((str(owner), str(kind)) for owner, kind in await session.rows(_OWNERS)),
        bool(log) and not trusting,
        system_users,
        await _keyless(session),
        roles,
    )


async def _keyless(session: ReadOnlySession) -> str | None:
    """Read the name of a table that the server would not have made today; None where there is none."""
    settings = await session.rows("SHOW GLOBAL VARIABLES LIKE 'sql_require_primary_key'")
    if not any(value == "ON" for _, value in settings):
        return None
    rows = await session.rows(_WITHOUT_KEY)
    return str(rows[0][0]) if rows else None


async def grants_of(session: ReadOnlySession) -> tuple[Grants, bool]:
    """Read the grants of the session's account and of its active roles, and whether there are such roles.

    Args:
        session: with the server.

    Raises:
        ServerError: they cannot be read.
    """
    active = False
    lines = [str(row[0]) for row in await session.rows("SHOW GRANTS")]
    try:
        ((role,),) = await session.rows("SELECT CURRENT_ROLE()")
        if role not in (None, "NONE"):
            active = True
            roles = f"SHOW GRANTS FOR CURRENT_USER() USING {role}"
            if session.flavour is Flavour.MARIADB:
                roles = "SHOW GRANTS FOR CURRENT_ROLE"
            lines += [str(row[0]) for row in await session.rows(roles)]
    except ServerError as error:  # a server without roles
        if error.number in NO_ANSWER:
            raise
    return parse_grants(lines), active


def _for_looking(account: _Account) -> list[MissingPrivilege]:
    if account.grants.everywhere("PROCESS"):
        return []
    return [MissingPrivilege(Capability.LOOK, "PROCESS", "*.*", "to see the sessions of others")]


def _for_dumping(account: _Account, database: Database) -> list[MissingPrivilege]:
    missing = _on(account, Capability.BACKUP, _DUMPED, database.name, identifier(database.name))
    if account.grants.everywhere("SELECT", "SHOW_ROUTINE", "SHOW CREATE ROUTINE"):
        return missing
    why = "without which procedures and functions of other accounts are left out"
    if account.flavour is Flavour.MYSQL:
        return [*missing, MissingPrivilege(Capability.BACKUP, "SHOW_ROUTINE", "*.*", why)]
    if account.grants.on_table("SELECT", "mysql", "proc"):
        return missing
    return [*missing, MissingPrivilege(Capability.BACKUP, "SELECT", "mysql.proc", why)]


def _for_restoring(account: _Account, database: Database) -> list[MissingPrivilege]:
    missing = _on(account, Capability.RESTORE, _COPIED, f"{database.name}_countersign_x", _beside(database.name))
    missing += _on(account, Capability.RESTORE, _SWAPPED, database.name, identifier(database.name))
    if account.logs_code and not account.grants.everywhere("SUPER"):
        there = any(kind in _LOGGED_CODE for _, kind in account.owners)
        missing.append(
            MissingPrivilege(
                Capability.RESTORE,
                "SUPER",
                "*.*",
                "to make triggers and functions where the server has a binary log",
                kinds=frozenset() if there else _LOGGED_CODE,
                instead="log_bin_trust_function_creators=1 at the server",
            )
        )
    if account.flavour is Flavour.MYSQL and account.roles and (account.name, "view") in account.owners:
        missing.append(
            MissingPrivilege(
                Capability.RESTORE,
                "ALL PRIVILEGES",
                f"{_beside(database.name)}.*",
                "as its views see them: MySQL finds no pattern of names for views of an account with a default role",
                kinds=frozenset({"view"}),
                instead="no default role of the account",
            )
        )
    if account.keyless is not None and not account.grants.everywhere(*_SETS_SESSIONS):
        why = f"to make tables without a primary key, such as {account.keyless}"
        instead = "sql_require_primary_key=OFF at the server"
        missing.append(MissingPrivilege(Capability.RESTORE, _SETS_SESSIONS[0], "*.*", why, instead=instead))
    return missing + _for_owners(account)


def _beside(live: str) -> str:
    """Write the names of all copies, as GRANT takes them."""
    return "`" + live.replace("\\", r"\\").replace("_", r"\_").replace("%", r"\%") + r"\_countersign\_%`"


def _for_owners(account: _Account) -> list[MissingPrivilege]:
    """What is needed to drop what others own, and to make it again should the restore have to be undone."""
    if not account.others:
        return []
    missing = []
    owners = f"of what {', '.join(account.others)} owns in the database"
    names_owners = _NAMES_OWNERS[account.flavour]
    if not account.grants.everywhere(*names_owners):
        missing.append(MissingPrivilege(Capability.RESTORE, names_owners[0], "*.*", owners))
    if account.flavour is Flavour.MARIADB or account.grants.everywhere("SYSTEM_USER"):
        return missing
    if account.system_users is None:
        instead = "SELECT ON mysql.global_grants, to see that none of them has it"
        missing.append(MissingPrivilege(Capability.RESTORE, "SYSTEM_USER", "*.*", owners, instead=instead))
    elif privileged := [owner for owner in account.others if owner in account.system_users]:
        why = f"of what {', '.join(privileged)} owns in the database"
        missing.append(MissingPrivilege(Capability.RESTORE, "SYSTEM_USER", "*.*", why))
    return missing


def _on(
    account: _Account, capability: Capability, privileges: tuple[str, ...], database: str, shown: str
) -> list[MissingPrivilege]:
    return [
        MissingPrivilege(capability, privilege, f"{shown}.*")
        for privilege in privileges
        if not account.grants.on_database(privilege, database)
    ]
