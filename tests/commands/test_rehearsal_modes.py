"""What is planned before the gate, by the policy's `rehearsal` and by whether the commit is on the branch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.acts import Act, AsRehearsed, Preview, Rehearse, SandboxRehearsal
from bot.domain.runs.findings import MigrationFinding, NotRehearsed, NotRehearsedReason, those_of
from bot.domain.runs.plan import Phase, Plan
from bot.domain.targets.scratch import Scratch, ScratchBeside, ScratchPrivate
from bot.domain.targets.target import Target
from bot.recipes.load import load_recipe
from commands.deploy import Deploy
from commands.rollback import Rollback
from tests.commands.test_rollback import GOOD, Past, run_with
from tests.support.examples import HOST, NAME, RUN, TARGET, Sight

RECIPES = {NAME: load_recipe("laravel", Path())}


def in_mode(mode: RehearsalMode) -> Target:
    assert TARGET.database is not None
    policy = replace(TARGET.policy, rehearsal=mode)
    return replace(TARGET, policy=policy, database=replace(TARGET.database, scratch=ScratchBeside()))


async def deploy(mode: RehearsalMode, *, on_branch: bool) -> Plan:
    look = Sight(replace(HOST, on_branch=on_branch), replace(HOST, host="web2", on_branch=on_branch))
    plan = await Deploy(RECIPES).plan(RUN, in_mode(mode), look)
    assert isinstance(plan, Plan)
    return plan


async def rollback(mode: RehearsalMode) -> Plan:
    plan = await Rollback(RECIPES).plan(run_with(), in_mode(mode), Past(GOOD))
    assert isinstance(plan, Plan)
    return plan


def executing(plan: Plan) -> list[Act]:
    """The acts before the gate that run code of a commit."""
    return [step.act for step in plan.of(Phase.PREPARE) if isinstance(step.act, Preview | Rehearse)]


async def test_trusted_rehearses_what_is_on_the_branch_with_production_s_rights() -> None:
    plan = await deploy(RehearsalMode.TRUSTED, on_branch=True)
    assert [type(act) for act in executing(plan)] == [Rehearse]
    assert not plan.may_destroy
    assert any(isinstance(step.act, AsRehearsed) for step in plan.of(Phase.VERIFY) + plan.of(Phase.CHANGE))


@pytest.mark.parametrize("scratch", [ScratchPrivate(), ScratchBeside()])
@pytest.mark.parametrize("on_branch", [True, False])
async def test_the_schema_is_compared_wherever_the_sandbox_rehearses(scratch: Scratch, *, on_branch: bool) -> None:
    target = in_mode(RehearsalMode.SANDBOX)
    assert target.database is not None
    target = replace(target, database=replace(target.database, scratch=scratch))
    look = Sight(replace(HOST, on_branch=on_branch), replace(HOST, host="web2", on_branch=on_branch))
    plan = await Deploy(RECIPES).plan(RUN, target, look)
    assert isinstance(plan, Plan)
    acts = [type(step.act) for step in plan.steps]
    assert SandboxRehearsal in acts
    assert AsRehearsed in acts


@pytest.mark.parametrize(
    ("mode", "on_branch", "why"),
    [
        (RehearsalMode.TRUSTED, False, NotRehearsedReason.NOT_ON_BRANCH),
        (RehearsalMode.NEVER, True, NotRehearsedReason.NEVER),
        (RehearsalMode.NEVER, False, NotRehearsedReason.NEVER),
    ],
)
async def test_what_is_not_rehearsed_is_said_and_needs_more_approvals(
    mode: RehearsalMode,
    on_branch: bool,
    why: NotRehearsedReason,
) -> None:
    plan = await deploy(mode, on_branch=on_branch)
    assert executing(plan) == []
    assert not any(isinstance(step.act, AsRehearsed) for step in plan.steps)
    [found] = those_of(NotRehearsed, plan.findings)
    assert found.reason is why
    assert [found.name for found in those_of(MigrationFinding, plan.findings)] == list(plan.pending)
    assert plan.may_destroy


async def test_a_deploy_without_migrations_says_nothing_of_rehearsals() -> None:
    look = Sight(replace(HOST, migrations=HOST.migrations[:1]))
    plan = await Deploy(RECIPES).plan(RUN, in_mode(RehearsalMode.NEVER), look)
    assert isinstance(plan, Plan)
    assert not those_of(NotRehearsed, plan.findings)
    assert not those_of(MigrationFinding, plan.findings)


async def test_a_rollback_undoes_by_the_live_code_which_is_trusted() -> None:
    assert [type(act) for act in executing(await rollback(RehearsalMode.TRUSTED))] == [Rehearse]


async def test_a_rollback_is_not_rehearsed_where_the_policy_says_never() -> None:
    plan = await rollback(RehearsalMode.NEVER)
    assert executing(plan) == []
    assert [found.reason for found in those_of(NotRehearsed, plan.findings)] == [NotRehearsedReason.NEVER]
