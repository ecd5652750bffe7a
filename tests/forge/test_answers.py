"""GitHub's and GitLab's recorded answers → checks: the latest attempt counts, and nothing but success is green."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.domain.targets.forge import CheckState, CommitCheck
from bot.forge.answers import (
    BadAnswerError,
    github_check_runs,
    github_statuses,
    gitlab_statuses,
    latest,
    required,
)

SHA = "b" * 40
RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


def words(checks: tuple[CommitCheck, ...]) -> dict[str, tuple[str, str]]:
    return {check.name: (check.state.value, check.word) for check in checks}


def test_check_runs_of_github():
    page = github_check_runs(recorded("github_check_runs"), SHA)
    assert (page.length, page.total) == (4, 4)
    assert words(latest(page.attempts)) == {
        "tests": ("success", "success"),
        "lint (3.12)": ("pending", "in_progress"),
        "docs": ("skipped", "skipped"),
    }


def test_statuses_of_github():
    page = github_statuses(recorded("github_status"), SHA)
    assert words(latest(page.attempts)) == {"ci/build": ("success", "success"), "security/scan": ("failure", "error")}
    assert [check.url for check in latest(page.attempts)] == ["https://ci.example.com/1000/output", ""]


def test_jobs_of_gitlab_without_those_that_were_retried():
    page = gitlab_statuses(recorded("gitlab_statuses"), SHA)
    assert (page.length, page.total) == (5, None)
    assert words(latest(page.attempts)) == {
        "phpunit": ("success", "success"),
        "audit": ("failure", "failed"),
        "approve": ("pending", "manual"),
    }


def run(**changes: object) -> dict[str, object]:
    return {"id": 1, "name": "tests", "head_sha": SHA, "status": "completed", "conclusion": "success"} | changes


def check_runs(*runs: object) -> tuple[CommitCheck, ...]:
    return latest(github_check_runs({"total_count": len(runs), "check_runs": list(runs)}, SHA).attempts)


@pytest.mark.parametrize(
    ("status", "conclusion", "state"),
    [
        ("completed", "success", CheckState.SUCCESS),
        *[("completed", word, CheckState.FAILURE) for word in ("failure", "cancelled", "timed_out", "stale")],
        ("completed", "action_required", CheckState.FAILURE),
        ("completed", "startup_failure", CheckState.FAILURE),
        ("completed", "neutral", CheckState.SKIPPED),
        ("completed", "skipped", CheckState.SKIPPED),
        *[(word, None, CheckState.PENDING) for word in ("queued", "in_progress", "waiting", "requested", "pending")],
        ("in_progress", "success", CheckState.PENDING),
        ("completed", "splendid", CheckState.UNKNOWN),
        ("completed", "<!channel>", CheckState.UNKNOWN),
    ],
)
def test_only_a_completed_success_is_green(status: str, conclusion: str | None, state: CheckState):
    (check,) = check_runs(run(status=status, conclusion=conclusion))
    assert check.state is state
    assert check.is_green is (state is CheckState.SUCCESS)
    assert "<" not in check.word


@pytest.mark.parametrize(
    ("older", "newer", "state"),
    [
        ("failure", "success", CheckState.SUCCESS),
        ("success", "failure", CheckState.FAILURE),
    ],
)
def test_the_latest_attempt_counts_in_whichever_order_they_come(older: str, newer: str, state: CheckState):
    attempts = [run(id=7, conclusion=older), run(id=8, conclusion=newer)]
    for order in (attempts, attempts[::-1]):
        (check,) = check_runs(*order)
        assert check.state is state


def test_a_rerun_that_waits_is_not_green():
    (check,) = check_runs(run(id=7), run(id=8, status="queued", conclusion=None))
    assert check.state is CheckState.PENDING


def test_required_checks_are_found_by_their_whole_name():
    known = check_runs(run(name="tests (8.3)"), run(id=2, name="Tests"), run(id=3, name="lint"))
    assert words(required(("tests", "lint"), known)) == {"tests": ("missing", ""), "lint": ("success", "success")}


@pytest.mark.parametrize(("of_run", "of_status"), [("success", "failure"), ("failure", "success")])
def test_a_name_that_is_a_check_run_and_a_status_must_be_green_as_both(of_run: str, of_status: str):
    status = {"id": 9, "context": "tests", "state": of_status, "target_url": None}
    statuses = github_statuses({"sha": SHA, "total_count": 1, "statuses": [status]}, SHA)
    runs = github_check_runs({"total_count": 1, "check_runs": [run(conclusion=of_run)]}, SHA)
    (check,) = required(("tests",), latest((*runs.attempts, *statuses.attempts)))
    assert check.state is CheckState.FAILURE


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x|y>", "https://x y", "ftp://x", "https://" + "a" * 600, 7, None]
)
def test_no_strange_address_is_linked(url: object):
    (check,) = check_runs(run(html_url=url))
    assert check.url == ""


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"total_count": 1, "check_runs": {}},
        {"total_count": "1", "check_runs": []},
        {"total_count": True, "check_runs": []},
        {"total_count": 1, "check_runs": [7]},
        {"total_count": 1, "check_runs": [run(head_sha="c" * 40)]},
        {"total_count": 1, "check_runs": [run(name="")]},
        {"total_count": 1, "check_runs": [run(name=None)]},
        {"total_count": 1, "check_runs": [run(id="1")]},
        {"total_count": 1, "check_runs": [run(conclusion=None)]},
        {"total_count": 1, "check_runs": [run(status=None)]},
    ],
)
def test_what_is_not_as_documented_is_an_error(data: object):
    with pytest.raises(BadAnswerError):
        github_check_runs(data, SHA)


@pytest.mark.parametrize(
    "data", [{}, [7], [{"id": 1, "sha": "c" * 40, "name": "tests", "status": "success"}], {"message": "404 Not Found"}]
)
def test_so_it_is_for_gitlab(data: object):
    with pytest.raises(BadAnswerError):
        gitlab_statuses(data, SHA)


def test_a_status_of_another_commit_is_an_error():
    with pytest.raises(BadAnswerError, match="another commit"):
        github_statuses({"sha": "c" * 40, "total_count": 0, "statuses": []}, SHA)
