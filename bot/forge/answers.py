"""Answers of GitHub's and GitLab's API → checks. Pure; what is not as documented is an error, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from bot.domain.targets.forge import CheckState, CommitCheck

_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]{1,500}")
_WORD = re.compile(r"[A-Za-z_]{1,40}")

_BY_WORD: Mapping[str, CheckState] = {
    word: state
    for state, words in {
        CheckState.SUCCESS: "success",
        CheckState.FAILURE: "failure failed error cancelled canceled timed_out action_required stale startup_failure",
        CheckState.PENDING: "queued in_progress waiting requested pending created preparing running manual scheduled"
        " waiting_for_resource waiting_for_callback canceling",
        CheckState.SKIPPED: "skipped neutral",
    }.items()
    for word in words.split()
}


class Source(Enum):
    """Where a forge keeps checks; each has its own numbers."""

    CHECK_RUN = auto()
    STATUS = auto()


@dataclass(frozen=True)
class Attempt:
    """One attempt of a check.

    Args:
        check: what it says.
        source: where it is kept.
        number: rises with each attempt.
    """

    check: CommitCheck
    source: Source
    number: int


@dataclass(frozen=True)
class PageOfAttempts:
    """A page of a list.

    Args:
        attempts: that count.
        length: entries of the page.
        total: entries of the whole list; None if the answer does not say.
    """

    attempts: tuple[Attempt, ...]
    length: int
    total: int | None = None


class BadAnswerError(ValueError):
    """An answer is not what the forge's documentation says."""


def github_check_runs(data: object, sha: str) -> PageOfAttempts:
    """Read `GET /repos/{owner}/{repo}/commits/{ref}/check-runs`.

    Args:
        data: the parsed answer.
        sha: the commit that was asked for.

    Raises:
        BadAnswerError: it cannot be used.
    """
    body = _object(data)
    runs = [_object(run) for run in _list(body.get("check_runs"))]
    for run in runs:
        _require_commit(run.get("head_sha"), sha)
    attempts = tuple(
        _attempt(
            Source.CHECK_RUN,
            run,
            _text(run.get("name")),
            _text(run.get("conclusion") if run.get("status") == "completed" else run.get("status")),
            run.get("html_url") or run.get("details_url"),
        )
        for run in runs
    )
    return PageOfAttempts(attempts, len(runs), _number(body.get("total_count")))


def github_statuses(data: object, sha: str) -> PageOfAttempts:
    """Read `GET /repos/{owner}/{repo}/commits/{ref}/status`, the latest status of each context.

    Args:
        data: the parsed answer.
        sha: the commit that was asked for.

    Raises:
        BadAnswerError: it cannot be used.
    """
    body = _object(data)
    _require_commit(body.get("sha"), sha)
    statuses = [_object(status) for status in _list(body.get("statuses"))]
    attempts = tuple(
        _attempt(Source.STATUS, status, _text(status.get("context")), _text(status.get("state")), url)
        for status in statuses
        for url in [status.get("target_url")]
    )
    return PageOfAttempts(attempts, len(statuses), _number(body.get("total_count")))


def gitlab_statuses(data: object, sha: str) -> PageOfAttempts:
    """Read `GET /projects/{id}/repository/commits/{sha}/statuses`: jobs of pipelines, and statuses of others.

    Args:
        data: the parsed answer.
        sha: the commit that was asked for.

    Raises:
        BadAnswerError: it cannot be used.
    """
    statuses = [_object(status) for status in _list(data)]
    for status in statuses:
        _require_commit(status.get("sha"), sha)
    attempts = tuple(
        _attempt(Source.STATUS, status, _text(status.get("name")), _text(status.get("status")), url)
        for status in statuses
        for url in [status.get("target_url")]
        if status.get("retried") is not True
    )
    return PageOfAttempts(attempts, len(statuses))


def latest(attempts: Iterable[Attempt]) -> tuple[CommitCheck, ...]:
    """Give what the latest attempt of each name says, in each place where the forge keeps checks.

    Args:
        attempts: in any order.

    Returns:
        Sorted by name; a name that is kept in two places comes twice.
    """
    newest: dict[tuple[str, Source], Attempt] = {}
    for attempt in attempts:
        key = (attempt.check.name, attempt.source)
        if key not in newest or attempt.number >= newest[key].number:
            newest[key] = attempt
    return tuple(newest[key].check for key in sorted(newest, key=lambda key: (key[0], key[1].value)))


def required(names: tuple[str, ...], known: tuple[CommitCheck, ...]) -> tuple[CommitCheck, ...]:
    """Pick the required checks. One that is kept in two places has to be green in both.

    Args:
        names: of the required checks.
        known: the latest attempts, as `latest` gives them.

    Returns:
        One for each name, in their order.
    """
    return tuple(_one(name, [check for check in known if check.name == name]) for name in names)


def _one(name: str, found: list[CommitCheck]) -> CommitCheck:
    if not found:
        return CommitCheck(name, CheckState.MISSING)
    return next((check for check in found if not check.is_green), found[0])


def _attempt(source: Source, entry: Mapping[str, Any], name: str, word: str, url: object) -> Attempt:
    state = _BY_WORD.get(word, CheckState.UNKNOWN)
    shown = word if _WORD.fullmatch(word) else ""
    page = url if isinstance(url, str) and _URL.fullmatch(url) else ""
    return Attempt(CommitCheck(name, state, shown, page), source, _number(entry.get("id")))


def _require_commit(said: object, sha: str) -> None:
    if said != sha:
        raise BadAnswerError("it speaks of another commit")


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadAnswerError("an object is missing")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise BadAnswerError("a list is missing")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BadAnswerError("a text is missing")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadAnswerError("a number is missing")
    return value
