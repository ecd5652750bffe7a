"""One action with several kinds of request: each has a planner of its own, chosen by the request's option `what`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.runs.plan import NothingToDo, Plan, Step
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run
from bot.domain.targets.look import Look
from bot.domain.targets.target import Target
from commands.command import Planner


@dataclass(frozen=True)
class ByWhat:
    """Hands each request to its planner.

    Args:
        action: what a policy calls all of them.
        usual: the planner of a request that says nothing else.
        others: by the option `what`.
    """

    action: Action
    usual: Planner
    others: Mapping[str, Planner]

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """Give the steps that come before there is a plan."""
        return self._of(run).before_plan(run, target)

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Answer the request. Raises `RefusedError` where it cannot be done."""
        return await self._of(run).plan(run, target, look)

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Mapping[str, str]:
        """Read again what the plan stands on. Raises `RefusedError` where it cannot be read."""
        return await self._of(run).basis(plan, run, target, look)

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """Read again which of the plan's migrations have not run."""
        what = plan.request.options.get("what", "")
        return await self.others.get(what, self.usual).pending(plan, target, look)

    def _of(self, run: Run) -> Planner:
        return self.others.get(run.request.options.get("what", ""), self.usual)
