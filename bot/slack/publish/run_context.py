"""What rendering the messages of a run needs beside the run itself: names, estimates, who is away, the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.policies.people import NOBODY
from bot.domain.runs.approval import GateState
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.run import Run, RunState, StepRow
from bot.slack.context import SlackContext
from bot.slack.render.cards.approval.absent import MAX_ABSENT
from bot.slack.render.context import RenderContext


@dataclass
class _Memo:
    """What was gathered for a run before; losing it costs only calls."""

    beat: datetime
    signature: tuple[object, ...] = ()
    estimates: Mapping[str, StepEstimate] = field(default_factory=dict)
    estimated: int = -1


class RunRenderContexts:
    """Gathers render contexts.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._memos: dict[str, _Memo] = {}

    async def of(self, run: Run, beat: float) -> RenderContext:
        """Gather the render context of a run.

        Args:
            run: its snapshot.
            beat: seconds for which the time stands still while no step changes, so that elapsed times cost few edits.
        """
        now = self._context.clock.now()
        memo = self._memos.setdefault(run.id, _Memo(now))
        signature = (run.state, run.place_in_queue, tuple(_standing(row) for row in run.steps))
        if signature != memo.signature or now - memo.beat >= timedelta(seconds=beat):
            memo.signature, memo.beat = signature, now
        if memo.estimated != len(run.steps):
            memo.estimates, memo.estimated = await self._context.engine.estimate(run), len(run.steps)
        absent = await self._absent(run)
        target = self._context.operations.targets.get(run.request.target)
        has_result = run.ended or run.state is RunState.NEEDS_HUMAN
        return replace(
            self._context.render_context(),
            now=memo.beat,
            names=await self._context.directory.names(_people_in(run) | frozenset(sorted(absent)[:MAX_ABSENT])),
            estimates=memo.estimates,
            alert=target.backups.alert if target is not None and target.backups is not None else NOBODY,
            absent=absent,
            repository=target.repository if target is not None else None,
            policy=target.policy if target is not None else None,
            deciders=self._context.engine.deciders(run),
            on_call=(target.policy.decide if target is not None else None) or NOBODY,
            snapshot=self._context.engine.status_service.last_seen(run.request.target),
            next_environments=self._context.operations.after(run.request.target),
            translators={user: await self._context.translator_for(user) for user in _answered_alone(run)},
            anchor=await self._context.engine.result_record(run.id) if has_result else None,
        )

    def forget(self, run: str) -> None:
        """Drop what is remembered of a run."""
        self._memos.pop(run, None)

    async def _absent(self, run: Run) -> frozenset[str]:
        """Return who may approve a run that waits and is not in its channel; nobody where Slack does not say."""
        gate = run.gate
        if gate is None or gate.state is not GateState.OPEN or run.ended:
            return frozenset()
        people = gate.requirement.people
        members = await self._context.channels.members(run.request.origin.channel)
        if members is None:
            return frozenset()
        roster = await self._context.directory.roster(frozenset(), people.groups)
        asked = people.users.union(*roster.members.values())
        if not gate.requirement.allow_requester:
            asked -= {run.request.origin.user}
        return asked - members


def _standing(row: StepRow) -> tuple[object, ...]:
    return row.key, row.place, row.state, row.unreachable_since


def _answered_alone(run: Run) -> frozenset[str]:
    return frozenset(vote.user for vote in run.votes if not vote.counts)


def _people_in(run: Run) -> frozenset[str]:
    users = {run.request.origin.user, run.cancelled_by, *(vote.user for vote in run.votes)}
    if run.gate is not None:
        users |= set(sorted(run.gate.requirement.people.users)[:10])
        users |= {user for passed in run.gate.earlier for user in passed.approvers}
    if run.problem is not None:
        users |= set(run.problem.facts.get("by", "").split(", "))
    return frozenset(user for user in users if user[:1] in ("U", "W"))
