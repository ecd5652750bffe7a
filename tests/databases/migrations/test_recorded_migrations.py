"""Which migration a statement records, as the server logged it."""

import pytest

from bot.databases.migrations.sandboxed.recorded_migrations import RecordedMigrations
from bot.domain.runs.acts import Direction, MigrationRecords

UP, DOWN = Direction.UP, Direction.DOWN


@pytest.mark.parametrize(
    ("sql", "direction", "name"),
    [
        ("INSERT INTO alembic_version (version_num) VALUES ('1a5e')", UP, "1a5e"),
        ("UPDATE alembic_version SET version_num='27c0' WHERE alembic_version.version_num = '1a5e'", UP, "27c0 add"),
        # A merge takes the other heads away before it writes over one.
        ("DELETE FROM alembic_version WHERE alembic_version.version_num = '1a5e'", UP, None),
        ("UPDATE alembic_version SET version_num='1a5e' WHERE alembic_version.version_num = '27c0'", DOWN, "27c0 add"),
        ("DELETE FROM alembic_version WHERE alembic_version.version_num = '1a5e'", DOWN, "1a5e"),
        ("INSERT INTO alembic_version (version_num) VALUES ('1a5e')", DOWN, None),
        ("UPDATE alembic_version SET version_num='?'", DOWN, None),
        ("INSERT INTO accounts (name) VALUES ('27c0')", UP, None),
    ],
)
def test_alembic(sql: str, direction: Direction, name: str | None) -> None:
    records = RecordedMigrations("alembic_version", direction, MigrationRecords.ALEMBIC, {"27c0": "27c0 add"})
    assert records.recorded(sql) == name


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        (
            "INSERT INTO `django_migrations` (`app`, `name`, `applied`) VALUES ('accounts', '0002_fill', '?')",
            "accounts.0002_fill",
        ),
        (
            "DELETE FROM `django_migrations` WHERE (`django_migrations`.`app` = 'accounts' AND "
            "`django_migrations`.`name` = '0002_fill')",
            "accounts.0002_fill",
        ),
        ("INSERT INTO `django_migrations` (`app`) VALUES ('accounts')", None),
        ("UPDATE `django_migrations` SET `app` = 'a' WHERE `name` = 'b'", None),
        ("SELECT 'accounts', '0002_fill' FROM django_migrations", None),
    ],
)
def test_django(sql: str, name: str | None) -> None:
    assert RecordedMigrations("django_migrations", UP, MigrationRecords.DJANGO).recorded(sql) == name


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("insert into `migrations` (`migration`, `batch`) values ('2026_01_01_x', 3)", "2026_01_01_x"),
        ("delete from `compte`.`migrations` where `migration` = '2026_01_01_x'", "2026_01_01_x"),
        ("insert into `users` (`name`) values ('2026_01_01_x')", None),
    ],
)
def test_laravel(sql: str, name: str | None) -> None:
    assert RecordedMigrations("migrations").recorded(sql) == name
