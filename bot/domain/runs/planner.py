"""What plans a run: the engine asks it, a command is one."""

from __future__ import annotations

from typing import Protocol

from bot.domain.runs.basis import Basis
from bot.domain.runs.plan import NothingToDo, Plan, Step
from bot.domain.runs.request import Request
from bot.domain.runs.run import Run
from bot.domain.targets.look import Look
from bot.domain.targets.target import Target


class Planner(Protocol):
    """Answers requests of one kind with plans. It sees the world through `Look` alone, so it cannot change anything."""

    async def check_names(self, request: Request, target: Target, look: Look) -> None:
        """Look whether what the request names is there, before there is a run; what cannot be read is left to the run.

        Raises:
            RefusedError: a table, a backup or a leftover is not there, with the nearest that is.
        """
        ...

    def before_plan(self, run: Run, target: Target) -> tuple[Step, ...]:
        """Give the steps that come before there is a plan; they only read, or fetch what planning reads."""
        ...

    async def plan(self, run: Run, target: Target, look: Look) -> Plan | NothingToDo:
        """Answer the request.

        Raises:
            RefusedError: it cannot be done, and why.
        """
        ...

    async def basis(self, plan: Plan, run: Run, target: Target, look: Look) -> Basis:
        """Read the facts again that a plan stands on.

        Raises:
            RefusedError: they cannot be read.
        """
        ...

    async def pending(self, plan: Plan, target: Target, look: Look) -> tuple[str, ...]:
        """Read again which of the plan's migrations are still to be run, or undone, just before the schema changes.

        Raises:
            RefusedError: they cannot be read.
        """
        ...
