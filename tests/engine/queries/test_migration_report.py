"""What is remembered of a target, beside what was just read of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.names import Sha, TargetName
from bot.domain.runs.aftermath import AFTERMATH, MigrationOutcome, MigrationProgress, aftermath_to_text
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
SEEN = {AFTERMATH: aftermath_to_text((MigrationOutcome(runs.MIGRATION, MigrationProgress.DONE),))}
ENDED = datetime(2026, 11, 16, tzinfo=UTC)
DEPLOYED = runs.run(
    RunState.SUCCEEDED,
    plan=runs.PLAN,
    steps=runs.rows(len(runs.STEPS)),
    ended_at=ENDED,
    change_started_at=ENDED,
)


@pytest.mark.parametrize(
    ("ran", "run", "found"),
    [
        ((FIRST, APPLIED), DEPLOYED, "R-7K3F9Q"),
        ((FIRST,), DEPLOYED, ""),  # undone since; the batch before it is not this run's
        ((FIRST, APPLIED, AppliedMigration("by_hand", 2)), DEPLOYED, ""),
        ((FIRST, replace(APPLIED, batch=None)), DEPLOYED, ""),
        ((FIRST, APPLIED), replace(DEPLOYED, steps=runs.rows(4)), ""),  # it never came to the migrations
        ((FIRST, APPLIED), replace(DEPLOYED, plan=None, steps=()), ""),
        ((FIRST, APPLIED), runs.RUNS["needs_human"], ""),  # nobody knows whether it applied it, or somebody by hand
        ((FIRST, APPLIED), replace(runs.RUNS["needs_human"], facts=SEEN), "R-7K3F9Q"),
    ],
)
def test_the_latest_batch_is_a_runs_own_where_that_run_applied_all_of_it(
    ran: tuple[AppliedMigration, ...], run: Run, found: str
) -> None:
    migration_report = migration_report_of(replace(STATUS, ran=ran), (run,), ENDED)
    assert (migration_report.last_batch.run if migration_report.last_batch else "") == found


def test_the_live_deploy_is_the_latest_that_made_the_live_commit_live() -> None:
    older = replace(DEPLOYED, id="R-OLDER0")
    failed = replace(DEPLOYED, id="R-FAILED", state=RunState.FAILED)
    other = replace(DEPLOYED, id="R-OTHER0", plan=replace(runs.PLAN, sha=Sha(runs.OLD)))
    report = migration_report_of(STATUS, (failed, other, DEPLOYED, older), ENDED)
    assert report.live_deploy is not None
    assert report.last_deploy is not None
    assert (report.live_deploy.run, report.last_deploy.run) == ("R-7K3F9Q", "R-FAILED")
    assert migration_report_of(STATUS, (failed, other), ENDED).live_deploy is None


def test_the_report_says_for_how_long_the_site_has_been_down_and_not_that_it_was() -> None:
    held = runs.RUNS["needs_human"]
    down = migration_report_of(replace(STATUS, maintenance=("web1",)), (held,), ENDED).outage
    assert down is not None
    assert (down.run, down.hosts) == (held, ("web1",))
    assert down.since is not None
    assert migration_report_of(STATUS, (held,), ENDED).outage is None
