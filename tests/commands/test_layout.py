"""What `/deploy APP ENV --layout` plans, and refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.findings import LaidOut, first_of
from bot.domain.runs.plan import NothingToDo, Phase, Plan
from bot.domain.runs.request import Action, ChangeLayout, PolicyExceptions
from bot.domain.runs.request_json import options_from_json, options_to_json
from bot.domain.targets.layout import Checkout, FoundLayout, Layouts, Releases
from bot.domain.targets.look import HostFacts
from bot.domain.targets.target import Target
from bot.recipes.load import load_recipe
from commands import planner_for
from commands.deploy import Deploy
from tests.support.examples import HEAD, HOST, NAME, OPERATIONS, ORIGIN, RUN, TARGET, Sight

LAYOUT = Releases("/srv/compte")
AS_RELEASES = replace(
    TARGET, hosts=("web1", "web2"), layout=LAYOUT, path=LAYOUT.live, database=None, backups=None, vars={**TARGET.vars}
)
AS_CHECKOUT = replace(AS_RELEASES, layout=Checkout(), path="/srv/compte")


def host(name: str, lies: Layouts, sha: str = HEAD, **facts: object) -> HostFacts:
    return replace(HOST, host=name, found=FoundLayout(lies, sha), **facts)  # type: ignore[arg-type]


async def answer(target: Target, *hosts: HostFacts, recipe: str = "laravel") -> Plan | NothingToDo:
    run = replace(RUN, request=replace(RUN.request, options=ChangeLayout()))
    planner = planner_for(run.request.options, {NAME: load_recipe(recipe, Path())})
    assert planner is not None
    assert planner.before_plan(run, target) == ()
    plan = await planner.plan(run, target, Sight(*hosts))
    if isinstance(plan, Plan):
        assert await planner.basis(plan, run, target, Sight(*hosts)) == plan.basis
    return plan


def both(lies: Layouts, **facts: object) -> tuple[HostFacts, HostFacts]:
    return host("web1", lies, **facts), host("web2", lies, **facts)


@pytest.mark.parametrize(
    ("target", "lies", "last"),
    [
        (AS_RELEASES, Layouts.CHECKOUT, "lead"),
        (AS_RELEASES, Layouts.HALF, "lead"),
        (AS_RELEASES, Layouts.DEPLOYER, "lead"),
        (AS_RELEASES, Layouts.ENVOYER, "lead"),
        (AS_CHECKOUT, Layouts.CONVERTED, "lead-back"),
        (AS_CHECKOUT, Layouts.HALF, "lead-back"),
    ],
)
async def test_the_live_commit_is_laid_out_on_every_host(target: Target, lies: Layouts, last: str) -> None:
    plan = await answer(target, *both(lies))
    assert isinstance(plan, Plan)
    assert str(plan.sha) == HEAD
    assert first_of(LaidOut, plan.findings) == LaidOut(lies.value, "/srv/compte")
    assert plan.requirement == target.policy.requirement(Action.DEPLOY)
    steps = plan.of(Phase.CHANGE)
    assert last in [step.key for step in steps]
    assert {step.hosts for step in steps} == {("web1", "web2")}
    assert not plan.pending
    assert not any(step.schema for step in steps)


@pytest.mark.parametrize(
    ("target", "lies"),
    [(AS_RELEASES, Layouts.RELEASES), (AS_RELEASES, Layouts.CONVERTED), (AS_CHECKOUT, Layouts.CHECKOUT)],
)
async def test_what_lies_as_it_should_is_left_alone(target: Target, lies: Layouts) -> None:
    assert isinstance(await answer(target, *both(lies)), NothingToDo)


@pytest.mark.parametrize(
    ("target", "hosts", "why"),
    [
        (AS_RELEASES, both(Layouts.NOTHING), "nothing"),
        (AS_RELEASES, both(Layouts.EMPTY), "nothing"),
        (AS_RELEASES, both(Layouts.ENVOYER, sha=""), "commit"),
        (AS_RELEASES, both(Layouts.CAPISTRANO, sha="1234567"), "commit"),
        (AS_RELEASES, (host("web1", Layouts.CHECKOUT), host("web2", Layouts.CHECKOUT, "b" * 40)), "differ"),
        (AS_CHECKOUT, both(Layouts.DEPLOYER), "links"),
        (AS_CHECKOUT, both(Layouts.RELEASES), "links"),
    ],
)
async def test_what_cannot_be_laid_out_is_refused(target: Target, hosts: tuple[HostFacts, ...], why: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await answer(target, *hosts)
    assert (refused.value.problem.reason, refused.value.problem.facts["why"]) == (Reason.LAYOUT_UNFIT, why)


async def test_changes_by_hand_and_recipes_without_steps_are_refused() -> None:
    with pytest.raises(RefusedError) as refused:
        await answer(AS_RELEASES, *both(Layouts.CHECKOUT, dirty=("a.php",)))
    assert refused.value.problem.reason is Reason.CHECKOUT_DIRTY
    with pytest.raises(RefusedError) as refused:
        await answer(AS_RELEASES, *both(Layouts.CHECKOUT), recipe="django")
    assert refused.value.problem.facts["why"] == "recipe"


def test_the_words_and_what_is_stored() -> None:
    deploy = Deploy({})
    request = deploy.parse(("compte", "production", "--layout", "--during-freeze", "now"), ORIGIN, OPERATIONS)
    assert request.options == ChangeLayout(PolicyExceptions(during_freeze="now"))
    for options in (ChangeLayout(), request.options):
        assert options_from_json(Action.DEPLOY, options_to_json(options)) == options
    for more in ("v2", "--dry-run", "--at=22:30"):
        with pytest.raises(RefusedError) as refused:
            deploy.parse(("compte", "production", "--layout", more), ORIGIN, OPERATIONS)
        assert refused.value.problem.reason is Reason.USAGE
