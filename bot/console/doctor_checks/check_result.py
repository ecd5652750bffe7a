"""What one check of `countersign doctor` came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """How a finding is to be taken; the word is what stands at the beginning of its line."""

    OK = "ok"
    WARN = "warn"
    """The bot works with it, less well than it could."""
    FAIL = "FAIL"
    """Runs that need this will fail."""


@dataclass(frozen=True)
class CheckResult:
    """One line of the doctor.

    Args:
        status: how it is to be taken.
        what: was looked at.
        detail: what was found, with its figure; where it is not well, what would be right.
        remedy: lines that an administrator runs on the host, to be printed as they are.
    """

    status: CheckStatus
    what: str
    detail: str
    remedy: tuple[str, ...] = ()


def ok(what: str, detail: str) -> CheckResult:
    """Make a finding that is well."""
    return CheckResult(CheckStatus.OK, what, detail)


def warn(what: str, detail: str) -> CheckResult:
    """Make a finding that could be better."""
    return CheckResult(CheckStatus.WARN, what, detail)


def fail(what: str, detail: str) -> CheckResult:
    """Make a finding with which runs will fail."""
    return CheckResult(CheckStatus.FAIL, what, detail)


def summary(results: Iterable[CheckResult]) -> str:
    """Count findings: `14 checks: 12 ok, 1 warn, 1 FAIL`."""
    verdicts = [result.status for result in results]
    counted = ", ".join(f"{verdicts.count(status)} {status}" for status in CheckStatus if status in verdicts)
    return f"{len(verdicts)} {'check' if len(verdicts) == 1 else 'checks'}: {counted}"
