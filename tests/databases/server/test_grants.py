"""What `SHOW GRANTS` prints, read."""

import pytest

from bot.databases.server.grants import parse_grants

TO = " TO `compte`@`%`"


@pytest.mark.parametrize(
    ("lines", "has"),
    [
        (["GRANT ALL PRIVILEGES ON *.*" + TO + " WITH GRANT OPTION"], True),
        (["GRANT ALL PRIVILEGES ON `compte`.*" + TO], True),
        (["GRANT SELECT, TRIGGER, EVENT ON `compte`.*" + TO], True),
        (["GRANT USAGE ON *.*" + TO, "GRANT TRIGGER ON `comp%`.*" + TO], True),
        (["GRANT TRIGGER ON `c_mpte`.*" + TO], True),
        (["GRANT TRIGGER ON `c\\_mpte`.*" + TO], False),
        (["GRANT TRIGGER ON `compte\\_%`.*" + TO], False),
        (["GRANT SELECT, LOCK TABLES ON `compte`.*" + TO], False),
        (["GRANT TRIGGER ON `compte`.`users`" + TO], False),
        (["GRANT `TRIGGER`@`%`" + TO], False),
        (["GRANT SELECT (`TRIGGER`, `b`), INSERT ON `compte`.*" + TO], False),
        (["GRANT EXECUTE ON PROCEDURE `compte`.`TRIGGER`" + TO], False),
        (["GRANT SELECT, TRIGGER ON *.*" + TO, "REVOKE TRIGGER ON `compte`.* FROM `compte`@`%`"], False),
        (["GRANT SELECT, TRIGGER ON *.*" + TO, "REVOKE SELECT ON `compte`.* FROM `compte`@`%`"], True),
        ([], False),
    ],
)
def test_a_privilege_on_a_database_is_found(lines: list[str], has: bool) -> None:
    assert parse_grants(lines).on_database("TRIGGER", "compte") is has


def test_privileges_on_everything_and_on_one_table() -> None:
    grants = parse_grants(
        [
            "GRANT PROCESS, SYSTEM_USER ON *.*" + TO,
            "GRANT SELECT ON `mysql`.`proc`" + TO,
            "GRANT SELECT ON `a``b`.*" + TO,
        ]
    )
    assert grants.everywhere("SUPER", "SYSTEM_USER")
    assert not grants.everywhere("SUPER", "SELECT")
    assert grants.on_table("SELECT", "mysql", "proc")
    assert not grants.on_table("SELECT", "mysql", "user")
    assert grants.on_database("SELECT", "a`b")
