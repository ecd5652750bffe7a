"""Whether a framework would do, and has done, what was approved."""

from dataclasses import replace

import pytest

from bot.domain.errors import Reason
from bot.domain.runs.acts import ApprovedLoss, Direction, Migrate
from bot.domain.runs.migration_check import difference, refusal, rows_lost
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.shell import syntax
from bot.domain.targets.look import AppliedMigration
from bot.domain.targets.migrator import MigratorAnswer


def source(name: str, path: str = "", sha256: str = "") -> MigrationSource:
    return MigrationSource(name, path or f"database/migrations/{name}.php", sha256 or f"hash of {name}")


A, B, C, OTHER = source("a"), source("b"), source("c"), source("o", "vendor/acme/audit/o.php")
DUMP = MigrationSource("", "database/schema/mysql-schema.sql", "hash")


def migrate(*files: MigrationSource, dumps: tuple[MigrationSource, ...] = (), **changes: object) -> Migrate:
    act = Migrate(syntax("run"), syntax("ask"), "/app", "f" * 40, files, dumps, Direction.UP, "migrations")
    return replace(act, **changes)  # type: ignore[arg-type]  # test data by field name


def answer(
    *,
    pending: tuple[MigrationSource, ...] = (),
    ran: tuple[MigrationSource, ...] = (),
    rows: tuple[str, ...] = (),
    schema: MigrationSource | None = None,
    counts: dict[str, int | None] | None = None,
) -> MigratorAnswer:
    recorded = tuple(AppliedMigration(name, 1) for name in rows)
    return MigratorAnswer("migrations", True, pending, ran, recorded, schema, counts or {})


@pytest.mark.parametrize(
    ("act", "before", "wanted"),
    [
        (migrate(A, B), answer(pending=(A, B)), None),
        (migrate(A), answer(pending=(A, OTHER)), {"unplanned": "o from package acme/audit"}),
        (migrate(A, B), answer(pending=(A,)), {"missing": "b from database/migrations/b.php"}),
        (migrate(A), answer(pending=()), {"missing": "a from database/migrations/a.php"}),
        (migrate(A), answer(pending=(replace(A, sha256="x"),)), {"changed": "a from database/migrations/a.php"}),
        (migrate(A), answer(pending=(replace(A, path="/srv/a.php"),)), {"changed": "a from /srv/a.php"}),
        (migrate(A), answer(pending=(replace(A, sha256=""),)), {"changed": "a from database/migrations/a.php"}),
        (migrate(A, B), answer(pending=(B, A)), {"order": "b, a"}),
        (migrate(A), answer(pending=(A,), schema=DUMP), {"dump": DUMP.path}),
        (migrate(A, dumps=(DUMP,)), answer(pending=(A,), schema=DUMP), None),
        (migrate(A, dumps=(DUMP,)), answer(pending=(A,)), None),
        (
            migrate(A, dumps=(DUMP,)),
            answer(pending=(A,), schema=replace(DUMP, sha256="other")),
            {"dump": DUMP.path},
        ),
    ],
)
def test_what_keeps_migrations_from_being_run(
    act: Migrate, before: MigratorAnswer, wanted: dict[str, str] | None
) -> None:
    found = refusal(act, before)
    assert (None if found is None else dict(found.facts)) == wanted
    assert found is None or found.reason is Reason.MIGRATIONS_NOT_APPROVED


DOWN = migrate(B, A, direction=Direction.DOWN)


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (answer(ran=(A, B, C), rows=("c", "a", "b")), None),
        (answer(ran=(A, B), rows=("b", "a")), {"latest": "a, b"}),
        (answer(ran=(A, B, C), rows=("a", "b", "c")), {"latest": "c, b"}),
        (answer(rows=()), {"latest": "nothing"}),
        (answer(ran=(A,), rows=("a", "b")), {"missing": "b from database/migrations/b.php"}),
        (
            answer(ran=(replace(A, sha256="x"), B), rows=("a", "b")),
            {"changed": "a from database/migrations/a.php"},
        ),
    ],
)
def test_what_keeps_migrations_from_being_undone(before: MigratorAnswer, wanted: dict[str, str] | None) -> None:
    found = refusal(DOWN, before)
    assert (None if found is None else dict(found.facts)) == wanted


