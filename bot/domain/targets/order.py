"""The order of environments: a commit is verified in one of them before it goes to the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class After:
    """`after` of an environment: only commits that were verified in another one of the same app.

    Args:
        environment: its name.
        within: maximum time since it was verified there.
    """

    environment: str
    within: timedelta


@dataclass(frozen=True)
class Verification:
    """A commit that a run made live in the environment before, and verified.

    Args:
        run: its ID.
        sha: the commit.
        at: when the run ended.
        age: time since then.
        taken_back: the run that went back from this commit later; empty if none did.
    """

    run: str
    sha: str
    at: datetime
    age: timedelta
    taken_back: str = ""
