"""The services that still run the code of before, where a run stopped between its checkout and their restart. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.runs.plan import Phase, Plan, Step
from bot.domain.runs.run import Run, RunState, StepState

_STOPPED = frozenset({RunState.FAILED, RunState.CANCELLED, RunState.NEEDS_HUMAN})
_CHECKOUTS = frozenset({"checkout", "checkout-back", "switch"})
_RESTART = "restart"


@dataclass(frozen=True)
class StaleService:
    """A service that may still run the code of before.

    Args:
        name: for people.
        hosts: on which it was certainly not restarted, and the commit is live.
        unknown: hosts on which it is not known whether it was restarted.
    """

    name: str
    hosts: tuple[str, ...]
    unknown: tuple[str, ...]


def stale_services(run: Run) -> tuple[StaleService, ...]:
    """Name the services that a run was to restart and did not, on hosts where its commit is live.

    A recipe's step restarts a service if its key is `restart`, begins with `restart-` or ends with `-restart`; its
    title without the word "Restart" is the service's name.

    Returns:
        In the plan's order. None unless the run stopped and no other run went on after it.
    """
    plan = run.plan
    if plan is None or run.state not in _STOPPED or run.change_started_at is None:
        return ()
    if run.problem is not None and run.problem.facts.get("successor"):
        return ()
    live = _hosts_with_commit(run, plan)
    found = (_stale(run, step, live) for step in plan.of(Phase.CHANGE) if _restarts(step))
    return tuple(service for service in found if service.hosts or service.unknown)


def _hosts_with_commit(run: Run, plan: Plan) -> frozenset[str]:
    sha = "" if plan.sha is None else plan.sha.text
    before = {host for host, head in plan.basis.checked_out.items() if head == sha}
    return frozenset(before | {row.place for row in run.steps if row.key in _CHECKOUTS and row.state is StepState.DONE})


def _restarts(step: Step) -> bool:
    return step.key == _RESTART or step.key.startswith(f"{_RESTART}-") or step.key.endswith(f"-{_RESTART}")


def _name(step: Step) -> str:
    first, _, rest = step.title.partition(" ")
    return rest if first.lower() == _RESTART and rest else step.title


def _stale(run: Run, step: Step, live: frozenset[str]) -> StaleService:
    rows = [row for row in run.rows(step.key) if row.place in live]
    unknown = {StepState.RUNNING, StepState.UNKNOWN}
    return StaleService(
        _name(step),
        tuple(row.place for row in rows if row.state not in {*unknown, StepState.DONE}),
        tuple(row.place for row in rows if row.state in unknown),
    )
