"""Hosts that do not have the same: a deploy names them and makes them the same, by the switch alone where it can."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.names import TargetName
from bot.domain.runs.findings import HostsDiffer, those_of
from bot.domain.runs.plan import NothingToDo, Plan
from bot.domain.targets.layout import ReleaseFolder, Releases
from bot.domain.targets.look import HostFacts
from bot.domain.targets.target import Target
from bot.recipes.load import load_recipe
from bot.recipes.recipe import Recipe
from commands.deploy import Deploy
from tests.support.examples import HEAD, HOST, NAME, NEXT, RUN, TARGET, Sight

OLD, NEW, AGAIN = "20261101T000000Z-1111111", "20261201T000000Z-2222222", "20261202T000000Z-2222222"
LAYOUT = Releases("/srv/compte")
TARGET_OF_TWO = replace(TARGET, hosts=("web1", "web2"), layout=LAYOUT, path=LAYOUT.live, database=None, backups=None)


def host(name: str, live: str, *complete: str) -> HostFacts:
    shas = {OLD: HEAD, NEW: NEXT, AGAIN: NEXT}
    folders = tuple(ReleaseFolder(each, shas[each]) for each in (live, *complete))
    return replace(HOST, host=name, head=shas[live], release=live, releases=folders)


async def answer(*hosts: HostFacts, target: Target = TARGET_OF_TWO) -> Plan | NothingToDo:
    recipes: dict[TargetName, Recipe] = {NAME: load_recipe("laravel", Path()).laid_out(target.layout)}
    return await Deploy(recipes).plan(RUN, target, Sight(*hosts))


@pytest.mark.parametrize(
    ("hosts", "differ", "made"),
    [
        # it was made ready on both, and is live on one: the switch is enough
        (
            (host("web1", NEW), host("web2", OLD, NEW)),
            f"{NEW} on web1; {OLD} on web2",
            NEW,
        ),
        # it is not there on the other
        ((host("web1", NEW), host("web2", OLD)), f"{NEW} on web1; {OLD} on web2", None),
        # the same commit, made twice
        ((host("web1", NEW), host("web2", AGAIN)), f"{NEW} on web1; {AGAIN} on web2", None),
        ((host("web1", OLD), host("web2", OLD)), "", None),
        # one that is complete everywhere and live nowhere is made anew, as ever
        ((host("web1", OLD, NEW), host("web2", OLD, NEW)), "", None),
    ],
)
async def test_hosts_that_differ_are_named_and_made_the_same(
    hosts: tuple[HostFacts, ...], differ: str, made: str | None
) -> None:
    plan = await answer(*hosts)
    assert isinstance(plan, Plan)
    assert "; ".join(code for found in those_of(HostsDiffer, plan.findings) for code in found.code) == differ
    keys = [step.key for step in plan.steps]
    assert "switch" in keys
    assert ("release" in keys) is (made is None)
    assert any(made in str(step.act) for step in plan.steps if step.key == "switch" and made) is (made is not None)


async def test_there_is_nothing_to_do_only_where_all_have_the_same() -> None:
    assert isinstance(await answer(host("web1", NEW), host("web2", NEW)), NothingToDo)
