"""What is remembered of a target, beside what was just read of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.names import TargetName
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.look import AppliedMigration
from bot.domain.targets.migration_report import MigrationStatus
from bot.engine.queries.migration_report import migration_report_of
from tests.slack.support import runs

FIRST = AppliedMigration("2025_01_01_000000_create_users", 1)
APPLIED = AppliedMigration(runs.MIGRATION, 2)
STATUS = MigrationStatus(
    target=TargetName("compte", "production"),
    server="10.11.19-MariaDB",
    head=runs.NEW,
    branch="main",
    branch_sha=runs.NEW,
    ran=(FIRST, APPLIED),
    pending_live=(),
    pending_branch=(),
    missing=(),
    blockers=(),
    sees_all_sessions=True,
    maintenance=(),
    maintenance_unknown=(),
    size_bytes=0,
)
ENDED = datetime(2026, 11, 16, tzinfo=UTC)
DEPLOYED = runs.run(RunState.SUCCEEDED, plan=runs.PLAN, steps=runs.rows(len(runs.STEPS)), ended_at=ENDED)


@pytest.mark.parametrize(
    ("ran", "run", "found"),
    [
        ((FIRST, APPLIED), DEPLOYED, "R-7K3F9Q"),
        ((FIRST,), DEPLOYED, ""),  # undone since; the batch before it is not this run's
        ((FIRST, APPLIED, AppliedMigration("by_hand", 2)), DEPLOYED, ""),
        ((FIRST, replace(APPLIED, batch=None)), DEPLOYED, ""),
        ((FIRST, APPLIED), replace(DEPLOYED, steps=runs.rows(4)), ""),  # it never came to the migrations
        ((FIRST, APPLIED), replace(DEPLOYED, plan=None, steps=()), ""),
    ],
)
def test_the_latest_batch_is_a_runs_own_where_that_run_applied_all_of_it(
    ran: tuple[AppliedMigration, ...], run: Run, found: str
) -> None:
    migration_report = migration_report_of(replace(STATUS, ran=ran), (run,))
    assert (migration_report.last_batch.run if migration_report.last_batch else "") == found
