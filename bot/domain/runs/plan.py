"""The immutable answer to a request: phases of steps, with the evidence an approver needs, under one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot.domain.json_codec import stored
from bot.domain.names import Sha, is_name
from bot.domain.policies.policy import NO_REQUIREMENT, Requirement
from bot.domain.runs.acts import Act, Dump, Load, Prove
from bot.domain.runs.basis import Basis
from bot.domain.runs.batches import Batches
from bot.domain.runs.findings import Finding, NotRehearsed, NotRehearsedReason, destroys, is_unknown
from bot.domain.runs.request import Request
from bot.domain.runs.sealing import rehearsed_files, sealed_act
from bot.domain.shell import Command


class Phase(StrEnum):
    """Phase of a run that a step belongs to."""

    PREPARE = "prepare"
    REHEARSAL = "rehearsal"
    """Behind the gate, and before the first change: it changes nothing in production."""
    CHANGE = "change"
    VERIFY = "verify"


class Risk(StrEnum):
    """What a step can do to production."""

    READS = "reads"
    CHANGES = "changes"
    DESTROYS = "destroys"


class OnFailure(StrEnum):
    """What the failure of a step means for its run."""

    HOLD_IN_DOUBT = "hold_in_doubt"
    """As `FAIL` if it certainly failed, because it reverts its own changes; as `HOLD` if its outcome is unknown."""

    FAIL = "fail"
    """The run fails, after steps that undo what was done."""
    HOLD = "hold"
    """Nothing is undone and a person decides, because the schema may be half-migrated."""


@dataclass(frozen=True)
class Step:
    """One action of a plan.

    Args:
        key: its identity within the run; safe in a path.
        title: for people, a few words.
        phase: that it belongs to.
        hosts: names of the hosts on which it runs, in parallel; empty if the bot itself runs it.
        risk: what it can do to production.
        timeout: seconds after which its process group is killed.
        act: what it does.
        check: a command that reads whether the step took effect: status 0 yes, 1 no, anything else unknown.
        on_failure: what its failure means for the run.
        undoes: key of the step that this one undoes; it then also runs after a failure, on the hosts where that step
            was done.
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
        """Its hosts, or `BOT`."""
        return self.hosts or (BOT,)


BOT = "-"
"""The place of a step that runs on no host."""


@dataclass(frozen=True)
class Commit:
    """A commit that a deploy would make live.

    Args:
        sha: its full hash.
        author: its author's name.
        subject: the first line of its message.
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
        why: the condition that was not met.
    """

    key: str
    title: str
    why: str


@dataclass(frozen=True)
class Plan:
    """The answer to a request. It is immutable; `sealed` returns another plan.

    Args:
        request: that it answers.
        steps: in the order in which they run.
        requirement: of its gate.
        basis: the facts it depends on.
        sha: the commit that it makes live; None if it leaves the commit as it is.
        commits: that it adds, newest first.
        commit_count: of all, as `commits` may be truncated.
        pending: the migrations to run, in order.
        undo: the migrations to undo, the newest first.
        skipped: the steps of the recipe that are not needed.
        findings: the evidence.
        destructive: whether it drops or rewrites data.
        batches: the steps that go from batch to batch; None where all hosts get each step together.
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
    batches: Batches | None = field(default=None, metadata=stored(optional=True, omit_none=True))

    def sealed(self, findings: tuple[Finding, ...]) -> Plan:
        """Give the plan with the findings of the prepare phase: the one that is approved."""
        files = rehearsed_files(findings)
        steps = tuple(replace(step, act=sealed_act(step.act, findings)) for step in self.steps)
        return replace(
            self,
            steps=steps,
            pending=tuple(file.name for file in files) if self.pending and files else self.pending,
            findings=(*self.findings, *findings),
            destructive=self.destructive or any(map(destroys, findings)),
        )

    @property
    def awaits_rehearsal(self) -> bool:
        """Whether nothing is known yet of a rehearsal that comes behind the gate."""
        return any(map(_is_after_approval, self.findings))

    def rehearsed(self, findings: tuple[Finding, ...]) -> Plan:
        """Give the plan with the findings of the rehearsal behind the gate, in place of the one that it was to come."""
        known = tuple(found for found in self.findings if not _is_after_approval(found))
        return replace(self, findings=known).sealed(findings)

    def of(self, phase: Phase) -> tuple[Step, ...]:
        """Give the steps of a phase, in order."""
        return tuple(step for step in self.steps if step.phase is phase)

    @property
    def migrations(self) -> tuple[str, ...]:
        """The migrations that it runs or undoes, in that order."""
        return self.pending or self.undo

    @property
    def may_destroy(self) -> bool:
        """Whether it drops or rewrites data, or nobody can tell: both need the same approvals."""
        return self.destructive or (bool(self.migrations) and any(map(is_unknown, self.findings)))

    @property
    def changes_anything(self) -> bool:
        """Whether any step changes production."""
        return any(step.risk is not Risk.READS for step in self.steps)

    @property
    def restores(self) -> bool:
        """Whether it restores a backup."""
        return any(isinstance(step.act, Load) for step in self.steps)

    @property
    def backup(self) -> str | None:
        """ID of the backup that it makes, or else of the one that it uses; None if neither."""
        made = next((step.act.backup for step in self.steps if isinstance(step.act, Dump)), None)
        return made or next((step.act.backup for step in self.steps if isinstance(step.act, Prove)), None)


def _is_after_approval(found: Finding) -> bool:
    return isinstance(found, NotRehearsed) and found.reason is NotRehearsedReason.AFTER_APPROVAL


@dataclass(frozen=True)
class NothingToDo:
    """The answer to a request that is already satisfied.

    Args:
        facts: what was found, for messages (`sha`, …).
    """

    facts: Mapping[str, str]


def digest(canonical: Mapping[str, object]) -> str:
    """Compute the digest of a plan.

    Args:
        canonical: what `bot.domain.runs.plan_json.plan_to_json` returns.

    Returns:
        SHA-256 of the canonical JSON, 64 hexadecimal digits.
    """
    return hashlib.sha256(canonical_text(canonical).encode()).hexdigest()


def canonical_text(canonical: Mapping[str, object]) -> str:
    """Write the canonical JSON of a plan as the text whose SHA-256 is its digest."""
    return json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
