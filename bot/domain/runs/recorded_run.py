"""What the history says of one run: its state, gate, votes and steps, replayed from its records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from bot.domain.runs.approval import GateState
from bot.domain.runs.history import Record
from bot.domain.runs.run import RunState, StepState
from bot.domain.targets.target import Emoji

RESULTS = {
    "run_succeeded": RunState.SUCCEEDED,
    "dry_run": RunState.SUCCEEDED,
    "nothing_to_do": RunState.SUCCEEDED,
    "run_failed": RunState.FAILED,
    "gate_void": RunState.FAILED,
    "gate_rejected": RunState.REJECTED,
    "gate_expired": RunState.EXPIRED,
    "start_missed": RunState.EXPIRED,
    "run_cancelled": RunState.CANCELLED,
    "closed_by_person": RunState.CANCELLED,
    "needs_human": RunState.NEEDS_HUMAN,
}
"""Events with which a run ends or stops for a person, by the state it then has. `given_up` has one of two."""

RESULT_EVENTS = frozenset({*RESULTS, "given_up"})

_DECIDED = {
    "gate_approved": GateState.APPROVED,
    "countersigned": GateState.APPROVED,
    "gate_rejected": GateState.REJECTED,
    "countersign_refused": GateState.REJECTED,
    "gate_expired": GateState.EXPIRED,
    "gate_void": GateState.VOID,
}
_STEP_ENDS = {
    f"step_{state.value}": state for state in (StepState.DONE, StepState.FAILED, StepState.SKIPPED, StepState.UNKNOWN)
}
_CHANGE = frozenset({RunState.RUNNING, RunState.VERIFYING})
_CHANGES_NOTHING = frozenset(
    {"aftermath_seen", "cancel_asked", "countersign_missing", "gate_reminded", "refused", "watch_ended"}
)
"""Events that leave everything as it is that is compared here."""


@dataclass(frozen=True)
class RecordedVote:
    """A vote as it was last recorded.

    Args:
        choice: `approve` or `reject`.
        counts: whether it counted.
        plan: digest of the plan that the gate was about.
    """

    choice: str
    counts: bool
    plan: str


@dataclass(frozen=True)
class RecordedGate:
    """The latest gate of a run.

    Args:
        opened_in: sequence of the record that opened or waived it.
        state: what became of it.
        plan: digest of the plan it was about.
        waived: whether the policy asked nobody.
        afterwards: whether the change did not wait for it.
        facts: of the record that opened or waived it.
    """

    opened_in: int
    state: GateState
    plan: str
    waived: bool
    afterwards: bool
    facts: Mapping[str, str]


@dataclass(frozen=True)
class RecordedApproval:
    """The record that a gate was approved.

    Args:
        sequence: of the record.
        by: who approved, by that record.
        voted: whose approval of this plan was recorded and counted at that moment.
    """

    sequence: int
    by: frozenset[str]
    voted: frozenset[str]


@dataclass(frozen=True)
class RecordedStep:
    """The latest attempt of a step at one place.

    Args:
        attempt: 1 for the first.
        state: `running` from its start to its end.
        exit_status: of its process; None where the record has none.
    """

    attempt: int
    state: StepState
    exit_status: str | None


@dataclass
class RecordedRun:
    """What the records of one run come to.

    Args:
        requested: the record of its request.
        states: in which states it can be; empty where there is no record of it.
        state_from: sequence of the record that says so.
        reason: why it failed or needs a person, a code; empty where nothing is said.
        plan: digest of its plan before that was sealed; empty where versions before this one did not record it.
        planned: facts of the record that there is a plan; None where there is no such record.
        gate: its latest gate.
        approval: of that gate.
        votes: by Slack's ID of the person.
        steps: by key and place.
        early_steps: keys of the steps that were started while no gate was passed.
        signed: who signed which plan: Slack's ID and the plan's digest.
        cancelled_by: who asked to cancel it.
        nothing_to_do: whether it ended because the world was as asked.
        awaits_time: whether it passed its gate and its time has not come.
        unknown_events: events that this version does not know.
    """

    requested: Record | None = None
    states: frozenset[RunState] = frozenset()
    state_from: int = 0
    reason: str = ""
    plan: str = ""
    planned: Mapping[str, str] | None = None
    gate: RecordedGate | None = None
    approval: RecordedApproval | None = None
    votes: dict[str, RecordedVote] = field(default_factory=dict)
    steps: dict[tuple[str, str], RecordedStep] = field(default_factory=dict)
    early_steps: set[str] = field(default_factory=set)
    signed: set[tuple[str, str]] = field(default_factory=set)
    cancelled_by: str = ""
    nothing_to_do: bool = False
    awaits_time: bool = False
    unknown_events: set[str] = field(default_factory=set)

    @property
    def passed(self) -> bool:
        """Whether its latest gate let the change begin, and its time has come."""
        gate = self.gate
        passed = gate is not None and (gate.waived or gate.afterwards or self.approval is not None)
        return passed and not self.awaits_time


def recorded_run(records: Iterable[Record]) -> RecordedRun:
    """Replay the records of one run.

    Args:
        records: of this run alone, in order of their sequence.
    """
    run = RecordedRun()
    for record in records:
        _replay(run, record)
    return run


def _replay(run: RecordedRun, record: Record) -> None:
    entry, facts = record.entry, record.entry.facts
    match entry.event:
        case "requested":
            run.requested = record
            _enter(run, record, RunState.QUEUED, RunState.PLANNING)
        case "planned":
            run.planned, run.plan = facts, facts.get("plan", "")
            _enter(run, record, RunState.PLANNING)
        case "gate_opened":
            _open(run, record)
            _enter(run, record, RunState.AWAITING_APPROVAL)
        case "time_reached":
            run.awaits_time = False
            _enter(run, record, *_CHANGE)
        case "gate_tightened" if run.gate is not None:
            run.gate = replace(run.gate, facts={**run.gate.facts, **facts})
        case "glass_broken":
            _open(run, record, afterwards=True)
            _enter(run, record, *_CHANGE)
        case "gate_waived":
            _open(run, record, waived=True)
            _pass(run, record)
        case "vote" | "vote_ignored":
            counts = entry.event == "vote"
            run.votes[entry.actor] = RecordedVote(facts.get("choice", ""), counts, facts.get("plan", ""))
        case "vote_withdrawn":
            if entry.actor in run.votes and run.votes[entry.actor].counts:
                del run.votes[entry.actor]
        case "signed":
            run.signed.add((entry.actor, facts.get("plan", "")))
        case "cancel_requested":
            run.cancelled_by = entry.actor
        case "step_started" | "step_done" | "step_failed" | "step_skipped" | "step_unknown":
            _replay_step(run, record)
        case event if event in _DECIDED or event in RESULT_EVENTS:
            _decide(run, record)
            _end(run, record)
        case event if event not in _CHANGES_NOTHING:
            run.unknown_events.add(event)


def _enter(run: RecordedRun, record: Record, *states: RunState) -> None:
    run.states, run.state_from = frozenset(states), record.sequence


def _pass(run: RecordedRun, record: Record) -> None:
    """Let the change begin, or wait for the time that the record names."""
    run.awaits_time = "starts_at" in record.entry.facts
    _enter(run, record, *({RunState.QUEUED} if run.awaits_time else _CHANGE))


def _open(run: RecordedRun, record: Record, *, waived: bool = False, afterwards: bool = False) -> None:
    facts = record.entry.facts
    state = GateState.APPROVED if waived else GateState.OPEN
    run.gate = RecordedGate(record.sequence, state, facts.get("plan", ""), waived, afterwards, facts)
    run.approval = None
    # Votes on an earlier request of the run count no longer.
    run.votes.clear()


def _decide(run: RecordedRun, record: Record) -> None:
    """Give the gate the state that a record says."""
    state = _DECIDED.get(record.entry.event)
    waits = run.states == {RunState.AWAITING_APPROVAL}
    if record.entry.event == "run_cancelled" and waits:
        state = GateState.VOID
    if state is None or run.gate is None:
        return
    gate = run.gate
    run.gate = RecordedGate(gate.opened_in, state, gate.plan, gate.waived, gate.afterwards, gate.facts)
    if state is GateState.APPROVED:
        approves = RecordedVote(Emoji.APPROVE.value, counts=True, plan=gate.plan)
        voted = frozenset(user for user, vote in run.votes.items() if vote == approves)
        by = frozenset(filter(None, record.entry.facts.get("by", "").split(", ")))
        run.approval = RecordedApproval(record.sequence, by, voted)


def _end(run: RecordedRun, record: Record) -> None:
    """Give the run the state that a record says."""
    event, facts = record.entry.event, record.entry.facts
    if event == "gate_approved":
        _pass(run, record)
    elif event == "given_up":
        changing = facts.get("state") in {state.value for state in _CHANGE}
        _enter(run, record, RunState.NEEDS_HUMAN if changing else RunState.FAILED)
    elif event in RESULTS:
        _enter(run, record, RESULTS[event])
        run.reason = facts.get("reason", run.reason)
        run.nothing_to_do = run.nothing_to_do or event == "nothing_to_do"
        if event == "run_cancelled" and not run.cancelled_by and record.entry.actor != "bot":
            run.cancelled_by = record.entry.actor


def _replay_step(run: RecordedRun, record: Record) -> None:
    facts = record.entry.facts
    key, place = facts.get("step", ""), facts.get("place", "")
    attempt = int(facts["attempt"]) if facts.get("attempt", "").isdecimal() else 0
    state = _STEP_ENDS.get(record.entry.event, StepState.RUNNING)
    run.steps[key, place] = RecordedStep(attempt, state, facts.get("exit_status"))
    if not run.passed:
        run.early_steps.add(key)
