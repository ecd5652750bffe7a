"""The dashboard of all targets, and the part of it that one person's App Home shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.names import TargetName
from bot.domain.policies.freeze import ActiveFreeze
from bot.domain.policies.people import NOBODY, Membership, People, Roster, membership, union_of
from bot.domain.runs.approval import GateState
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.outage import Outage, outage_of
from bot.domain.targets.overview import TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot


@dataclass(frozen=True)
class Viewer:
    """A user who opened the App Home.

    Args:
        user: Slack's ID.
        chosen: their filter of environments; empty for the default.
        opened_at: when they last opened it.
    """

    user: str
    chosen: str
    opened_at: datetime


def waits_for(run: Run, user: str, roster: Roster, deciders: People = NOBODY) -> bool:
    """Say whether a run waits for a user's vote or decision.

    Args:
        run: in any state.
        user: Slack's ID.
        roster: of the user and the user groups of the run's gate and deciders. A failed look-up counts as no.
        deciders: who may decide about the run, if it needs a decision.
    """
    if run.state is RunState.NEEDS_HUMAN:
        return membership(user, deciders, roster) is Membership.YES
    gate = run.gate
    if gate is None or not _is_asked(run):
        return False
    if user == run.request.origin.user and not gate.requirement.allow_requester:
        return False
    voted = any(vote.user == user and vote.counts and vote.digest == gate.digest for vote in run.votes)
    return not voted and membership(user, gate.requirement.people, roster) is Membership.YES


def _is_asked(run: Run) -> bool:
    """Whether approval is wanted, before the first change or after an emergency."""
    gate = run.gate
    if gate is None or gate.state is not GateState.OPEN:
        return False
    return gate.afterwards or run.state is RunState.AWAITING_APPROVAL


def asked_people(runs: Iterable[Run], deciders: Mapping[str, People]) -> People:
    """Give everybody for whom runs may wait: the possible approvers of open gates, and those who may decide.

    Args:
        runs: in any state.
        deciders: who may decide about a run that needs a decision, by its ID.
    """
    found = NOBODY
    for run in runs:
        if run.state is RunState.NEEDS_HUMAN:
            found = union_of(found, deciders.get(run.id, NOBODY))
        elif run.gate is not None and _is_asked(run):
            found = union_of(found, run.gate.requirement.people)
    return found


def people_of(people: People, roster: Roster) -> frozenset[str]:
    """Give the users of a list, named individually or by user group."""
    return people.users.union(*(roster.members.get(group, frozenset()) for group in people.groups))


@dataclass(frozen=True)
class Dashboard:
    """The state of all targets, the same for every viewer.

    Args:
        overviews: of all targets, in the operations file's order.
        snapshots: the latest of each target that was read.
        freezes: active now, by target.
        usual: estimates of the steps of runs that have not ended, by run and step key.
        deciders: who may decide about each run that needs a decision, by its ID.
    """

    overviews: tuple[TargetOverview, ...]
    snapshots: Mapping[TargetName, TargetSnapshot] = field(default_factory=dict)
    freezes: Mapping[TargetName, ActiveFreeze] = field(default_factory=dict)
    usual: Mapping[str, Mapping[str, StepEstimate]] = field(default_factory=dict)

    deciders: Mapping[str, People] = field(default_factory=dict)

    @property
    def outages(self) -> tuple[Outage, ...]:
        """The sites that are down, those that wait for somebody first."""
        found = (outage_of(overview, self.snapshots.get(overview.target)) for overview in self.overviews)
        return tuple(sorted((outage for outage in found if outage is not None), key=lambda outage: outage.is_moving))

    @property
    def waiting(self) -> tuple[Run, ...]:
        """The runs that have not ended or lack a late approval, oldest first."""
        runs = [run for overview in self.overviews for run in (*overview.unfinished, *overview.owed)]
        return tuple(sorted({run.id: run for run in runs}.values(), key=lambda run: run.sequence))

    def of(self, targets: frozenset[TargetName]) -> Dashboard:
        """Give the part about some targets."""
        return replace(self, overviews=tuple(found for found in self.overviews if found.target in targets))


@dataclass(frozen=True)
class HomeView:
    """What one person's App Home shows.

    Args:
        user: Slack's ID of the viewer.
        chosen: their filter of environments; empty for the default.
        dashboard: of the targets on which they may run or approve something.
        needed: runs that wait for them, oldest first.
        recent: the latest runs, newest first, without steps and votes.
        may: the targets on which they may request each action.
        uncertain: whether a look-up in Slack failed, so that something may be missing.
    """

    user: str
    chosen: str
    dashboard: Dashboard
    needed: tuple[Run, ...] = ()
    recent: tuple[Run, ...] = ()
    may: Mapping[Action, tuple[TargetName, ...]] = field(default_factory=dict)
    uncertain: bool = False

    @property
    def going(self) -> tuple[Run, ...]:
        """The waiting runs that do not wait for the viewer, oldest first."""
        mine = {run.id for run in self.needed}
        return tuple(run for run in self.dashboard.waiting if run.id not in mine)
