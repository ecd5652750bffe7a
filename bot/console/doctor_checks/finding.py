"""What one check of `countersign doctor` came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a finding is to be taken; the word is what stands at the beginning of its line."""

    OK = "ok"
    WARN = "warn"
    """The bot works with it, less well than it could."""
    FAIL = "FAIL"
    """Runs that need this will fail."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Args:
        verdict: how it is to be taken.
        what: was looked at.
        detail: what was found, with its figure; where it is not well, what would be right.
    """

    verdict: Verdict
    what: str
    detail: str


def ok(what: str, detail: str) -> Finding:
    """Make a finding that is well."""
    return Finding(Verdict.OK, what, detail)


def warn(what: str, detail: str) -> Finding:
    """Make a finding that could be better."""
    return Finding(Verdict.WARN, what, detail)


def fail(what: str, detail: str) -> Finding:
    """Make a finding with which runs will fail."""
    return Finding(Verdict.FAIL, what, detail)


def summary(findings: Iterable[Finding]) -> str:
    """Count findings: `14 checks: 12 ok, 1 warn, 1 FAIL`."""
    verdicts = [finding.verdict for finding in findings]
    counted = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts)
    return f"{len(verdicts)} {'check' if len(verdicts) == 1 else 'checks'}: {counted}"
