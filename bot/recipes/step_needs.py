"""What planned commands will need on a host: services that they restart, and folders that they write to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.domain.errors import Problem, Reason, problem
from bot.domain.runs.acts import Shell
from bot.domain.runs.plan import Phase, Step
from bot.domain.shell import fill, placeholders
from bot.domain.targets.look import HostFacts, ServiceAct, ServiceFacts, SudoAnswer
from bot.domain.targets.target import Target
from bot.recipes.recipe import ConditionKind, Recipe, StepSpec

_SERVICE = re.compile(r"\bsudo (?:-n )?systemctl (restart|reload) ([A-Za-z0-9@._:-]+)")


def services_of(script: str) -> tuple[ServiceAct, ...]:
    """Name what a command does to services.

    Args:
        script: shell text.
    """
    return tuple(ServiceAct(verb, unit) for verb, unit in dict.fromkeys(_SERVICE.findall(script)))


def possible_services(recipe: Recipe, target: Target) -> tuple[ServiceAct, ...]:
    """Name what the steps of a recipe may do to services, whichever of them are planned.

    Args:
        recipe: of the target.
        target: whose services.
    """
    found = (act for spec in recipe.change for script in _scripts(spec, target) for act in services_of(script))
    return tuple(dict.fromkeys(found))


def reasons_to_run(spec: StepSpec) -> tuple[str, ...]:
    """Give the files whose change makes a step needed; none where it is needed for another reason too."""
    if any(condition.kind not in {ConditionKind.CHANGED, ConditionKind.MISSING} for condition in spec.when):
        return ()
    changed = (condition.value for condition in spec.when if condition.kind is ConditionKind.CHANGED)
    return tuple(pattern for pattern in changed if not set(pattern) & set("*?["))


def _scripts(spec: StepSpec, target: Target) -> Iterator[str]:
    if spec.run is None:
        return
    values = {name: str(value) for name, value in target.vars.items() if not isinstance(value, tuple)}
    # What is not known before a plan is a word like any other here.
    values = dict.fromkeys(placeholders(spec.run), "x") | values
    each = target.vars.get(spec.each) if spec.each is not None else None
    for one in each if isinstance(each, tuple) else () if spec.each is not None else ("x",):
        yield fill(spec.run, {**values, "each": one}).script()


def lacking(steps: Sequence[Step], hosts: Sequence[HostFacts], writes: Sequence[str]) -> Problem | None:
    """Give the first reason why planned changes would fail for certain; what is unknown is none.

    Args:
        steps: of the plan.
        hosts: as they were looked at.
        writes: folders that the steps write to.
    """
    changes = [step for step in steps if step.phase is Phase.CHANGE]
    for facts in hosts if changes else ():
        scripts = [
            step.act.command.script() for step in changes if isinstance(step.act, Shell) and facts.host in step.places
        ]
        planned = {act for script in scripts for act in services_of(script)}
        for service in facts.services:
            found = service_problem(facts.host, service) if service.act in planned else None
            if found is not None:
                return found
        unwritable = [folder for folder in facts.unwritable if folder in writes]
        if unwritable:
            return problem(Reason.NOT_WRITABLE, host=facts.host, paths=", ".join(unwritable))
        if facts.in_the_way:
            return problem(Reason.FILES_IN_THE_WAY, host=facts.host, paths=", ".join(facts.in_the_way))
    return None


def service_problem(host: str, service: ServiceFacts) -> Problem | None:
    """Say why something cannot be done to a service; None where it can, or where nobody knows.

    Args:
        host: name of the host.
        service: as it was looked at.
    """
    act = service.act
    if service.exists is False:
        return problem(Reason.SERVICE_MISSING, host=host, unit=act.unit)
    match service.sudo:
        case SudoAnswer.MISSING:
            return problem(Reason.HOST_TOOL_MISSING, host=host, tools="sudo")
        case SudoAnswer.ASKS | SudoAnswer.REFUSED:
            return problem(Reason.SERVICE_NOT_ALLOWED, host=host, verb=act.verb, unit=act.unit)
        case SudoAnswer.ALLOWED | SudoAnswer.UNKNOWN:
            return None
