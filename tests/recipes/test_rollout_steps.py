"""The steps that a rollout puts around each host, in the built-in recipe."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.runs.acts import HostHealth, Shell
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.rollout import in_batches
from bot.domain.targets.layout import Checkout, KeptRelease, Layout, NewRelease, Releases
from bot.domain.targets.rollout import HealthCommand, HealthUrl, Rollout
from bot.domain.targets.target import Target
from bot.recipes.load import RecipeError, load_recipe, parse_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.rollout_steps import with_rollout
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps
from tests.support.examples import HEAD, HOST, NEXT, REQUEST, TARGET

HOSTS = ("web1", "web2", "web3")
ROLLOUT = Rollout(
    before_host="drain {host} --app {branch} ${host}",
    after_host="undrain {host}",
    health=HealthUrl("http://127.0.0.1/up"),
)
NAME = "20261201T055000Z-2222222"


def target_with(layout: Layout, rollout: Rollout = ROLLOUT) -> Target:
    path = layout.live if isinstance(layout, Releases) else TARGET.path
    return replace(TARGET, hosts=HOSTS, layout=layout, path=path, rollout=rollout)


def steps_of(layout: Layout, rollout: Rollout = ROLLOUT, way: RunKind = RunKind.DEPLOY, **changes: object) -> Plan:
    target = target_with(layout, rollout)
    recipe = with_rollout(load_recipe("laravel", Path()).laid_out(layout), rollout)
    hosts = tuple(replace(HOST, host=name, changed=("composer.lock",)) for name in HOSTS)
    made = NewRelease(NAME) if way is RunKind.DEPLOY else KeptRelease(NAME)
    inputs = StepInputs(
        "R-7K3F9Q", way, HEAD, NEXT, hosts, (), takes_down=False, backup=None,
        release=made if isinstance(layout, Releases) else None,
    )  # fmt: skip
    steps, _ = recipe_steps(recipe, target, replace(inputs, **changes))  # type: ignore[arg-type]  # by field name
    return in_batches(Plan(REQUEST, steps), target)


def changes(plan: Plan) -> list[str]:
    return [step.key for step in plan.of(Phase.CHANGE)]


def test_with_releases_everything_slow_comes_before_the_first_host() -> None:
    plan = steps_of(Releases("/srv/compte"))
    assert plan.batches is not None
    order = changes(plan)
    slow = ["composer", "manifest", "packages", "config-cache", "view-cache", "optimize", "as-approved"]
    assert [key for key in order if key in slow] == slow
    assert order.index("as-approved") < order.index("before-host")
    assert not set(slow) & set(plan.batches.steps)
    lane = list(plan.batches.steps)
    assert lane[:3] == ["before-host", "switch", "restart-php8.2-fpm"]
    assert lane[-2:] == ["host-health", "after-host"]
    assert order[-1] == "prune"
    assert "prune" not in lane


def test_a_way_back_by_the_link_is_the_switch_of_each_host() -> None:
    plan = steps_of(Releases("/srv/compte"), way=RunKind.ROLLBACK)
    assert plan.batches is not None
    assert plan.batches.steps[:2] == ("before-host", "switch")
    assert "release" not in changes(plan)


def test_a_checkout_is_changed_while_its_host_is_out_of_service() -> None:
    plan = steps_of(Checkout())
    assert plan.batches is not None
    lane = list(plan.batches.steps)
    assert lane[:4] == ["before-host", "checkout", "composer", "config-cache"]
    assert lane[-2:] == ["host-health", "after-host"]
    assert changes(plan)[0] == "log-mark"
    assert "log-mark" not in lane


def step(plan: Plan, key: str) -> Step:
    return next(one for one in plan.steps if one.key == key)


def test_the_name_of_the_host_is_one_quoted_word() -> None:
    plan = steps_of(Releases("/srv/compte"))
    act = step(plan, "before-host").act
    assert isinstance(act, Shell)
    assert act.command.script() == 'drain "$COUNTERSIGN_HOST" --app main ${host}'
    assert (act.directory, act.expects) == ("/srv/compte/current", None)
    assert step(plan, "before-host").risk is Risk.CHANGES


def test_a_url_is_asked_for_the_release_that_was_just_made_live() -> None:
    assert step(steps_of(Releases("/srv/compte")), "host-health").act == HostHealth("http://127.0.0.1/up", 20, NAME)
    assert step(steps_of(Checkout()), "host-health").act == HostHealth("http://127.0.0.1/up", 20)
    assert step(steps_of(Checkout()), "host-health").risk is Risk.READS


@pytest.mark.parametrize(("good_at", "status", "asked"), [(1, 0, 1), (3, 0, 3), (10, 0, 10), (11, 1, 10)])
def test_a_command_is_asked_again_for_a_while(tmp_path: Path, good_at: int, status: int, asked: int) -> None:
    command = f"echo x >> asked # {{host}}\ntest $(wc -l < asked) -ge {good_at}"
    act = step(steps_of(Checkout(), Rollout(health=HealthCommand(command))), "host-health").act
    assert isinstance(act, Shell)
    script = f"sleep() {{ :; }}\n{act.command.script()}"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env={"COUNTERSIGN_HOST": "web1", "PATH": "/usr/bin:/bin"})
    assert done.returncode == status
    assert (tmp_path / "asked").read_text().count("x") == asked


@pytest.mark.parametrize("rollout", [Rollout(), Rollout(health=HealthCommand("true")), Rollout(after_host="true")])
def test_what_is_not_set_is_no_step(rollout: Rollout) -> None:
    plan = steps_of(Releases("/srv/compte"), rollout)
    around = {"before-host", "host-health", "after-host"} & set(changes(plan))
    assert around == {
        key for key, said in (("host-health", rollout.health), ("after-host", rollout.after_host)) if said
    }
    assert plan.batches is not None
    assert "switch" in plan.batches.steps


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{key: before-host, title: A, run: x}", "'before-host' is the key of a step that `rollout`"),
        ("{key: a, title: A, does: host-health}", "is for `rollout` of an environment alone"),
    ],
)
def test_a_recipe_of_ones_own_leaves_these_steps_alone(written: str, problem: str) -> None:
    with pytest.raises(RecipeError, match=problem):
        parse_recipe(f"recipe: x\ntitle: X\nchange: [{written}]\n", "x.yaml")
