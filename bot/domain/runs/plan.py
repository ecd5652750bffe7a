"""The immutable answer to a request: phases of steps, with the evidence an approver needs, under one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot.domain.names import Sha, is_name
from bot.domain.policies.policy import NO_REQUIREMENT, Requirement
from bot.domain.runs.acts import Act, AsRehearsed, Dump, Load, Prove
from bot.domain.runs.basis import Basis
from bot.domain.runs.request import Request
from bot.domain.shell import Command


class Phase(StrEnum):
    """Where in the way of a run a step stands."""

    PREPARE = "prepare"
    CHANGE = "change"
    VERIFY = "verify"


class Risk(StrEnum):
    """What a step can do to production."""

    READS = "reads"
    CHANGES = "changes"
    DESTROYS = "destroys"


class OnFailure(StrEnum):
    """What the failure of a step means for the run."""

    HOLD_IN_DOUBT = "hold_in_doubt"
    """As `FAIL` where it certainly failed, because it puts back what it did; as `HOLD` where nobody knows."""

    FAIL = "fail"
    """The run fails, after the steps that undo what was done."""
    HOLD = "hold"
    """Nothing is undone; the site stays as it is and a person decides (the schema may be half-migrated)."""


@dataclass(frozen=True)
class Step:
    """One action of a plan.

    Args:
        key: its identity within the run; safe in a path.
        title: for people, a few words.
        phase: where it stands.
        hosts: names of the hosts on which it runs, in parallel; empty where the bot itself does it.
        risk: what it can do to production.
        timeout: seconds after which its process group is ended.
        act: what it does.
        check: a command that reads whether it took effect: status 0 yes, 1 no, anything else cannot tell.
        on_failure: what its failure means for the run.
        undoes: the key of the step that this one undoes. It then runs also after a failure, on the hosts where
            that step was done.
        schema: whether it changes the schema; the pending migrations are read again just before it.

    Raises:
        ValueError: the key is not safe in a path.
    """

    key: str
    title: str
    phase: Phase
    hosts: tuple[str, ...]
    risk: Risk
    timeout: int
    act: Act
    check: Command | None = None
    on_failure: OnFailure = OnFailure.FAIL
    undoes: str | None = None
    schema: bool = False

    def __post_init__(self) -> None:
        if not is_name(self.key):
            raise ValueError(f"the key of a step must be safe in a path: {self.key!r}")

    @property
    def places(self) -> tuple[str, ...]:
        """Where it runs: its hosts, or `BOT`."""
        return self.hosts or (BOT,)


BOT = "-"
"""The place of a step that runs on no host."""


@dataclass(frozen=True)
class Commit:
    """A commit that a deploy would bring.

    Args:
        sha: its full name.
        author: who wrote it.
        subject: its first line.
    """

    sha: str
    author: str
    subject: str


@dataclass(frozen=True)
class Skipped:
    """A step of the recipe that this plan does not need.

    Args:
        key: of the step.
        title: of the step.
        why: the condition that did not hold, in the recipe's words.
    """

    key: str
    title: str
    why: str


DESTRUCTIVE = "destructive"
"""The risk of a migration that drops or rewrites data, as a finding of kind `migration` says it."""


@dataclass(frozen=True)
class Finding:
    """Something that prepare found out and an approver should know, such as a verified backup.

    Args:
        kind: a code, such as `backup`; `bot.databases.migrations.evidence` says which there are about migrations.
        facts: its values as text.
    """

    kind: str
    facts: Mapping[str, str]

    @property
    def destroys(self) -> bool:
        """Whether it says that data is dropped or rewritten."""
        return self.kind == "migration" and self.facts.get("risk") == DESTRUCTIVE


@dataclass(frozen=True)
class Plan:
    """The answer to a request. It never changes; `sealed` gives another one.

    Args:
        request: what was asked.
        steps: in the order in which they run.
        requirement: what its gate asks for.
        basis: the facts it stands on.
        sha: the commit it brings, if it brings one.
        commits: what that commit adds, newest first.
        commit_count: how many there are in all (`commits` may be cut).
        pending: the migrations it would run, in order.
        undo: the migrations it would undo, the newest first.
        skipped: the steps of the recipe that are not needed.
        findings: what prepare found out.
        destructive: whether it drops or rewrites data.
    """

    request: Request
    steps: tuple[Step, ...]
    requirement: Requirement = NO_REQUIREMENT
    basis: Basis = field(default_factory=Basis)
    sha: Sha | None = None
    commits: tuple[Commit, ...] = ()
    commit_count: int = 0
    pending: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    findings: tuple[Finding, ...] = ()
    destructive: bool = False

    def sealed(self, findings: tuple[Finding, ...]) -> Plan:
        """Give the plan with what prepare found out: the one that is approved."""
        expected = {found.facts["table"]: found.facts["after"] for found in findings if found.kind == "schema"}
        steps = tuple(
            replace(step, act=AsRehearsed(expected)) if step.act == AsRehearsed() else step for step in self.steps
        )
        destructive = self.destructive or any(found.destroys for found in findings)
        return replace(self, steps=steps, findings=(*self.findings, *findings), destructive=destructive)

    def of(self, phase: Phase) -> tuple[Step, ...]:
        """Give the steps of a phase, in order."""
        return tuple(step for step in self.steps if step.phase is phase)

    @property
    def migrations(self) -> tuple[str, ...]:
        """The migrations it runs or undoes, in the order in which it does."""
        return self.pending or self.undo

    @property
    def changes_anything(self) -> bool:
        """Whether any step changes production."""
        return any(step.risk is not Risk.READS for step in self.steps)

    @property
    def restores(self) -> bool:
        """Whether it puts a backup back."""
        return any(isinstance(step.act, Load) for step in self.steps)

    @property
    def backup(self) -> str | None:
        """The ID of the backup it makes, or else of the one it uses; None where it does neither."""
        made = next((step.act.backup for step in self.steps if isinstance(step.act, Dump)), None)
        return made or next((step.act.backup for step in self.steps if isinstance(step.act, Prove)), None)


@dataclass(frozen=True)
class NothingToDo:
    """The answer to a request that the world already satisfies.

    Args:
        facts: what was found, for the sentence (`sha`, …).
    """

    facts: Mapping[str, str]


def digest(canonical: Mapping[str, object]) -> str:
    """Name a plan by its content.

    Args:
        canonical: what `bot.domain.runs.plan_json.plan_to_json` gives.

    Returns:
        64 hexadecimal digits: SHA-256 of the canonical JSON.
    """
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
