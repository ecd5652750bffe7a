"""What planned commands need of a host, and the first reason why they would fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Reason
from bot.domain.runs.plan import Phase
from bot.domain.targets.look import HostFacts, ServiceAct, ServiceFacts, SudoAnswer
from bot.recipes.load import load_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.step_needs import lacking, possible_services, services_of
from bot.recipes.steps import recipe_steps
from tests.support.examples import HEAD, HOST, NEXT, TARGET

RECIPE = load_recipe("laravel", Path())
FPM = ServiceAct("restart", "php8.2-fpm")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("sudo systemctl restart php8.2-fpm", (FPM,)),
        ("sudo -n systemctl reload nginx && sudo systemctl reload nginx", (ServiceAct("reload", "nginx"),)),
        ("sudo systemctl is-active --quiet php8.2-fpm; systemctl restart x", ()),
        ("sudo systemctl restart 'a b'", ()),
    ],
)
def test_services_of_a_command(script: str, expected: tuple[ServiceAct, ...]) -> None:
    assert services_of(script) == expected


def test_what_a_recipe_may_need() -> None:
    assert possible_services(RECIPE, TARGET) == (FPM,)
    assert possible_services(RECIPE, replace(TARGET, vars={**TARGET.vars, "services": ()})) == ()


def service(sudo: SudoAnswer = SudoAnswer.ALLOWED, *, exists: bool | None = True, act: ServiceAct = FPM) -> HostFacts:
    return replace(HOST, services=(ServiceFacts(act, sudo, exists),))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (HOST, None),
        (service(), None),
        (service(SudoAnswer.UNKNOWN, exists=None), None),
        (service(SudoAnswer.ASKS), Reason.SERVICE_NOT_ALLOWED),
        (service(SudoAnswer.REFUSED), Reason.SERVICE_NOT_ALLOWED),
        (service(SudoAnswer.MISSING), Reason.HOST_TOOL_MISSING),
        (service(exists=False), Reason.SERVICE_MISSING),
        (service(SudoAnswer.REFUSED, act=ServiceAct("restart", "nginx")), None),  # not planned
        (replace(HOST, unwritable=("storage/framework/views",)), Reason.NOT_WRITABLE),
        (replace(HOST, foreign=("storage/logs/laravel.log",)), None),
        (replace(HOST, in_the_way=("config/new.php",)), Reason.FILES_IN_THE_WAY),
    ],
)
def test_what_would_fail_for_certain(facts: HostFacts, expected: Reason | None) -> None:
    changed = replace(facts, changed=("composer.lock",))
    inputs = StepInputs("R-7K3F9Q", RunKind.DEPLOY, HEAD, NEXT, (changed,), (), takes_down=False, backup=None)
    steps, _ = recipe_steps(RECIPE, TARGET, inputs)
    found = lacking(steps, (changed,), RECIPE.writes)
    assert (found.reason if found else None) is expected
    assert lacking(tuple(step for step in steps if step.phase is not Phase.CHANGE), (changed,), RECIPE.writes) is None
