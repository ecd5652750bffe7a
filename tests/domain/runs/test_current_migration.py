"""Which migration runs now, by what each stack's tool prints."""

import pytest

from bot.domain.runs.current_migration import CurrentMigration as Now
from bot.domain.runs.current_migration import find_current_migration

LARAVEL = ("2025_01_01_000000_add_a", "2025_01_01_000000_add_a_b", "2025_01_02_000000_add_c")
ALEMBIC = ("27c0 add token_id", "0b91 index token_id")
DJANGO = ("accounts.0002_account_token_id", "accounts.0003_fill")


@pytest.mark.parametrize(
    ("names", "printed", "now"),
    [
        (LARAVEL, "", None),
        (LARAVEL, "Nothing that is known", None),
        (LARAVEL, f"Migrating: {LARAVEL[0]}\n", Now(LARAVEL[0], 1)),
        (LARAVEL, f"Migrating: {LARAVEL[0]}\nMigrated:  {LARAVEL[0]} (12.30ms)\n", Now(LARAVEL[1], 2)),
        (LARAVEL, f"Migrating: {LARAVEL[1]}\n", Now(LARAVEL[1], 2)),
        (LARAVEL, f"Migrated:  {LARAVEL[2]} (1ms)\n", None),
        (LARAVEL, f"   INFO  Running.\n\n  {LARAVEL[0]} ... 12ms DONE\n  {LARAVEL[1]} ...", Now(LARAVEL[1], 2)),
        (LARAVEL, f"Migrating: {LARAVEL[2]}\nsomething that it says itself\n", Now(LARAVEL[2], 3)),
        (LARAVEL[::-1], f"Rolling back: {LARAVEL[2]}\nRolled back:  {LARAVEL[2]} (9ms)", Now(LARAVEL[1], 2)),
        (("x_OK_y",), "Migrating: x_OK_y", Now("x_OK_y", 1)),
        (ALEMBIC, "INFO  [alembic] Running upgrade 1a5e -> 27c0, add token_id", Now(ALEMBIC[0], 1)),
        (ALEMBIC, "Running upgrade 1a5e -> 27c0, add\nRunning upgrade 27c0 -> 0b91, index", Now(ALEMBIC[1], 2)),
        (ALEMBIC[::-1], "Running downgrade 0b91 -> 27c0, index token_id", Now(ALEMBIC[1], 1)),
        (("aa a longer title", "bb b"), "Running downgrade bb -> aa, b", Now("bb b", 2)),
        (DJANGO, "  Applying accounts.0002_account_token_id...", Now(DJANGO[0], 1)),
        (DJANGO, "  Applying accounts.0002_account_token_id... OK\n", Now(DJANGO[1], 2)),
        (DJANGO, "  Applying accounts.0003_fill... OK\n", None),
    ],
)  # fmt: skip
def test_it_is_the_one_that_was_begun_last(names: tuple[str, ...], printed: str, now: Now | None) -> None:
    assert find_current_migration(names, printed) == now
