"""What of a run is sent first, what later, and what not at all where Slack's limits are short."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from bot.domain.runs.approval import GateState
from bot.domain.runs.run import Run, RunState, Vote
from bot.slack.render.run_messages import PLAN, PROGRESS, RESULT, is_approval
from bot.slack.transport.call_budget import Importance


class Placing(Enum):
    """When a message is posted that is not there yet."""

    IN_ORDER = auto()
    LATER = auto()
    """After what others wait to post in the channel."""
    NEVER = auto()


def placing(run: Run, slot: str, posted: Collection[str], contended: bool) -> Placing:  # noqa: FBT001 - a fact
    """Decide when a message is posted.

    Args:
        run: whose message it is.
        slot: of the message.
        posted: slots of the messages of the run that are posted, or about to be.
        contended: whether other runs wait to post in the channel.
    """
    has_gate = run.gate is not None and not run.gate.requirement.needs_no_approval
    is_plan = slot.partition(":")[0] == PLAN
    is_answer = is_plan and (run.request.dry_run or run.nothing_to_do)
    if not (slot == PROGRESS or (is_plan and not has_gate)) or is_answer:
        return Placing.IN_ORDER
    if not has_gate and RESULT in posted:
        return Placing.NEVER
    if not contended:
        return Placing.IN_ORDER
    return Placing.NEVER if run.ended and not has_gate else Placing.LATER


@dataclass(frozen=True)
class Shown:
    """The snapshot that a message shows.

    Args:
        state: of the run.
        revision: of the run.
        votes: on its request to approve.
        gate: the state of its gate; None where it has none.
    """

    state: RunState
    revision: int
    votes: tuple[Vote, ...]
    gate: GateState | None


def shown_by(run: Run) -> Shown:
    """Return what messages show that show a run as it is."""
    return Shown(run.state, run.revision, run.votes, run.gate.state if run.gate is not None else None)


def importance_of_edit(run: Run, slot: str, shown: Shown | None) -> Importance:
    """Say how important it is that a message shows a run as it is.

    Args:
        run: as it is.
        slot: of the message.
        shown: what the message shows; None where that is not known.
    """
    now = shown_by(run)
    if is_approval(slot) and (shown is None or (shown.votes, shown.gate) != (now.votes, now.gate)):
        return Importance.VOTE
    if run.ended or run.state is RunState.NEEDS_HUMAN:
        return Importance.LAST
    if shown is not None and shown.revision == run.revision:
        return Importance.CLOCK
    if slot == PROGRESS or (shown is not None and shown.state is run.state):
        return Importance.PROGRESS
    return Importance.STATE


def shows_time(run: Run) -> bool:
    """Return whether the messages of a run tell how long something has been going on."""
    waits = run.waits_for_time or run.state in {RunState.AWAITING_APPROVAL, RunState.NEEDS_HUMAN}
    return not waits and not run.ended
