"""What the App Home and `/ops status` show: how everything stands, and what of it concerns one person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.errors import Problem, Refused
from bot.domain.names import TargetName
from bot.domain.policies.people import Membership, membership
from bot.domain.runs.estimate import PAST, Usual, usual_of
from bot.domain.runs.request import Action, Request
from bot.domain.runs.run import Run, RunState, StepState
from bot.domain.targets.branch_commits import Newest
from bot.domain.targets.dashboard import Cockpit, Picture, Viewer, groups_of, needs, people_of
from bot.engine.context import World
from bot.engine.queries.locks import Desk
from bot.engine.queries.rules import in_the_way, require, require_exception
from bot.engine.queries.snapshots import Sightings
from bot.engine.record_refusals import request_on_record

RECENT = 10
"""So many of the latest runs are shown."""


class Lookout:
    """Answers from the store and from what was seen; `refresh` alone asks hosts.

    Args:
        world: the engine's ports.
        desk: judges what somebody may.
    """

    def __init__(self, world: World, desk: Desk) -> None:
        self._world = world
        self._desk = desk
        self._sightings = Sightings(world)

    async def picture(self) -> Picture:
        """Read how all targets stand."""
        targets = self._world.operations.targets
        now = self._world.clock.now()
        frozen = {name: target.policy.frozen_at(Action.DEPLOY, now) for name, target in targets.items()}
        overviews = await self._world.locks.overviews(tuple(targets))
        return Picture(
            overviews,
            self._sightings.known(),
            {name: freeze for name, freeze in frozen.items() if freeze is not None},
            {run.id: await self._usual(run) for overview in overviews for run in overview.unfinished},
        )

    async def _usual(self, run: Run) -> Mapping[str, Usual]:
        """Judge the past of the steps that run now; that of the others is not shown here."""
        name, found = run.request.target, {}
        for key in {row.key for row in run.steps if row.state is StepState.RUNNING}:
            usual = usual_of(await self._world.store.step_seconds(name.app, name.environment, key, PAST))
            if usual is not None:
                found[key] = usual
        return found

    async def cockpit(self, picture: Picture, viewer: Viewer) -> Cockpit:
        """Give what concerns somebody: targets on which they may run or approve something, and what waits for them.

        A target that they may only read, as everybody may, is none of them.

        Args:
            picture: how all targets stand.
            viewer: who looks, and what they chose.
        """
        names = tuple(overview.target for overview in picture.overviews)
        allowed = await self._desk.allowed(names, viewer.user)
        approve = {name: self._world.operations.targets[name].policy.who_approves() for name in names}
        groups = {group for lists in approve.values() for people in lists for group in people.groups}
        groups |= groups_of(picture.waiting)
        roster = await self._world.directory.roster(frozenset({viewer.user}), frozenset(groups))
        judged = {
            name: {membership(viewer.user, people, roster) for people in lists} for name, lists in approve.items()
        }
        seen = {name for action, found in allowed.targets.items() for name in found if not self._is_open(action, name)}
        seen |= {name for name, answers in judged.items() if Membership.YES in answers}
        needed = tuple(run for run in picture.waiting if needs(run, viewer.user, roster))
        seen |= {run.request.target for run in needed}
        shown = tuple(name for name in names if name in seen)
        return Cockpit(
            viewer.user,
            viewer.chosen,
            picture.of(frozenset(shown)),
            needed,
            await self._world.locks.latest(shown, RECENT),
            allowed.targets,
            allowed.uncertain or any(Membership.UNKNOWN in answers for answers in judged.values()),
        )

    def _is_open(self, action: Action, name: TargetName) -> bool:
        """Whether everybody may ask, and only to read. That is asked in a channel, which may be a private one.

        So it does not open to the whole workspace what is told of runs, locks and their reasons.
        """
        people = self._world.operations.targets[name].policy.who_may(action)
        return action is Action.MIGRATE_STATUS and people.anyone

    async def waited_for(self, picture: Picture) -> frozenset[str]:
        """Name those for whom a run may wait: whom the gates that are open name."""
        roster = await self._world.directory.roster(frozenset(), groups_of(picture.waiting))
        return people_of(picture.waiting, roster)

    async def refresh(self, targets: tuple[TargetName, ...], older_than: timedelta) -> None:
        """Look at targets that were not looked at for so long, or not since a run; returns when all of them were."""
        known = self._sightings.known()
        overviews = await self._world.locks.overviews(targets)
        outdated = frozenset(
            overview.target
            for overview in overviews
            if not overview.unfinished and overview.target in known and not known[overview.target].holds(overview)
        )
        await self._sightings.refresh(targets, older_than, outdated)

    @request_on_record
    async def judge(self, request: Request) -> None:
        """Refuse what would be refused if it were asked now; nothing is started.

        Raises:
            Refused: as `Engine.submit`.
        """
        target = self._world.operations.targets[request.target]
        await require(self._world, request.origin.user, target.policy.who_may(request.action), request.action.value)
        await require_exception(self._world, target, request)
        found = await in_the_way(self._world, target, request, self._world.clock.now())
        if found is not None:
            raise Refused(found)

    async def in_the_way(self, request: Request) -> Problem | None:
        """Give the freeze or the lock that stands in the way of a request now, or None."""
        target = self._world.operations.targets[request.target]
        return await in_the_way(self._world, target, request, self._world.clock.now())

    async def newest(self, target: TargetName) -> Newest:
        """Read what a target's branch has that is not live.

        Raises:
            Refused: what a host answers.
        """
        return await self._world.branches.newest(self._world.operations.targets[target])

    async def releases(self, target: TargetName) -> tuple[Run, ...]:
        """Give the runs that made a commit live and went well, newest first; the first is what is live."""
        found = await self._world.locks.releases(target, RECENT)
        return tuple(run for run in found if run.state is RunState.SUCCEEDED)

    async def end(self) -> None:
        """End the looks that are under way."""
        await self._sightings.end()
