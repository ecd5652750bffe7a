"""Small stand-ins for what the conversation is handed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import Ref, TargetName
from bot.domain.runs.request import Action, DeployOptions, Origin, Request
from bot.domain.targets.target import Operations


class FakeClock:
    """A clock that can be held."""

    def __init__(self) -> None:
        self.held: datetime | None = None

    def now(self) -> datetime:
        return self.held or datetime.now(UTC)


@dataclass
class FakeLeadership:
    """The duty of telling Slack."""

    held: bool = True


class NoMetrics:
    """Measures nothing."""

    def called(self, method: str, outcome: str) -> None:
        pass

    def recorded(self, seconds: float) -> None:
        pass


class DeploySpec:
    """`/deploy APP ENV [REF]`, with the problems that the form and the answers are tried with."""

    name = "/deploy"
    action = Action.DEPLOY
    description = "Bring a commit live"
    usage = "APP ENV [REF] [--dry-run] [--no-migrate] [--during-freeze REASON | --emergency REASON]"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        plain = [word for word in words if not word.startswith("-")]
        if len(plain) < 2:
            raise RefusedError(problem(Reason.USAGE, usage=f"{self.name} {self.usage}", apps="compte"))
        if plain[0] not in operations.apps():
            raise RefusedError(problem(Reason.UNKNOWN_APP, app=plain[0], nearest="compte", known="compte"))
        ref = Ref(plain[2]).text if len(plain) > 2 else "main"
        options = DeployOptions(ref, dry_run="--dry-run" in words)
        return Request(options, TargetName(plain[0], plain[1]), origin, " ".join(words))
