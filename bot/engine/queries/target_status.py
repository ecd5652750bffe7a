"""The state of all targets for the App Home and `/ops status`, and what of it concerns one person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.errors import Problem
from bot.domain.names import TargetName
from bot.domain.policies.people import NOBODY, Membership, membership
from bot.domain.runs.estimate import MAX_PAST_TIMES, StepEstimate, estimate_of
from bot.domain.runs.request import Action, Request
from bot.domain.runs.run import Run, RunState, StepState
from bot.domain.targets.branch_commits import BranchCommits
from bot.domain.targets.dashboard import Dashboard, HomeView, Viewer, asked_people, people_of, waits_for
from bot.domain.targets.snapshot import TargetSnapshot
from bot.engine.context import EngineContext
from bot.engine.queries.locks import LockService
from bot.engine.queries.rules import blocking_reason, judge, require_channel, who_decides
from bot.engine.queries.snapshots import Snapshots
from bot.engine.queries.start_times import with_start_time
from bot.engine.record_refusals import request_on_record

RECENT = 10
"""Latest runs that are shown."""


class StatusService:
    """Reads from the store and from snapshots; only `refresh`, `newest` and `judge` ask others.

    Args:
        context: the engine's ports.
        lock_service: judges permissions.
    """

    def __init__(self, context: EngineContext, lock_service: LockService) -> None:
        self._context = context
        self._lock_service = lock_service
        self._snapshots = Snapshots(context)

    async def dashboard(self) -> Dashboard:
        """Read the state of all targets."""
        targets = self._context.operations.targets
        now = self._context.clock.now()
        frozen = {name: target.policy.frozen_at(Action.DEPLOY, now) for name, target in targets.items()}
        overviews = await self._context.overviews.of_targets(tuple(targets))
        return Dashboard(
            overviews,
            self._snapshots.known(),
            {name: freeze for name, freeze in frozen.items() if freeze is not None},
            {run.id: await self._usual(run) for overview in overviews for run in overview.unfinished},
            {
                run.id: who_decides(self._context, run)
                for overview in overviews
                for run in overview.unfinished
                if run.state is RunState.NEEDS_HUMAN
            },
        )

    def last_seen(self, target: TargetName) -> TargetSnapshot | None:
        """Give the last look at a target; None where there was none since the start."""
        return self._snapshots.known().get(target)

    async def _usual(self, run: Run) -> Mapping[str, StepEstimate]:
        """Estimate the length of the steps of a run that is at work, as far as they have not ended."""
        name, found = run.request.target, {}
        is_at_work = any(row.state is StepState.RUNNING for row in run.steps)
        left = {row.key for row in run.steps if row.state in (StepState.RUNNING, StepState.PENDING)}
        for key in sorted(left) if is_at_work else ():
            usual = estimate_of(await self._context.runs.step_seconds(name.app, name.environment, key, MAX_PAST_TIMES))
            if usual is not None:
                found[key] = usual
        return found

    async def home_view(self, dashboard: Dashboard, viewer: Viewer) -> HomeView:
        """Give what concerns a person: targets on which they may run or approve something, and runs that wait for them.

        A target that they may only read, as everybody may, is left out.

        Args:
            dashboard: the state of all targets.
            viewer: the person, and the filter that they chose.
        """
        names = tuple(overview.target for overview in dashboard.overviews)
        allowed = await self._lock_service.allowed(names, viewer.user)
        approve = {name: self._context.operations.targets[name].policy.who_approves() for name in names}
        groups = {group for lists in approve.values() for people in lists for group in people.groups}
        groups |= asked_people(dashboard.waiting, dashboard.deciders).groups
        roster = await self._context.directory.roster(frozenset({viewer.user}), frozenset(groups))
        judged = {
            name: {membership(viewer.user, people, roster) for people in lists} for name, lists in approve.items()
        }
        seen = {name for action, found in allowed.targets.items() for name in found if not self._is_open(action, name)}
        seen |= {name for name, answers in judged.items() if Membership.YES in answers}
        needed = tuple(
            run
            for run in dashboard.waiting
            if waits_for(run, viewer.user, roster, dashboard.deciders.get(run.id, NOBODY))
        )
        seen |= {run.request.target for run in needed}
        shown = tuple(name for name in names if name in seen)
        return HomeView(
            viewer.user,
            viewer.chosen,
            dashboard.of(frozenset(shown)),
            needed,
            await self._context.overviews.latest_runs(shown, RECENT),
            allowed.targets,
            allowed.uncertain or any(Membership.UNKNOWN in answers for answers in judged.values()),
        )

    def _is_open(self, action: Action, name: TargetName) -> bool:
        """Say whether an action only reads and is open to everybody.

        It is requested in a channel, which may be private, so it must not open runs, locks and their reasons to the
        whole workspace.
        """
        people = self._context.operations.targets[name].policy.who_may(action)
        return action is Action.MIGRATE_STATUS and people.anyone

    async def waited_for(self, dashboard: Dashboard) -> frozenset[str]:
        """Name the people for whom a run may wait: those whom open gates ask, and those who may decide."""
        asked = asked_people(dashboard.waiting, dashboard.deciders)
        return people_of(asked, await self._context.directory.roster(frozenset(), asked.groups))

    async def refresh(self, targets: tuple[TargetName, ...], older_than: timedelta) -> None:
        """Take snapshots of targets whose snapshot is too old, or older than a run; returns when all are taken."""
        known = self._snapshots.known()
        overviews = await self._context.overviews.of_targets(targets)
        outdated = frozenset(
            overview.target
            for overview in overviews
            if overview.target in known and not known[overview.target].is_current(overview)
        )
        await self._snapshots.refresh(targets, older_than, outdated)

    @request_on_record
    async def judge(self, request: Request) -> None:
        """Judge a request without starting anything, so that a form can say what is wrong before it is sent.

        Raises:
            RefusedError: as `Engine.submit`.
        """
        request = await with_start_time(self._context, request)
        await judge(self._context, request)
        await require_channel(self._context, request)

    async def blocking_reason(self, request: Request) -> Problem | None:
        """Give the freeze or the lock that blocks a request now, or None."""
        return await blocking_reason(self._context, request)

    async def newest(self, target: TargetName) -> BranchCommits:
        """Read the commits of a target's branch that are not live.

        Raises:
            RefusedError: a host refuses.
        """
        return await self._context.branches.newest(self._context.operations.targets[target])

    async def releases(self, target: TargetName) -> tuple[Run, ...]:
        """Give the successful releases, newest first; the first is the live one."""
        found = await self._context.overviews.releases(target, RECENT)
        return tuple(run for run in found if run.state is RunState.SUCCEEDED)

    async def end(self) -> None:
        """Cancel the looks that are going on."""
        await self._snapshots.end()