@pytest.mark.parametrize(
    ("act", "before", "after", "dumped", "wanted"),
    [
        (migrate(A), answer(rows=("x",)), answer(ran=(A,), rows=("x", "a")), (), None),
        (
            migrate(A),
            answer(rows=("x",)),
            answer(ran=(A, OTHER), rows=("x", "a", "o")),
            (),
            {"unplanned": "o from package acme/audit"},
        ),
        (migrate(A), answer(), answer(rows=("a", "y")), (), {"unplanned": "y from an unknown file"}),
        (migrate(A, B), answer(), answer(rows=("a",)), (), {"missing": "b from database/migrations/b.php"}),
        (migrate(A), answer(rows=("x",)), answer(rows=("a",)), (), {"undone": "x from an unknown file"}),
        (
            migrate(A),
            answer(),
            answer(ran=(replace(A, sha256="x"),), rows=("a",)),
            (),
            {"changed": "a from database/migrations/a.php"},
        ),
        (migrate(A), answer(schema=DUMP), answer(rows=("old", "a")), ("old", "a column"), None),
        (migrate(A), answer(), answer(rows=("old", "a")), ("old",), {"unplanned": "old from an unknown file"}),
        (DOWN, answer(rows=("x", "a", "b")), answer(rows=("x",)), (), None),
        (DOWN, answer(rows=("x", "a", "b")), answer(), (), {"undone": "x from an unknown file"}),
        (
            DOWN,
            answer(rows=("x", "a", "b")),
            answer(rows=("x", "a")),
            (),
            {"left": "a from database/migrations/a.php"},
        ),
    ],
)
def test_what_ran_otherwise(
    act: Migrate,
    before: MigratorAnswer,
    after: MigratorAnswer,
    dumped: tuple[str, ...],
    wanted: dict[str, str] | None,
) -> None:
    found = difference(act, before, after, frozenset(dumped))
    assert (None if found is None else dict(found.facts)) == wanted
    assert found is None or found.reason is Reason.MIGRATED_OTHERWISE


@pytest.mark.parametrize(
    ("approved", "before", "after", "wanted"),
    [
        (ApprovedLoss("t", 100, 10), 100, 90, None),
        (ApprovedLoss("t", 100, 10), 100, 89, "t: 11 of 100, approved 10"),
        (ApprovedLoss("t", 100, 10), 105, 90, None),
        (ApprovedLoss("t", 100, 10), 105, 89, "t: 16 of 105, approved 15"),
        (ApprovedLoss("t", 100, 10), 50, 40, None),
        (ApprovedLoss("t", None, 10), 500, 489, "t: 11 of 500, approved 10"),
        (ApprovedLoss("t", 0, 0), 100, 99, "t: 1 of 100, approved 0"),
        (ApprovedLoss("t", 0, 0), 100, 120, None),
        (ApprovedLoss("t", 0, 0), None, 5, None),
        (ApprovedLoss("t", 0, 0), 5, None, None),
    ],
)
def test_which_rows_may_be_gone(
    approved: ApprovedLoss, before: int | None, after: int | None, wanted: str | None
) -> None:
    act = migrate(A, losses=(approved,))
    found = rows_lost(act, answer(counts={"t": before}), answer(counts={"t": after}))
    assert (None if found is None else found.facts["tables"]) == wanted


def test_many_files_are_counted() -> None:
    many = tuple(source(f"m{number:02}") for number in range(30))
    found = refusal(migrate(A), answer(pending=(A, *many)))
    assert found is not None
    assert found.facts["unplanned"].endswith(", and 20 more")
