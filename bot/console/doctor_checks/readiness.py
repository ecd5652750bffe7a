"""What steps of a recipe will need on a host and may not find there: programs, services, folders, room for files."""

from __future__ import annotations

from collections.abc import Iterator

from bot.console.doctor_checks.check_result import CheckResult, fail, ok, warn
from bot.console.doctor_checks.problem_text import explain
from bot.domain.errors import Reason, problem
from bot.domain.targets.look import HostFacts, ServiceFacts, SudoAnswer
from bot.domain.targets.target import Target
from bot.recipes.questions import tools_of
from bot.recipes.recipe import Recipe, StepSpec
from bot.recipes.step_needs import reasons_to_run, service_problem


def files_of_tools(recipe: Recipe, target: Target) -> tuple[str, ...]:
    """Name the files without which a program of a recipe is not needed."""
    return tuple(file for _, spec in _tools_of_steps(recipe, target) for file in reasons_to_run(spec))


def _tools_of_steps(recipe: Recipe, target: Target) -> tuple[tuple[str, StepSpec], ...]:
    """Name the programs that single steps need, each with the first step that does."""
    values = {name: str(value) for name, value in target.vars.items()}
    found: dict[str, StepSpec] = {}
    for spec in recipe.change:
        for tool in tools_of(spec.tools, values):
            found.setdefault(tool, spec)
    return tuple(found.items())


def readiness_results(what: str, facts: HostFacts, recipe: Recipe, target: Target) -> tuple[CheckResult, ...]:
    """Judge a host by what steps of its recipe will need.

    Args:
        what: was looked at.
        facts: of the host.
        recipe: of the target.
        target: on the host.
    """
    found = [*_tools(what, facts, recipe, target), *_files(what, facts)]
    return (*found, *(_service(f"{what}: {service.act.unit}", facts.host, service) for service in facts.services))


def _tools(what: str, facts: HostFacts, recipe: Recipe, target: Target) -> Iterator[CheckResult]:
    for tool, spec in _tools_of_steps(recipe, target):
        if tool not in facts.missing_tools:
            continue
        told = f"{tool} is not found in PATH, and the step “{spec.title.replace(' {each}', '')}” needs it"
        if any(path not in facts.existing for path in spec.requires):
            continue
        reasons = reasons_to_run(spec)
        if not spec.when:
            yield fail(f"{what}: {tool}", f"{told} - install it, for logins without a terminal too")
        elif not reasons or set(reasons) & facts.existing:
            yield warn(f"{what}: {tool}", f"{told} for some commits - install it, for logins without a terminal too")


def _files(what: str, facts: HostFacts) -> Iterator[CheckResult]:
    if facts.unwritable:
        yield fail(f"{what}: folders", explain(problem(Reason.NOT_WRITABLE, paths=", ".join(facts.unwritable))))
    if facts.foreign:
        yield warn(
            f"{what}: files",
            f"belong to somebody else and cannot be written: {', '.join(facts.foreign)} - give the account and the web "
            "server a group in common that may write them",
        )
    if facts.in_the_way:
        yield fail(f"{what}: files", explain(problem(Reason.FILES_IN_THE_WAY, paths=", ".join(facts.in_the_way))))


def _service(what: str, host: str, service: ServiceFacts) -> CheckResult:
    found = service_problem(host, service)
    if found is not None:
        return fail(what, explain(found))
    command = f"sudo systemctl {service.act.verb} {service.act.unit}"
    if service.sudo is SudoAnswer.UNKNOWN:
        told = f"can't tell whether `{command}` is allowed without a password (sudo -n -l)"
        return warn(what, f"{told} - where no entry of the account in /etc/sudoers.d has NOPASSWD, add one")
    unknown = "; can't tell whether the service exists" if service.exists is None else ""
    return ok(what, f"`{command}` is allowed without a password{unknown}")
