"""The steps around each host where a change goes from batch to batch: out of service, asked for its health, back."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.runs.batches import AFTER_HOST, BEFORE_HOST, HOST_HEALTH
from bot.domain.runs.plan import OnFailure, Risk
from bot.domain.runs.rollout import live_part
from bot.domain.shell import with_syntax
from bot.domain.targets.rollout import HOST_VARIABLE, HealthCommand, HealthUrl, Rollout
from bot.recipes.recipe import At, Does, Place, Recipe, StepSpec

HOST = "host"
"""The placeholder for the name of the host on which a command runs."""

_DRAINING = 600
"""Seconds that a host may take to be taken out of service, or to be put back."""

_ASKING = 300
_TRIES = 10
"""How often a command is asked whether a host is healthy, a second apart: what was restarted takes its time."""


def with_rollout(recipe: Recipe, rollout: Rollout | None) -> Recipe:
    """Give a recipe with the steps of a rollout around those that change what a host serves.

    Args:
        recipe: laid out.
        rollout: of the environment; None where it has none.
    """
    if rollout is None:
        return recipe
    place = live_part(recipe.change)
    before = _commands(BEFORE_HOST, "Take the host out of service", rollout.before_host)
    after = _commands(AFTER_HOST, "Put the host back into service", rollout.after_host)
    live = recipe.change[place]
    change = (*recipe.change[: place.start], *before, *live, *_health(rollout), *after, *recipe.change[place.stop :])
    return replace(recipe, change=change)


def _commands(key: str, title: str, template: str) -> tuple[StepSpec, ...]:
    return (_spec(key, title, run=_at_host(template), risk=Risk.CHANGES, timeout=_DRAINING),) if template else ()


def _health(rollout: Rollout) -> tuple[StepSpec, ...]:
    title = "The host is healthy"
    match rollout.health:
        case None:
            return ()
        case HealthUrl():
            return (_spec(HOST_HEALTH, title, does=Does.HOST_HEALTH, timeout=_ASKING),)
        case HealthCommand(template):
            asked = f"n=1\nuntil (\n{_at_host(template)}\n); do\n"
            again = f'  [ "$n" -lt {_TRIES} ] || exit 1\n  n=$((n + 1))\n  sleep 1\ndone\n'
            return (_spec(HOST_HEALTH, title, run=asked + again, timeout=_ASKING),)


def _at_host(template: str) -> str:
    return with_syntax(template, HOST, f'"${HOST_VARIABLE}"')


def _spec(
    key: str, title: str, *, timeout: int, run: str | None = None, does: Does | None = None, risk: Risk = Risk.READS
) -> StepSpec:
    return StepSpec(
        key=key,
        title=title,
        run=run,
        does=does,
        check=None,
        risk=risk,
        on=Place.ALL,
        timeout=timeout,
        when=(),
        at=At.ANY,
        each=None,
        undoes=None,
        on_failure=OnFailure.FAIL,
        schema=False,
        only=None,
    )
