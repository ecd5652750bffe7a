import pytest

from bot.sandbox.server import (
    PrivateDatabase,
    ServerKind,
    ServerSeries,
    ServerSettings,
    layout,
    option_text,
    series_of,
    settings_of,
    zone_of,
)

MYSQL = ServerSeries(ServerKind.MYSQL, "9.7")
MARIADB = ServerSeries(ServerKind.MARIADB, "10.11")


@pytest.mark.parametrize(
    ("text", "series"),
    [
        ("10.11.6-MariaDB-0+deb12u1", MARIADB),
        ("5.5.5-10.11.6-MariaDB-log", MARIADB),
        ("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)", MARIADB),
        ("/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", MYSQL),
        ("8.0.36-0ubuntu0.22.04.1", ServerSeries(ServerKind.MYSQL, "8.0")),
        ("8.0.35-27", ServerSeries(ServerKind.MYSQL, "8.0")),
        ("11.8.2-MariaDB-ubu2404", ServerSeries(ServerKind.MARIADB, "11.8")),
        ("nothing", None),
        ("", None),
    ],
)
def test_series(text: str, series: ServerSeries | None) -> None:
    assert series_of(text) == series


def test_settings_of_a_live_server() -> None:
    settings = settings_of(
        {
            "sql_mode": "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION",
            "character_set_server": "utf8mb4",
            "collation_server": "utf8mb4_0900_ai_ci",
            "lower_case_table_names": "1",
            "time_zone": "SYSTEM",
            "system_time_zone": "UTC",
            "innodb_page_size": "16384",
            "innodb_default_row_format": "dynamic",
            "innodb_strict_mode": "ON",
            "explicit_defaults_for_timestamp": "OFF",
            "sql_require_primary_key": "ON",
            "default_storage_engine": "InnoDB",
        }
    )
    assert (settings.time_zone, settings.strict, settings.timestamp_defaults) == ("UTC", True, False)
    assert layout(MYSQL, settings) == (
        "--innodb-page-size=16384",
        "--lower-case-table-names=1",
        "--loose-innodb-redo-log-capacity=8M",
    )
    text = option_text(MYSQL, settings)
    for line in (
        "mysqlx=OFF",
        "performance-schema=OFF",
        "skip-log-bin",
        "log-output=TABLE",
        "sql-mode=STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION",
        "collation-server=utf8mb4_0900_ai_ci",
        "explicit-defaults-for-timestamp=0",
        "loose-sql-require-primary-key=1",
        "loose-innodb-redo-log-capacity=100M",
    ):
        assert line in text.splitlines()
    assert "time-zone" not in text


def test_what_is_not_known_is_left_to_the_server() -> None:
    names = {line.partition("=")[0] for line in option_text(MARIADB, settings_of({})).splitlines()}
    assert not names & {"sql-mode", "character-set-server", "explicit-defaults-for-timestamp", "mysqlx"}
    assert "innodb-log-file-size" in names


@pytest.mark.parametrize(
    ("zone", "option", "variable"), [("+02:00", "+02:00", ""), ("Europe/Paris", None, "Europe/Paris"), ("", None, "")]
)
def test_time_zones(zone: str, option: str | None, variable: str) -> None:
    settings = ServerSettings(time_zone=zone)
    assert (f"default-time-zone={option}" in option_text(MARIADB, settings)) == (option is not None)
    assert zone_of(settings) == variable


@pytest.mark.parametrize(
    "changes",
    [
        {"sql_mode": "A\nskip-grant-tables"},
        {"collation": "x y"},
        {"time_zone": "../../etc\nx"},
        {"lower_case_table_names": 3},
        {"page_size": 1},
    ],
)
def test_settings_cannot_add_lines_of_their_own(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a"):
        ServerSettings(**changes)  # type: ignore[arg-type]


def test_databases() -> None:
    database = PrivateDatabase("a`b_%\\", "utf8mb4", "utf8mb4_bin")
    assert database.create() == "CREATE DATABASE `a``b_%\\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
    assert database.pattern() == "`a``b\\_\\%\\\\`"
    for name in ("", "a\nb", "a\0b"):
        with pytest.raises(ValueError, match="not the name"):
            PrivateDatabase(name)
    with pytest.raises(ValueError, match="not a character set"):
        PrivateDatabase("a", "utf8; DROP")
