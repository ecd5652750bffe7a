"""Compares what the store says of a run with what the history says: a rewritten row does not agree with its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.errors import Reason
from bot.domain.policies.policy import Requirement
from bot.domain.runs.history import Record
from bot.domain.runs.plan import Phase
from bot.domain.runs.plan_json import plan_digest
from bot.domain.runs.recorded_run import RecordedApproval, RecordedGate, RecordedRun, recorded_run
from bot.domain.runs.run import ENDS, Gate, Run, RunState, StepRow, StepState, Vote
from bot.domain.secrets import MASK

NOTHING = "nothing"
_HIDDEN = (MASK, "⟦")
"""Marks of a text in which a secret was replaced."""

_MASKED = "words in which a secret was masked"


class Subject(StrEnum):
    """What about a run does not agree."""

    RUN = "the run"
    REQUEST = "the request"
    STATE = "the state"
    REASON = "the reason"
    CANCELLED_BY = "who cancelled it"
    NOTHING_TO_DO = "whether there was nothing to do"
    CHANGE = "whether the change was allowed to begin"
    PLAN = "the plan"
    GATE = "the gate"
    GATE_PLAN = "the plan of the gate"
    REQUIREMENT = "what the gate asks for"
    EXPIRY = "when the gate expires"
    APPROVAL = "the approval"
    VOTE = "the vote"
    STEP = "the step"


@dataclass(frozen=True)
class Disagreement:
    """Where the store and the history differ.

    Args:
        run: ID of the run.
        subject: about what.
        stored: what the store says, in a few words.
        recorded: what the history says, in a few words.
    """

    run: str
    subject: Subject
    stored: str
    recorded: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.run}: {self.subject}: the store says {self.stored}, the history says {self.recorded}"


@dataclass(frozen=True)
class NotCovered:
    """Something about a run of which its records say nothing.

    Args:
        run: ID of the run.
        what: in a few words.
    """

    run: str
    what: str


Finding = Disagreement | NotCovered

NEVER_COVERED = (
    "times of runs, gates, votes and steps",
    "why a vote did not count, and votes that did not count and were taken back",
    "who belonged to a user group of Slack when its members' votes were counted",
    "output, figures and facts of steps and runs, and steps that never started",
    "messages, locks, schedules and the inbox",
)
"""What no record is compared with."""


def check_run(run: Run, records: Sequence[Record]) -> tuple[Finding, ...]:
    """Compare a run of the store with the history.

    Args:
        run: as the store has it.
        records: of this run, in order of their sequence, read at the same instant.
    """
    recorded = recorded_run(records)
    if recorded.requested is None:
        return (Disagreement(run.id, Subject.RUN, run.state.value, "nothing of its request"),)
    check = _RunCheck(run, recorded)
    return tuple(dict.fromkeys(check.findings()))


def disagreements(run: Run, records: Sequence[Record]) -> tuple[Disagreement, ...]:
    """Give where a run of the store and the history differ, as `check_run` does, without what is not covered."""
    return tuple(finding for finding in check_run(run, records) if isinstance(finding, Disagreement))


def missing_run(run: str, requested: int) -> Disagreement:
    """Report a run that the history has and the store has not.

    Args:
        run: its ID.
        requested: sequence of the record of its request.
    """
    return Disagreement(run, Subject.RUN, NOTHING, f"it was requested (record {requested})")


def unreadable_run(run: str) -> Disagreement:
    """Report a run whose row cannot be read; whatever wrote it was not this program."""
    return Disagreement(run, Subject.RUN, "what cannot be read", "it was requested")


@dataclass(frozen=True)
class _RunCheck:
    run: Run
    recorded: RecordedRun

    def findings(self) -> Iterator[Finding]:
        yield from self._request()
        yield from self._state()
        yield from self._plan()
        yield from self._gate()
        yield from self._votes()
        yield from self._steps()
        for event in sorted(self.recorded.unknown_events):
            yield self._unknown(f"events that this version does not know ({event})")

    def _differs(self, subject: Subject, stored: object, recorded: object) -> Iterator[Disagreement]:
        if stored != recorded:
            yield Disagreement(self.run.id, subject, str(stored or NOTHING), str(recorded or NOTHING))

    def _unknown(self, what: str) -> NotCovered:
        return NotCovered(self.run.id, what)

    def _request(self) -> Iterator[Finding]:
        requested, request = self.recorded.requested, self.run.request
        if requested is None:
            return
        facts = requested.entry.facts
        yield from self._differs(Subject.REQUEST, f"by {request.origin.user}", f"by {requested.entry.actor}")
        stored = {
            "target": str(request.target),
            "channel": request.origin.channel,
            "by": request.origin.event.partition(":")[0],
            "typed": request.typed,
        }
        for name, value in stored.items():
            if name not in facts:
                yield self._unknown(f"the request's {name}")
            elif any(mark in facts[name] for mark in _HIDDEN):
                yield self._unknown(_MASKED)
            else:
                yield from self._differs(Subject.REQUEST, f"{name} {value!r}", f"{name} {facts[name]!r}")

    def _state(self) -> Iterator[Finding]:
        run, recorded = self.run, self.recorded
        if run.state not in recorded.states:
            if _ended_without_record(run):
                yield self._unknown("how runs ended whose target was taken out of the operations file")
            else:
                states = " or ".join(sorted(state.value for state in recorded.states))
                yield from self._differs(Subject.STATE, run.state.value, f"{states} (record {recorded.state_from})")
        if (run.ended_at is not None) != (run.state in ENDS):
            ended = "ended" if run.ended_at is not None else "not ended"
            yield Disagreement(run.id, Subject.STATE, ended, run.state.value)
        if run.problem is not None and recorded.reason:
            reasons = {run.problem.reason.value, run.problem.facts.get("reason")}
            if recorded.reason not in reasons:
                yield from self._differs(Subject.REASON, run.problem.reason.value, recorded.reason)
        yield from self._differs(Subject.CANCELLED_BY, run.cancelled_by, recorded.cancelled_by)
        yield from self._differs(Subject.NOTHING_TO_DO, _yes(run.nothing_to_do), _yes(recorded.nothing_to_do))
        yield from self._differs(Subject.CHANGE, _yes(run.change_started_at is not None), _yes(recorded.passed))

    def _plan(self) -> Iterator[Finding]:
        run, recorded = self.run, self.recorded
        planned = recorded.planned is not None or recorded.gate is not None
        if run.plan is None:
            yield self._unknown("options of requests that never came to a plan, besides what was typed")
            yield from self._differs(Subject.PLAN, NOTHING, "there is one" if planned else NOTHING)
            return
        if not planned:
            yield from self._differs(Subject.PLAN, "there is one", NOTHING)
            return
        named = recorded.gate.plan if recorded.gate is not None else recorded.plan
        if named:
            yield from self._differs(Subject.PLAN, f"digest {plan_digest(run.plan)}", f"digest {named}")
            if "⟦" in str(run.plan.request):
                yield self._unknown(_MASKED)
            elif run.plan.request != run.request:
                yield Disagreement(run.id, Subject.REQUEST, str(run.request.options), str(run.plan.request.options))
        else:
            yield self._unknown("plans that never came to a gate, in records of an earlier version")
        if recorded.planned is not None:
            facts = recorded.planned
            sha, pending = str(run.plan.sha or ""), ", ".join(run.plan.pending)
            yield from self._differs(Subject.PLAN, f"commit {sha}", f"commit {facts.get('sha', sha)}")
            yield from self._differs(Subject.PLAN, f"pending {pending}", f"pending {facts.get('pending', pending)}")
        early = {step.key for step in run.plan.steps if step.phase is Phase.CHANGE} & recorded.early_steps
        for key in sorted(early):
            yield Disagreement(run.id, Subject.STEP, f"{key} is behind the gate", f"{key} was started before it")

    def _gate(self) -> Iterator[Finding]:
        gate, recorded = self.run.gate, self.recorded.gate
        if gate is None or recorded is None:
            stored = gate.state.value if gate is not None else NOTHING
            yield from self._differs(Subject.GATE, stored, recorded.state.value if recorded is not None else NOTHING)
            return
        yield from self._differs(Subject.GATE, gate.state.value, recorded.state.value)
        yield from self._differs(Subject.GATE_PLAN, f"digest {gate.digest}", f"digest {recorded.plan}")
        yield from self._differs(
            Subject.GATE, _waits(afterwards=gate.afterwards), _waits(afterwards=recorded.afterwards)
        )
        yield from self._requirement(gate, recorded)
        if self.recorded.approval is not None:
            yield from self._approval(gate, self.recorded.approval)

    def _requirement(self, gate: Gate, recorded: RecordedGate) -> Iterator[Finding]:
        asked = gate.requirement
        if self.run.plan is not None and not asked.implies(self.run.plan.requirement):
            yield Disagreement(
                self.run.id, Subject.REQUIREMENT, _asks(asked), f"{_asks(self.run.plan.requirement)}, by its plan"
            )
        if recorded.waived:
            yield from self._differs(Subject.REQUIREMENT, asked.needed, 0)
            return
        names = ", ".join(asked.people.names)
        facts = recorded.facts
        yield from self._differs(
            Subject.REQUIREMENT,
            f"{asked.needed} of {names}",
            f"{facts.get('needed', asked.needed)} of {facts.get('from', names)}",
        )
        if asked.asks_for_signatures or "signed" in facts:
            yield from self._differs(
                Subject.REQUIREMENT, _signed(asked.asks_for_signatures), _signed(facts.get("signed"))
            )
        start = self.run.request.start
        last = gate.opened_at + asked.expires
        if start is not None and not gate.earlier:
            last = min(last, start.until)
        yield from self._differs(
            Subject.EXPIRY,
            f"{gate.expires_at - gate.opened_at} after it opened",
            f"{last - gate.opened_at} after it opened",
        )
        expires_at = gate.expires_at.isoformat()
        if "expires_at" in facts:
            yield from self._differs(Subject.EXPIRY, expires_at, facts["expires_at"])
        else:
            yield self._unknown("when gates expire, in records of an earlier version")

    def _approval(self, gate: Gate, approval: RecordedApproval) -> Iterator[Finding]:
        where = f"(record {approval.sequence})"
        if approval.by != approval.voted:
            yield Disagreement(
                self.run.id,
                Subject.APPROVAL,
                f"approved by {_people(approval.by)} {where}",
                f"votes of {_people(approval.voted)}",
            )
        requester = self.run.request.origin.user
        for part in _parts(gate.requirement):
            possible = {user for user in approval.voted if _may_count(part, user, requester)}
            if part.signed:
                possible &= {user for user, plan in self.recorded.signed if plan == gate.digest}
            if len(possible) < part.count:
                yield Disagreement(
                    self.run.id,
                    Subject.APPROVAL,
                    f"{_asks(part)} must approve",
                    f"approved with the votes of {_people(possible)} {where}",
                )

    def _votes(self) -> Iterator[Finding]:
        stored = {vote.user: _vote(vote) for vote in self.run.votes}
        recorded = {
            user: _words(vote.choice, vote.plan, counts=vote.counts) for user, vote in self.recorded.votes.items()
        }
        counted = {user for user, vote in self.recorded.votes.items() if vote.counts}
        for user in sorted(stored.keys() | counted):
            yield from self._differs(
                Subject.VOTE, f"{user} {stored.get(user, NOTHING)}", f"{user} {recorded.get(user, NOTHING)}"
            )

    def _steps(self) -> Iterator[Finding]:
        rows = {(row.key, row.place): row for row in self.run.steps if _was_started(row)}
        for key, place in sorted(rows.keys() | self.recorded.steps.keys()):
            row, recorded = rows.get((key, place)), self.recorded.steps.get((key, place))
            stored = f"attempt {row.attempt} is {row.state.value}" if row is not None else "it was never started"
            said = f"attempt {recorded.attempt} is {recorded.state.value}" if recorded else "it was never started"
            name = f"{key} on {place}"
            yield from self._differs(Subject.STEP, f"{name}: {stored}", f"{name}: {said}")
            if row is None or recorded is None or recorded.exit_status is None:
                continue
            yield from self._differs(
                Subject.STEP,
                f"{name}: exit status {row.exit_status}",
                f"{name}: exit status {recorded.exit_status}",
            )


def _was_started(row: StepRow) -> bool:
    # A step that found nothing to check is skipped too, after its start.
    return row.state not in {StepState.PENDING, StepState.SKIPPED} or row.exit_status is not None


def _ended_without_record(run: Run) -> bool:
    """Say whether an earlier version may have ended this run without a record."""
    ways = {RunState.FAILED, RunState.NEEDS_HUMAN}
    return run.state in ways and run.problem is not None and run.problem.reason is Reason.UNKNOWN_ENVIRONMENT


def _yes(answer: object) -> str:
    return "yes" if answer else "no"


def _signed(answer: object) -> str:
    return "signatures" if answer else "no signatures"


def _waits(*, afterwards: bool) -> str:
    return "the change did not wait for it" if afterwards else "the change waited for it"


def _parts(requirement: Requirement) -> Iterator[Requirement]:
    yield requirement
    if requirement.also is not None:
        yield from _parts(requirement.also)


def _may_count(part: Requirement, user: str, requester: str) -> bool:
    """Say whether somebody's approval can have counted; who was in a group then is not recorded."""
    if user == requester and not part.allow_requester:
        return False
    return part.eligible.anyone or user in part.eligible.users or bool(part.eligible.groups)


def _asks(requirement: Requirement) -> str:
    return " and ".join(f"{part.count} of {', '.join(part.eligible.names) or 'nobody'}" for part in _parts(requirement))


def _people(users: Iterable[str]) -> str:
    return ", ".join(sorted(users)) or "nobody"


def _vote(vote: Vote) -> str:
    return _words(vote.choice, vote.digest, counts=vote.counts)


def _words(choice: str, plan: str, *, counts: bool) -> str:
    return f"{choice} of plan {plan}, {'counted' if counts else 'not counted'}"
